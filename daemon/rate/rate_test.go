package rate

import (
	"testing"
	"time"
)

var start = time.Unix(1_000_000, 0)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func TestBucket(t *testing.T) {
	b := New(Rate{10 * time.Second, 3})
	for i, step := range []struct {
		at   float64
		want bool
	}{
		{0, true}, {0, true}, {0, true}, {0, false}, {9.9, false}, {10, true}, {10, false},
		{20, true}, {1000, true}, {1000, true}, {1000, true}, {1000, false},
	} {
		if got := b.Allow(at(step.at)); got != step.want {
			t.Errorf("step %d at %v s: %v", i, step.at, got)
		}
	}
}

func TestReserve(t *testing.T) {
	b := New(Rate{10 * time.Second, 3})
	for i, step := range []struct {
		at   float64
		n    int
		want float64 // seconds to wait
	}{
		{0, 2, 0}, {0, 1, 0}, {0, 1, 10}, {5, 2, 25}, {30, 0, 0}, {30, 1, 10}, {1000, 3, 0}, {1000, 4, 40},
	} {
		if got := b.Reserve(step.n, at(step.at)); got != time.Duration(step.want*float64(time.Second)) {
			t.Errorf("step %d: %v, want %v s", i, got, step.want)
		}
	}
}

// TestDelay: after it, and not before, something is allowed.
func TestDelay(t *testing.T) {
	b := New(Rate{10 * time.Second, 2})
	for range 2 {
		if d := b.Delay(at(0)); d != 0 || !b.Allow(at(0)) {
			t.Fatalf("delay %v", d)
		}
	}
	if d := b.Delay(at(3)); d != 7*time.Second || b.Allow(at(9.9)) || !b.Allow(at(10)) {
		t.Errorf("delay %v", d)
	}
}

func TestNoBurstAllowsNothing(t *testing.T) {
	b := New(Rate{time.Second, 0})
	if b.Allow(at(0)) || b.Allow(at(100)) {
		t.Error("a burst of zero allows something")
	}
}

func TestKeyed(t *testing.T) {
	k := NewKeyed[int](Rate{time.Second, 1}, 3)
	for key := range 3 {
		if !k.Allow(key, at(0)) || k.Allow(key, at(0.5)) {
			t.Fatalf("key %d", key)
		}
	}
	if k.Allow(3, at(0.5)) {
		t.Error("a fourth key while three are active")
	}
	if k.Allow(3, at(1.2)) {
		t.Error("looked for room twice within a second")
	}
	if !k.Allow(0, at(1.2)) {
		t.Error("a known key is refused for lack of room")
	}
	if !k.Allow(3, at(1.6)) || len(k.buckets) != 2 {
		t.Errorf("no room although two keys are idle; %d remembered", len(k.buckets))
	}
	if k.Allow(0, at(1.6)) {
		t.Error("an active key was forgotten")
	}
}

func TestFloodOfKeysIsBounded(t *testing.T) {
	k := NewKeyed[int](Rate{time.Second, 1}, 100)
	allowed := 0
	for key := range 100_000 {
		if k.Allow(key, at(float64(key)/10_000)) {
			allowed++
		}
		if len(k.buckets) > 100 {
			t.Fatalf("%d keys remembered", len(k.buckets))
		}
	}
	if allowed < 500 || allowed > 1100 { // ten seconds, 100 keys a second
		t.Errorf("%d allowed", allowed)
	}
}

// TestSweep: keys that were active give their memory back when their rate needs
// no watching any more, and not before: it makes no difference to what is
// allowed.
func TestSweep(t *testing.T) {
	k, unswept := NewKeyed[int](Rate{10 * time.Second, 2}, 1000), NewKeyed[int](Rate{10 * time.Second, 2}, 1000)
	for s := range 600 {
		for _, key := range []int{0, s / 7, 100 + s/50, 200 + s%90} {
			if got, want := k.Allow(key, at(float64(s))), unswept.Allow(key, at(float64(s))); got != want {
				t.Fatalf("key %d at %d s: %v, unswept %v", key, s, got, want)
			}
		}
		if s%13 == 0 {
			k.Sweep(at(float64(s)))
		}
	}
	if len(k.buckets) >= len(unswept.buckets) {
		t.Errorf("%d keys are remembered, %d if never swept", len(k.buckets), len(unswept.buckets))
	}
	before := k.buckets
	k.Sweep(at(599))
	k.Sweep(at(599)) // nothing to do: no new map
	if k.Sweep(at(1e6)); len(k.buckets) != 0 || len(before) == 0 {
		t.Errorf("%d of %d keys are remembered for ever", len(k.buckets), len(before))
	}
	if !k.Allow(0, at(1e6)) {
		t.Error("a key that was forgotten is refused")
	}
}
