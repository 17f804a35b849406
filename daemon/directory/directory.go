package directory

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/haproxy"
	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/moment"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// Config is what a Directory is made of.
type Config struct {
	// Network is the Bitcoin network of its peers.
	Network string
	// Location is where the directory is reached, as its lists say; empty: they
	// do not say it.
	Location onion.Location
	// MOTD is what the operator tells everybody, at most MaxMOTD characters.
	MOTD string
	// Circuits: connections begin with the line that Tor writes if it is told to
	// export circuits (package haproxy). They must come from this machine.
	Circuits bool
	// Loopback lets peers be on this machine, without Tor: for tests.
	Loopback bool
	Limits   Limits
	// Logger; nil is silent.
	Logger *slog.Logger
}

// ErrMOTD means that the operator's text cannot be used.
var ErrMOTD = errors.New("the text for everybody (motd) cannot be used")

// Directory passes lines on between its peers.
type Directory struct {
	cfg     Config
	network string // as hellos have it
	nick    string
	began   time.Time
	log     *slog.Logger

	limits   atomic.Pointer[Limits]
	answers  atomic.Pointer[answers]
	door     *door
	registry *registry
	crier    *crier
	lists    lists
	pairs    pairs
	longs    longs
	depot    outbox.Depot
	counts   counts
	ids      atomic.Uint64 // of peers
	kept     moment.Moment // when the keeper was done last

	ending atomic.Bool   // told to end: nobody needs to know who leaves
	over   chan struct{} // closed when connections are to end at once
}

// New makes a directory. It must be run.
func New(cfg Config) (*Directory, error) {
	l := cfg.Limits.withDefaults()
	d := &Directory{
		cfg: cfg, network: onion.NetworkName(cfg.Network), nick: string(protocol.RandomNick()), began: time.Now(), log: cfg.Logger,
		door: newDoor(&l), registry: newRegistry(), longs: longs{most: longMemory}, over: make(chan struct{}),
		depot: outbox.Depot{Most: l.Queue, Memory: l.Memory},
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.limits.Store(&l)
	d.crier = newCrier(d, &l)
	d.kept.Set(d.began)
	a, err := newAnswers(d.nick, d.network, cfg.MOTD)
	if err != nil {
		return nil, err
	}
	d.answers.Store(a)
	return d, nil
}

// Reload takes over another text for everybody, and other limits, from then on;
// those of Queue and Memory need a restart. An unusable text changes nothing.
func (d *Directory) Reload(motd string, limits Limits) error {
	a, err := newAnswers(d.nick, d.network, motd)
	if err != nil {
		return err
	}
	l := limits.withDefaults()
	d.answers.Store(a)
	d.limits.Store(&l)
	d.crier.limit(&l)
	d.door.limit(&l)
	return nil
}

// ownEntry is what stands before the others in a peer list, as the reference has
// it, if our location is known.
func (d *Directory) ownEntry() string {
	if d.cfg.Location == "" {
		return ""
	}
	return d.nick + ";" + string(d.cfg.Location) + ","
}

// Run tells everybody what is public, and looks after the peers, until ctx ends.
// It is to run for as long as connections are handled.
func (d *Directory) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { d.crier.run(ctx) })
	running.Go(func() { d.keep(ctx) })
	running.Wait()
	return nil
}

// Handle serves a connection, which it closes, until it ends. Stop ends it.
func (d *Directory) Handle(nc net.Conn) {
	defer nc.Close()
	limits := d.limits.Load()
	p := &peer{d: d, id: d.ids.Add(1), nc: nc, since: time.Now(), out: outbox.New(&d.depot, nc), strangers: rate.New(limits.Strangers)}
	most := limits.Peers
	if d.cfg.Circuits {
		most += slack // it is decided when the circuit is known
	}
	if !d.door.enter(p, most) {
		d.counts.inc(refusedFull)
		return
	}
	defer d.door.leave(p)
	defer p.out.Close()
	nc.SetReadDeadline(p.since.Add(helloWait))
	s := &stream{nc: nc, longs: &d.longs, victim: func() { p.close(closedMemory) }}
	if d.origin(p, s, limits) != nil {
		return
	}
	in := onion.NewReader(s, s.begun)
	err := d.greet(p, in)
	s.done()
	if err == nil {
		d.serve(p, s, in)
	}
}

// origin reads where a connection comes from, if that is told.
func (d *Directory) origin(p *peer, s *stream, l *Limits) error {
	var circuit netip.Addr
	if d.cfg.Circuits {
		var err error
		if circuit, s.rest, err = haproxy.Read(p.nc); err != nil {
			return p.fail(refusedHeader)
		}
	}
	if why, ok := d.door.from(p, circuit, l); !ok {
		return p.fail(why)
	}
	return nil
}

// serve has p as a peer until its connection ends.
func (d *Directory) serve(p *peer, s *stream, in *onion.Reader) {
	d.counts.inc(peerJoined)
	s.greeted()
	err := d.hear(p, s, in)
	d.registry.leave(p)
	d.counts.inc(peerLeft)
	switch {
	case errors.Is(err, onion.ErrMessage), errors.Is(err, onion.ErrTooLong):
		p.close(closedForm)
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.close(closedDrip)
	}
	d.crier.gone(p)
}

// Stop lets nobody in any more and ends the connections one after the other, in
// any order, within spread, so that the peers come back, here or elsewhere, as
// spread (attack N12). If ctx ends before, all are ended then. It returns when
// they have ended.
func (d *Directory) Stop(ctx context.Context, spread time.Duration) {
	d.ending.Store(true)
	all := d.door.shut()
	random.Shuffle(all)
	d.log.Info("connections are ended", "number", len(all), "within", spread)
	began := time.Now()
	for i, p := range all {
		due := began.Add(spread * time.Duration(i) / time.Duration(len(all)))
		if wait := time.Until(due); wait > 0 && !pause(ctx.Done(), wait) {
			break
		}
		p.nc.Close()
	}
	for _, p := range all {
		p.nc.Close()
	}
	close(d.over)
	<-d.door.empty
	d.depot.Wait()
}
