package control

import (
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

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
	// order book of protocol.MaxOffers and MaxBookBonds fits.
	MaxFrame = 8 << 20
	// MaxClientFrame bounds a frame the client sends, in bytes.
	MaxClientFrame = 1 << 20
	// MaxHelloFrame bounds a frame before the hello is done, in bytes.
	MaxHelloFrame = 4 << 10
	// MaxDepth bounds how deep arrays and objects nest in a frame.
	MaxDepth = 16
	// MaxCommas bounds the members of all arrays and objects of a frame, which
	// take more memory decoded than as text. A full order book has 170,000.
	MaxCommas = 200_000
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

// Limits of the messages, beside those of package protocol (MaxMakers,
// MaxOwnOffers, MaxUTXOs, MaxTx, MaxPush, MaxOffers, MaxErrorText).
const (
	// MaxChannels is the greatest number of message channels of a session.
	MaxChannels = 16
	// MaxAlternates is the greatest number of further servers of a channel.
	MaxAlternates = 8
	// MaxDirectories is the greatest number of directories of an onion channel.
	MaxDirectories = 16
	// MaxPEM bounds the certificates of a channel, in bytes. What 16 channels
	// can have of them fits MaxClientFrame.
	MaxPEM = 16 << 10
	// MaxCredential bounds a name or password that a server asks for, in bytes.
	MaxCredential = 200
	// MaxBookBonds is the greatest number of bonds in an OrderbookAnswer.
	MaxBookBonds = 10_000
	// MaxStatusSessions is the greatest number of sessions in a StatusAnswer.
	MaxStatusSessions = 100
	// MaxText bounds a text to sign or verify, in bytes: the largest push in
	// base64 and a host id.
	MaxText = 4*protocol.MaxPush/3 + 512
	// MaxHostID bounds the host id of a channel, in bytes.
	MaxHostID = 100
	// MaxAddress bounds the text of an address, in bytes; the longest has 90.
	MaxAddress = 100
	// MaxRevelation bounds the opened commitment, in bytes; in the plain form
	// it has at most 339.
	MaxRevelation = 400

	// MaxDeadline is the upper bound of FillRequest.Deadline, DefaultDeadline
	// what its zero means.
	MaxDeadline     = 10 * time.Minute
	DefaultDeadline = 120 * time.Second

	// MaxGrace bounds Resumption.Grace, DefaultGrace is what a daemon grants
	// that is told nothing else.
	MaxGrace     = 10 * time.Minute
	DefaultGrace = 60 * time.Second
	// MaxConversations bounds those of a ResumeAnswer.
	MaxConversations = 10_000

	// DefaultLineInterval is what the zero ChannelConfig.LineInterval means:
	// the reference's pace on IRC.
	DefaultLineInterval = 1300 * time.Millisecond
)
