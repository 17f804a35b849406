package commitments

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestT12PowerCutAtEveryOperation: wherever the power is cut or the disk fails
// while a taker records a commitment, one that Next returned is used for good,
// one of before stays used, and the file reads.
func TestT12PowerCutAtEveryOperation(t *testing.T) {
	w := newWorld()
	own := []coins.Coin{w.add(t, outPoint(1), slices.Repeat([]byte{1}, 32), 2_000_000)}
	// record makes two commitments, the second with a fault, and returns those
	// that may have left and the operations of the second.
	record := func(path string, f durabletest.Fault, loss durabletest.Loss) (left [][32]byte, operations int) {
		first, err := open(t, path).Next(t.Context(), w, w, 1_000_000, own, nil)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, first.Commitment())
		disk := durabletest.New(f)
		s, err := Open(Config{Path: path, Files: disk, Tries: 3, Age: 5, Percent: 20})
		if err == nil {
			if second, err := s.Next(t.Context(), w, w, 1_000_000, own, nil); err == nil {
				left = append(left, second.Commitment())
			}
		}
		operations = len(disk.Operations())
		if errors.Is(f.Err, durabletest.ErrPower) {
			if err := disk.Crash(loss); err != nil {
				t.Fatal(err)
			}
		}
		return left, operations
	}
	_, operations := record(tempFile(t), durabletest.Fault{}, durabletest.Kept)
	if operations < 4 {
		t.Fatalf("only %d operations", operations)
	}
	check := func(f durabletest.Fault, loss durabletest.Loss) {
		path := tempFile(t)
		left, _ := record(path, f, loss)
		for {
			next, err := open(t, path).Next(t.Context(), w, w, 1_000_000, own, nil)
			if none := new(NoneError); errors.As(err, &none) {
				break
			} else if err != nil {
				t.Errorf("%v at %d, %s: %v", f.Err, f.At, loss, err)
				return
			}
			if slices.Contains(left, next.Commitment()) {
				t.Errorf("%v at %d, %s: a commitment leaves twice", f.Err, f.At, loss)
			}
			left = append(left, next.Commitment())
		}
		if len(left) < 2 || len(left) > 3 {
			t.Errorf("%v at %d, %s: %d commitments of one coin", f.Err, f.At, loss, len(left))
		}
	}
	for at := 1; at <= operations; at++ {
		for _, loss := range durabletest.Losses() {
			check(durabletest.Fault{At: at, Err: durabletest.ErrPower}, loss)
		}
		check(durabletest.Fault{At: at, Err: syscall.EIO}, durabletest.Kept)
		check(durabletest.Fault{At: at, Err: syscall.ENOSPC, Stays: true}, durabletest.Kept)
	}
}
