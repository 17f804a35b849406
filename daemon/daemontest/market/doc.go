// Package market simulates markets, for tests: makers, takers and watchers that
// are clients of real daemons, and strangers who say whatever they like, meet on
// channels in memory, in one process and on the time of testing/synctest.
//
// # Seeds
//
// A run is drawn from one number, its seed: how many take part and on which
// channels, what each of them does and when, what the network does to them. Each
// participant draws from dice of its own (the seed and its name), so that what
// one does never changes what another draws. What daemons draw (keys, delays)
// comes from a source that is seeded as well, testing/cryptotest.
//
// One thing no seed decides: in which order goroutines run that are ready at the
// same instant, and so in which order lines arrive that are said at the same
// time. Replaying a seed gives the same participants with the same plans, not
// the same interleaving. Nothing that is checked depends on it: the invariants
// are those of every order. A failure that does not come back at once may take
// the replay some repetitions (-count).
//
// # Invariants
//
// The ledger knows what each participant has said, or has had its daemon say. It
// is asked about everything that a daemon says on a channel and tells a client:
//
//   - What a daemon tells its client of a counterparty, that one has said, to this
//     client, signed, sealed for its session key, at its place in the order; and
//     it is told once. So nothing reaches another client or session.
//   - ioauth and sig leave only because the client said so in a conversation that
//     came there by the one legal path; pubkey only for a fill.
//   - A commitment opens the coins of a daemon's makers to one nick, once at each
//     of them, and not by a fill that was said after it was used.
//   - Every line fits the wire, is signed by its nick for its channel, and is of a
//     command that the role has. Nobody is spoken to on a channel where it was
//     never heard, nothing but used commitments comes from couriers.
//   - Every refusal and every end has a code that is documented; conversations
//     end once, within the time of their stage.
//   - Two honest participants whose clients and network are sound finish what they
//     began once keys were exchanged, whatever others do; and if nobody floods,
//     burns commitments or bears their names, what they begin at all. A client
//     whose connection breaks again and again, if it is back in seconds, and a
//     server that says everything twice are sound.
//   - Makers at rest take a fill with a commitment that was only reserved, and
//     refuse one that was used, whoever brings it.
//   - When all is over, so are all conversations, verdicts and signatures; then
//     sessions, clients, nicks on the channels, and goroutines; caches are within
//     their bounds; no daemon has counted a fault.
package market
