package daemon

import (
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// keptOfFlood is how much more memory may be in use after a flood than before,
// as a part of it.
const keptOfFlood = 0.05

// flood is so many nicks that come, offer something, fill, stay for a while and
// leave, while a conversation with somebody else goes on. The book has 1,000
// makers with 10,000 offers before. It returns what is in use before and after,
// in bytes; what ends by time has ended then.
func flood(b testing.TB, nicks int) (before, after uint64) {
	const stay = 10_000 // others come before one leaves
	ch := &mute{}
	s, w := benchMaker(b, Bounds{}, ch)
	s.fillBook()
	key, err := seal.NewKey()
	if err != nil {
		b.Fatal(err)
	}
	ch.said, ch.keys = make(chan protocol.Nick, 1), make(chan string, 1)
	s.say(alice, protocol.CmdFill, benchFill(key, nicks))
	<-ch.said
	box, err := key.With(<-ch.keys)
	if err != nil {
		b.Fatal(err)
	}
	s.inLoop(func() {
		ch.said, ch.keys = nil, nil
		s.sweep(time.Now())
	})
	before = inUse()
	for i := range nicks + stay {
		if i < nicks {
			s.post(seen{s.links[0], channel.Public{From: nick(i), Text: "!sw0reloffer 0 100000 5000000 0 0.00002"}})
			s.say(nick(i), protocol.CmdFill, benchFill(key, i))
		}
		if i >= stay {
			s.post(seen{s.links[0], channel.Left{Nick: nick(i - stay)}})
		}
	}
	s.settled()
	sealed, err := box.Seal(line.Plaintext(testAuth))
	if err != nil {
		b.Fatal(err)
	}
	s.say(alice, protocol.CmdAuth, sealed)
	<-w.auths // the honest conversation went on
	s.inLoop(func() {
		k := s.role.(*maker)
		if n := len(k.talks); n != s.d.cfg.Bounds.Conversations {
			b.Errorf("the flood got %d conversations", n)
		}
		for _, t := range k.talks {
			if t.Peer != alice {
				k.finish(t, protocol.ReasonTimeoutAuth) // as their alarms would
			}
		}
		s.sweep(time.Now().Add(time.Hour))
		s.book.Snapshot() // which is kept, as before
	})
	return before, inUse()
}

// TestM7MemoryAfterFlood: a flood of fills leaves nothing behind.
func TestM7MemoryAfterFlood(t *testing.T) {
	before, after := flood(t, floodNicks)
	if kept := float64(after)/float64(before) - 1; kept > keptOfFlood {
		t.Errorf("%.1f %% of %d bytes are kept", 100*kept, before)
	}
}

// BenchmarkHostileFills: what a flood leaves behind, and what a full book takes.
func BenchmarkHostileFills(b *testing.B) {
	for b.Loop() {
		before, after := flood(b, 100_000)
		b.ReportMetric(float64(before)/(1<<20), "MB-before")
		b.ReportMetric(100*(float64(after)/float64(before)-1), "%memory-kept")
	}
	b.ReportMetric(0, "ns/op")
}
