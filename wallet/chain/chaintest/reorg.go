package chaintest

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// depth of reorganisations, in blocks.
const depth = 6

// leave replaces the blocks above parent by a longer branch, with txs in its
// first block, and returns the end of it.
func (s *suite) leave(t *testing.T, parent chain.BlockID, txs ...*wire.MsgTx) chain.BlockID {
	t.Helper()
	tip := parent
	for old := s.tip(t); tip.Height <= old.Height; txs = nil {
		tip = s.mineBlock(t, regtest.Block{Parent: tip, Txs: txs})
	}
	if got := s.tip(t); got != tip {
		t.Fatalf("the node is at %v, and did not follow the branch to %v", got, tip)
	}
	return tip
}

// reorganisation undoes the block of a payment, which then is confirmed in
// another.
func (s *suite) reorganisation(t *testing.T) {
	a := newAccount(t)
	b, _ := s.watching(t, a)
	parent := s.tip(t)
	tx := s.fund(t, a.script(0))
	s.mine(t, depth)
	left := s.tip(t)
	await(t, b, left, "the first branch", func(u chain.Update) bool { return u.Fork == left })

	tip := s.leave(t, parent)
	update := await(t, b, left, "the second branch", unconfirmed(tx))
	if update.Fork != parent || update.Tip.BlockID != tip {
		t.Errorf("fork %v and tip %v, want %v and %v", update.Fork, update.Tip.BlockID, parent, tip)
	}
	block := s.mine(t, 1)
	update = await(t, b, left, "the new block", in(tx, block))
	if update.Fork != parent {
		t.Errorf("fork %v, want %v", update.Fork, parent)
	}
	// Above the fork the new branch is like any other.
	if update, err := b.Sync(timed(t), tip); err != nil || update.Fork != tip || !in(tx, block)(update) {
		t.Errorf("since %v: %+v, %v", tip, update, err)
	}
}

// conflict undoes the block of a spend in favour of another spend of the coin.
func (s *suite) conflict(t *testing.T) {
	a := newAccount(t)
	b, _ := s.watching(t, a)
	coin := s.fund(t, a.script(0))
	parent := s.mine(t, 1)
	spend := a.spend(coin, 0, 0, a.script(1), coinFee)
	other := a.spend(coin, 0, 0, a.script(2), 2*coinFee)
	if err := b.Broadcast(timed(t), spend); err != nil {
		t.Fatal(err)
	}
	left := s.mine(t, depth)
	await(t, b, parent, "the first spend", func(u chain.Update) bool { return find(u, spend.TxHash()) != nil && u.Tip.BlockID == left })

	s.leave(t, parent, other)
	update := await(t, b, left, "the second spend", gone(spend))
	if found := find(update, other.TxHash()); found == nil || found.Block.Height != parent.Height+1 || update.Fork != parent {
		t.Errorf("update %+v, want the other spend above %v", update, parent)
	}
	if _, err := b.TxOut(timed(t), outPoint(spend, 0)); !errors.Is(err, chain.ErrNoTxOut) {
		t.Errorf("output of what is gone: %v, want ErrNoTxOut", err)
	}
	checkedOut, err := b.TxOut(timed(t), outPoint(other, 0))
	if err != nil || checkedOut.Confirmations != depth+1 {
		t.Errorf("output of what remains: %+v, %v", checkedOut, err)
	}
}

// replacement takes back a payment before it is confirmed, once in favour of
// somebody else.
func (s *suite) replacement(t *testing.T) {
	a, payer := newAccount(t), newAccount(t)
	b, _ := s.watching(t, a)
	coin := s.fund(t, payer.script(0))
	block := s.mine(t, 1)
	paid := payer.spend(coin, 0, 0, a.script(0), coinFee)
	if err := b.Broadcast(timed(t), paid); err != nil {
		t.Fatal(err)
	}
	await(t, b, block, "the payment", unconfirmed(paid))
	back := payer.spend(coin, 0, 0, payer.script(1), 10*coinFee)
	if err := b.Broadcast(timed(t), back); err != nil {
		t.Fatal(err)
	}
	await(t, b, block, "its end", gone(paid))
	if _, err := b.TxOut(timed(t), outPoint(paid, 0)); !errors.Is(err, chain.ErrNoTxOut) {
		t.Errorf("output of what was replaced: %v, want ErrNoTxOut", err)
	}
	s.mine(t, 1)
}

// broadcast sends what the node has, and what it does not want.
func (s *suite) broadcast(t *testing.T) {
	a := newAccount(t)
	b := s.backend(t)
	coin := s.fund(t, a.script(0))
	s.mine(t, 1)
	spend := a.spend(coin, 0, 0, a.script(1), coinFee)
	for range 2 {
		if err := b.Broadcast(timed(t), spend); err != nil {
			t.Errorf("into the mempool: %v", err)
		}
	}
	s.mine(t, 1)
	if err := b.Broadcast(timed(t), spend); err != nil {
		t.Errorf("confirmed already: %v", err)
	}

	unsigned := a.spend(spend, 0, 1, a.script(2), coinFee)
	unsigned.TxIn[0].Witness = nil
	greedy := a.spend(spend, 0, 1, a.script(2), -1)
	for name, bad := range map[string]*wire.MsgTx{
		"spent input":  a.spend(coin, 0, 0, a.script(2), 2*coinFee),
		"no signature": unsigned,
		"no fee":       greedy,
	} {
		err := b.Broadcast(timed(t), bad)
		if !errors.Is(err, chain.ErrRejected) || len(err.Error()) <= len(chain.ErrRejected.Error())+5 {
			t.Errorf("%s: %v, want ErrRejected with a reason", name, err)
		}
	}
}
