package wallet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func TestRecord(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000})
	coin := list(t, w)[1]
	change := next(t, w, 0, keys.Internal)
	tx := payment(15_000, coin)
	tx.TxIn[0].Sequence = wire.MaxTxInSequenceNum - 2
	tx.AddTxOut(wire.NewTxOut(14_000, change.Script))
	if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
		t.Fatal(err)
	}
	id := tx.TxHash()
	if _, err := w.Record(id); !errors.Is(err, wallet.ErrNoRecord) {
		t.Errorf("before it is sent: %v", err)
	}
	publish(t, w, tx)
	check := func(when string, seen bool, confirmations int32, children ...chainhash.Hash) {
		t.Helper()
		r, err := w.Record(id)
		if err != nil || r.Tx.TxHash() != id || r.Seen != seen || r.Confirmations != confirmations ||
			len(r.Spends) != 1 || r.Spends[0].OutPoint != coin.OutPoint || r.Spends[0].Value != 20_000 ||
			len(r.Pays) != 1 || r.Pays[0].OutPoint != (wire.OutPoint{Hash: id, Index: 1}) || r.Pays[0].Branch != keys.Internal ||
			len(r.Children) != len(children) || len(children) > 0 && r.Children[0] != children[0] {
			t.Errorf("%s: %+v, %v", when, r, err)
		}
	}
	check("pending", false, 0)
	sync(t, w)
	check("in the mempool", true, 0)

	// Its coin is spent, and yet something else may take its place.
	other := payment(2000, coin)
	if err := w.SignTx(other, []coins.Coin{coin}); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("SignTx: %v", err)
	}
	if err := w.SignReplacement(other, []coins.Coin{coin}, id); err != nil {
		t.Errorf("SignReplacement: %v", err)
	}
	r, err := w.Record(id)
	if err != nil {
		t.Fatal(err)
	}
	child := payment(1000, r.Pays[0])
	if err := w.SignTx(child, r.Pays); err != nil {
		t.Fatal(err)
	}
	publish(t, w, child)
	c.Mine(2)
	sync(t, w)
	check("confirmed", true, 2, child.TxHash())
	if err := w.SignReplacement(other, []coins.Coin{coin}, id); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("what is confirmed is not replaced: %v", err)
	}
}

func TestLease(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000})
	coin := list(t, w)[0]
	all := func(c wallet.Choice) ([]coins.Coin, error) { return c.Coins, nil }
	publish(t, w, signed(t, w, 1000))
	_, err := w.Lease("test", time.Minute, func(c wallet.Choice) ([]coins.Coin, error) {
		if len(c.Coins) != 2 || !c.InUse(coin.OutPoint) || c.InUse(c.Coins[1].OutPoint) || c.Tip.Height != wallettest.Confirmations {
			t.Errorf("%+v", c)
		}
		return c.Coins, nil
	})
	if !errors.Is(err, coins.ErrLeased) {
		t.Errorf("a coin of a pending transaction: %v", err)
	}
	sync(t, w)
	l, err := w.Lease("test", time.Minute, all)
	if err != nil || len(l.Coins) != 1 || l.Coins[0].Value != 20_000 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := w.Lease("test", time.Minute, all); !errors.Is(err, coins.ErrLeased) {
		t.Errorf("a second time: %v", err)
	}
	boom := errors.New("boom")
	if _, err := w.Lease("test", time.Minute, func(wallet.Choice) ([]coins.Coin, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
}
