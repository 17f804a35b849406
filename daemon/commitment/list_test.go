package commitment

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Two takers, and makers of this daemon.
const (
	alice, bob           protocol.Nick = "J5ENesYLEgVVH8Ls", "J561YhaSF6trHuTS"
	maker, second, third protocol.Nick = "J57DSUm6NfScN3T6", "J5AhJyN7o7uzdNDb", "J5m1111111AAAAOO"
)

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
	r, err := l.Reserve(v, alice, maker)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if err := <-r.Use(); err != nil {
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
	if l.used.n != 1 || !l.Known(value(7)) {
		t.Errorf("%d read, want 1", l.used.n)
	}
	if c, err := readFile(l.cfg.File, new(set), 10, l.as); err != nil || c.skipped != 4 {
		t.Errorf("%d skipped, want 4; %v", c.skipped, err)
	}
}

func TestM2HearsayAges(t *testing.T) {
	dir := t.TempDir()
	const max = 20
	counts := new(count.Set)
	l := open(t, Config{File: filepath.Join(dir, "commitmentlist"), MaxHeard: max, Counts: counts})
	use(t, l, value(-1))
	for i := range 100 * max {
		if !l.Hear(value(i)) {
			t.Fatalf("%d is known", i)
		}
		if l.Hear(value(i)) {
			t.Fatalf("%d is new twice", i)
		}
		if n := l.heard.n + l.elder.n; n > max {
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
	if n := counts.Get(count.LimitCommitmentList); n != 2*100-1 {
		t.Errorf("counted %d times that half of it is forgotten", n)
	}
	l.Close()
	for _, name := range []string{"commitmentlist.heard", "commitmentlist.heard.old"} {
		if n := strings.Count(read(t, filepath.Join(dir, name)), "\n"); n > max/2 {
			t.Errorf("%s has %d lines, cap %d", name, n, max/2)
		}
	}
	check(open(t, Config{File: filepath.Join(dir, "commitmentlist"), MaxHeard: max}))
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(Config{File: filepath.Join(t.TempDir(), "missing", "commitmentlist")}); err == nil {
		t.Error("missing folder accepted")
	}
	if _, err := Open(Config{MaxHeard: 1}); err == nil {
		t.Error("MaxHeard of 1 accepted")
	}
}
