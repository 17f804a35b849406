package wallettest

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

func TestReplacement(t *testing.T) {
	c := NewChain(&chaincfg.RegressionNetParams)
	w := New(t, c, []sats.Amount{100_000})
	b := c.Backend()
	coin := coinsOf(t, w)[0]
	spend := func(fee sats.Amount, sequence uint32) *wire.MsgTx {
		t.Helper()
		tx := wire.NewMsgTx(2)
		in := wire.NewTxIn(&coin.OutPoint, nil, nil)
		in.Sequence = sequence
		tx.AddTxIn(in)
		tx.AddTxOut(wire.NewTxOut(int64(coin.Value-fee), coin.Script))
		if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	const replaceable, final = wire.MaxTxInSequenceNum - 2, wire.MaxTxInSequenceNum
	// All of one size.
	first, second, third, last := spend(200, replaceable), spend(250, final), spend(400, final), spend(900, final)
	if err := b.Broadcast(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	u, err := b.Unconfirmed(t.Context(), first.TxHash())
	if err != nil || u.Own.Fee != 200 || u.Own.VSize != vsize(first) || u.Ancestors != u.Own || u.Descendants != u.Own {
		t.Errorf("%+v, %v", u, err)
	}
	for _, step := range []struct {
		tx   *wire.MsgTx
		want error
	}{{second, chain.ErrRejected}, {third, nil}, {last, chain.ErrRejected}} {
		if err := b.Broadcast(t.Context(), step.tx); !errors.Is(err, step.want) {
			t.Errorf("%v, want %v", err, step.want)
		}
	}
	if pool := c.Mempool(); len(pool) != 1 || pool[0].TxHash() != third.TxHash() {
		t.Errorf("%d transactions in the mempool", len(pool))
	}
	if _, err := b.Unconfirmed(t.Context(), first.TxHash()); !errors.Is(err, chain.ErrNotInMempool) {
		t.Errorf("what was replaced: %v", err)
	}
}

func coinsOf(t *testing.T, w *wallet.Wallet) []coins.Coin {
	t.Helper()
	all, err := w.Coins()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
