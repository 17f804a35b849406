package onion

import (
	"context"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// maxOutbound is how many direct connections we dial at a time.
const maxOutbound = 64

// dials reports whether makers are dialled: by takers only. A maker does not dial
// others, which would tell them that a maker wants something.
func (c *Channel) dials() bool { return !c.serving }

// locate is where a nick may be found, empty if nobody says so; mu is held. What
// we found out ourselves counts for more than what directories say.
func (c *Channel) locate(nick protocol.Nick) onion.Location {
	now := time.Now()
	var at []onion.Location
	if l, ok := c.found[nick]; ok && now.After(c.avoid[l]) {
		return l
	}
	for _, d := range c.directories {
		if l := d.listed[nick].value; l != "" && now.After(c.avoid[l]) {
			at = append(at, l)
		}
	}
	if len(at) == 0 {
		return ""
	}
	return at[random.N(len(at))] // one that lies is not asked each time
}

// shun has a location not dialled for a while; mu is held.
func (c *Channel) shun(at onion.Location, during time.Duration) {
	if _, ok := c.avoid[at]; ok || len(c.avoid) < maxAvoids {
		c.avoid[at] = time.Now().Add(during)
	}
}

// knows reports whether it is known of any maker where it may be; mu is held.
func (c *Channel) knows() bool {
	for _, d := range c.directories {
		if len(d.listed) > 0 {
			return true
		}
	}
	return len(c.found) > 0
}

// dial has a maker dialled, if it is known where, and reports whether it has; mu
// is held.
func (c *Channel) dial(nick protocol.Nick, w *way) bool {
	at := c.locate(nick)
	if !c.dials() || at == "" || c.outbound >= maxOutbound || c.ctx == nil {
		return false
	}
	c.outbound++
	w.dialling, w.waiting = true, c.relay(nick, false) != nil
	w.link, w.dir = nil, nil
	c.taskLocked(func(ctx context.Context) { c.reach(ctx, nick, at) })
	if w.waiting {
		c.taskLocked(func(ctx context.Context) { c.lose(ctx, nick, w) })
	}
	return true
}

// reach dials a maker and serves the connection to its end.
func (c *Channel) reach(ctx context.Context, nick protocol.Nick, at onion.Location) {
	dialling, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := c.cfg.Dial(dialling, c.circuit+" "+string(at), string(at))
	c.mu.Lock()
	if err != nil {
		c.outbound--
		c.notReached(nick, at)
		c.mu.Unlock()
		c.log.Debug("maker not reached", "nick", nick, "err", err)
		return
	}
	l := c.newLink(conn)
	l.want, l.at, l.hello, l.rate = nick, at, torTimeout, rate.New(dialledRate)
	c.mu.Unlock()
	err = c.talk(ctx, l)
	c.log.Debug("direct connection ended", "nick", nick, "err", err)
}

// lose gives up waiting for a dialled maker while a directory could pass on what
// is held.
func (c *Channel) lose(ctx context.Context, nick protocol.Nick, w *way) {
	select {
	case <-time.After(patience):
	case <-ctx.Done():
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ways[nick] != w || !w.dialling || !w.waiting {
		return
	}
	if via := c.relay(nick, false); via != nil {
		w.dir = via.dir
		c.release(w)
	}
}

// reached notes that a dialled maker is connected; mu is held.
func (c *Channel) reached(l *link) {
	if w := c.ways[l.nick]; w != nil && w.dialling {
		w.link = l
		c.release(w)
	}
}

// notReached notes that a maker could not be dialled; mu is held. What was held
// goes through a directory, if there is one.
func (c *Channel) notReached(nick protocol.Nick, at onion.Location) {
	c.shun(at, avoidFor)
	if c.found[nick] == at {
		delete(c.found, nick)
	}
	if w := c.ways[nick]; w != nil && w.dialling {
		c.release(w)
	}
}

// lostPeer notes that a direct connection ended; mu is held. That alone is no
// sign that the nick left.
func (c *Channel) lostPeer(l *link, wasUp bool) {
	if !wasUp && l.want != "" {
		c.notReached(l.want, l.at)
	}
}

// askMakers asks makers that we know for their offers, when there is no directory
// to ask all; mu is held.
func (c *Channel) askMakers() {
	question, err := newLetter(c.question(), "")
	if err != nil {
		return
	}
	asked := 0
	for nick := range c.found {
		if asked == maxAsked {
			return
		}
		asked++
		if l := c.direct(nick); l != nil {
			l.send(question) // a full outbox has better to say
		} else if w := c.way(nick); w != nil && !w.dialling && c.dial(nick, w) {
			question.to = nick
			w.letters = append(w.letters, question)
		}
	}
}
