// Package amp serves the clients of the reference implementation: it speaks the
// command set of the reference's own daemon (package protocol/amp has its wire
// format) and is itself a client of our daemon, over a pipe in memory, by the
// command set of protocol/control.
//
// It translates and enforces nothing of the market: what may be said to whom and
// when, which signatures count and which commitments were used, the session at
// the other end of the pipe decides. What it keeps is what the reference's
// commands presuppose and ours do not: the phase a taker is in, the makers that
// opened their coins so far, and the number of the conversation behind a nick.
//
//	client          this package              daemon
//	  | JMInit          |                       |
//	  | JMStartMC       | start {watcher}       |
//	  | JMSetup         | become, refresh       |
//	  |                 |   or announce         |
//	  | JMFill          | fill, auth ...        |
//	  | JMRequestMsgSig | question sign         |
//
// One goroutine for each client takes what it asks and what the daemon tells, in
// order, and calls the daemon; so a call may wait. Answers to the daemon's
// questions go past it, as a call may wait for them.
//
// # Differences from the reference
//
// A client that is gone leaves the market at once. The path of the blacklist
// that a client names is not used; the daemon has its own. Certificates of IRC
// servers are verified. Onion channels are passed over. A maker that cannot
// answer any more is not waited for. Faults that remote parties cause never end
// a client's connection.
package amp
