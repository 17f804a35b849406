// Package channel says what a message channel is: the way to a market place, such
// as a connection to an IRC server or several to directories, that carries public
// lines to a room and private messages to a nick. How it cuts, throttles and
// reconnects is its own affair.
package channel

import (
	"context"
	"errors"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Errors of the send methods.
var (
	// ErrDown: the channel is not up; the message is dropped, not kept.
	ErrDown = errors.New("message channel is down")
	// ErrFull: too much is waiting to be sent; the message is dropped whole.
	ErrFull = errors.New("message channel's send queue is full")
	// ErrTooLarge: the message exceeds what the channel or its peers accept.
	ErrTooLarge = errors.New("message too large for the channel")
	// ErrText: the message has a byte outside printable ASCII.
	ErrText = errors.New("message has characters a line may not carry")
)

// Channel is one message channel of one session. The send methods are safe from
// any goroutine, never block on the network, and send a message whole or not at
// all.
type Channel interface {
	// Name is the configured name.
	Name() string
	// Run connects and keeps connecting until ctx ends, then closes what it
	// has open. It calls sink from one goroutine at a time and
	// returns only after its last call. A returned error is one that trying
	// again cannot mend, such as a nick the server refuses.
	Run(ctx context.Context, sink func(Event)) error
	// SendPublic sends command groups ("!orderbook", "!sw0reloffer 0 ...") to
	// the room, packed into as few lines as fit.
	SendPublic(groups []string) error
	// SendPrivate sends one message to a nick. body is what follows the
	// command's name and a space: message, key and signature.
	SendPrivate(to protocol.Nick, command, body string) error
}

// Reporter is a Channel that can tell more of itself than its events do.
type Reporter interface {
	// Report tells where the channel stands. It is safe from any goroutine.
	Report() control.ChannelReport
}

// Paced is a Channel that sends its lines at a pace.
type Paced interface {
	// LineInterval is the time between two lines at present. It is safe from any
	// goroutine.
	LineInterval() time.Duration
}

// Flusher is a Channel that can wait for what it was given to send.
type Flusher interface {
	// Flush returns when the private messages of conversations that were given
	// have left, when the connection that had them is gone, or when ctx ends. It
	// is safe from any goroutine.
	Flush(ctx context.Context)
}

// Server is a Channel on which others can connect to us if we wish it.
type Server interface {
	// Serve has them connect from now on, as makers do. It does nothing where
	// the channel is not configured for it, and is safe from any goroutine.
	Serve()
}

// Prover is a Channel on which anybody may claim a nick, and several may at once,
// each at the end of another way.
type Prover interface {
	// Proven tells that a message from nick that came by a way, Private.Way, was
	// verified: that way leads to the nick, or did. It is safe from any goroutine.
	Proven(nick protocol.Nick, way uint64)
}

// Event is something a channel saw: one of the types below.
type Event interface{ event() }

// State tells that the channel came up, was lost or gave up. While it is not
// up, each attempt that fails repeats the state with its own reason.
type State struct {
	State  control.ChannelState
	HostID string // when up: what private messages are signed for
	Reason string // when not up, a printable sentence; empty before the first attempt
	Code   string // the kind of reason, if it has one
}

// Public is a line to the room. From is what the channel says, not a proof.
type Public struct {
	From protocol.Nick
	Text string // starts with '!', printable ASCII, chunk marker removed
}

// Private is a whole private message, put together again but not yet verified.
type Private struct {
	From protocol.Nick
	Text string // "!cmd ... pubkey signature", printable ASCII
	Way  uint64 // by which it came, for Prover; 0 if the channel has but one
}

// Left tells that a nick is no longer on this channel.
type Left struct {
	Nick protocol.Nick
}

// Alert is what the operators of the room tell all programs of our version.
type Alert struct {
	Text string // printable ASCII, at most protocol.MaxErrorText bytes
}

func (State) event()   {}
func (Public) event()  {}
func (Private) event() {}
func (Left) event()    {}
func (Alert) event()   {}
