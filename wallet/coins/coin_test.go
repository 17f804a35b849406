package coins

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// TestW13LockedToTheSecond: a bond counts as expired exactly when a node takes
// the transaction that spends it.
func TestW13LockedToTheSecond(t *testing.T) {
	bond := Coin{Branch: keys.Timelocked, Index: 66, Locktime: 1_751_328_000}
	for median, locked := range map[int64]bool{
		0: true, 1_751_327_999: true, 1_751_328_000: true, 1_751_328_001: true, 1_751_328_002: false, 1 << 40: false,
	} {
		// A node asks for nLockTime < median (BIP113).
		final := int64(bond.LockTime()) < median
		if got := bond.Locked(time.Unix(median, 0)); got != locked || final == locked {
			t.Errorf("median time %d: locked %v, final %v", median, got, final)
		}
	}
	if ordinary := (Coin{}); ordinary.Locked(time.Unix(0, 0)) || ordinary.LockTime() != 0 {
		t.Error("an ordinary coin is locked")
	}
	if want := (keys.Path{Branch: keys.Timelocked, Index: 66, Locktime: 1_751_328_000}); bond.Path() != want {
		t.Errorf("path %+v", bond.Path())
	}
}

// TestM28FilterLeavesBonds: whatever their time, bonds are not chosen by chance.
func TestM28FilterLeavesBonds(t *testing.T) {
	all := []Coin{{Value: 1}, {OutPoint: wire.OutPoint{Index: 1}, Value: 2, Locktime: 1, Height: 1}}
	if got := (Filter{}).Apply(all); len(got) != 1 || got[0].Locktime != 0 {
		t.Errorf("passed %+v", got)
	}
}
