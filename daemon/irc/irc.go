// Package irc is one connection to an IRC server as a message channel: it
// registers and joins the market's room as the reference program does on the
// wire, cuts private messages into chunks, keeps to a pace, answers nothing that
// is not the market's, and connects again whenever the connection ends.
package irc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Errors of Run: trying again cannot mend them.
var (
	// ErrConfig: the configuration cannot work.
	ErrConfig = errors.New("unusable IRC configuration")
	// ErrNick: no server takes our nick as it is.
	ErrNick = errors.New("the IRC server does not take our nick")
)

// Config of one connection.
type Config struct {
	// ChannelConfig says which server and room. LineInterval: 0 means 1.3 s,
	// negative means none.
	control.ChannelConfig
	// Nick that we go by.
	Nick protocol.Nick
	// Network is mainnet, testnet, signet or regtest; it ends the room's name.
	Network string
	// Counts gets what is dropped, and complaints; nil counts nothing. What a
	// channel did alone is in its Status.
	Counts *count.Set
	// Logger for what happens to the connection; nil means silent. No message
	// is ever logged.
	Logger *slog.Logger
	// Tor takes the place of a SOCKS5 proxy that is not there; nil: none does.
	Tor *tor.Access
	// Dial takes the place of the network and the SOCKS5 proxy, for tests; nil
	// means the real ones.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Channel is a channel.Channel over one IRC connection at a time.
type Channel struct {
	cfg     Config
	log     *slog.Logger
	room    string
	circuit string // random; sets our streams apart from others in the proxy
	pace    *pace
	board   board

	mu  sync.Mutex
	out *outbox // nil while the channel is not up

	// Owned by Run.
	servers rotation
	tls     tlsSettings
	wasUp   bool
	sink    func(channel.Event)
}

var (
	_ channel.Channel = (*Channel)(nil)
	_ channel.Paced   = (*Channel)(nil)
)

// New builds a channel that does nothing until Run.
func New(cfg Config) *Channel {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.LineInterval == 0 {
		cfg.LineInterval = control.DefaultLineInterval
	}
	c := &Channel{
		cfg:     cfg,
		log:     log.With("channel", cfg.Name),
		room:    roomName(cfg.Room, cfg.Network),
		circuit: rand.Text(),
		pace:    newPace(cfg.LineInterval),
	}
	c.board.counts = cfg.Counts
	c.board.s = Status{Name: cfg.Name, State: LinkEnded, Since: time.Now()}
	return c
}

// roomName is the room's name on the wire: each Bitcoin network has its own room
// (protocol: IRC channel names).
func roomName(room, network string) string {
	switch network {
	case "testnet", "regtest":
		room += "-test"
	case "signet":
		room += "-sig"
	}
	return "#" + room
}

// Name is the configured name.
func (c *Channel) Name() string { return c.cfg.Name }

// SendPublic sends command groups to the room. It fails with channel.ErrDown,
// ErrFull, ErrTooLarge or ErrText.
func (c *Channel) SendPublic(groups []string) error {
	lines, err := publicLines(c.room, groups)
	return c.push(lines, err, anybody)
}

// SendPrivate sends one message to a nick, in as many lines as it takes; see class
// for what goes first. It fails with channel.ErrDown, ErrFull, ErrTooLarge or
// ErrText.
func (c *Channel) SendPrivate(to protocol.Nick, command, body string) error {
	lines, err := privateLines(to, command, body)
	urgency := talking
	switch name := protocol.Command(command); {
	case name == protocol.CmdPubKey:
		urgency = newcomer
	case name.Offer(), name == protocol.CmdHP2, name == protocol.CmdError:
		urgency = anybody
	}
	return c.push(lines, err, urgency)
}

// push queues the lines of a message, unless there was an error in making them.
func (c *Channel) push(lines []string, err error, urgency class) error {
	c.mu.Lock()
	out := c.out
	c.mu.Unlock()
	switch {
	case err != nil:
	case out == nil:
		err = channel.ErrDown
	default:
		err = out.add(lines, urgency)
	}
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrDown):
		c.board.drop(DropDown)
	case errors.Is(err, channel.ErrFull):
		c.board.drop(DropFull)
	default:
		c.board.drop(DropText)
	}
	return err
}

// LineInterval implements channel.Paced.
func (c *Channel) LineInterval() time.Duration { return c.pace.now() }

// Flush implements channel.Flusher.
func (c *Channel) Flush(ctx context.Context) {
	c.mu.Lock()
	out := c.out
	c.mu.Unlock()
	if out == nil {
		return
	}
	select {
	case <-out.flushed():
	case <-ctx.Done():
	}
}

// setOut opens the send methods, or closes them with nil.
func (c *Channel) setOut(out *outbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = out
}

// free makes what a server says fit to be shown: printable and short.
func free(text string) string { return control.FreeText(text) }

// errNick is ErrNick with what the server says.
func errNick(text string) error { return fmt.Errorf("%w: %s", ErrNick, text) }
