package neutrino_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// depth of reorganisations, in blocks.
const depth = 6

var branches atomic.Int32

// leave replaces the blocks above parent by a longer branch, with txs in its
// first block, and returns the end of it.
func leave(t *testing.T, node *regtest.Node, parent chain.BlockID, txs ...*wire.MsgTx) chain.BlockID {
	t.Helper()
	at := time.Now().Add(time.Duration(branches.Add(1)) * time.Minute) // else branches may be the same
	tip := parent
	for old := nodeTip(t, node); tip.Height <= old.Height; txs = nil {
		tip = mineBlock(t, node, regtest.Block{Parent: tip, Txs: txs, Time: at})
	}
	if got := nodeTip(t, node); got != tip {
		t.Fatalf("the node is at %v, and did not follow the branch to %v", got, tip)
	}
	return tip
}

// testReorganisation undoes the block of a payment, which then is confirmed in
// another. In between it is not seen: somebody else sent it.
func testReorganisation(t *testing.T, node *regtest.Node) {
	a := newAccount()
	cfg := config(t, node.PeerAddr())
	b, _ := watching(t, cfg, a)
	tx := fund(t, node, a.script(0))
	parent := nodeTip(t, node)
	first := mine(t, node, 1)
	left := mine(t, node, depth-1)
	await(t, b, parent, "the first branch", func(u chain.Update) bool { return in(tx, first)(u) && tipIs(left)(u) })

	tip := leave(t, node, parent)
	update := await(t, b, left, "the second branch", tipIs(tip))
	if update.Fork != parent || len(update.Txs) != 0 {
		t.Errorf("update %+v, want fork %v and nothing", update, parent)
	}
	checkNoTxOut(t, b, "undone", tx, chain.ErrCannotVerify)
	block := mine(t, node, 1)
	update = await(t, b, left, "the new block", in(tx, block))
	if update.Fork != parent {
		t.Errorf("fork %v, want %v", update.Fork, parent)
	}
	// Above the fork the new branch is like any other.
	if update := syncNow(t, b, tip); update.Fork != tip || !in(tx, block)(update) {
		t.Errorf("since %v: %+v", tip, update)
	}

	// Nobody was there when it happened.
	closeNow(t, b)
	tip = leave(t, node, parent, tx)
	b, update = watching(t, cfg, a)
	if found := find(update, tx); update.Tip.BlockID != tip || found == nil || found.Block.Height != parent.Height+1 {
		t.Errorf("in a later run: %+v, want tip %v and the payment above %v", update, tip, parent)
	}
	if update := syncNow(t, b, block); update.Fork != parent || len(update.Txs) != 1 {
		t.Errorf("since %v: %+v, want fork %v", block, update, parent)
	}
}

// testConflict undoes the block of a spend in favour of another spend of the
// coin.
func testConflict(t *testing.T, node *regtest.Node) {
	a := newAccount()
	b, _ := watching(t, config(t, node.PeerAddr()), a)
	coin := fund(t, node, a.script(0))
	parent := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the coin", in(coin, parent))
	spend := a.spend(coin, 0, 0, a.script(1), coinFee)
	child := a.spend(spend, 0, 1, a.script(3), coinFee)
	other := a.spend(coin, 0, 0, a.script(2), 2*coinFee)
	for _, tx := range []*wire.MsgTx{spend, child} {
		if err := b.Broadcast(timed(t), tx); err != nil {
			t.Fatal(err)
		}
	}
	left := mine(t, node, depth)
	await(t, b, parent, "the first spend", func(u chain.Update) bool {
		return find(u, spend) != nil && find(u, child) != nil && tipIs(left)(u)
	})

	tip := leave(t, node, parent, other)
	update := await(t, b, left, "the second spend", tipIs(tip))
	if found := find(update, other); found == nil || found.Block.Height != parent.Height+1 || update.Fork != parent || len(update.Txs) != 1 {
		t.Errorf("update %+v, want the other spend above %v, and only that", update, parent)
	}
	checkNoTxOut(t, b, "output of what is gone", spend, chain.ErrCannotVerify)
	checkTxOut(t, b, other, 0, depth+1)

	// And back again: what was sent can be confirmed after all.
	tip = leave(t, node, parent)
	update = await(t, b, tip, "the third branch", tipIs(tip))
	if len(update.Txs) != 2 || !unconfirmed(spend)(update) || !unconfirmed(child)(update) {
		t.Errorf("update %+v, want what was sent", update)
	}
}

// testReplacement sends a second spend of a coin with a higher fee.
func testReplacement(t *testing.T, node *regtest.Node) {
	a := newAccount()
	b, _ := watching(t, config(t, node.PeerAddr()), a)
	coin := fund(t, node, a.script(0))
	received := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the coin", in(coin, received))
	first := a.spend(coin, 0, 0, a.script(1), coinFee)
	child := a.spend(first, 0, 1, a.script(2), coinFee)
	second := a.spend(coin, 0, 0, a.script(3), 10*coinFee)
	for _, tx := range []*wire.MsgTx{first, child, second} {
		if err := b.Broadcast(timed(t), tx); err != nil {
			t.Fatal(err)
		}
	}
	if update := syncNow(t, b, received); len(update.Txs) != 1 || !unconfirmed(second)(update) {
		t.Errorf("update %+v, want the replacement only", update)
	}
	checkNoTxOut(t, b, "output of what was replaced", first, chain.ErrCannotVerify)
	checkTxOut(t, b, second, 0, 0)
	block := mine(t, node, 1)
	if update := await(t, b, received, "the block", tipIs(block)); len(update.Txs) != 1 || !in(second, block)(update) {
		t.Errorf("update %+v, want the replacement in the block", update)
	}
}
