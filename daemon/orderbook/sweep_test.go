package orderbook

import (
	"runtime"
	"testing"
)

// TestSweep: nicks that came in thousands and left leave no memory behind, and
// those that stayed are still there.
func TestSweep(t *testing.T) {
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	b := New(own, usual)
	hear(t, b, public(alice, "a"), offer(0, 100_000))
	before := inUse()
	for i := range usual.Nicks - 1 {
		hear(t, b, public(nick(i), "a"), offer(0, 200_000))
	}
	for i := range usual.Nicks - 1 {
		b.Left("a", nick(i))
	}
	b.Sweep()
	if after := inUse(); after > before+100_000 {
		t.Errorf("%d bytes are kept", after-before)
	}
	want(t, b, alice, 100_000)
	hear(t, b, public(bob, "a"), offer(0, 300_000))
	want(t, b, bob, 300_000)
}
