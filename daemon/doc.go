// Package daemon takes part in the market for its clients: it joins message
// channels under a client's nick, keeps the order book, and holds the
// conversations of a taker or maker. It has no key and knows no Bitcoin: what
// must be signed or verified it asks of the client, and what concerns money it
// hands to the client unjudged.
//
// # Lives
//
// A Daemon serves any number of connections. Each connection is one client and
// at most one session: one role, one nick, its own channels, order book and
// conversations. When the client is gone the channels are left and everything
// ends; a client that can come back on another connection has Config.Grace for
// it. Sessions share nothing but the list of used commitments.
//
//	Serve(ctx, conn): door   the session that the connection is for
//	  session loop           owns all state of the session
//	   ^  ^  ^  |
//	   |  |  |  +----------> channel.Send..., endpoint.tell: never block
//	   |  |  +-- channel.Run, one goroutine each: what the channel saw
//	   |  +----- conn.Run: requests of the client
//	   +-------- endpoint.ask, a bounded number: signatures, verdicts
//
// Everything that happens reaches the loop as a typed event, so nothing in a
// session needs a lock, and the loop waits for nothing but the next event.
//
// # The way of a message
//
// In: a private message is taken apart (package envelope), queued behind earlier
// ones of the same nick, shown to the client for its verdict, and only then read
// (package line) and matched against the conversation (package exchange). Out:
// the conversation gives its consent and seals, the client signs for the channel
// on which the counterparty was last heard, and the message leaves there; if
// that channel breaks meanwhile, it is signed and sent again for another.
package daemon
