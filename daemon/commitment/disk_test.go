package commitment

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
)

// TestM2NothingWaitsForTheDisk: while the disk stands still, fills are judged and
// hearsay is taken in, within bounds; only who shows coins waits, and all who do
// are served by few flushes.
func TestM2NothingWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.NewStalled()
		file := filepath.Join(t.TempDir(), "commitmentlist")
		l := open(t, Config{File: file, Files: disk, MaxHeard: 10 * maxBehind})
		var waiting []<-chan error
		for i := range 50 {
			r := reserve(t, l, value(i), alice, maker)
			waiting = append(waiting, r.Use())
			r.Release()
			synctest.Wait()
			refused(t, l, value(i), bob, second, ErrReserved) // on its way is as good as used
			refused(t, l, value(i), alice, maker, ErrUsed)
		}
		for i := range 3 * maxBehind {
			if !l.Hear(value(100+i)) || !l.Known(value(100+i)) {
				t.Fatalf("%d is not taken in", i)
			}
		}
		if n := l.heardFile.behind(); n > maxBehind {
			t.Errorf("%d wait for the disk, cap %d", n, maxBehind)
		}
		synctest.Wait()
		for i, w := range waiting {
			if len(w) > 0 {
				t.Fatalf("%d is told to be on the disk: %v", i, <-w)
			}
		}
		close(disk.Go)
		for i, w := range waiting {
			if err := <-w; err != nil {
				t.Errorf("%d: %v", i, err)
			}
			if !l.Known(value(i)) {
				t.Errorf("%d is not known", i)
			}
		}
		if n := disk.Syncs.Load(); n > 2 {
			t.Errorf("%d flushes for what gathered during one", n)
		}
		l.Close()
		if n := strings.Count(read(t, file), "\n"); n != len(waiting) {
			t.Errorf("%d lines, want %d", n, len(waiting))
		}
	})
}

// TestD7WriteFails: what could not be written is not used, and can be tried
// again.
func TestD7WriteFails(t *testing.T) {
	for _, op := range []string{"write commitmentlist", "sync commitmentlist"} {
		file := filepath.Join(t.TempDir(), "commitmentlist")
		clean := durabletest.New(durabletest.Fault{})
		l := open(t, Config{File: file, Files: clean})
		spend(t, reserve(t, l, value(0), bob, maker))
		l.Close()
		at := 0
		for i, name := range clean.Operations() {
			if name == op {
				at = i + 1
			}
		}
		if at == 0 {
			t.Fatalf("%s is none of %q", op, clean.Operations())
		}
		os.Remove(file)

		disk := durabletest.New(durabletest.Fault{At: at, Err: syscall.ENOSPC, Stays: true})
		l = open(t, Config{File: file, Files: disk})
		r := reserve(t, l, value(1), alice, maker)
		other := reserve(t, l, value(1), alice, second)
		if err := <-r.Use(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%s: %v", op, err)
		}
		if l.Known(value(1)) {
			t.Errorf("%s: used without a record on disk", op)
		}
		disk.Mend()
		for _, r := range []*Reservation{r, other} {
			spend(t, r)
			r.Release()
		}
		refused(t, l, value(1), alice, maker, ErrUsed)
		l.Close()
		if l = open(t, Config{File: file}); !l.Known(value(1)) || l.used.n != 1 {
			t.Errorf("%s: after a restart %d used", op, l.used.n)
		}
	}
}

// TestM2PowerCutAtEveryOperation: wherever the power is cut or the disk fails,
// what was told to be on the disk stays used, what was used before too, the files
// can be read, and they are bounded.
func TestM2PowerCutAtEveryOperation(t *testing.T) {
	const before, during, heard = 3, 3, 7
	cfg := func(file string) Config {
		return Config{File: file, MaxHeard: 6, Files: durabletest.New(durabletest.Fault{})} // which flushes nothing
	}
	// play uses and hears commitments on a disk with a fault, and returns those
	// of which it was told that they are on it.
	play := func(file string, disk *durabletest.Disk) (used []Value) {
		c := cfg(file)
		l := open(t, c)
		for i := range before {
			spend(t, reserve(t, l, value(i), alice, maker))
			used = append(used, value(i))
		}
		l.Hear(value(1000))
		l.Close()
		c.Files = disk
		l, err := Open(c)
		if err != nil {
			return used
		}
		defer l.Close()
		for i := before; i < before+during; i++ {
			for j := range heard { // ages several times
				l.Hear(value(100*i + j))
			}
			r := reserve(t, l, value(i), alice, maker)
			if err := <-r.Use(); err == nil {
				used = append(used, value(i))
			}
			r.Release()
		}
		return used
	}
	whole := durabletest.New(durabletest.Fault{})
	if used := play(filepath.Join(t.TempDir(), "list"), whole); len(used) != before+during {
		t.Fatalf("%d used without a fault", len(used))
	}
	renames := 0
	for _, op := range whole.Operations() {
		if op == "rename list.heard.old" {
			renames++
		}
	}
	if renames < 2 {
		t.Fatalf("the hearsay aged %d times", renames)
	}
	check := func(f durabletest.Fault, loss durabletest.Loss) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "list")
		disk := durabletest.New(f)
		used := play(file, disk)
		if errors.Is(f.Err, durabletest.ErrPower) {
			if err := disk.Crash(loss); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the first opening writes, too
			l, err := Open(cfg(file))
			if err != nil {
				t.Errorf("%v at %d, %s: %v", f.Err, f.At, loss, err)
				return
			}
			for _, v := range used {
				if !l.Known(v) {
					t.Errorf("%v at %d, %s: %s is forgotten", f.Err, f.At, loss, Hex(v)[:16])
				}
			}
			spend(t, reserve(t, l, value(99+len(used)), alice, maker))
			used = append(used, value(99+len(used)))
			if n := l.heard.n + l.elder.n; n > 6 {
				t.Errorf("%v at %d, %s: %d heard", f.Err, f.At, loss, n)
			}
			l.Close()
		}
		for _, suffix := range []string{".heard", ".heard.old"} {
			if text, err := os.ReadFile(file + suffix); err == nil && strings.Count(string(text), "\n") > 6 {
				t.Errorf("%v at %d, %s: %s has %d lines", f.Err, f.At, loss, suffix, strings.Count(string(text), "\n"))
			}
		}
	}
	// The order of operations differs from run to run, since files have writers
	// of their own; some more than were counted are tried.
	for at := 1; at <= len(whole.Operations())+2; at++ {
		for _, loss := range durabletest.Losses() {
			check(durabletest.Fault{At: at, Err: durabletest.ErrPower}, loss)
		}
		check(durabletest.Fault{At: at, Err: syscall.EIO}, durabletest.Kept)
		check(durabletest.Fault{At: at, Err: syscall.ENOSPC, Stays: true}, durabletest.Kept)
	}
}

// TestSmallerBound: hearsay of a time when more was kept does not keep the daemon
// from starting.
func TestSmallerBound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "commitmentlist")
	l := open(t, Config{File: file, MaxHeard: 100})
	for i := range 80 {
		l.Hear(value(i))
	}
	l.Close()
	l = open(t, Config{File: file, MaxHeard: 10})
	if n := l.heard.n + l.elder.n; n != 10 {
		t.Errorf("%d heard, cap 10", n)
	}
	for i := range 100 {
		l.Hear(value(200 + i))
	}
	l.Close()
	for _, suffix := range []string{".heard", ".heard.old"} {
		if n := strings.Count(read(t, file+suffix), "\n"); n > 5 {
			t.Errorf("%s has %d lines, cap 5", suffix, n)
		}
	}
}
