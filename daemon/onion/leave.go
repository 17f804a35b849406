package onion

import (
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
)

const (
	// leaveAfter is how long a directory must still be there after it said that a
	// nick left: one that ends says so of all.
	leaveAfter = 30 * time.Second
	maxLeaving = 10_000 // nicks of which it is not decided
)

// leaving is a nick of which a directory that heard it said that it left.
type leaving struct {
	link *link // of the directory
	at   time.Time
}

// leaves notes that a directory says that a nick left; mu is held. That alone
// decides nothing (attack N20).
func (c *Channel) leaves(d *directory, nick protocol.Nick) {
	if len(c.leaving) < maxLeaving {
		c.leaving[nick] = leaving{d.link, time.Now()}
	}
}

// settle tells the session of the nicks that left: every directory that heard them
// says so, and has gone on to be there, nothing leads to them, and no conversation
// is held; mu is held.
func (c *Channel) settle(now time.Time) {
	for nick, l := range c.leaving {
		w := c.ways[nick]
		switch {
		case c.present(nick) || !l.link.up:
			delete(c.leaving, nick)
		case now.Sub(l.at) < leaveAfter || w != nil && (w.dialling || now.Sub(w.used) < talkLife):
		default:
			delete(c.leaving, nick)
			for _, d := range c.directories {
				delete(d.listed, nick)
			}
			c.emit(channel.Left{Nick: nick})
		}
	}
}

// present reports whether a directory passed on lines of nick, or a connection
// leads to it; mu is held.
func (c *Channel) present(nick protocol.Nick) bool { return c.heardOf(nick) || c.direct(nick) != nil }
