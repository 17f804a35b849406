package wallet

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestM22Ledger: each set is remembered once, the newest last, as long as its coins
// are unspent, and within bounds.
func TestM22Ledger(t *testing.T) {
	out := func(n uint32) wire.OutPoint { return wire.OutPoint{Index: n} }
	v := &view{}
	for n := range uint32(5000) {
		v.coins = append(v.coins, coins.Coin{OutPoint: out(n)})
	}
	var s state
	s.addShown(nil, v)
	s.addShown([]wire.OutPoint{out(3)}, v)
	s.addShown([]wire.OutPoint{out(1), out(2)}, v)
	s.addShown([]wire.OutPoint{out(3)}, v)
	if len(s.shown) != 2 || s.shown[1][0] != out(3) {
		t.Errorf("%v", s.shown)
	}
	again, err := decodeShown(encodeShown(s.shown))
	if err != nil || !slices.EqualFunc(again, s.shown, slices.Equal[[]wire.OutPoint]) {
		t.Errorf("%v, %v", again, err)
	}
	spent := &view{coins: v.coins[2:]}
	if s.addShown([]wire.OutPoint{out(4)}, spent); len(s.shown) != 2 || s.shown[0][0] != out(3) {
		t.Errorf("after a coin was spent %v", s.shown)
	}
	for n := range uint32(maxShown + 10) {
		s.addShown([]wire.OutPoint{out(n)}, v)
	}
	if len(s.shown) != maxShown || s.shown[maxShown-1][0] != out(maxShown+9) {
		t.Errorf("%d sets are remembered", len(s.shown))
	}
	var many []wire.OutPoint
	for n := range uint32(maxShownCoins - 5) {
		many = append(many, out(n))
	}
	if s.addShown(many, v); len(s.shown) != 6 {
		t.Errorf("%d sets are remembered beside a large one", len(s.shown))
	}
	if s.addShown(many[1:], v); len(s.shown) != 1 {
		t.Errorf("%d sets are remembered beside a larger one", len(s.shown))
	}
	for _, bad := range [][][]string{{{"x"}}, make([][]string, maxShown+1)} {
		if _, err := decodeShown(bad); err == nil {
			t.Errorf("%.40q is read", bad)
		}
	}
}
