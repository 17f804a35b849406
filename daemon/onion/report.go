package onion

import (
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Report implements channel.Reporter.
func (c *Channel) Report() control.ChannelReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.state
	if state == control.ChannelLost {
		state = control.ChannelConnecting
	}
	r := control.ChannelReport{
		Channel: c.cfg.Name, State: string(state), Since: unix(c.stats.since), Reason: c.stats.reason,
		LinesIn: c.stats.linesIn, LinesOut: c.stats.linesOut, Connections: c.stats.connections,
		Serving: c.location.Serving(),
	}
	for _, l := range c.links {
		waiting, written := l.out.counts()
		r.Queued += waiting
		r.LinesOut += written
		if l.dir == nil {
			r.Direct++
		}
	}
	for _, d := range c.directories {
		r.Directories = append(r.Directories, control.DirectoryReport{
			Address: d.address, State: string(d.state), Since: unix(d.since), Next: unix(d.next), Reason: d.reason,
			Connections: d.connections, Peers: len(d.heard), Makers: len(d.makers), Few: d.few,
		})
	}
	return r
}

// unix is 0 for no time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// When a directory shows far fewer makers than the others, it may hide some, or
// they it (attack N11). Makers answer through one directory of several, at
// random, so little less means nothing.
const (
	compareAfter = 3 * time.Minute // of being up, and after the order book was asked for
	fewFactor    = 4               // times fewer than the others show on average
	enoughMakers = 8               // on average, to tell anything
)

// compare looks for directories that show far fewer makers than the others; mu is
// held.
func (c *Channel) compare(now time.Time) {
	for _, d := range c.directories {
		others, makers := 0, 0
		for _, o := range c.directories {
			if o != d && o.shows(now) {
				others++
				makers += len(o.makers)
			}
		}
		few := d.shows(now) && now.Sub(c.asked) > compareAfter && makers >= enoughMakers*others && others > 0 &&
			len(d.makers)*fewFactor*others < makers
		if few && !d.few {
			c.log.Warn("a directory shows far fewer makers than the others", "directory", d.address, "makers", len(d.makers), "others_on_average", makers/others)
		}
		d.few = few
	}
}

// shows reports whether d was up for long enough to be compared.
func (d *directory) shows(now time.Time) bool {
	return d.state == Up && now.Sub(d.since) > compareAfter
}
