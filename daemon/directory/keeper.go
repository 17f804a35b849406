package directory

import (
	"context"
	"errors"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// lookEvery is how often the keeper looks after the peers.
const lookEvery = 5 * time.Second

// keep closes peers that do not read or do not answer, until ctx ends.
func (d *Directory) keep(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			for _, p := range d.registry.all(nil) {
				d.look(p, now)
			}
			d.crier.waiting() // it can be asked, too
			d.kept.Set(now)
		}
	}
}

// look looks after one peer. Pings are for those that announced that they know
// them, and whoever has never answered one may be silent (attack N19).
func (d *Directory) look(p *peer, now time.Time) {
	if p.out.Stalled(now) > stallWait {
		p.close(closedSlow)
		return
	}
	if !p.pings {
		return
	}
	silent := now.Sub(p.heard.Get())
	switch {
	case p.ponged.Load() && silent > pongWait:
		p.close(closedSilent)
	case silent > pingEvery && now.Sub(p.pinged.Get()) > pingEvery:
		p.ping(now)
	}
}

var ping, pong = shout(onion.Ping), shout(onion.Pong)

// shout is a line that has a type only.
func shout(t onion.Type) []byte {
	line, err := onion.Message{Type: t}.Append(nil)
	if err != nil {
		panic(err)
	}
	return line
}

func (p *peer) ping(now time.Time) {
	p.pinged.Set(now)
	p.send(ping, outbox.Shared)
}

// ErrStuck means that a directory does not look after its peers any more. A
// restart is what helps.
var ErrStuck = errors.New("the directory does not look after its peers")

// Healthy tells whether a directory that runs works.
func (d *Directory) Healthy(context.Context) error {
	if time.Since(d.kept.Get()) > 6*lookEvery {
		return ErrStuck
	}
	return nil
}
