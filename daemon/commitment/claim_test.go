package commitment

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// reserve fails the test unless v is given.
func reserve(t *testing.T, l *List, v Value, taker, maker protocol.Nick) *Reservation {
	t.Helper()
	r, err := l.Reserve(v, taker, maker)
	if err != nil {
		t.Fatalf("%s at %s: %v", taker, maker, err)
	}
	return r
}

// refused fails the test unless v is refused for that reason.
func refused(t *testing.T, l *List, v Value, taker, maker protocol.Nick, want error) {
	t.Helper()
	if err := l.Check(v, taker, maker); !errors.Is(err, want) {
		t.Errorf("%s at %s: %v, want %v", taker, maker, err, want)
	}
	if _, err := l.Reserve(v, taker, maker); !errors.Is(err, want) {
		t.Errorf("%s at %s: %v, want %v", taker, maker, err, want)
	}
}

func spend(t *testing.T, r *Reservation) {
	t.Helper()
	if err := <-r.Use(); err != nil {
		t.Fatal(err)
	}
}

func TestM4Reservation(t *testing.T) {
	l := open(t, Config{})
	a := reserve(t, l, value(1), alice, maker)
	refused(t, l, value(1), bob, maker, ErrReserved)
	refused(t, l, value(1), bob, second, ErrReserved)
	again := reserve(t, l, value(1), alice, second)
	a.Release()
	a.Release() // counts once
	refused(t, l, value(1), bob, maker, ErrReserved)
	again.Release()
	b := reserve(t, l, value(1), bob, maker) // released unused
	refused(t, l, value(1), alice, second, ErrReserved)
	spend(t, b)
	b.Release()
	refused(t, l, value(1), alice, second, ErrUsed)
	if len(l.claims) != 1 {
		t.Errorf("%d claims, want that which was used", len(l.claims))
	}
}

// TestM4Race: of many takers that show one commitment at once, one gets it.
func TestM4Race(t *testing.T) {
	l := open(t, Config{})
	var wg sync.WaitGroup
	granted := make(chan *Reservation, 1000)
	for i := range 1000 {
		wg.Go(func() {
			nick := protocol.Nick(string(rune('a'+i%26)) + string(rune(i)))
			if r, err := l.Reserve(value(1), nick, maker); err == nil {
				granted <- r
			}
		})
	}
	wg.Wait()
	if len(granted) != 1 {
		t.Errorf("%d takers hold one commitment", len(granted))
	}
}

// TestM2OneTakerManyMakers: a taker commits once to all makers of a CoinJoin.
// Those of them that share a daemon all take it, also those that it reaches when
// another has used it, or has had it published; but each shows its coins once, to
// nobody else, and not when the CoinJoin is long over.
func TestM2OneTakerManyMakers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{})
		v := value(1)
		first, late := reserve(t, l, v, alice, maker), reserve(t, l, v, alice, second)
		spend(t, first)
		first.Release()
		refused(t, l, v, alice, maker, ErrUsed) // its coins were shown
		refused(t, l, v, bob, maker, ErrUsed)
		refused(t, l, v, bob, third, ErrUsed)
		l.Hear(v)
		spend(t, late) // began before it was used
		late.Release()
		refused(t, l, v, alice, second, ErrUsed)

		time.Sleep(Together - time.Second) // the same CoinJoin still
		spend(t, reserve(t, l, v, alice, third))
		time.Sleep(time.Second)
		refused(t, l, v, alice, "J5fourth", ErrUsed)
	})
}

// TestM3PublishedInTheMiddle: what strangers publish does not count against a
// CoinJoin that is known here from before, and counts against all others.
func TestM3PublishedInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{})
		r := reserve(t, l, value(1), alice, maker)
		if !l.Hear(value(1)) {
			t.Fatal("known")
		}
		refused(t, l, value(1), bob, second, ErrUsed)
		other := reserve(t, l, value(1), alice, second)
		spend(t, other)
		other.Release()
		r.Release()

		// It is no way around the list: with no conversation left that began
		// before, and none that was used, it counts against everybody.
		r = reserve(t, l, value(2), alice, maker)
		if !l.Hear(value(2)) {
			t.Fatal("known")
		}
		r.Release()
		refused(t, l, value(2), alice, maker, ErrUsed)
		// Nor can it be kept open for ever by going from one maker to the next.
		r = reserve(t, l, value(3), alice, maker)
		if !l.Hear(value(3)) {
			t.Fatal("known")
		}
		time.Sleep(Together)
		refused(t, l, value(3), alice, second, ErrUsed)
		r.Release()
	})
}

// TestM7ClaimsAreForgotten: neither conversations that came to nothing nor
// commitments that were used leave anything behind but the list itself.
func TestM7ClaimsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{})
		for i := range 1000 {
			r := reserve(t, l, value(i), alice, maker)
			if i%10 == 0 {
				spend(t, r)
			}
			r.Release()
		}
		if len(l.claims) != 100 || len(l.spent) != 100 {
			t.Errorf("%d claims, want those that were used", len(l.claims))
		}
		open := reserve(t, l, value(-5), alice, maker)
		spend(t, open)
		time.Sleep(Together)
		refused(t, l, value(0), alice, second, ErrUsed)
		if len(l.claims) != 1 || len(l.spent) != 0 {
			t.Errorf("%d claims are left, want the one that is open", len(l.claims))
		}
		open.Release()
		if len(l.claims) != 0 {
			t.Errorf("%d claims are left", len(l.claims))
		}
	})
}

// TestHearsayCanBeUsed: a commitment that was published while its conversation
// was open is recorded for good when the coins are shown.
func TestHearsayCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{File: filepath.Join(dir, "commitmentlist")})
	r := reserve(t, l, value(1), alice, maker)
	if !l.Hear(value(1)) {
		t.Fatal("known")
	}
	spend(t, r)
	spend(t, r) // once more changes nothing
	if got := read(t, filepath.Join(dir, "commitmentlist")); got != Hex(value(1))+"\n" {
		t.Errorf("file %q", got)
	}
}

// TestUsedIsBounded: when the list of used commitments is full, no more coins
// are shown, and what is in the list stays refused.
func TestUsedIsBounded(t *testing.T) {
	counts := new(count.Set)
	file := filepath.Join(t.TempDir(), "commitmentlist")
	l := open(t, Config{File: file, Counts: counts})
	l.maxUsed = 3
	for i := range 5 {
		r := reserve(t, l, value(i), alice, maker)
		if err := <-r.Use(); (i >= 3) != errors.Is(err, ErrFull) {
			t.Errorf("use %d: %v", i, err)
		}
		r.Release()
		if l.Known(value(i)) != (i < 3) {
			t.Errorf("%d is known: %v", i, i >= 3)
		}
	}
	if used, full := counts.Get(count.CommitmentUsed), counts.Get(count.LimitCommitmentList); used != 3 || full != 2 {
		t.Errorf("counted %d used, %d refused", used, full)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// A file that has more is not read in part: what it says is used must not
	// be used again.
	var s set
	if c, err := readFile(file, &s, 2, l.as); err != nil || !c.full || s.n != 2 {
		t.Errorf("%d of 3 read, full %v; %v", s.n, c.full, err)
	}
	if c, err := readFile(file, new(set), 3, l.as); err != nil || c.full {
		t.Errorf("full %v with as many as may be; %v", c.full, err)
	}
}

func TestClosed(t *testing.T) {
	l := open(t, Config{File: filepath.Join(t.TempDir(), "commitmentlist")})
	r := reserve(t, l, value(1), alice, maker)
	l.Close()
	if err := <-r.Use(); !errors.Is(err, ErrClosed) {
		t.Errorf("Use: %v", err)
	}
	if l.Hear(value(2)) {
		t.Error("taken in")
	}
	refused(t, l, value(2), alice, maker, ErrClosed)
	r.Release()
}
