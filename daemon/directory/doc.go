// Package directory is a directory node of the onion message channel: the place
// where bots meet that do not know each other. It passes public lines on to all
// and private lines to one, says where makers can be reached without it, and who
// has left. It keeps nothing, and knows no secret: what it passes on is signed and
// sealed by others.
//
//	            +-- door: who may come in, and how fast anybody may speak
//	connection -+-- stream, hello: one line after the other; the first is a hello
//	            +-- registry: one peer for each nick and location
//	                   |
//	   private lines --+--> outbox of one peer
//	   public lines ---+--> crier: in a fair order, a few batches a second
//	                              +--> outbox of every peer
//	keeper: closes whoever does not read or does not answer
//
// Strangers come by the thousand and cost something: so each budget is of a
// connection, or of a circuit of Tor where those are known, and there is one for
// all together, which is shared fairly. A line that is too many waits where
// waiting costs nothing, which is in the sender's network, or is dropped and
// counted. What is passed on is made once and shared by all outboxes.
//
// The program links no Bitcoin code, so that nobody has to ask what a directory
// could do with keys. That is why it cannot tell whether a key stands behind a
// nick: first come, first served while the connection lives, and a claim of
// another takes nothing away. Clients verify each private message themselves.
//
// An idle peer costs one goroutine that waits for its next line, with a buffer of
// 512 bytes; nothing else is held for it but its name. See BenchmarkIdlePeers.
package directory
