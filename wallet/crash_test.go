package wallet_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

const childEnv = "WALLET_TEST_CHILD"

// TestMain lets the test binary act as a program that hands out addresses, one
// line each, from several goroutines, until it is killed or its input ends.
func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	w, err := wallet.Open(path, wallettest.Password, offline())
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	for i := range 4 {
		go func() {
			for {
				a, err := w.NextAddress(i%2, keys.Internal)
				if err != nil {
					os.Stderr.WriteString(err.Error() + "\n")
					os.Exit(1)
				}
				os.Stdout.WriteString(a.Text + "\n")
			}
		}()
	}
	io.Copy(io.Discard, os.Stdin)
}

func TestD1KilledProcessRepeatsNoAddress(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	w.Close()
	seen := make(map[string]bool)
	for round := range 12 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+path)
		var stderr strings.Builder
		child.Stderr = &stderr
		if _, err := child.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, killAt := 0, 1+rand.IntN(25)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				break // what is left is not a whole address
			}
			lines++
			if seen[line] {
				t.Fatalf("round %d: %s a second time", round, line)
			}
			seen[line] = true
			if lines == killAt {
				child.Process.Kill()
			}
		}
		child.Wait()
		if lines < killAt {
			t.Fatalf("round %d: the program ended by itself after %d addresses: %s", round, lines, &stderr)
		}
	}
	// Nor does this process.
	w = reopen(t, path, offline())
	for m := range 2 {
		if a := next(t, w, m, keys.Internal); seen[a.Text+"\n"] {
			t.Errorf("%s a second time", a.Text)
		}
	}
}

// volatile is a disk that forgets at a power cut what was not flushed: a
// renamed file unless its folder was flushed, and the content of a file unless
// it was flushed itself.
type volatile struct {
	path   string // the file that is watched
	cutAt  int    // the operation that the power cut prevents; 0: none
	count  int
	stable []byte          // what path holds after a power cut
	synced map[string]bool // by name of the file
}

var errPower = errors.New("power cut")

func newVolatile(t *testing.T, path string, cutAt int) *volatile {
	t.Helper()
	stable, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &volatile{path: path, cutAt: cutAt, stable: stable, synced: map[string]bool{path: true}}
}

func (v *volatile) step() error {
	if v.count++; v.cutAt > 0 && v.count >= v.cutAt {
		return errPower
	}
	return nil
}

func (v *volatile) Create(name string, perm fs.FileMode) (durable.File, error) {
	if err := v.step(); err != nil {
		return nil, err
	}
	f, err := durable.OS.Create(name, perm)
	return &volatileFile{f, v, name}, err
}

func (v *volatile) Rename(from, to string) error {
	if err := v.step(); err != nil {
		return err
	}
	v.synced[to] = v.synced[from]
	return durable.OS.Rename(from, to)
}

func (v *volatile) Remove(name string) error {
	if err := v.step(); err != nil {
		return err
	}
	return durable.OS.Remove(name)
}

func (v *volatile) SyncDir(name string) error {
	if err := v.step(); err != nil {
		return err
	}
	if filepath.Clean(name) != filepath.Dir(v.path) {
		return durable.OS.SyncDir(name)
	}
	content, err := os.ReadFile(v.path)
	if err != nil {
		return err
	}
	v.stable = nil
	if v.synced[v.path] {
		v.stable = content
	}
	return durable.OS.SyncDir(name)
}

type volatileFile struct {
	durable.File
	v    *volatile
	name string
}

func (f *volatileFile) Write(b []byte) (int, error) {
	if err := f.v.step(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *volatileFile) Sync() error {
	if err := f.v.step(); err != nil {
		return err
	}
	f.v.synced[f.name] = true
	return f.File.Sync()
}

func (f *volatileFile) Close() error {
	err := f.File.Close()
	if cut := f.v.step(); cut != nil {
		return cut
	}
	return err
}

func TestD1PowerCutAtEveryOperation(t *testing.T) {
	const addresses = 3
	operations := 0
	for cutAt := 0; cutAt <= operations; cutAt++ {
		w, path := create(t, newSeed(t), offline())
		w.Close()
		cfg := offline()
		disk := newVolatile(t, path, cutAt)
		cfg.Files = disk
		w, err := wallet.Open(path, wallettest.Password, cfg)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for range addresses {
			a, err := w.NextAddress(0, keys.Internal)
			if err == nil {
				seen[a.Text] = true
			} else if !errors.Is(err, errPower) {
				t.Fatal(err)
			}
		}
		w.Close()
		if cutAt == 0 {
			operations = disk.count
			if len(seen) != addresses || operations < addresses*6 {
				t.Fatalf("%d addresses with %d operations", len(seen), operations)
			}
		} else if len(seen) == addresses {
			t.Errorf("all addresses in spite of a power cut at operation %d", cutAt)
		}
		if err := os.WriteFile(path, disk.stable, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err = wallet.Open(path, wallettest.Password, offline())
		if err != nil {
			t.Fatalf("W2: cut at operation %d: %v", cutAt, err)
		}
		for range addresses {
			if a := next(t, w, 0, keys.Internal); seen[a.Text] {
				t.Errorf("cut at operation %d: %s a second time", cutAt, a.Text)
			}
		}
		w.Close()
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
		if err != nil || len(left) != 0 {
			t.Errorf("cut at operation %d: left behind %v, %v", cutAt, left, err)
		}
	}
}

func TestD7FullDiskPausesAndResumes(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	first := next(t, w, 0, keys.External)
	w.Close()
	cfg := offline()
	disk := &flakyDisk{System: durable.OS}
	cfg.Files = disk
	w, err := wallet.Open(path, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	disk.failAt = disk.count + 1
	if a, err := w.NextAddress(0, keys.External); !errors.Is(err, errDisk) || a.Text != "" {
		t.Errorf("with a full disk: %q, %v", a.Text, err)
	}
	// Nothing went out, so that no index is lost either.
	if a := next(t, w, 0, keys.External); a.Path.Index != first.Path.Index+1 {
		t.Errorf("with space again: index %d after %d", a.Path.Index, first.Path.Index)
	}
}
