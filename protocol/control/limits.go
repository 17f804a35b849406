package control

import "time"

// Versions of the protocol this package speaks, from MinVersion to MaxVersion.
const (
	MinVersion = 1
	MaxVersion = 1
)

// Limits of the connection. What they add up to in the worst case, per
// connection: 16 MiB to send, 16 MiB of requests being worked on, and one frame
// being read.
const (
	// MaxFrame bounds the JSON text of a frame the daemon sends, in bytes. An
	// order book of MaxBookOffers and MaxBookBonds fits.
	MaxFrame = 8 << 20
	// MaxClientFrame bounds a frame the client sends, in bytes.
	MaxClientFrame = 1 << 20
	// MaxHelloFrame bounds a frame before the hello is done, in bytes.
	MaxHelloFrame = 4 << 10
	// MaxDepth bounds how deep arrays and objects nest in a frame.
	MaxDepth = 16
	// MaxConcurrent is how many requests of the other side run at once.
	MaxConcurrent = 16
	// MaxOutstanding is how many requests may be without an answer, in each
	// direction.
	MaxOutstanding = 64

	// HelloTimeout bounds the exchange of hellos.
	HelloTimeout = 10 * time.Second
	// StallTimeout bounds how long the middle of a frame may stand still, in
	// either direction, per 64 KiB.
	StallTimeout = 30 * time.Second
)

// Limits of the messages.
const (
	MaxChannels  = 16     // message channels of a session
	MaxMakers    = 64     // makers of one attempt
	MaxOwnOffers = 8      // offers a maker publishes, as many as other makers' takers keep
	MaxUTXOs     = 100    // coins of one maker, and its signatures
	MaxTx        = 22_000 // bytes of an unsigned transaction; sealed it must fit into 40,000
	MaxSignedTx  = 45_000 // bytes of a transaction in a push
	MaxText      = 65_536 // bytes of a text to sign or verify
	MaxErrorText = 200    // characters of free text in an event
	MaxHostID    = 100    // characters of a channel's host id

	// MaxRevelation bounds the opened commitment, in characters. As the
	// reference writes it, it has at most 339: txid:vout (75) and 66+66+64+64
	// hex digits, with a '|' before each.
	MaxRevelation = 400
	// BondProofSize is the length of a fidelity bond proof: 252 bytes in base64.
	BondProofSize = 336

	MaxBookOffers = 20_000 // offers in an OrderbookAnswer
	MaxBookBonds  = 10_000 // bonds in an OrderbookAnswer

	// MaxDeadline is the upper bound of FillRequest.Deadline, DefaultDeadline
	// what its zero means.
	MaxDeadline     = 10 * time.Minute
	DefaultDeadline = 60 * time.Second
)
