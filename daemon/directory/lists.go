package directory

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/directory/outbox"
	"github.com/joinmarket-go/joinmarket/internal/random"
)

// lists are the answers to those who ask for the peer list. They are made now and
// then, and are the same for all who ask meanwhile.
type lists struct {
	mu     sync.Mutex
	made   time.Time
	answer [2][]byte // without and with features
}

// list answers with the peers, in parts. It goes to any peer, as all speak to each
// other anyway, but not too often.
func (d *Directory) list(p *peer, now time.Time) {
	d.counts.inc(inList)
	if now.Sub(p.listed) < listEvery {
		d.counts.inc(dropList)
		return
	}
	p.listed = now
	if p.send(d.lists.get(d, p.modern, now), outbox.Shared) {
		d.counts.inc(outLists)
	}
}

func (l *lists) get(d *Directory, modern bool, now time.Time) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made.IsZero() || now.Sub(l.made) > listAge {
		chosen := choose(d.registry.all(nil), d.limits.Load().List)
		for _, p := range chosen {
			p.visible.Store(true)
		}
		l.answer = [2][]byte{render(chosen, false), render(chosen, true)}
		l.made = now
	}
	if modern {
		return l.answer[1]
	}
	return l.answer[0]
}

// choose returns at most that many of the peers, who are in the order of their
// age: half of it are those known for longest, which nobody can be who came with
// an attack, the others are drawn (attack N15).
func choose(peers []*peer, most int) []*peer {
	if len(peers) <= most {
		return peers
	}
	rest := peers[most/2:]
	random.Shuffle(rest)
	return peers[:most]
}

// render writes a list, in lines of listPart peers; an empty one is a line too.
func render(peers []*peer, modern bool) []byte {
	var lines [][]byte
	for first := true; first || len(peers) > 0; first = false {
		n := min(len(peers), listPart)
		var entries []string
		for _, p := range peers[:n] {
			entries = append(entries, p.entry(modern))
		}
		lines = append(lines, peerLine(strings.Join(entries, ",")))
		peers = peers[n:]
	}
	return bytes.Join(lines, nil)
}
