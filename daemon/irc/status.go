package irc

import (
	"maps"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// LinkState is where a link stands:
//
//	connecting --> registering --> joining --> up
//	     ^              |             |  ^     |
//	     |              v             v  |     v
//	     +---------- waiting <--------+--------+
type LinkState string

// States of a link.
const (
	LinkConnecting  LinkState = "connecting"  // on the way to the server
	LinkRegistering LinkState = "registering" // saying who we are
	LinkJoining     LinkState = "joining"     // asking to be let into the room
	LinkUp          LinkState = "up"
	LinkWaiting     LinkState = "waiting" // until Next; Cause says why
	LinkEnded       LinkState = "ended"   // Run has returned, or has not begun
)

// Drop says why a line or message was dropped.
type Drop string

// Why what came in, or was to go out, was dropped.
const (
	DropMalformed Drop = "malformed" // in: no line of IRC, or not printable ASCII
	DropStranger  Drop = "stranger"  // in: the sender's name is no nick of the market
	DropChunk     Drop = "chunk"     // in: a piece without marker, or beyond the bounds
	DropDown      Drop = "down"      // out: the channel was not up
	DropFull      Drop = "full"      // out: too much was waiting
	DropText      Drop = "text"      // out: too long, or not printable ASCII
	DropRefused   Drop = "refused"   // out: the server did not pass it on
)

// Status is where a link stands and what it has done since New.
type Status struct {
	Name   string // of the channel
	Server string // host:port, of the present or the last attempt
	State  LinkState
	Since  time.Time // when State was entered
	Next   time.Time // when waiting: of the next attempt; else zero
	Cause  Cause     // of the last trouble; empty when there is none
	Reason string    // the same as a printable sentence of at most 200 bytes

	HostID      string          // while up: what private messages are signed for
	Alerts      []string        // in the room's topic, printable, at most 4
	Interval    time.Duration   // least time between two lines, at present
	Queued      int             // lines that wait to be sent
	Connections uint64          // that reached a server
	LinesIn     uint64          // all, also those of no concern
	LinesOut    uint64          // all
	Throttled   uint64          // of LinesOut those that had to wait for their turn
	Complaints  uint64          // of the server about our pace
	Dropped     map[Drop]uint64 // by why; causes that did not happen are absent
}

// board is where a Status is kept. Its methods are safe from any goroutine.
type board struct {
	counts *count.Set

	mu sync.Mutex // protects s
	s  Status
}

// Status tells where the link stands. It is safe from any goroutine.
func (c *Channel) Status() Status {
	c.board.mu.Lock()
	s := c.board.s
	s.Dropped = maps.Clone(s.Dropped)
	c.board.mu.Unlock()
	c.mu.Lock()
	out := c.out
	c.mu.Unlock()
	if out != nil {
		s.Queued = out.waiting()
	}
	s.Interval = c.pace.now()
	return s
}

// change edits the status.
func (b *board) change(edit func(s *Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	edit(&b.s)
}

// enter notes a new state. What is wrong stays until the link is up.
func (b *board) enter(state LinkState) {
	b.change(func(s *Status) {
		if s.State != state {
			s.State, s.Since = state, time.Now()
		}
		s.Next = time.Time{}
		if state != LinkUp {
			s.HostID = ""
		}
	})
}

// wait notes that nothing is done until next, and why.
func (b *board) wait(cause Cause, reason string, next time.Time) {
	b.enter(LinkWaiting)
	b.change(func(s *Status) { s.Next = next })
	b.trouble(cause, reason)
}

// trouble notes what is wrong; empty if nothing is.
func (b *board) trouble(cause Cause, reason string) {
	b.change(func(s *Status) { s.Cause, s.Reason = cause, control.FreeText(reason) })
}

// cause is that of the present trouble.
func (b *board) cause() Cause {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.s.Cause
}

// drops says as what the daemon counts what is dropped.
var drops = map[Drop]count.Cause{
	DropMalformed: count.DropLine,
	DropStranger:  count.DropStranger,
	DropChunk:     count.DropChunk,
	DropDown:      count.DropDown,
	DropFull:      count.DropFull,
	DropText:      count.DropText,
	DropRefused:   count.DropRefused,
}

// complaint counts.
func (b *board) complaint() {
	b.counts.Inc(count.ChannelComplaint)
	b.change(func(s *Status) { s.Complaints++ })
}

// drop counts.
func (b *board) drop(why Drop) {
	b.counts.Inc(drops[why])
	b.change(func(s *Status) {
		if s.Dropped == nil {
			s.Dropped = make(map[Drop]uint64)
		}
		s.Dropped[why]++
	})
}
