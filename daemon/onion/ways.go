package onion

import (
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Bounds of what is kept of conversations.
const (
	maxWays   = 4096
	maxHeld   = 64               // letters to one nick while it is dialled
	wayLife   = 30 * time.Minute // since the way was last used
	talkLife  = 2 * time.Minute  // since something was last sent: an answer may come
	patience  = 15 * time.Second // for a dialled maker, while a directory could pass the letter on
	maxAsked  = 8                // makers that are dialled for their offers, without directories
	holdFor   = 10 * time.Minute // after the last connection, while makers could be dialled
	maxFound  = 256              // makers whose onion service we know for certain
	avoidFor  = time.Minute      // after a location could not be reached
	shunFor   = 30 * time.Minute // after one was silent, who may be another
	maxAvoids = 1024
)

// way is how a nick is spoken to. Some programs end a conversation of which lines
// come both directly and through a directory, or through several, so a way is
// kept until it breaks:
//
//	begin --> dialling --> direct --------+
//	  |           |                       | breaks: the other kind, or once more
//	  +-----------+------> relayed -------+
//
// The taker, who begins, decides. A maker answers on the way by which something
// came that the taker has signed.
type way struct {
	link     *link      // direct
	dir      *directory // or relayed through
	ours     bool       // we began
	held     bool       // something was sent: there is a conversation
	dialling bool
	waiting  bool     // dialling, with a directory at hand
	letters  []letter // while dialling
	used     time.Time
}

// way returns the way of a nick, or a new one; nil if there are too many. mu is
// held.
func (c *Channel) way(nick protocol.Nick) *way {
	w := c.ways[nick]
	if w == nil && len(c.ways) < maxWays {
		w = &way{}
		c.ways[nick] = w
	}
	return w
}

// current is the link by which w leads, nil if it broke or is not chosen; mu is
// held.
func (c *Channel) current(w *way) *link {
	switch {
	case w == nil:
	case w.dir != nil:
		return w.dir.link
	case w.link != nil && c.links[w.link.id] == w.link:
		return w.link
	}
	return nil
}

// begin notes that a conversation with a maker begins: its way is chosen anew. A
// connection on which nothing came so far that the maker has signed, although it
// had time, leads to somebody else; it is not tried again for a while. mu is held.
func (c *Channel) begin(nick protocol.Nick) {
	for _, l := range c.links {
		if l.want == nick && !l.proven && time.Since(l.since) > patience {
			c.shun(l.at, shunFor)
			l.nick = ""
			l.conn.Close()
		}
	}
	if w := c.way(nick); w != nil && !w.dialling {
		*w = way{ours: true}
	}
}

// Proven implements channel.Prover: something that nick has signed came by a way.
// Whom we chose to speak to directly, or through a directory, we go on to; others
// are answered where they are.
func (c *Channel) Proven(nick protocol.Nick, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[id]
	if l == nil || l.dir == nil && l.nick != nick {
		return
	}
	if l.dir == nil {
		l.proven = true
		if _, known := c.found[nick]; l.want != "" && (known || len(c.found) < maxFound) {
			c.found[nick] = l.at
		}
	}
	w := c.ways[nick]
	if w == nil && c.serving { // a taker has them where it begins, not for all who offer something
		w = c.way(nick)
	}
	if w != nil && !w.ours && !w.dialling {
		if w.link, w.dir = l, l.dir; l.dir != nil {
			w.link = nil
		}
	}
}

// pass sends a letter to its nick. Only those of conversations have somebody
// dialled. It fails with channel.ErrDown if there is no way, or ErrFull. mu is
// held.
func (c *Channel) pass(l letter, talk bool) error {
	w := c.ways[l.to]
	if talk && w == nil {
		w = c.way(l.to)
	}
	if w != nil {
		w.used = time.Now()
		if w.dialling {
			return w.keep(l)
		}
	}
	via := c.current(w)
	if via == nil {
		via = c.direct(l.to)
	}
	if via == nil && talk && w != nil && c.dial(l.to, w) {
		return w.keep(l)
	}
	if via == nil {
		via = c.relay(l.to, w != nil && w.held)
	}
	if via == nil {
		via = c.claimed(l.to)
	}
	if via == nil {
		if !c.present(l.to) {
			c.emit(channel.Left{Nick: l.to}) // as we see ourselves
		}
		return channel.ErrDown
	}
	if talk && w != nil {
		if w.link, w.dir, w.held = via, via.dir, true; via.dir != nil {
			w.link = nil
		}
	}
	return via.out.add(l)
}

// keep holds a letter until it is known by which way it goes.
func (w *way) keep(l letter) error {
	if len(w.letters) >= maxHeld {
		return channel.ErrFull
	}
	w.letters = append(w.letters, l)
	return nil
}

// release sends what was held; mu is held.
func (c *Channel) release(w *way) {
	held := w.letters
	w.letters, w.dialling, w.waiting = nil, false, false
	for _, l := range held {
		if err := c.pass(l, true); err != nil {
			c.log.Debug("private message not sent", "nick", l.to, "err", err)
		}
	}
}

// direct is a connection that certainly, or as far as its onion service says,
// leads to a nick; mu is held.
func (c *Channel) direct(nick protocol.Nick) *link {
	var best *link
	for _, l := range c.links {
		if l.dir == nil && l.nick == nick && (l.proven || l.want != "") && (best == nil || !best.proven) {
			best = l
		}
	}
	return best
}

// claimed is a connection that came in and of which nothing is proven; mu is
// held.
func (c *Channel) claimed(nick protocol.Nick) *link {
	for _, l := range c.links {
		if l.dir == nil && l.nick == nick {
			return l
		}
	}
	return nil
}

// relay is the link to a directory, at random, that lately passed on lines of
// nick; to go on with a conversation any will do, if there is none such. mu is
// held.
func (c *Channel) relay(nick protocol.Nick, goOn bool) *link {
	up := c.upDirectories()
	heard := slices.DeleteFunc(slices.Clone(up), func(d *directory) bool { return !d.heard.has(nick) })
	if len(heard) == 0 && goOn {
		heard = up
	}
	if len(heard) == 0 {
		return nil
	}
	return heard[random.N(len(heard))].link
}
