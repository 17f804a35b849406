package directory

import (
	"io"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// hear acts on the lines of a peer until its connection ends.
func (d *Directory) hear(p *peer, s *stream, in *onion.Reader) error {
	for {
		m, err := in.Read()
		s.done()
		if err != nil {
			return err
		}
		now := time.Now()
		p.heard.Set(now)
		if wait := d.door.line(p.origin, now); wait > 0 {
			d.counts.inc(slowed)
			if !pause(d.over, wait) {
				return io.EOF
			}
		}
		d.line(p, m, now)
	}
}

// line acts on one. Nothing in a line ends a connection but its form; what the
// reference does not know it passes over, and so do we.
func (d *Directory) line(p *peer, m onion.Message, now time.Time) {
	switch m.Type {
	case onion.Public:
		d.public(p, m, now)
	case onion.Private:
		d.private(p, m, now)
	case onion.GetPeerList:
		d.list(p, now)
	case onion.Ping:
		d.counts.inc(inPing)
		p.send(pong, outbox.Shared)
	case onion.Pong:
		d.counts.inc(inPing)
		p.ponged.Store(true)
		d.registry.alive(p)
	default:
		d.counts.inc(dropType)
	}
}

// parse reads a line of the market. Its sender must be the peer (attack N8): so
// offers are cancelled by who made them only, or by a peer that has the nick on
// another directory (attack N16).
func (d *Directory) parse(p *peer, m onion.Message) (onion.Line, bool) {
	l, err := onion.ParseLine(m)
	switch {
	case err != nil:
		d.counts.inc(dropForm)
		return l, false
	case l.From != p.nick:
		d.counts.inc(dropSender)
		return l, false
	}
	return l, true
}

// written is a line to pass on, in the one form in which we write: two programs
// that read a line as a peer wrote it might read two different things. It is made
// once, whoever gets it.
func (d *Directory) written(m onion.Message) []byte {
	line, err := m.Append(make([]byte, 0, len(m.Text)+32))
	if err != nil {
		d.counts.inc(dropLong)
		return nil
	}
	return line
}

// public has a line passed on to all, when it is its turn.
func (d *Directory) public(p *peer, m onion.Message, now time.Time) {
	l, ok := d.parse(p, m)
	if !ok {
		return
	}
	request := strings.Contains(l.Body, "!orderbook") // as any of its commands
	if request {
		d.counts.inc(inRequest)
	} else {
		d.counts.inc(inPublic)
	}
	if len(m.Text) > maxPublic {
		d.counts.inc(dropLong)
		return
	}
	if !p.origin.mayCry(now) {
		d.counts.inc(dropPublic)
		return
	}
	if request {
		p.asked.Set(now)
	}
	if line := d.written(m); line != nil && !d.crier.cry(p, request, line) {
		d.counts.inc(dropQueue)
	}
}

// private passes a line on to its addressee, and then, if that is news, where the
// sender can be reached without us.
func (d *Directory) private(p *peer, m onion.Message, now time.Time) {
	l, ok := d.parse(p, m)
	if !ok {
		return
	}
	d.counts.inc(inPrivate)
	to := d.registry.find(l.To)
	if to == nil || to == p {
		d.counts.inc(dropNobody)
		return
	}
	news, known := d.pairs.note(p, to, now)
	if !known && !to.hears(now) {
		d.counts.inc(dropUnasked)
		return
	}
	line := d.written(m)
	if line == nil || !to.send(line, outbox.Own) {
		return
	}
	p.visible.Store(true)
	d.counts.inc(outPrivate)
	if news && p.location.Serving() && to.send(p.hint(to.modern), outbox.Shared) {
		d.counts.inc(outHint)
	}
}
