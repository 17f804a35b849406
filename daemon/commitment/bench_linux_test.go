package commitment

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/joinmarket-go/joinmarket/daemon/count"
)

// many is the list of attack M2: ten million commitments.
const many = 10_000_000

func spam(i int) (v Value) {
	binary.BigEndian.PutUint64(v[:], uint64(i)*0x9e3779b97f4a7c15)
	return v
}

// BenchmarkReserve: a fill, with as much hearsay as is kept.
func BenchmarkReserve(b *testing.B) {
	l, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for i := range DefaultMaxHeard {
		if !l.Hear(spam(i)) {
			b.Fatal("known")
		}
	}
	for i := 0; b.Loop(); i++ {
		r, err := l.Reserve(value(-2-i), alice, maker)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

// fills does n fills, after some work of others each, and reports how long they
// took: by the processor's time of this thread the slowest, since whatever else
// the machine does would show in that by the clock, and by the clock 999 of 1000.
func fills(b *testing.B, l *List, n int, work func(i int)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := make([]time.Duration, 0, n)
	var slowest time.Duration
	for i := range n {
		work(i)
		start, busy := time.Now(), processor(b)
		r, err := l.Reserve(Value{31: 1}, alice, maker)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
		slowest = max(slowest, processor(b)-busy)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(slowest.Nanoseconds())/1000, "µs-slowest-fill")
	b.ReportMetric(float64(took[n-1-n/1000].Nanoseconds())/1000, "µs-99.9%-by-clock")
}

// processor is how long this thread has been running.
func processor(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

func memory(b *testing.B) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MB-memory")
}

// BenchmarkM2Spam: ten million made-up commitments are published, as fast as
// they can come. What is kept of them in memory and on disk is bounded, and
// fills are answered as fast as before.
func BenchmarkM2Spam(b *testing.B) {
	for b.Loop() {
		file := filepath.Join(b.TempDir(), "commitmentlist")
		l, err := Open(Config{File: file})
		if err != nil {
			b.Fatal(err)
		}
		const each = 100
		fills(b, l, many/each, func(i int) {
			for j := range each {
				if !l.Hear(spam(i*each + j)) {
					b.Fatal("known")
				}
			}
		})
		memory(b)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		var disk int64
		for _, suffix := range []string{"", ".heard", ".heard.old"} {
			if info, err := os.Stat(file + suffix); err == nil {
				disk += info.Size()
			}
		}
		b.ReportMetric(float64(disk)/(1<<20), "MB-disk")
	}
}

// BenchmarkM2Used: fills while the list of used commitments grows to ten
// million, the last ones in a file that is flushed meanwhile.
func BenchmarkM2Used(b *testing.B) {
	for b.Loop() {
		file := filepath.Join(b.TempDir(), "commitmentlist")
		f, err := os.Create(file)
		if err != nil {
			b.Fatal(err)
		}
		out := bufio.NewWriter(f)
		const first = many - 100_000
		for i := range first {
			v := spam(i)
			out.Write(append(hex.AppendEncode(nil, v[:]), '\n'))
		}
		if err := out.Flush(); err != nil {
			b.Fatal(err)
		}
		f.Close()
		start := time.Now()
		counts := new(count.Set)
		l, err := Open(Config{File: file, Counts: counts})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-read")
		fills(b, l, many-first, func(i int) {
			r, err := l.Reserve(spam(first+i), bob, maker)
			if err != nil {
				b.Fatal(err)
			}
			r.Use()
			r.Release()
		})
		memory(b)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		if n := counts.Get(count.CommitmentUsed); n != many-first {
			b.Errorf("%d used, want %d", n, many-first)
		}
	}
}
