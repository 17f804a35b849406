package onion

import (
	"context"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// maxQueued is how many events may wait for the session before connections are
// read no more.
const maxQueued = 256

// ended is the state after Run.
const ended control.ChannelState = "ended"

// sweepEvery is how often what is over is forgotten.
const sweepEvery = 30 * time.Second

// Run connects to all directories and keeps connecting until ctx ends, then
// closes everything. It returns nil then, and ErrConfig if it could never work.
func (c *Channel) Run(ctx context.Context, sink func(channel.Event)) error {
	sink(channel.State{State: control.ChannelConnecting})
	if err := c.check(); err != nil {
		reason := control.FreeText(err.Error())
		c.mu.Lock()
		c.enter(ended, reason)
		c.mu.Unlock()
		c.log.Warn("channel given up", "reason", reason)
		sink(channel.State{State: control.ChannelFailed, Reason: reason})
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	c.ctx = ctx
	c.mu.Unlock()
	c.task(c.enterMarket)
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for ctx.Err() == nil {
		select {
		case <-c.wake:
			c.drain(sink)
		case now := <-sweep.C:
			c.sweep(now)
		case <-ctx.Done():
		}
	}
	cancel()
	c.mu.Lock()
	c.ctx = nil
	c.enter(ended, "")
	c.room.Broadcast()
	c.mu.Unlock()
	c.tasks.Wait()
	return nil
}

// enterMarket connects to the directories; who serves does so first, to tell them
// where.
func (c *Channel) enterMarket(ctx context.Context) {
	c.mu.Lock()
	serving := c.serving
	c.mu.Unlock()
	if serving && !c.listen(ctx) {
		return
	}
	for _, d := range c.directories {
		c.task(func(ctx context.Context) { c.keep(ctx, d) })
	}
}

// task runs f until Run ends, which waits for it. Without Run it does nothing, and
// reports so.
func (c *Channel) task(f func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taskLocked(f)
}

func (c *Channel) taskLocked(f func(ctx context.Context)) bool {
	ctx := c.ctx
	if ctx == nil {
		return false
	}
	c.tasks.Go(func() { f(ctx) })
	return true
}

// drain gives the session what is queued.
func (c *Channel) drain(sink func(channel.Event)) {
	c.mu.Lock()
	events := c.queued
	c.queued = nil
	c.room.Broadcast()
	c.mu.Unlock()
	for _, ev := range events {
		sink(ev)
	}
}

// emit queues an event for the session; mu is held.
func (c *Channel) emit(ev channel.Event) {
	c.queued = append(c.queued, ev)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// await waits until the session has room for more; mu is held.
func (c *Channel) await() {
	for len(c.queued) >= maxQueued && c.ctx != nil {
		c.room.Wait()
	}
}

// enter notes a new state; mu is held.
func (c *Channel) enter(state control.ChannelState, reason string) {
	if c.state != state {
		c.stats.since = time.Now()
	}
	c.state, c.stats.reason = state, reason
}

// look tells the session whether the channel is up: while a directory or a maker
// is connected, or a maker is being sought. mu is held.
func (c *Channel) look(reason string) {
	up := len(c.links) > 0 || c.state == control.ChannelUp && time.Now().Before(c.hold)
	switch {
	case c.ctx == nil:
	case up && c.state != control.ChannelUp:
		c.enter(control.ChannelUp, "")
		c.emit(channel.State{State: control.ChannelUp, HostID: onion.HostID})
	case !up && c.state == control.ChannelUp:
		c.enter(control.ChannelLost, reason)
		c.emit(channel.State{State: control.ChannelLost, Reason: reason})
	case !up && reason != "" && reason != c.stats.reason:
		c.enter(c.state, reason)
		c.emit(channel.State{State: c.state, Reason: reason})
	}
}

// stillUp tells the session if the channel is up no more; mu is held.
func (c *Channel) stillUp() {
	if c.state == control.ChannelUp {
		c.look("no directory and no maker is connected")
	}
}

// again tells the session that a further part of the market hears us; mu is held.
func (c *Channel) again() {
	c.emit(channel.State{State: control.ChannelUp, HostID: onion.HostID})
}

// sweep forgets what is over.
func (c *Channel) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for nick, w := range c.ways {
		if !w.dialling && now.Sub(w.used) > wayLife {
			delete(c.ways, nick)
		}
	}
	for at, until := range c.avoid {
		if now.After(until) {
			delete(c.avoid, at)
		}
	}
	for _, d := range c.directories {
		d.heard.sweep(now)
	}
	c.settle(now)
	c.keepAlive(now)
	c.compare(now)
	c.stillUp()
}

// drop counts something that came in and is not acted on.
func (c *Channel) drop(cause count.Cause) { c.cfg.Counts.Inc(cause) }

// upDirectories are the directories that are connected; mu is held.
func (c *Channel) upDirectories() []*directory {
	return slices.DeleteFunc(slices.Clone(c.directories), func(d *directory) bool { return d.link == nil })
}
