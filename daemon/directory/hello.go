package directory

import (
	"errors"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// answers are ours to hellos, as lines.
type answers struct{ accepted, refused []byte }

// newAnswers makes them. The text of the operator may be too long as JSON.
func newAnswers(nick, network, motd string) (*answers, error) {
	h := onion.DirectoryHello{Features: onion.Features{onion.FeaturePeerList, onion.FeaturePing}, Nick: nick, Network: network, MOTD: motd}
	if len([]rune(motd)) > MaxMOTD {
		return nil, fmt.Errorf("%w: it has more than %d characters", ErrMOTD, MaxMOTD)
	}
	refused, err := h.Message().Append(nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMOTD, err)
	}
	h.Accepted = true
	accepted, err := h.Message().Append(nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMOTD, err)
	}
	return &answers{accepted, refused}, nil
}

// errLeft means that a connection ended before it was a peer; why is counted.
var errLeft = errors.New("not let in")

// greet reads the hello, which comes first or nothing does (attack N2), and
// answers it when it is its turn.
func (d *Directory) greet(p *peer, in *onion.Reader) error {
	m, err := in.Read()
	if err != nil || m.Type != onion.HelloClient {
		return p.fail(refusedHello)
	}
	hello, err := onion.ParseClientHello(m.Text, d.cfg.Loopback)
	d.door.said(p)
	wait, ok := d.door.hello(time.Now())
	if !ok {
		return p.refuse(refusedFull)
	}
	if wait > 0 {
		d.counts.inc(slowed)
		if !pause(d.over, wait) {
			return errLeft
		}
	}
	switch {
	case errors.Is(err, onion.ErrRefused):
		return p.refuse(refusedProgram)
	case err != nil:
		return p.fail(refusedHello) // the reference says nothing to that
	case hello.Network != d.network:
		return p.refuse(refusedNetwork)
	}
	p.take(hello)
	return d.enter(p)
}

// enter makes p a peer: at once, or when the one that has its nick or location has
// gone.
func (d *Directory) enter(p *peer) error {
	for {
		holder := d.registry.join(p, func() { p.out.Put(d.answers.Load().accepted, outbox.Shared) })
		if holder == nil {
			return nil
		}
		claim := d.registry.wait(holder)
		if claim == nil {
			return p.refuse(refusedHeld)
		}
		gone := holder.leaves(p, claim)
		d.registry.end(holder)
		if !gone {
			return p.refuse(refusedHeld)
		}
	}
}

// leaves waits for a peer to leave that has what another claims, or to show that
// it is there. On the same circuit both are the same client of Tor, which knows
// best. A peer that has answered pings, and does not this time, is gone. Of any
// other only Tor can tell, by ending the connection.
func (p *peer) leaves(claimant *peer, c *claim) bool {
	asked := time.Now()
	switch {
	case p.origin == claimant.origin:
		p.close(closedAsTwice)
	case p.pings:
		p.ping(asked)
	}
	select {
	case <-c.gone:
		return true
	case <-c.alive:
		return false
	case <-p.d.over:
		return false
	case <-time.After(claimWait):
	}
	if !p.ponged.Load() || p.heard.Get().After(asked) {
		return false
	}
	p.close(closedSilent)
	select {
	case <-c.gone:
		return true
	case <-p.d.over:
		return false
	}
}

// fail ends a connection without an answer.
func (p *peer) fail(why cause) error {
	p.close(why)
	return errLeft
}

// refuse ends a connection with an answer that accepts nothing.
func (p *peer) refuse(why cause) error {
	p.nc.SetWriteDeadline(time.Now().Add(refuseWait))
	p.nc.Write(p.d.answers.Load().refused)
	return p.fail(why)
}

// refuseWait is how long a refusal may take to be written.
const refuseWait = 5 * time.Second

// pause waits, and reports whether the end did not come meanwhile.
func pause(end <-chan struct{}, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-end:
		return false
	}
}
