package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// published returns who published which commitments in a pit, in order.
func published(p *daemontest.Pit) (by []protocol.Nick, values []string) {
	synctest.Wait()
	for _, l := range p.Lines() {
		if value, ok := strings.CutPrefix(l.Text, "!hp2 "); ok && l.To == "" {
			by, values = append(by, l.From), append(values, value)
		}
	}
	return by, values
}

// TestM24Courier: what another maker asks us to publish goes out once, on all
// channels, after some time, by somebody who is nobody.
func TestM24Courier(t *testing.T) {
	inWorld(t, Config{Channels: channels("pit", "other")}, func(t *testing.T, w *world) {
		w.pits["other"] = daemontest.NewPit("other", hostIDs["other"])
		maker := w.maker(bob)
		other := w.puppet(carol)
		value := func(n int) string { return commitment.Hex([32]byte{2, byte(n)}) }
		other.say(bob, protocol.CmdHP2, strings.ToUpper(value(0)))
		other.say(bob, protocol.CmdHP2, "abcd")
		time.Sleep(courierDelayLeast - time.Second)
		if by, _ := published(w.pit()); len(by) != 0 {
			t.Errorf("published at once by %v", by)
		}
		time.Sleep(courierDelayMost)
		other.say(bob, protocol.CmdHP2, value(0)) // has been
		other.say(bob, protocol.CmdHP2, value(1))
		time.Sleep(courierDelayMost + time.Second)
		for name, p := range w.pits {
			by, values := published(p)
			if len(by) != 2 || values[0] != value(0) || values[1] != value(1) {
				t.Fatalf("on %s %v published %v", name, by, values)
			}
			if by[0] == by[1] || by[0] == bob || by[1] == bob || !by[0].Valid() || !by[1].Valid() {
				t.Errorf("on %s published by %v", name, by)
			}
			time.Sleep(courierLinger)
			synctest.Wait()
			if n := p.Nicks(); len(n) != 1 || n[0] != bob {
				t.Errorf("on %s are %v", name, n)
			}
		}
		maker.quiet()
	})
}

// TestM24CourierIsBounded: however much is asked for, little is said.
func TestM24CourierIsBounded(t *testing.T) {
	counts := new(count.Set)
	inWorld(t, Config{Counts: counts}, func(t *testing.T, w *world) {
		w.maker(bob)
		for i := range 300 { // for five minutes
			for j := range 4 {
				other := w.puppet(nick(i*4 + j))
				other.say(bob, protocol.CmdHP2, commitment.Hex([32]byte{3, byte(i), byte(i >> 8), byte(j)}))
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * courierDelayMost)
		by, _ := published(w.pit())
		if n := len(by); n == 0 || n > 12+300/5+1 {
			t.Errorf("%d commitments of 1200 published", n)
		}
		seen := map[protocol.Nick]int{}
		for _, n := range by {
			seen[n]++
		}
		for n, count := range seen {
			if count > maxCarried {
				t.Errorf("%s published %d, cap %d", n, count, maxCarried)
			}
		}
		if counts.Get(count.LimitRelay) < 1000 {
			t.Errorf("%d counted", counts.Get(count.LimitRelay))
		}
	})
}

// TestM24NoCourierToAnAccount: an account or a certificate would tell whose
// courier it is.
func TestM24NoCourierToAnAccount(t *testing.T) {
	cfg := channels("pit")
	cfg[0].SASL, cfg[0].SASLUser, cfg[0].SASLPassword = "plain", "me", "secret"
	inWorld(t, Config{Channels: cfg}, func(t *testing.T, w *world) {
		w.maker(bob)
		w.puppet(carol).say(bob, protocol.CmdHP2, commitment.Hex([32]byte{2}))
		time.Sleep(2 * courierDelayMost)
		if by, _ := published(w.pit()); len(by) != 0 {
			t.Errorf("published by %v", by)
		}
	})
}
