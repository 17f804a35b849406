// Package control is the command set between joinmarketd, which speaks with the
// market, and its clients, which own wallets: the messages (messages.go), their
// bounds, the coded errors, and the connection that carries them. Both ends use
// the same Conn; docs/control-protocol.md describes it for other languages.
//
//	client                               daemon
//	  | hello {versions, secret}  ------> |
//	  | <------ hello {versions}          |   or an error, then the end
//	  | {id, method, params}      ------> |   commands: start, fill, tx, ...
//	  | <------ {id, result}              |
//	  | <------ {id, method, params}      |   questions: sign, verify
//	  | {id, result}              ------> |
//	  | <------ {event, params}           |
//
// # Flow
//
// The reader of a connection never waits, neither for a handler nor for the
// network, so that an answer gets through however busy this end is. What the
// other side sends faster than it is worked off is bounded instead: at most
// MaxConcurrent requests run, the next wait up to MaxOutstanding in total, and
// one beyond that is refused with ErrLimit. Call keeps to MaxOutstanding by
// waiting, so two ends of this package never refuse each other for that.
//
// Frames leave in the order in which they entered the one send queue: a Notify
// before a Call or before the return of a handler precedes that request or
// answer. Events never wait; when the queue holds maxQueueBytes or
// maxQueueFrames the connection ends with ErrSlow. Requests and answers wait
// until the queue is short, so they cannot crowd out events. A peer that takes
// nothing for 30 s is ErrSlow as well.
//
// The daemon's handlers may Call the client (a fill needs signatures). The
// client's handlers must answer without a Call: if the handlers of both sides
// called each other, all places to run in could be taken by handlers that wait.
package control
