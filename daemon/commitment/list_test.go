package commitment

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
)

const alice, bob protocol.Nick = "J5ENesYLEgVVH8Ls", "J561YhaSF6trHuTS"

func value(n int) (v Value) {
	binary.BigEndian.PutUint64(v[:], uint64(n)+1)
	return v
}

func open(t *testing.T, cfg Config) *List {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// use spends v for alice in l.
func use(t *testing.T, l *List, v Value) {
	t.Helper()
	r, err := l.Reserve(v, alice)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if err := r.Use(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReferenceFiles plays the reference's own blacklist against ours: same
// answers, and files that either can read.
func TestReferenceFiles(t *testing.T) {
	var vectors struct {
		Cases []struct {
			InitialFile *string `json:"initial_file"`
			Steps       []struct {
				Commitment string
				Persist    bool
				Answer     string
				File       *string
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "testdata/blacklist.json")), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range vectors.Cases {
		dir := t.TempDir()
		path := filepath.Join(dir, "commitmentlist")
		if c.InitialFile != nil {
			if err := os.WriteFile(path, []byte(*c.InitialFile), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l := open(t, Config{File: filepath.Join(dir, "commitmentlist")})
		for i, s := range c.Steps {
			v, err := protocol.Commitment("P" + s.Commitment).Bytes()
			got := "new"
			if err != nil {
				got = "invalid"
			} else if l.Known(v) {
				got = "blacklisted"
			}
			if got != s.Answer {
				t.Errorf("step %d: %q is %s, the reference says %s", i, s.Commitment, got, s.Answer)
			}
			if s.Persist && got == "new" {
				use(t, l, v)
			}
			// What the reference's file holds, ours holds too.
			if s.File != nil {
				for _, line := range strings.Fields(strings.ToLower(*s.File)) {
					if !strings.Contains(strings.ToLower(read(t, path)), line) {
						t.Errorf("step %d: file lacks %s", i, line)
					}
				}
			}
		}
		l.Close()
		l = open(t, Config{File: filepath.Join(dir, "commitmentlist")})
		for _, s := range c.Steps {
			v, err := protocol.Commitment("P" + s.Commitment).Bytes()
			if err == nil && s.Persist && !l.Known(v) {
				t.Errorf("%s forgotten over a restart", s.Commitment)
			}
		}
	}
}

// TestM1LetterCase: the file may hold either case; the value is one.
func TestM1LetterCase(t *testing.T) {
	dir := t.TempDir()
	upper := strings.ToUpper(Hex(Value{0xab, 0xcd}))
	if err := os.WriteFile(filepath.Join(dir, "commitmentlist"), []byte(upper), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{File: filepath.Join(dir, "commitmentlist")})
	if !l.Known(Value{0xab, 0xcd}) {
		t.Error("upper-case line not recognised")
	}
	use(t, l, value(1))
	if got, want := read(t, filepath.Join(dir, "commitmentlist")), upper+"\n"+Hex(value(1))+"\n"; got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

func TestCrashLeavesPartialLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "commitmentlist")
	whole := Hex(value(1)) + "\n"
	for cut := range len(whole) {
		if err := os.WriteFile(path, []byte(whole+Hex(value(2))[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, Config{File: filepath.Join(dir, "commitmentlist")})
		if !l.Known(value(1)) {
			t.Fatalf("cut at %d: the whole line is lost", cut)
		}
		if cut < 64 && l.Known(value(2)) {
			t.Fatalf("cut at %d: a partial line counts", cut)
		}
		use(t, l, value(3))
		l.Close()
		if l := open(t, Config{File: filepath.Join(dir, "commitmentlist")}); !l.Known(value(1)) || !l.Known(value(3)) {
			t.Fatalf("cut at %d: what was appended behind is lost", cut)
		}
	}
}

func TestJunkFile(t *testing.T) {
	dir := t.TempDir()
	junk := "ab\n\n" + strings.Repeat("0", 100_000) + "\nzz" + Hex(value(0))[2:] + "\n" + Hex(value(5)) + "00\n" + Hex(value(7)) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "commitmentlist"), []byte(junk), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{File: filepath.Join(dir, "commitmentlist")})
	if len(l.used.set) != 1 || !l.Known(value(7)) || l.used.skipped != 4 {
		t.Errorf("%d read, %d skipped; want 1 and 4", len(l.used.set), l.used.skipped)
	}
}

func TestM4Reservation(t *testing.T) {
	l := open(t, Config{})
	a, err := l.Reserve(value(1), alice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(value(1), bob); !errors.Is(err, ErrReserved) {
		t.Errorf("another nick: %v, want ErrReserved", err)
	}
	again, err := l.Reserve(value(1), alice)
	if err != nil {
		t.Fatalf("the same nick at another maker of this daemon: %v", err)
	}
	a.Release()
	a.Release() // counts once
	if _, err := l.Reserve(value(1), bob); !errors.Is(err, ErrReserved) {
		t.Errorf("one session left: %v, want ErrReserved", err)
	}
	if err := again.Use(); err != nil {
		t.Fatal(err)
	}
	again.Release()
	for _, nick := range []protocol.Nick{alice, bob} {
		if _, err := l.Reserve(value(1), nick); !errors.Is(err, ErrUsed) {
			t.Errorf("used: %v, want ErrUsed", err)
		}
	}
	free, err := l.Reserve(value(2), alice)
	if err != nil {
		t.Fatal(err)
	}
	free.Release()
	if r, err := l.Reserve(value(2), bob); err != nil {
		t.Errorf("released unused: %v", err)
	} else {
		r.Release()
	}
	if len(l.reserved) != 0 {
		t.Errorf("%d reservations left", len(l.reserved))
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
			if r, err := l.Reserve(value(1), nick); err == nil {
				granted <- r
			}
		})
	}
	wg.Wait()
	if len(granted) != 1 {
		t.Errorf("%d takers hold one commitment", len(granted))
	}
}

func TestM2HearsayAges(t *testing.T) {
	dir := t.TempDir()
	const max = 20
	l := open(t, Config{File: filepath.Join(dir, "commitmentlist"), MaxHeard: max})
	use(t, l, value(-1))
	for i := range 100 * max {
		unknown, err := l.Hear(value(i))
		if err != nil || !unknown {
			t.Fatalf("%d: unknown %v, %v", i, unknown, err)
		}
		if unknown, _ := l.Hear(value(i)); unknown {
			t.Fatalf("%d is new twice", i)
		}
		if n := len(l.heard.set) + len(l.elder); n > max {
			t.Fatalf("%d kept, cap %d", n, max)
		}
	}
	check := func(l *List) {
		t.Helper()
		if !l.Known(value(100*max-1)) || !l.Known(value(100*max-max/2)) {
			t.Error("recent hearsay is lost")
		}
		if l.Known(value(0)) {
			t.Error("old hearsay is kept")
		}
		if !l.Known(value(-1)) {
			t.Error("a flood of hearsay pushed out a used commitment")
		}
	}
	check(l)
	l.Close()
	for _, name := range []string{"commitmentlist.heard", "commitmentlist.heard.old"} {
		if n := strings.Count(read(t, filepath.Join(dir, name)), "\n"); n > max/2 {
			t.Errorf("%s has %d lines, cap %d", name, n, max/2)
		}
	}
	check(open(t, Config{File: filepath.Join(dir, "commitmentlist"), MaxHeard: max}))
}

// TestHearsayCanBeUsed: a commitment that was published while its conversation
// was open is recorded for good when the coins are shown.
func TestHearsayCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{File: filepath.Join(dir, "commitmentlist")})
	r, err := l.Reserve(value(1), alice)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Hear(value(1)); err != nil {
		t.Fatal(err)
	}
	if err := r.Use(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "commitmentlist")); got != Hex(value(1))+"\n" {
		t.Errorf("file %q", got)
	}
}

// TestD7WriteFails: what could not be written is not used, and can be tried
// again.
func TestD7WriteFails(t *testing.T) {
	l := open(t, Config{File: filepath.Join(t.TempDir(), "commitmentlist")})
	r, err := l.Reserve(value(1), alice)
	if err != nil {
		t.Fatal(err)
	}
	writable := l.used.file
	path := l.cfg.File
	readOnly, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	l.used.file = readOnly
	if err := r.Use(); err == nil {
		t.Fatal("used without a record on disk")
	}
	l.used.file = writable
	if err := r.Use(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(read(t, path)); len(got) != 1 || got[0] != Hex(value(1)) {
		t.Errorf("file holds %q", got)
	}
}

func TestClosed(t *testing.T) {
	l := open(t, Config{File: filepath.Join(t.TempDir(), "commitmentlist")})
	r, err := l.Reserve(value(1), alice)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := r.Use(); !errors.Is(err, ErrClosed) {
		t.Errorf("Use: %v", err)
	}
	if _, err := l.Hear(value(2)); !errors.Is(err, ErrClosed) {
		t.Errorf("Hear: %v", err)
	}
	if _, err := l.Reserve(value(2), alice); !errors.Is(err, ErrClosed) {
		t.Errorf("Reserve: %v", err)
	}
	r.Release()
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(Config{File: filepath.Join(t.TempDir(), "missing", "commitmentlist")}); err == nil {
		t.Error("missing folder accepted")
	}
	if _, err := Open(Config{MaxHeard: 1}); err == nil {
		t.Error("MaxHeard of 1 accepted")
	}
}

// BenchmarkReserve shows that !fill is answered in constant time however long
// the list (attack M2: below 1 ms).
func BenchmarkReserve(b *testing.B) {
	l, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range DefaultMaxHeard {
		if _, err := l.Hear(value(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		r, err := l.Reserve(value(-2-i), alice)
		if err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
}

// TestUsedIsBounded: when the list of used commitments is full, no more coins
// are shown, and what is in the list stays refused.
func TestUsedIsBounded(t *testing.T) {
	counts := new(count.Set)
	l := open(t, Config{Counts: counts})
	l.used.max = 3
	for i := range 5 {
		r, err := l.Reserve(value(i), "J5ENesYLEgVVH8Ls")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Use(); (i >= 3) != errors.Is(err, ErrFull) {
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
}

// BenchmarkM2Spam: ten million made-up commitments, as fast as they can come.
// What is kept of them in memory and on disk is bounded, and asking takes as
// long as before.
func BenchmarkM2Spam(b *testing.B) {
	const spam = 10_000_000
	for b.Loop() {
		file := filepath.Join(b.TempDir(), "commitmentlist")
		l, err := Open(Config{File: file})
		if err != nil {
			b.Fatal(err)
		}
		var v Value
		var slowest time.Duration
		for i := range spam {
			binary.BigEndian.PutUint64(v[:], uint64(i)*0x9e3779b97f4a7c15)
			if _, err := l.Hear(v); err != nil {
				b.Fatal(err)
			}
			if i%1000 == 0 {
				start := time.Now()
				if r, err := l.Reserve(Value{31: 1}, "J5ENesYLEgVVH8Ls"); err != nil {
					b.Fatal(err)
				} else {
					r.Release()
				}
				slowest = max(slowest, time.Since(start))
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		var disk int64
		for _, suffix := range []string{"", ".heard", ".heard.old"} {
			if info, err := os.Stat(file + suffix); err == nil {
				disk += info.Size()
			}
		}
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MB-memory")
		b.ReportMetric(float64(disk)/(1<<20), "MB-disk")
		b.ReportMetric(float64(slowest.Microseconds()), "µs-slowest-fill")
		l.Close()
	}
}
