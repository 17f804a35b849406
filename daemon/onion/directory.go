package onion

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// DirectoryState is where the connection to a directory stands:
//
//	connecting --> greeting --> up
//	     ^            |          |
//	     +-- waiting <+----------+
type DirectoryState string

// The states.
const (
	Connecting DirectoryState = "connecting" // on the way there
	Greeting   DirectoryState = "greeting"   // waiting for its hello
	Up         DirectoryState = "up"
	Waiting    DirectoryState = "waiting" // until the next attempt
)

// directory is one that is configured. Its fields are protected by Channel.mu.
type directory struct {
	address string
	link    *link // while up

	state       DirectoryState
	since       time.Time // when state was entered
	next        time.Time // when waiting: of the next attempt
	reason      string    // of the last trouble
	connections uint64
	hurry       bool // connect again soon
	few         bool // it shows far fewer makers than the others

	heard  roster[struct{}]       // whose lines came through it since it is up
	makers roster[struct{}]       // whose offers came through it
	listed roster[onion.Location] // where it says that nicks are
}

func newDirectory(address string) *directory {
	return &directory{
		address: address, state: Connecting, since: time.Now(),
		heard: roster[struct{}]{}, makers: roster[struct{}]{}, listed: roster[onion.Location]{},
	}
}

// enter notes a state.
func (d *directory) enter(state DirectoryState) {
	if d.state != state {
		d.state, d.since = state, time.Now()
	}
	d.next = time.Time{}
}

// Waits before a directory is connected to again. They differ from bot to bot:
// one that comes back is not met by all at once (attack N12).
const (
	firstDelay  = 4 * time.Second
	longestWait = 15 * time.Minute
	stableAfter = 10 * time.Minute // a connection that lasted as long has the next trouble be the first
	spread      = 2 * time.Minute  // of bots that have other directories
	spreadAlone = 20 * time.Second // of those that have none
)

// backoff is how long to wait, the more often it fails in a row.
type backoff struct{ delay time.Duration }

// next is the wait after a connection that was up for lasted; alone says that no
// other directory is connected.
func (b *backoff) next(lasted time.Duration, alone bool) time.Duration {
	if lasted >= stableAfter {
		b.delay = 0
	}
	b.delay = min(max(b.delay, firstDelay)*3/2, longestWait)
	wait := b.delay/2 + random.N(b.delay)
	switch {
	case lasted == 0:
	case alone:
		wait += random.N(spreadAlone)
	default:
		wait += random.N(spread)
	}
	return min(wait, longestWait)
}

// keep makes one connection to d after the other until ctx ends.
func (c *Channel) keep(ctx context.Context, d *directory) {
	var wait backoff
	for {
		lasted, err := c.connect(ctx, d)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		pause := wait.next(lasted, len(c.upDirectories()) == 0)
		if d.hurry {
			d.hurry, pause = false, time.Second+random.N(2*time.Second)
		}
		reason := control.FreeText(err.Error())
		d.enter(Waiting)
		d.reason, d.next = reason, time.Now().Add(pause)
		c.look("no directory is connected: " + reason)
		c.mu.Unlock()
		c.log.Info("directory not connected", "directory", d.address, "reason", reason, "retry_in", pause.Round(time.Second))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// connect makes one connection to d and serves it to its end. It returns for how
// long it was up, and why it ended.
func (c *Channel) connect(ctx context.Context, d *directory) (lasted time.Duration, err error) {
	c.mu.Lock()
	d.enter(Connecting)
	c.mu.Unlock()
	dialling, cancel := context.WithTimeout(ctx, directoryTimeout)
	defer cancel()
	conn, err := c.cfg.Dial(dialling, c.circuit+" "+d.address, d.address)
	if err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	c.mu.Lock()
	l := c.newLink(conn)
	l.dir, l.hello, l.rate, l.out = d, torTimeout, rate.New(directoryRate), newOutbox(maxOutBytes)
	d.connections++
	d.enter(Greeting)
	c.mu.Unlock()
	err = c.talk(ctx, l)
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.state == Up {
		lasted = max(time.Since(d.since), 1)
	}
	return lasted, cmp.Or(err, errIdle)
}

// greetDirectory takes a directory's hello; mu is held.
func (c *Channel) greetDirectory(l *link, m onion.Message) error {
	if m.Type != onion.HelloDirectory {
		return errHello
	}
	h, err := onion.ParseDirectoryHello(m.Text)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errHello, err)
	case !h.Accepted:
		return fmt.Errorf("%w: it does not accept us%s", errHello, refusal(h.MOTD))
	case h.Network != c.network:
		return errNetwork
	}
	d := l.dir
	l.up, l.features = true, h.Features
	d.link, d.reason = l, ""
	d.enter(Up)
	wasUp := c.state == control.ChannelUp
	c.links[l.id] = l
	c.log.Info("directory is up", "directory", d.address)
	if l.features.Has(onion.FeaturePeerList) {
		l.say(onion.Message{Type: onion.GetPeerList})
	}
	if c.look(""); wasUp {
		c.again()
	}
	c.motd(h.MOTD)
	if time.Since(c.asked) < askedLately {
		l.say(c.question())
	}
	return nil
}

// refusal is why a directory of joinmarket-ng does not accept us. What others say
// to all they say with a refusal too.
func refusal(motd string) string {
	why, said := strings.CutPrefix(motd, "Rejected: ")
	if !said {
		return ""
	}
	return fmt.Sprintf(": %.100q", why)
}

// maxMOTD is how much of a directory's message is looked at, in bytes.
const maxMOTD = 1000

// boilerplate begins lines that programs put into the message by themselves.
var boilerplate = []string{"DIRECTORY NODE:", "JOINMARKET VERSION:", "Default MOTD", "JoinMarket NG Directory Server ", "JoinMarket NG version:"}

// motd tells, once, what the operator of a directory wrote for people. Anybody
// may be the operator. mu is held.
func (c *Channel) motd(text string) {
	var lines []string
	for line := range strings.Lines(text[:min(len(text), maxMOTD)]) {
		line = strings.TrimSpace(line)
		for _, begin := range boilerplate {
			if strings.HasPrefix(line, begin) {
				line = ""
			}
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	said := control.FreeText(strings.Join(lines, " "))
	if said == "" || c.alerts[said] || len(c.alerts) >= 2*MaxDirectories {
		return
	}
	c.alerts[said] = true
	c.emit(channel.Alert{Text: said})
}

// lostDirectory notes that a link to a directory ended; mu is held. That a nick
// was heard there says no more that it can be reached there, nor that it left.
func (c *Channel) lostDirectory(l *link, _ error) {
	d := l.dir
	if d.link != l {
		return
	}
	d.link = nil
	clear(d.heard)
	if len(c.upDirectories()) == 0 && c.dials() && c.knows() {
		c.hold = time.Now().Add(holdFor)
	}
}

// learn takes a peer list; mu is held. What it says is a hint: where to dial, if
// an onion service is there that says that nick.
func (c *Channel) learn(d *directory, text string) {
	now := time.Now()
	for _, p := range onion.ParsePeers(text, c.cfg.Loopback) {
		switch {
		case p.Nick == c.cfg.Nick || p.Location == c.location && p.Location.Serving() || c.isDirectory(p.Location):
		case p.Left:
			if d.heard.has(p.Nick) {
				delete(d.heard, p.Nick)
				c.leaves(d, p.Nick)
			}
		case p.Location.Serving():
			d.listed.put(p.Nick, p.Location, now)
		}
	}
}

func (c *Channel) isDirectory(at onion.Location) bool {
	for _, d := range c.directories {
		if d.address == string(at) {
			return true
		}
	}
	return false
}
