package daemon

import (
	"container/heap"
	"time"
)

// clock rings alarms in the session's loop, so that what is due is done where
// the state is. It is owned by the loop.
type clock struct {
	alarms alarms
	timer  *time.Timer // set to the first alarm
}

// alarm is something to do at a time.
type alarm struct {
	at   time.Time
	ring func()
	pos  int // in the heap; -1 when it rang or was stopped
}

func newClock() *clock {
	c := &clock{timer: time.NewTimer(time.Hour)}
	c.timer.Stop()
	return c
}

// after has ring called in the loop when d has passed.
func (c *clock) after(d time.Duration, ring func()) *alarm {
	a := &alarm{at: time.Now().Add(d), ring: ring}
	heap.Push(&c.alarms, a)
	c.set()
	return a
}

// stop takes an alarm back. It may have rung already, or be nil.
func (c *clock) stop(a *alarm) {
	if a != nil && a.pos >= 0 {
		heap.Remove(&c.alarms, a.pos)
		c.set()
	}
}

func (c *clock) set() {
	if len(c.alarms) == 0 {
		c.timer.Stop()
		return
	}
	c.timer.Reset(time.Until(c.alarms[0].at))
}

// due returns the first alarm whose time has come, or nil.
func (c *clock) due(now time.Time) *alarm {
	if len(c.alarms) == 0 || c.alarms[0].at.After(now) {
		c.set()
		return nil
	}
	return heap.Pop(&c.alarms).(*alarm)
}

type alarms []*alarm

func (s alarms) Len() int           { return len(s) }
func (s alarms) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s alarms) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].pos, s[j].pos = i, j
}

func (s *alarms) Push(x any) {
	a := x.(*alarm)
	a.pos = len(*s)
	*s = append(*s, a)
}

func (s *alarms) Pop() any {
	old := *s
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	a.pos = -1
	return a
}
