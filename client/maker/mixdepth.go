package maker

import (
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// balances returns what each mixdepth can put in: confirmed coins that are not
// frozen, and no fidelity bonds, and not set aside by others, as for a payment.
// Coins set aside for a taker count: offers do not tell the world that somebody
// was shown coins.
func (m *Maker) balances() ([]sats.Amount, error) {
	own, err := m.cfg.Wallet.Coins()
	if err != nil {
		return nil, err
	}
	inUse := m.cfg.Wallet.InUse()
	for out := range m.promised() {
		delete(inUse, out)
	}
	balances := make([]sats.Amount, m.cfg.Wallet.Mixdepths())
	for _, c := range own {
		_, used := inUse[c.OutPoint]
		if !used && !c.Frozen && c.Locktime == 0 && c.Height > 0 && !m.closed(c.Mixdepth) {
			balances[c.Mixdepth] += c.Value
		}
	}
	return balances, nil
}

// closed reports whether the coins of a mixdepth are needed for something else.
func (m *Maker) closed(mixdepth int) bool { return m.cfg.Closed != nil && m.cfg.Closed(mixdepth) }

// promised are the coins that takers were shown, or have our signatures for.
func (m *Maker) promised() map[wire.OutPoint]bool {
	coins := make(map[wire.OutPoint]bool)
	for _, t := range m.talks {
		for _, c := range t.agreement.Inputs {
			coins[c.OutPoint] = true
		}
	}
	for _, p := range m.signed {
		for _, in := range p.tx.TxIn {
			coins[in.PreviousOutPoint] = true
		}
	}
	return coins
}

// order returns the mixdepths that hold at least target, the one to take coins
// from first. The basic generator goes from the lowest up. The other one
// prefers those behind the largest gap of mixdepths with too little, so that
// coins go around and pile up in few of them (spec: taker-maker.md 13.5).
func order(balances []sats.Amount, target sats.Amount, basic bool) (mixdepths []int) {
	var able []int
	for mixdepth, balance := range balances {
		if balance >= target {
			able = append(able, mixdepth)
		}
	}
	if basic {
		return able
	}
	for len(able) > 0 {
		at := largestGap(able, len(balances))
		mixdepths = append(mixdepths, able[at])
		able = slices.Delete(able, at, at+1)
	}
	return mixdepths
}

// largestGap returns the index of the first of the mixdepths, ascending and of
// a circle of count, that is farthest from the one before it.
func largestGap(mixdepths []int, count int) (at int) {
	before, widest := mixdepths[len(mixdepths)-1]-count, 0
	for i, mixdepth := range mixdepths {
		if gap := mixdepth - before; gap > widest {
			at, widest = i, gap
		}
		before = mixdepth
	}
	return at
}
