package wallet_test

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
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

func TestD1PowerCutAtEveryOperation(t *testing.T) {
	operations := handOut(t, 0, durabletest.Kept)
	if operations < 3*5 {
		t.Fatalf("only %d operations", operations)
	}
	for cutAt := 1; cutAt <= operations; cutAt++ {
		for _, loss := range durabletest.Losses() {
			handOut(t, cutAt, loss)
		}
	}
}

// handOut has three addresses handed out until a power cut, and three more
// after it. It returns the number of operations of the disk before.
func handOut(t *testing.T, cutAt int, loss durabletest.Loss) (operations int) {
	t.Helper()
	const addresses = 3
	w, path := create(t, newSeed(t), offline())
	w.Close()
	cfg := offline()
	disk := durabletest.New(durabletest.Fault{At: cutAt, Err: durabletest.ErrPower})
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
		} else if !errors.Is(err, durabletest.ErrPower) {
			t.Fatal(err)
		}
	}
	w.Close()
	if (len(seen) == addresses) != (cutAt == 0) {
		t.Errorf("cut at operation %d: %d addresses", cutAt, len(seen))
	}
	if err := disk.Crash(loss); err != nil {
		t.Fatal(err)
	}
	w, err = wallet.Open(path, wallettest.Password, offline())
	if err != nil {
		t.Fatalf("W2: cut at operation %d, %s: %v", cutAt, loss, err)
	}
	defer w.Close()
	for range addresses {
		if a := next(t, w, 0, keys.Internal); seen[a.Text] {
			t.Errorf("cut at operation %d, %s: %s a second time", cutAt, loss, a.Text)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("cut at operation %d, %s: left behind %v, %v", cutAt, loss, left, err)
	}
	return len(disk.Operations())
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
