package e2e

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// bump raises the fee of a transaction.
func (h *holder) bump(rate sats.Amount, r spend.Raise) spend.Receipt {
	h.t.Helper()
	cfg := h.paying
	cfg.Fee.Rate = rate
	receipt, err := spend.BumpFee(timed(h.t), cfg, r, agree)
	if err != nil {
		h.t.Fatal(err)
	}
	h.check(receipt)
	return receipt
}

func (h *holder) unconfirmed(id chainhash.Hash) chain.Unconfirmed {
	h.t.Helper()
	u, err := h.paying.Mempool.Unconfirmed(timed(h.t), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// bumpFee replaces an own payment: the payee sees one in the place of the other,
// and then speeds it up on its own account.
func bumpFee(t *testing.T, p *place) {
	payer, payee := p.holder(t, "payer"), p.holder(t, "payee")
	payer.earn(0, 1_000_000)
	old := payer.pay(200_000, payee.address(0, keys.External).Script)
	seen := func(id chainhash.Hash) func() bool {
		return func() bool {
			all, err := payee.Coins()
			return err == nil && len(all) == 1 && all[0].OutPoint.Hash == id && all[0].Value == 200_000
		}
	}
	payee.await("the payment", seen(old.Tx.TxHash()))
	payer.await("the change", func() bool { return payer.balances()[0].Unconfirmed != 0 })

	r := payer.bump(10_000, spend.Raise{TxID: old.Tx.TxHash(), Output: spend.NoOutput})
	id := r.Tx.TxHash()
	if u := payer.unconfirmed(id); r.Quote.Bump.Child || u.Own.Fee != r.Quote.Fee || u.Own.Fee*1000/sats.Amount(u.Own.VSize) < 10_000 {
		t.Errorf("the node knows %+v of %+v", u, r.Quote)
	}
	payee.await("the replacement", seen(id))
	if pending := payer.Pending(); len(pending) != 1 || pending[0].ID != id {
		t.Errorf("pending: %+v", pending)
	}

	child := payee.bump(30_000, spend.Raise{TxID: id, Output: spend.NoOutput})
	if u := payee.unconfirmed(child.Tx.TxHash()).Ancestors; !child.Quote.Bump.Child || u.Count != 2 || u.Fee*1000/sats.Amount(u.VSize) < 30_000 {
		t.Errorf("the node knows %+v of %+v", u, child.Quote)
	}
	p.mine(t, 1)
	payer.catchUp()
	payee.catchUp()
	if got := payer.available(0); got != 800_000-r.Quote.Fee {
		t.Errorf("the payer has %v", got)
	}
	if got := payee.available(0); got != 200_000-child.Quote.Fee {
		t.Errorf("the payee has %v", got)
	}
}

// bumpCoinJoin: of a joint transaction each can speed up only the own outputs.
// The change pays, and its rest stays in its mixdepth.
func bumpCoinJoin(t *testing.T, p *place) {
	maker, taker := p.holder(t, "maker"), p.holder(t, "taker")
	maker.earn(0, 300_000)
	taker.earn(0, 200_000)
	tx := wire.NewMsgTx(2)
	for h, value := range map[*holder]sats.Amount{maker: 300_000, taker: 200_000} {
		coin := h.coin(value)
		in := wire.NewTxIn(&coin.OutPoint, nil, nil)
		in.Sequence = txbuild.NoRBF
		tx.AddTxIn(in)
		tx.AddTxOut(wire.NewTxOut(100_000, h.address(1, keys.Internal).Script))
		tx.AddTxOut(wire.NewTxOut(int64(value)-100_000-400, h.address(0, keys.Internal).Script))
	}
	for h, value := range map[*holder]sats.Amount{maker: 300_000, taker: 200_000} {
		if err := h.SignTx(tx, []coins.Coin{h.coin(value)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := taker.Publish(timed(t), tx); err != nil {
		t.Fatal(err)
	}
	maker.await("the join", func() bool { return maker.balances()[1].Unconfirmed == 100_000 })
	r := maker.bump(20_000, spend.Raise{TxID: tx.TxHash(), Output: spend.NoOutput})
	if u := maker.unconfirmed(r.Tx.TxHash()).Ancestors; !r.Quote.Bump.Child || u.Count != 2 || u.Fee*1000/sats.Amount(u.VSize) < 20_000 {
		t.Errorf("the node knows %+v of %+v", u, r.Quote)
	}
	p.mine(t, 1)
	maker.catchUp()
	if b := maker.balances(); b[1].Available != 100_000 || b[0].Available != 300_000-100_400-r.Quote.Fee {
		t.Errorf("P5: %+v", b)
	}
}
