package maker

import (
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// watch looks in the wallet for the transactions we signed: each pays us, so
// that it is there once the node knows it.
func (m *Maker) watch() {
	own, err := m.cfg.Wallet.Coins()
	if err != nil {
		return // a later change will tell
	}
	height := make(map[chainhash.Hash]int32)
	unspent := make(map[wire.OutPoint]bool)
	for _, c := range own {
		height[c.OutPoint.Hash] = c.Height
		unspent[c.OutPoint] = true
	}
	m.signed = slices.DeleteFunc(m.signed, func(t *talk) bool {
		h, known := height[t.txid]
		switch {
		case known && !t.seen:
			m.cfg.Notify(Seen{TxID: t.txid})
		case !known && !unspent[t.agreement.Inputs[0].OutPoint]:
			m.cfg.Notify(Spent{TxID: t.txid})
			t.lease.Release()
			return true
		}
		t.seen = known // an evicted transaction is waited for again
		if h == 0 {
			return false
		}
		earning, _ := t.agreement.Earning() // it was computed when signing
		m.cfg.Notify(Earned{TxID: t.txid, Amount: t.agreement.Amount, Earning: earning})
		t.lease.Release()
		return true
	})
}

// spendable is what the richest mixdepth holds in confirmed coins that are not
// frozen, and no fidelity bonds. Coins set aside for a taker count: offers do not tell the world that
// somebody was shown coins.
func (m *Maker) spendable() (sats.Amount, error) {
	own, err := m.cfg.Wallet.Coins()
	if err != nil {
		return 0, err
	}
	balances := make([]sats.Amount, m.cfg.Wallet.Mixdepths())
	for _, c := range own {
		if !c.Frozen && c.Locktime == 0 && c.Height > 0 {
			balances[c.Mixdepth] += c.Value
		}
	}
	return slices.Max(balances), nil
}
