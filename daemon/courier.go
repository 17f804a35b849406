package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// A courier starts so long after it was first given something, at random, and
// is given up after courierMost. It carries at most maxCarried lines.
const (
	courierDelayLeast = 30 * time.Second
	courierDelayMost  = 5 * time.Minute
	courierMost       = 3 * time.Minute
	courierLinger     = 5 * time.Second // after what it said should have left
	maxCarried        = 32
)

// courier says lines to all rooms that we are in, under a nick of its own that
// comes for this only and is never seen again, some time after it was asked. One
// is under way at a time. It is owned by the loop.
type courier struct {
	s       *session
	waiting []string
	busy    bool // one is under way, or will be
	ways    int  // rooms from which it is not back
}

// give has a command group published.
func (c *courier) give(group string) {
	if !c.s.allowed(len(c.waiting) < maxCarried, count.LimitRelay) {
		return
	}
	c.waiting = append(c.waiting, group)
	if !c.busy {
		c.prepare()
	}
}

func (c *courier) prepare() {
	c.busy = true
	c.s.clock.after(courierDelayLeast+random.N(courierDelayMost-courierDelayLeast), c.leave)
}

// leave sends a courier to the rooms.
func (c *courier) leave() {
	lines := c.waiting
	c.waiting = nil
	nick := protocol.RandomNick()
	for _, l := range c.s.links {
		if !l.up() || l.anonymous == nil {
			continue
		}
		ch, err := l.anonymous(nick)
		if err != nil {
			c.s.log.Warn("commitments of others not published", "channel", l.name, "err", err)
			continue
		}
		airtime := control.Airtime(l.pace(), len(lines), len(lines[0]))
		c.ways++
		c.s.wg.Go(func() { c.s.post(returned{c, l.name, carry(c.s.ctx, ch, lines, airtime)}) })
	}
	c.busy = c.ways > 0
}

// carry joins a room, says lines when it is in, and leaves.
func carry(ctx context.Context, ch channel.Channel, lines []string, airtime time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, courierMost)
	defer cancel()
	err := channel.ErrDown // until it was said
	failed := ch.Run(ctx, func(ev channel.Event) {
		if state, ok := ev.(channel.State); !ok || state.State != control.ChannelUp || err == nil {
			return
		}
		err = nil
		for _, line := range lines {
			err = errors.Join(err, ch.SendPublic([]string{line}))
		}
		time.AfterFunc(airtime+courierLinger, cancel)
	})
	return errors.Join(err, failed)
}

// returned tells that a courier left a room.
type returned struct {
	by   *courier
	from string
	err  error
}

func (e returned) happen(s *session) {
	if e.err != nil {
		s.log.Warn("commitments of others not published", "channel", e.from, "err", e.err)
	}
	c := e.by
	if c.ways--; c.ways > 0 {
		return
	}
	c.busy = false
	if len(c.waiting) > 0 {
		c.prepare()
	}
}

// anonymous is how to get another channel to the same place under a nick that
// nobody can tie to ours; nil if an account or a certificate would.
func (s *session) anonymous(cfg control.ChannelConfig, network string) func(protocol.Nick) (channel.Channel, error) {
	if cfg.SASL != "" || cfg.ClientCert != "" {
		return nil
	}
	return func(nick protocol.Nick) (channel.Channel, error) { return s.d.cfg.NewChannel(cfg, nick, network) }
}
