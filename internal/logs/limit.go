package logs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// maxCauses bounds what is counted; messages are constants of the program, so
// that there are not as many.
const maxCauses = 1000

// limiter passes the first lines of each cause in a second on.
type limiter struct {
	slog.Handler
	*counts
}

// counts is shared by a handler and those that WithAttrs and WithGroup make.
type counts struct {
	most int

	mu     sync.Mutex // protects causes
	causes map[string]*count
}

// count is one cause within a second.
type count struct {
	since time.Time
	lines int // in this second, dropped ones too
	lost  int // dropped since a line was passed on
}

// Limit returns a handler that passes at most perSecond lines a second of each
// message on to next. The first line that it passes after it dropped some says
// how many: "dropped".
func Limit(next slog.Handler, perSecond int) slog.Handler {
	return limiter{next, &counts{most: perSecond, causes: make(map[string]*count)}}
}

// Handle implements slog.Handler.
func (l limiter) Handle(ctx context.Context, r slog.Record) error {
	pass, lost := l.take(r.Message, r.Time)
	if !pass {
		return nil
	}
	if lost > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("dropped", lost))
	}
	return l.Handler.Handle(ctx, r)
}

// take counts a line, and says whether it may pass and how many were dropped
// before it.
func (c *counts) take(cause string, now time.Time) (pass bool, lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.causes[cause]
	if n == nil {
		if len(c.causes) >= maxCauses {
			clear(c.causes)
		}
		n = &count{since: now}
		c.causes[cause] = n
	}
	if now.Sub(n.since) >= time.Second || now.Before(n.since) {
		n.since, n.lines = now, 0
	}
	if n.lines++; n.lines > c.most {
		n.lost++
		return false, 0
	}
	lost, n.lost = n.lost, 0
	return true, lost
}

// WithAttrs implements slog.Handler.
func (l limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limiter{l.Handler.WithAttrs(attrs), l.counts}
}

// WithGroup implements slog.Handler.
func (l limiter) WithGroup(name string) slog.Handler {
	return limiter{l.Handler.WithGroup(name), l.counts}
}
