package chaintest

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// unconfirmed asks for the middle one of three transactions that spend each
// other. A backend without a mempool need not pass.
func (s *suite) unconfirmed(t *testing.T) {
	b := s.backend(t)
	pool, ok := b.(chain.Mempool)
	if !ok {
		t.Skip("this backend has no mempool")
	}
	a := newAccount(t)
	coin := s.fund(t, a.script(0))
	s.mine(t, 1)
	txs := []*wire.MsgTx{a.spend(coin, 0, 0, a.script(1), coinFee)}
	txs = append(txs, a.spend(txs[0], 0, 1, a.script(2), 2*coinFee))
	txs = append(txs, a.spend(txs[1], 0, 2, a.script(3), 5*coinFee))
	sum := func(count int, fee sats.Amount, txs ...*wire.MsgTx) chain.Package {
		p := chain.Package{Count: count, Fee: fee}
		for _, tx := range txs {
			p.VSize += int64(tx.SerializeSizeStripped()*3+tx.SerializeSize()+3) / 4
		}
		return p
	}
	if _, err := pool.Unconfirmed(timed(t), txs[1].TxHash()); !errors.Is(err, chain.ErrNotInMempool) {
		t.Errorf("never sent: %v", err)
	}
	for _, tx := range txs {
		if err := b.Broadcast(timed(t), tx); err != nil {
			t.Fatal(err)
		}
	}
	got, err := pool.Unconfirmed(timed(t), txs[1].TxHash())
	want := chain.Unconfirmed{
		Own:         sum(1, 2*coinFee, txs[1]),
		Ancestors:   sum(2, 3*coinFee, txs[:2]...),
		Descendants: sum(2, 7*coinFee, txs[1:]...),
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	s.mine(t, 1)
	if _, err := pool.Unconfirmed(timed(t), txs[1].TxHash()); !errors.Is(err, chain.ErrNotInMempool) {
		t.Errorf("confirmed: %v", err)
	}
}
