package onion

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// Times of a connection.
const (
	dialTimeout  = 60 * time.Second // for Tor to get to a maker
	helloTimeout = 30 * time.Second // for the other end's hello, of those that come in
	torTimeout   = 60 * time.Second // the same, of those that we dialled
	lineTimeout  = 60 * time.Second // for a line that has begun
	// Tor itself gives up on a circuit after two minutes, and may have to get into
	// its network first.
	directoryTimeout = 2 * time.Minute
	idleTimeout      = 20 * time.Minute // without a line, of direct ones
	pingAfter        = time.Minute      // without a line, of directories
	pingAtLeast      = 5 * time.Minute  // whatever comes: joinmarket-ng ends who says nothing for 25 minutes
	deadAfter        = 90 * time.Second // without a line although we ask, of directories that answered before
)

// Rates at which lines are taken in. Who is faster is read more slowly; nothing
// is dropped, for a maker has as many signatures at once as coins.
var (
	inboundRate   = rate.Rate{Every: 200 * time.Millisecond, Burst: 20}
	dialledRate   = rate.Rate{Every: 50 * time.Millisecond, Burst: 128}
	directoryRate = rate.Rate{Every: 2 * time.Millisecond, Burst: 2000}
)

// Errors that end a connection.
var (
	errHello   = errors.New("no hello that suits us")
	errNetwork = errors.New("it is of another network")
	errSelf    = errors.New("it is ourselves")
	errOther   = errors.New("another nick answers than the one wanted")
	errIdle    = errors.New("nothing was said for a long time")
)

// link is one connection:
//
//	connected --hello of the other end--> up --> ended
//
// Nothing but the hello is listened to before it is up (attack N2).
type link struct {
	id    uint64
	conn  net.Conn
	out   *outbox
	rate  rate.Bucket
	hello time.Duration // to wait for the other end's

	dir  *directory     // that it leads to; nil for a direct one
	want protocol.Nick  // direct, dialled: who should answer; empty for one that came in
	at   onion.Location // direct, dialled: where

	// Protected by Channel.mu.
	up       bool
	nick     protocol.Nick // direct: what it says it is
	proven   bool          // something that nick has signed came through it
	features onion.Features
	since    time.Time // when it came up
	last     time.Time // when a line came
	asked    time.Time // when we pinged; zero before
	answers  bool      // to pings
}

// newLink makes a link of a connection; mu is held.
func (c *Channel) newLink(conn net.Conn) *link {
	c.lastID++
	c.stats.connections++
	return &link{id: c.lastID, conn: conn, out: newOutbox(maxDirectBytes), last: time.Now()}
}

// talk says hello and then acts on what comes, until the connection ends.
func (c *Channel) talk(ctx context.Context, l *link) (err error) {
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { l.out.writeTo(l.conn, done) })
	defer func() {
		stop()
		close(done)
		l.conn.Close()
		writing.Wait()
		c.ended(l, err)
	}()
	c.mu.Lock()
	hello := c.hello()
	c.mu.Unlock()
	if err := l.say(hello); err != nil {
		return err
	}
	greeted := false
	if err := l.conn.SetReadDeadline(time.Now().Add(l.hello)); err != nil {
		return err
	}
	r := onion.NewReader(l.conn, func() {
		if greeted {
			l.conn.SetReadDeadline(time.Now().Add(lineTimeout)) // the read reports its error
		}
	})
	for {
		m, err := r.Read()
		if err != nil {
			return err
		}
		if err := c.take(l, m); err != nil {
			return err
		}
		greeted = true
		if err := l.conn.SetReadDeadline(l.patience()); err != nil {
			return err
		}
		if err := l.slow(ctx); err != nil {
			return err
		}
	}
}

// patience is until when the next line must begin: never, of a directory, which
// may have nothing to tell.
func (l *link) patience() time.Time {
	if l.dir != nil {
		return time.Time{}
	}
	return time.Now().Add(idleTimeout)
}

// slow waits until one more line may come.
func (l *link) slow(ctx context.Context) error {
	for !l.rate.Allow(time.Now()) {
		select {
		case <-time.After(inboundRate.Every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// say queues a message for the other end.
func (l *link) say(m onion.Message) error {
	letter, err := newLetter(m, "")
	if err != nil {
		return err
	}
	return l.out.add(letter)
}

// take acts on a message. An error ends the connection.
func (c *Channel) take(l *link, m onion.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.await()
	c.stats.linesIn++
	l.last = time.Now()
	if !l.up {
		return c.greet(l, m)
	}
	switch m.Type {
	case onion.Public:
		c.hearPublic(l, m)
	case onion.Private:
		c.hearPrivate(l, m)
	case onion.PeerList:
		if l.dir != nil {
			c.learn(l.dir, m.Text)
		}
	case onion.Ping:
		if l.features.Has(onion.FeaturePing) {
			l.say(onion.Message{Type: onion.Pong}) // a full outbox has better to say
		}
	case onion.Pong:
		l.answers = true
	default: // another hello, what only directories are asked, or the reference's own events (attack N6)
		c.drop(count.DropLine)
	}
	return nil
}

// greet takes the other end's hello; mu is held.
func (c *Channel) greet(l *link, m onion.Message) error {
	if l.dir != nil {
		return c.greetDirectory(l, m)
	}
	if m.Type != onion.HelloClient {
		return errHello
	}
	h, err := onion.ParseClientHello(m.Text, c.cfg.Loopback)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errHello, err)
	case h.Network != c.network:
		return errNetwork
	case h.Nick == c.cfg.Nick:
		return errSelf
	case l.want != "" && h.Nick != l.want:
		return errOther
	}
	l.up, l.since, l.nick, l.features = true, time.Now(), h.Nick, h.Features
	c.links[l.id] = l
	c.look("")
	if l.want != "" {
		c.reached(l)
	}
	return nil
}

// ended forgets a link that is no more.
func (c *Channel) ended(l *link, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := l.out.end()
	_, written := l.out.counts()
	c.stats.linesOut += written
	wasUp := l.up
	delete(c.links, l.id)
	l.up = false
	switch {
	case l.dir != nil:
		c.lostDirectory(l, why)
	case l.want != "":
		c.outbound--
		c.lostPeer(l, wasUp)
	default:
		c.inbound--
		c.lostPeer(l, wasUp)
	}
	if c.ctx == nil {
		return
	}
	for _, letter := range left {
		if letter.to != "" && wasUp {
			c.pass(letter, true) // by another way, if there is one
		}
	}
	c.stillUp()
}

// keepAlive asks directories that know the question whether they are there, and
// gives up those that used to answer; mu is held.
func (c *Channel) keepAlive(now time.Time) {
	for _, d := range c.directories {
		l := d.link
		switch {
		case l == nil || !l.features.Has(onion.FeaturePing):
		case l.answers && now.Sub(l.last) > deadAfter:
			l.conn.Close()
		case now.Sub(l.last) >= pingAfter || now.Sub(l.asked) >= pingAtLeast:
			l.asked = now
			l.say(onion.Message{Type: onion.Ping})
		}
	}
}
