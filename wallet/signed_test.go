package wallet_test

import (
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestD3SignedOutlivesTheProcess: what was signed for others is known after a
// restart, with what the chain made of it, until it is said to be settled.
func TestD3SignedOutlivesTheProcess(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*wallettest.Chain, *wire.MsgTx)
		want wallet.Signed
	}{
		{"nothing happened", func(*wallettest.Chain, *wire.MsgTx) {}, wallet.Signed{}},
		{"mined", func(c *wallettest.Chain, tx *wire.MsgTx) { c.Confirm(tx); c.Mine(1) }, wallet.Signed{Seen: true, Confirmations: 2}},
		{"spent otherwise", func(c *wallettest.Chain, tx *wire.MsgTx) {
			other := tx.Copy()
			other.TxIn = other.TxIn[1:]
			c.Confirm(other)
		}, wallet.Signed{Spent: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			chain := wallettest.NewChain(regtest)
			path, coin := held(t, chain)
			w := reopen(t, path, chain.Config())
			deal := w.Signed()[0].Deal
			w.Close()
			c.do(chain, deal.Tx)
			for range 2 {
				w = reopen(t, path, chain.Config())
				sync(t, w)
				all := w.Signed()
				if len(all) != 1 || all[0].ID != deal.Tx.TxHash() || all[0].Amount != 900 || all[0].Earning != 10 ||
					all[0].Seen != c.want.Seen || all[0].Confirmations != c.want.Confirmations || all[0].Spent != c.want.Spent {
					t.Fatalf("%+v", all)
				}
				gone := c.want.Seen || c.want.Spent
				if !gone && (len(all[0].Coins) != 1 || all[0].Coins[0] != coin.OutPoint || time.Until(all[0].Until) < 59*time.Minute) || gone && all[0].Coins != nil {
					t.Errorf("held are %v until %v", all[0].Coins, all[0].Until)
				}
				w.Close()
			}
			w = reopen(t, path, chain.Config())
			if err := w.Settled(deal.Tx.TxHash()); err != nil {
				t.Fatal(err)
			}
			w.Close()
			if all := reopen(t, path, chain.Config()).Signed(); len(all) != 0 {
				t.Errorf("after it was settled: %+v", all)
			}
		})
	}
}

// TestSignedIsBounded: of many the newest are known, and a deal that spends
// nothing of the lease is refused.
func TestSignedIsBounded(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{1000})
	lease := reserve(t, w, wallet.Reservation{Target: 1})
	var last wallet.Deal
	for i := range 103 {
		last = dealOf(lease)
		last.Tx.LockTime = uint32(i)
		if err := w.Hold(lease, time.Hour, last); err != nil {
			t.Fatal(err)
		}
	}
	all := w.Signed()
	if len(all) != 100 || all[99].ID != last.Tx.TxHash() || all[0].Tx.LockTime != 3 {
		t.Errorf("%d are known", len(all))
	}
	last.Tx.TxIn = last.Tx.TxIn[:1]
	if err := w.Hold(lease, time.Hour, last); err == nil {
		t.Error("a deal without our coins was held for")
	}
}
