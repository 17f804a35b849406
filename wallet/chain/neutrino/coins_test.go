package neutrino_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/neutrino"
)

type subtest struct {
	name string
	run  func(*testing.T, *regtest.Node)
}

func TestBTCD(t *testing.T) {
	t.Parallel()
	testCoins(t, chaintest.StartBTCD(t, peers),
		subtest{"Receive", testReceive},
		subtest{"Spend", testSpend},
		subtest{"NeverLost", testNeverLost},
		subtest{"Grow", testGrow},
		subtest{"D5Reorganisation", testReorganisation},
		subtest{"D5Conflict", testConflict},
		subtest{"Replacement", testReplacement},
		subtest{"Broadcast", testBroadcast})
}

// Most peers on the network run Bitcoin Core. It waits for seconds before it
// asks a stranger for a transaction, and does not say whether it takes it.
func TestBitcoind(t *testing.T) {
	t.Parallel()
	testCoins(t, chaintest.StartBitcoind(t, peers),
		subtest{"Receive", testReceive},
		subtest{"Spend", testSpend},
		subtest{"D5Reorganisation", testReorganisation},
		subtest{"Broadcast", testBroadcast})
}

// testCoins runs what of the suite of all backends a light client can pass.
func testCoins(t *testing.T, node *regtest.Node, tests ...subtest) {
	mine(t, node, 1)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, node) })
	}
}

// testReceive follows a payment, which is not seen before it is in a block.
func testReceive(t *testing.T, node *regtest.Node) {
	a := newAccount()
	b, update := watching(t, config(t, node.PeerAddr()), a)
	before := nodeTip(t, node)
	if update.Tip.BlockID != before || len(update.Txs) != 0 {
		t.Fatalf("at first %+v, want nothing at %v", update, before)
	}
	tx := fund(t, node, a.script(3))
	before = nodeTip(t, node) // fund may have mined
	if update = await(t, b, before, "the blocks", tipIs(before)); len(update.Txs) != 0 {
		t.Errorf("in the mempool: %+v, want nothing", update)
	}
	block := mine(t, node, 1)
	update = await(t, b, before, "the payment", in(tx, block))
	if update.Tip.BlockID != block || update.Fork != before || len(update.Txs) != 1 {
		t.Errorf("update %+v, want tip %v, fork %v, one transaction", update, block, before)
	}
	tip, err := b.Tip(timed(t))
	if err != nil || tip != update.Tip {
		t.Errorf("tip %v, %v; want that of the update", tip, err)
	}
	if info, err := node.Client().ChainInfo(timed(t)); err != nil || !tip.MedianTime.Equal(info.Tip().MedianTime) {
		t.Errorf("median time %s, want %s as the node says", tip.MedianTime, info.Tip().MedianTime)
	}
	mine(t, node, 2)
	await(t, b, before, "two more blocks", func(u chain.Update) bool { return u.Tip.Height == block.Height+2 })
	checkTxOut(t, b, tx, 0, 3)
	if update := syncNow(t, b, block); len(update.Txs) != 0 || update.Fork != block {
		t.Errorf("since the block: %+v; want nothing new", update)
	}
}

func checkTxOut(t *testing.T, b chain.Backend, tx *wire.MsgTx, index uint32, confirmations int32) {
	t.Helper()
	out, err := b.TxOut(timed(t), *outPoint(tx, index))
	want := tx.TxOut[index]
	if err != nil || int64(out.Value) != want.Value || !bytes.Equal(out.Script, want.PkScript) ||
		out.Confirmations != confirmations || out.Coinbase {
		t.Errorf("output %+v, %v; want %d sat with %d confirmations", out, err, want.Value, confirmations)
	}
}

func checkNoTxOut(t *testing.T, b chain.Backend, what string, tx *wire.MsgTx, want error) {
	t.Helper()
	if out, err := b.TxOut(timed(t), *outPoint(tx, 0)); !errors.Is(err, want) {
		t.Errorf("%s: %+v, %v; want %v", what, out, err, want)
	}
}

// testSpend follows a payment out of the account, also in a later run of the
// program, and in one that never saw the coin come.
func testSpend(t *testing.T, node *regtest.Node) {
	a := newAccount()
	cfg := config(t, node.PeerAddr())
	b, _ := watching(t, cfg, a)
	coin := fund(t, node, a.script(2))
	received := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the coin", in(coin, received))

	spend := a.spend(coin, 0, 2, a.script(4), coinFee)
	if err := b.Broadcast(timed(t), spend); err != nil {
		t.Fatal(err)
	}
	if !inMempool(t, node, spend) {
		t.Error("the node has not got what was sent")
	}
	if update := syncNow(t, b, received); len(update.Txs) != 1 || !unconfirmed(spend)(update) {
		t.Errorf("update %+v, want the spend unconfirmed", update)
	}
	checkNoTxOut(t, b, "spent", coin, chain.ErrNoTxOut)
	checkTxOut(t, b, spend, 0, 0)

	closeNow(t, b)
	b, update := watching(t, cfg, a)
	if !unconfirmed(spend)(update) || !in(coin, received)(update) {
		t.Errorf("in a later run: %+v, want both", update)
	}
	other, update := watching(t, config(t, node.PeerAddr()), a)
	if len(update.Txs) != 1 || !in(coin, received)(update) {
		t.Errorf("elsewhere: %+v, want the coin only", update)
	}
	block := mine(t, node, 1)
	for _, b := range []*neutrino.Backend{b, other} {
		update := await(t, b, received, "the block", in(spend, block))
		if len(update.Txs) != 1 {
			t.Errorf("update %+v, want the spend only", update)
		}
		checkNoTxOut(t, b, "spent", coin, chain.ErrNoTxOut)
		checkTxOut(t, b, spend, 0, 1)
	}
}

// testNeverLost syncs while what was sent goes into a block: in every update it
// is unconfirmed or in the block, and only once.
func testNeverLost(t *testing.T, node *regtest.Node) {
	a := newAccount()
	b, _ := watching(t, config(t, node.PeerAddr()), a)
	coin := fund(t, node, a.script(0))
	before := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the coin", in(coin, before))
	for range 2 {
		coin = a.spend(coin, 0, 0, a.script(0), coinFee)
		if err := b.Broadcast(timed(t), coin); err != nil {
			t.Fatal(err)
		}
		mined := make(chan chain.BlockID, 1)
		go func() {
			tip, _ := node.Mine(timed(t), 1)
			mined <- tip
		}()
		for confirmed := false; !confirmed; {
			update := syncNow(t, b, before)
			if len(update.Txs) != 1 || update.Txs[0].Msg.TxHash() != coin.TxHash() {
				t.Fatalf("update %+v, want the payment once", update)
			}
			confirmed = update.Txs[0].Block != chain.BlockID{}
		}
		before = <-mined
	}
}

// testGrow watches more, on which something happened before.
func testGrow(t *testing.T, node *regtest.Node) {
	a := newAccount()
	b, _ := watching(t, config(t, node.PeerAddr()), a)
	near := fund(t, node, a.script(20))
	far := fund(t, node, a.script(1500))
	block := mine(t, node, 1)
	for _, grown := range []struct {
		count uint32
		found *wire.MsgTx
	}{{21, near}, {1501, far}} {
		watch(t, b, a.branch(grown.count, time.Now()))
		if update := await(t, b, chain.BlockID{}, "the block", tipIs(block)); !in(grown.found, block)(update) {
			t.Errorf("with %d addresses: %+v, want what was there", grown.count, update)
		}
	}
	next := fund(t, node, a.script(1499))
	block = mine(t, node, 1)
	await(t, b, chain.BlockID{}, "a payment to a new script", in(next, block))
}

// testBroadcast sends what is in a block, and what cannot get into one.
func testBroadcast(t *testing.T, node *regtest.Node) {
	a := newAccount()
	b, _ := watching(t, config(t, node.PeerAddr()), a)
	coin := fund(t, node, a.script(0))
	received := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the coin", in(coin, received))
	spend := a.spend(coin, 0, 0, a.script(1), coinFee)
	for range 2 {
		if err := b.Broadcast(timed(t), spend); err != nil {
			t.Errorf("into the mempool: %v", err)
		}
	}
	if !inMempool(t, node, spend) {
		t.Error("the node has not got what was sent")
	}
	block := mine(t, node, 1)
	await(t, b, received, "the block", in(spend, block))
	if err := b.Broadcast(timed(t), spend); err != nil {
		t.Errorf("confirmed already: %v", err)
	}

	unsigned := a.spend(spend, 0, 1, a.script(2), coinFee)
	unsigned.TxIn[0].Witness = nil
	missing := a.spend(spend, 0, 1, a.script(2), coinFee)
	missing.TxIn[0].PreviousOutPoint.Index = 7
	for name, bad := range map[string]*wire.MsgTx{
		"empty":         wire.NewMsgTx(2),
		"spent input":   a.spend(coin, 0, 0, a.script(2), 2*coinFee),
		"missing input": missing,
		"no signature":  unsigned,
		"negative fee":  a.spend(spend, 0, 1, a.script(2), -1),
	} {
		err := b.Broadcast(timed(t), bad)
		if !errors.Is(err, chain.ErrRejected) || len(err.Error()) <= len(chain.ErrRejected.Error())+5 {
			t.Errorf("%s: %v, want ErrRejected with a reason", name, err)
		}
	}
	if update := syncNow(t, b, received); len(update.Txs) != 1 {
		t.Errorf("update %+v, want nothing that was rejected", update)
	}
}
