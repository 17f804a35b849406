package directory

import (
	"container/list"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/fair"
	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/internal/moment"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// peer is a connection.
type peer struct {
	d      *Directory
	id     uint64 // no other has it, before or after
	nc     net.Conn
	out    *outbox.Box
	origin *origin
	since  time.Time // of the connection

	stranger *list.Element // of the door, until it says hello; guarded by that

	// What its hello said.
	nick     protocol.Nick
	location onion.Location
	features string // behind F: in peer lists
	modern   bool   // announced FeaturePeerList
	pings    bool   // announced FeaturePing

	// Guarded by the registry.
	place *list.Element
	claim *claim

	source fair.Source // guarded by the crier

	ending  atomic.Uint32 // 1 + why it was closed; 0: it is not
	visible atomic.Bool   // others were told of it
	ponged  atomic.Bool   // it has answered a ping
	heard   moment.Moment // when it said something last
	pinged  moment.Moment // when it was asked
	asked   moment.Moment // when it asked for the order book last
	listed  time.Time     // when it got a peer list; its reader's

	mu        sync.Mutex
	strangers rate.Bucket // private lines from peers that it has not written to
	hints     [2][]byte   // the line that tells others where it is, without and with features
}

// close ends the connection, for a cause that is counted. What was counted first
// stands.
func (p *peer) close(why cause) {
	if p.ending.CompareAndSwap(0, 1+uint32(why)) {
		p.d.counts.inc(why)
	}
	p.nc.Close()
}

// send has bytes written to the peer, and reports whether they will be. A peer
// that reads slowly, and has not caught up for long, is closed; one that reads is
// not, whatever others send it.
func (p *peer) send(bytes []byte, kind outbox.Kind) bool {
	err := p.out.Put(bytes, kind)
	if err == outbox.ErrFull {
		p.d.counts.inc(dropFull)
		if since, bytes := p.out.Busy(time.Now()); since > slowWait && bytes < slowPace*int64(since/time.Second) {
			p.close(closedSlow)
		}
	}
	return err == nil
}

// hears reports whether a stranger's line may be passed on to the peer now.
func (p *peer) hears(now time.Time) bool {
	if now.Sub(p.asked.Get()) < askedFor {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strangers.Allow(now)
}

// hint is the line that tells where the peer is. Entries with features are for
// those that understand them only (spec: peer lists).
func (p *peer) hint(modern bool) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	which := 0
	if modern {
		which = 1
	}
	if p.hints[which] == nil {
		p.hints[which] = peerLine(p.d.ownEntry() + p.entry(modern))
	}
	return p.hints[which]
}

// entry is the peer in a peer list.
func (p *peer) entry(modern bool) string {
	text := string(p.nick) + ";" + string(p.location)
	if modern && p.features != "" {
		text += ";F:" + p.features
	}
	return text
}

// peerLine is a peer list as a line.
func peerLine(entries string) []byte {
	line, err := onion.Message{Type: onion.PeerList, Text: entries}.Append(nil)
	if err != nil {
		panic("directory: a peer list that is too long: " + err.Error()) // all that we list is bounded
	}
	return line
}

// take takes over what a hello says; the text is cut loose from the line.
func (p *peer) take(h onion.ClientHello) {
	p.nick = protocol.Nick(strings.Clone(string(h.Nick)))
	p.location = onion.NotServing
	if h.Location.Serving() {
		p.location = onion.Location(strings.Clone(string(h.Location)))
	}
	p.features = strings.Join(h.Features, "+")
	p.pings = h.Features.Has(onion.FeaturePing)
	if p.modern = h.Features.Has(onion.FeaturePeerList); p.features == onion.FeaturePeerList {
		p.features = onion.FeaturePeerList // one for all
	}
}
