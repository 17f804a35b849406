package coins

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// take leases what Default selects of the unleased coins.
func take(l *Leases, owner string, ttl time.Duration, all []Coin, target sats.Amount) (*Lease, error) {
	return l.Take(owner, ttl, func(leased func(wire.OutPoint) bool) ([]Coin, error) {
		return Default.Select(Filter{Exclude: leased}.Apply(all), target)
	})
}

func TestD2OneOwnerPerCoin(t *testing.T) {
	const workers = 1000
	values := make([]sats.Amount, 300)
	for i := range values {
		values[i] = sats.Amount(i + 1)
	}
	all := coinsOf(values)
	var table Leases
	var holders [300]atomic.Int32
	var got atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range workers {
		done.Go(func() {
			start.Wait()
			for round := range 3 {
				lease, err := take(&table, "race", time.Hour, all, sats.Amount((i+round)%200+1))
				if errors.Is(err, ErrFunds) {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				got.Add(1)
				for _, c := range lease.Coins {
					if holders[c.OutPoint.Index].Add(1) != 1 {
						t.Errorf("coin %d has two owners", c.OutPoint.Index)
					}
				}
				for _, c := range lease.Coins {
					holders[c.OutPoint.Index].Add(-1)
				}
				lease.Release()
			}
		})
	}
	start.Done()
	done.Wait()
	if n := table.Len(); n != 0 {
		t.Errorf("%d coins still leased", n)
	}
	if got.Load() < workers/10 {
		t.Errorf("only %d leases were granted: the race was not run", got.Load())
	}
}

func TestLeaseExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table Leases
		all := coinsOf([]sats.Amount{10})
		first, err := take(&table, "first", time.Minute, all, 10)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if _, err := take(&table, "second", time.Minute, all, 10); !errors.Is(err, ErrFunds) {
			t.Errorf("before the end: %v", err)
		}
		if err := first.Extend(time.Minute); err != nil {
			t.Errorf("Extend in time: %v", err)
		}
		time.Sleep(time.Minute)
		if table.Len() != 0 || table.Leased(all[0].OutPoint) {
			t.Error("lease outlives its time")
		}
		second, err := take(&table, "second", time.Minute, all, 10)
		if err != nil {
			t.Fatalf("after the end: %v", err)
		}
		if err := first.Extend(time.Minute); !errors.Is(err, ErrLeased) {
			t.Errorf("Extend of a lease that ended: %v", err)
		}
		first.Release()
		if !table.Leased(all[0].OutPoint) {
			t.Error("releasing the old lease freed the new one")
		}
		second.Release()
		second.Release()
		if table.Len() != 0 {
			t.Error("coin still leased")
		}
	})
}

func TestTakeAllOrNothing(t *testing.T) {
	var table Leases
	all := coinsOf([]sats.Amount{1, 2, 3})
	pick := func(coins ...Coin) func(func(wire.OutPoint) bool) ([]Coin, error) {
		return func(func(wire.OutPoint) bool) ([]Coin, error) { return coins, nil }
	}
	if _, err := table.Take("a", time.Hour, pick(all[2])); err != nil {
		t.Fatal(err)
	}
	for _, coins := range [][]Coin{{all[0], all[2]}, {all[0], all[1], all[0]}} {
		if _, err := table.Take("b", time.Hour, pick(coins...)); !errors.Is(err, ErrLeased) {
			t.Errorf("Take(%v): %v", ids(coins), err)
		}
	}
	boom := errors.New("boom")
	if _, err := table.Take("c", time.Hour, func(func(wire.OutPoint) bool) ([]Coin, error) {
		return all, boom
	}); !errors.Is(err, boom) {
		t.Error(err)
	}
	if n := table.Len(); n != 1 {
		t.Errorf("%d coins leased, want 1", n)
	}
}

func TestFilter(t *testing.T) {
	all := []Coin{
		{OutPoint: wire.OutPoint{Index: 0}, Mixdepth: 1, Height: 100},
		{OutPoint: wire.OutPoint{Index: 1}, Mixdepth: 0, Height: 100},
		{OutPoint: wire.OutPoint{Index: 2}, Mixdepth: 1, Height: 101},
		{OutPoint: wire.OutPoint{Index: 3}, Mixdepth: 1},
		{OutPoint: wire.OutPoint{Index: 4}, Mixdepth: 1, Height: 100, Frozen: true},
		{OutPoint: wire.OutPoint{Index: 5}, Mixdepth: 1, Height: 100},
		{OutPoint: wire.OutPoint{Index: 6}, Mixdepth: 1, Height: 200}, // above the tip we know
	}
	not5 := func(out wire.OutPoint) bool { return out.Index == 5 }
	for minConf, want := range map[int32][]int{0: {0, 2, 3, 6}, 1: {0, 2}, 5: {0, 2}, 6: {0}, 7: nil} {
		got := ids(Filter{Mixdepth: 1, MinConf: minConf, Tip: 105, Exclude: not5}.Apply(all))
		if !slices.Equal(got, want) {
			t.Errorf("MinConf %d: %v, want %v", minConf, got, want)
		}
	}
}

// TestD6LeasesIgnoreTheClock: leases end by the monotonic clock, whatever becomes
// of the other one. Go compares two times by that clock alone as long as both
// have a reading of it, which such a time shows.
func TestD6LeasesIgnoreTheClock(t *testing.T) {
	var l Leases
	lease, err := take(&l, "a", time.Hour, coinsOf([]sats.Amount{1}), 1)
	if err != nil {
		t.Fatal(err)
	}
	monotonic := func(when string) {
		t.Helper()
		if text := lease.until.String(); !strings.Contains(text, " m=+") {
			t.Errorf("%s the lease ends at %s, by the wall clock", when, text)
		}
	}
	monotonic("taken,")
	if err := lease.Extend(time.Minute); err != nil {
		t.Fatal(err)
	}
	monotonic("extended,")
}
