package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
)

// writing is a command that writes, as a row of the table of faults.
type writing struct {
	name string
	// prepare readies the scene, on a sound disk; nil: nothing to do.
	prepare func(*scene)
	// args are its words.
	args func(*scene) []string
	// happened tells whether what it is for is in the files.
	happened func(*scene) bool
	// again are the exit statuses, besides 0, that it may have when it is run
	// once more after it happened.
	again []int
	// failed are its exit statuses when a write fails; nil: exitWallet.
	failed []int
	// stands: what was written is not taken back when its last flush fails.
	stands bool
	// market: others take part, so that the time is the test's own.
	market bool
	// meets is what happens while the command runs, which then is interrupted;
	// nil: it ends by itself. ctx ends with the command.
	meets func(s *scene, ctx context.Context)
}

// TestW2FaultAtEveryOperation runs every command that writes again and again,
// with the power cut or an error at each operation of the disk in turn. Then
// the old or the new state is there, whatever was shown or sent is remembered,
// and the same command succeeds.
func TestW2FaultAtEveryOperation(t *testing.T) {
	for _, row := range writings {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			operations := 0
			row.run(t, func(t *testing.T) { operations = row.sound(t) })
			for at := 1; at <= operations; at++ {
				for _, f := range row.faults(at) {
					row.run(t, func(t *testing.T) { row.fail(t, f) })
				}
				row.run(t, func(t *testing.T) { row.cut(t, at) })
			}
		})
	}
}

// run runs one scene of a row.
func (w writing) run(t *testing.T, scene func(*testing.T)) {
	t.Helper()
	if w.market {
		synctest.Test(t, scene)
	} else {
		scene(t)
	}
}

// sound runs the command without a fault and returns how many operations it
// takes.
func (w writing) sound(t *testing.T) int {
	t.Helper()
	s := newScene(t, w)
	disk := durabletest.New(durabletest.Fault{})
	if code := s.jm(disk, w.args(s)...); code != exitOK || !w.happened(s) {
		t.Fatalf("%s without a fault: exit status %d, happened: %v\n%s%s", w.name, code, w.happened(s), s.out.String(), s.talk.String())
	}
	operations := disk.Operations()
	if len(operations) < 5 {
		t.Fatalf("%s writes %v only", w.name, operations)
	}
	s.remembers()
	return len(operations)
}

// faults are the errors to try at an operation: a full or read-only disk, which
// stays so, and a bad sector, which is one. CoinJoins take long: they get one of
// the two.
func (w writing) faults(at int) []durabletest.Fault {
	full := durabletest.Fault{At: at, Err: []error{syscall.ENOSPC, syscall.EROFS}[at/2%2], Stays: true}
	sector := durabletest.Fault{At: at, Err: syscall.EIO}
	switch {
	case !w.market:
		return []durabletest.Fault{full, sector}
	case at%2 == 0:
		return []durabletest.Fault{full}
	}
	return []durabletest.Fault{sector}
}

// cut cuts the power at an operation.
func (w writing) cut(t *testing.T, at int) {
	t.Helper()
	s := newScene(t, w)
	disk := durabletest.New(durabletest.Fault{At: at, Err: durabletest.ErrPower})
	code := s.jm(disk, w.args(s)...)
	left := filepath.Join(t.TempDir(), "left")
	if err := os.CopyFS(left, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	// All files are flushed before they get their names, so that with Kept it is
	// as with Torn. Others cannot be taken back to before the cut: where they
	// take part, there is one loss.
	losses := []durabletest.Loss{durabletest.Torn, durabletest.Lost}
	if w.market {
		losses = losses[1:]
	}
	for _, loss := range losses {
		s.name = fmt.Sprintf("power cut at %s (%d), %s", last(disk, at), at, loss)
		if err := errors.Join(os.RemoveAll(s.dir), os.CopyFS(s.dir, os.DirFS(left)), disk.Crash(loss)); err != nil {
			t.Fatal(err)
		}
		if code == exitOK && w.meets == nil && !w.happened(s) {
			t.Errorf("%s: it said that it was done, and is not\n%s%s", s.name, s.out.String(), s.talk.String())
		}
		s.remembers()
	}
	s.after(w)
}

// fail makes operations fail, and mends the disk afterwards.
func (w writing) fail(t *testing.T, f durabletest.Fault) {
	t.Helper()
	s := newScene(t, w)
	disk := durabletest.New(f)
	code := s.jm(disk, w.args(s)...)
	s.name = fmt.Sprintf("%v at %s (%d)", f.Err, last(disk, f.At), f.At)
	switch happened := w.happened(s); {
	case code == exitOK && w.meets != nil:
	case code == exitOK && !happened:
		t.Errorf("%s: it said that it was done, and is not\n%s%s", s.name, s.out.String(), s.talk.String())
	case happened && w.stands && strings.Contains(s.talk.String(), durable.ErrUnsure.Error()):
	case happened && code != exitOK && code != exitUnsure && !strings.Contains(s.talk.String(), "may be in force"):
		t.Errorf("%s: it failed with %d, and happened all the same\n%s%s", s.name, code, s.out.String(), s.talk.String())
	case code == exitOK || code == exitUnsure:
	case w.failed == nil && code != exitWallet, w.failed != nil && !slices.Contains(w.failed, code):
		t.Errorf("%s: exit status %d\n%s%s", s.name, code, s.out.String(), s.talk.String())
	}
	disk.Mend()
	s.remembers()
	s.after(w)
}

// last names an operation.
func last(disk *durabletest.Disk, at int) string {
	if names := disk.Operations(); at <= len(names) {
		return names[at-1]
	}
	return "the end"
}
