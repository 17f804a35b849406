package client

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	daemons "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/client/identity"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Config says where the daemon is and what to be in the market. Fields without
// a stated default are required.
type Config struct {
	// Dial connects to a daemon and tells the secret that it demands; for
	// example control.Dial of this module, or inprocess.Daemon.Dial. It is
	// called again when the connection breaks, to come back to the session.
	Dial func(ctx context.Context) (net.Conn, control.Secret, error)
	Role control.Role
	// Network is mainnet, testnet, signet or regtest.
	Network string
	// Channels to join; empty: those the daemon was started with.
	Channels []control.ChannelConfig
	// Software is told to the daemon: name and version, at most 64 printable
	// ASCII characters. Participants of the market do not see it.
	Software string
	// Bond makes the proof that the maker of this nick has a fidelity bond, for
	// one taker: 336 characters. It is called from several goroutines and must
	// not call the session. nil: there is no bond.
	Bond func(taker, maker protocol.Nick) (proof string, err error)
	// Progress is told when a message channel changes its state; it must not
	// block. nil: nobody is told.
	Progress func(control.ChannelEvent)
	// Alert is told what the operators of a message channel have to say; it must
	// not block. Nil: not told.
	Alert  func(control.AlertEvent)
	Logger *slog.Logger // nil: silent
}

// commands are the methods of a daemon that a session passes on.
type commands interface {
	Status(ctx context.Context) (control.StatusAnswer, error)
	Refresh(ctx context.Context) error
	Orderbook(ctx context.Context) (control.OrderbookAnswer, error)
	Announce(ctx context.Context, r control.AnnounceRequest) error
	Fill(ctx context.Context, r control.FillRequest) (control.FillAnswer, error)
	Refill(ctx context.Context, r control.RefillRequest) error
	Auth(ctx context.Context, r control.AuthRequest) error
	Tx(ctx context.Context, r control.TxRequest) error
	Push(ctx context.Context, r control.PushRequest) error
	IOAuth(ctx context.Context, r control.IOAuthRequest) error
	Sigs(ctx context.Context, r control.SigsRequest) error
	Refuse(ctx context.Context, r control.RefuseRequest) error
	// Err tells why the session is over; nil while it is not.
	Err() error
	// Done is closed when the session is over.
	Done() <-chan struct{}
	// Peer is what the daemon said of itself.
	Peer() control.Hello
}

// Session is a part taken in the market, under one nick that is never used
// again. Its methods may be called from several goroutines. It must be closed.
type Session struct {
	commands
	nick   protocol.Nick
	daemon *daemons.Daemon
	stop   context.CancelFunc
	events chan any
	ready  chan struct{} // closed at control.ReadyEvent
	ended  sync.WaitGroup
}

// Connect dials the daemon, says hello and enters the market under a new nick.
// The session lasts until Close or until the daemon is gone, whatever becomes
// of ctx.
func Connect(ctx context.Context, cfg Config) (*Session, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(control.ChannelEvent) {}
	}
	if cfg.Alert == nil {
		cfg.Alert = func(control.AlertEvent) {}
	}
	id, err := identity.New()
	if err != nil {
		return nil, err
	}
	var signer daemons.Signer = id
	if cfg.Bond != nil {
		signer = bonded{id, cfg.Bond}
	}
	d, err := daemons.Open(ctx, cfg.Dial, control.Config{Software: cfg.Software, Log: cfg.Logger}, signer)
	if err != nil {
		return nil, err
	}
	s := &Session{
		commands: d,
		nick:     id.Nick(),
		daemon:   d,
		events:   make(chan any),
		ready:    make(chan struct{}),
	}
	var run context.Context
	run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.ended.Go(func() { d.Run(run) })
	s.ended.Go(func() { s.sort(run, cfg.Progress, cfg.Alert) })
	start := control.StartRequest{Role: cfg.Role, Nick: s.nick, Network: cfg.Network, Channels: cfg.Channels}
	if _, err := d.Start(ctx, start); err != nil {
		s.Close()
		return nil, fmt.Errorf("entering the market: %w", err)
	}
	cfg.Logger.Info("entered the market", "nick", s.nick, "role", cfg.Role)
	return s, nil
}

// bonded is an identity that has a fidelity bond to show.
type bonded struct {
	*identity.Identity
	prove func(taker, maker protocol.Nick) (string, error)
}

// Bond makes the proof for a taker.
func (b bonded) Bond(r control.BondRequest) (control.BondAnswer, error) {
	proof, err := b.prove(r.Taker, b.Nick())
	return control.BondAnswer{Proof: proof}, err
}

// maxWaiting is how many events of the role wait for their reader while those
// of the session itself are still looked at.
const maxWaiting = 256

// sort takes the events that concern the session itself and passes on those
// that concern its role. The latter are kept while nobody reads them: strangers
// can cause some before the market is ready, and whoever waits for that reads
// no events yet.
func (s *Session) sort(ctx context.Context, progress func(control.ChannelEvent), alert func(control.AlertEvent)) {
	defer close(s.events)
	var waiting []any
	for from := s.daemon.Events(); from != nil || len(waiting) > 0; {
		in := from
		if len(waiting) == maxWaiting {
			in = nil // the daemon's own queue fills now, which ends the session
		}
		var out chan any
		var next any
		if len(waiting) > 0 {
			out, next = s.events, waiting[0]
		}
		select {
		case e, open := <-in:
			switch e := e.(type) {
			case control.ChannelEvent:
				progress(e)
			case control.AlertEvent:
				alert(e)
			case control.ReadyEvent:
				s.becomeReady()
			case nil:
				if !open {
					from = nil
				}
			default:
				waiting = append(waiting, e)
			}
		case out <- next:
			waiting = waiting[1:]
		case <-ctx.Done():
			return
		}
	}
}

func (s *Session) becomeReady() {
	select {
	case <-s.ready: // told before
	default:
		close(s.ready)
	}
}

// Nick is the name of this session in the market.
func (s *Session) Nick() protocol.Nick { return s.nick }

// Ready waits until the market can be used: all message channels are up, or
// the wait after the first one has passed. It fails when ctx or the session
// ends.
func (s *Session) Ready(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.Done():
		return s.Err()
	}
}

// Events delivers, in order, the events of the role as the types that
// control.DecodeEvent names. Whoever holds a session must keep reading: when
// too many wait, it ends with control.ErrSlow. It is closed when the session is
// over.
func (s *Session) Events() <-chan any { return s.events }

// Close leaves the market, as far as the daemon still listens, and returns when
// the session is over.
func (s *Session) Close() {
	s.daemon.Close()
	<-s.Done()
	s.stop()
	s.ended.Wait()
}
