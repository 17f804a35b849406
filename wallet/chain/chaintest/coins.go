package chaintest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

const (
	coinValue = 5_000_000
	coinFee   = 1000
)

// makeHistory has the old account receive and spend two months ago, receive
// again one month ago, and the chain go on until now.
func (s *suite) makeHistory(t *testing.T) {
	t.Helper()
	s.old = newAccount(t)
	at := time.Now().Add(-oldest)
	for range regtest.Params.CoinbaseMaturity + 1 {
		s.mineBlock(t, regtest.Block{Time: at})
	}
	// Past the mempool, which a node with so old a chain may not keep in order.
	first := s.payment(t, s.old.script(0))
	spent := s.old.spend(first, 0, 0, newAccount(t).script(0), coinFee)
	s.past = append(s.past, first, spent)
	block := s.mineBlock(t, regtest.Block{Txs: s.past, Time: at})
	s.at = append(s.at, block, block)
	s.mineBlock(t, regtest.Block{Time: time.Now().Add(-older)})
	s.past = append(s.past, s.payment(t, s.old.script(7)))
	s.at = append(s.at, s.mineBlock(t, regtest.Block{Txs: s.past[2:], Time: time.Now().Add(-older)}))
	s.mine(t, int(regtest.Params.CoinbaseMaturity))
}

func (s *suite) payment(t *testing.T, script []byte) *wire.MsgTx {
	t.Helper()
	tx, err := s.node.Payment(timed(t), wire.NewTxOut(coinValue, script))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// history finds what happened before the scripts were watched.
func (s *suite) history(t *testing.T) {
	b := s.backend(t)
	ctx := timed(t)
	if err := b.Watch(ctx, s.old.watch(8, time.Now().Add(-oldest))); err != nil {
		t.Fatal(err)
	}
	update, err := b.Sync(ctx, chain.BlockID{})
	if err != nil {
		t.Fatal(err)
	}
	s.checkHistory(t, update)

	// In another process, and then from the middle on.
	again := s.backend(t)
	if err := again.Watch(ctx, s.old.watch(8, time.Now().Add(-oldest))); err != nil {
		t.Fatal(err)
	}
	if update, err = again.Sync(ctx, chain.BlockID{}); err != nil {
		t.Fatal(err)
	}
	s.checkHistory(t, update)
	if update, err = again.Sync(ctx, s.at[0]); err != nil {
		t.Fatal(err)
	}
	if len(update.Txs) != 1 || update.Fork != s.at[0] || !in(s.past[2], s.at[2])(update) {
		t.Errorf("since %v: %+v, want only the last transaction", s.at[0], update)
	}
}

func (s *suite) checkHistory(t *testing.T, update chain.Update) {
	t.Helper()
	if update.Fork != (chain.BlockID{Hash: *regtest.Params.GenesisHash}) {
		t.Errorf("fork %v, want the first block", update.Fork)
	}
	if len(update.Txs) != len(s.past) {
		t.Fatalf("%d transactions, want %d", len(update.Txs), len(s.past))
	}
	for i, tx := range update.Txs {
		if tx.Msg.TxHash() != s.past[i].TxHash() || tx.Msg.WitnessHash() != s.past[i].WitnessHash() || tx.Block != s.at[i] {
			t.Errorf("transaction %d: %v in %v, want %v in %v", i, tx.Msg.TxHash(), tx.Block, s.past[i].TxHash(), s.at[i])
		}
	}
	if age := time.Since(update.Txs[0].Time); age < oldest-time.Hour || age > oldest+time.Hour {
		t.Errorf("time %s, want that of the block", update.Txs[0].Time)
	}
}

// unknownBlock syncs from a block that the node never had.
func (s *suite) unknownBlock(t *testing.T) {
	b := s.backend(t)
	ctx := timed(t)
	if err := b.Watch(ctx, s.old.watch(8, time.Now().Add(-oldest))); err != nil {
		t.Fatal(err)
	}
	update, err := b.Sync(ctx, chain.BlockID{Height: s.at[2].Height, Hash: chainhash.Hash{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	s.checkHistory(t, update)
}

// receive follows a payment from the mempool into a block.
func (s *suite) receive(t *testing.T) {
	a := newAccount(t)
	b, update := s.watching(t, a)
	if update.Tip.BlockID != s.tip(t) || len(update.Txs) != 0 {
		t.Fatalf("at first %+v, want nothing at %v", update, s.tip(t))
	}
	before := update.Tip.BlockID
	tx := s.fund(t, a.script(3))
	await(t, b, before, "the payment", unconfirmed(tx))
	checkTxOut(t, b, a.script(3), tx.TxHash(), 0)

	block := s.mine(t, 1)
	update = await(t, b, before, "the block", in(tx, block))
	if update.Tip.BlockID != block || update.Fork != before || len(update.Txs) != 1 {
		t.Errorf("update %+v, want tip %v, fork %v, one transaction", update, block, before)
	}
	tip, err := b.Tip(timed(t))
	if err != nil || tip.BlockID != block || tip != update.Tip {
		t.Errorf("tip %v, %v; want %v as in the update", tip, err, block)
	}
	if age := time.Since(tip.MedianTime); age < -time.Hour || age > time.Hour {
		t.Errorf("median time %s", tip.MedianTime)
	}
	s.mine(t, 2)
	await(t, b, before, "two more blocks", func(u chain.Update) bool { return u.Tip.Height == block.Height+2 })
	checkTxOut(t, b, a.script(3), tx.TxHash(), 3)
	if update, err := b.Sync(timed(t), block); err != nil || len(update.Txs) != 0 || update.Fork != block {
		t.Errorf("since the block: %+v, %v; want nothing new", update, err)
	}
}

func checkTxOut(t *testing.T, b chain.Backend, script []byte, hash chainhash.Hash, confirmations int32) {
	t.Helper()
	tx := outPointOf(hash)
	out, err := b.TxOut(timed(t), tx)
	if err != nil {
		t.Fatal(err)
	}
	if out.Value != coinValue || !bytes.Equal(out.Script, script) || out.Confirmations != confirmations || out.Coinbase {
		t.Errorf("output %+v, want %d sat with %d confirmations", out, coinValue, confirmations)
	}
}

// spend follows a payment out of the account, also in a backend that starts
// afterwards and never saw the coin come.
func (s *suite) spend(t *testing.T) { s.spendOf(t, newAccount(t)) }

// withoutDescriptor does the same with scripts that are watched one by one.
func (s *suite) withoutDescriptor(t *testing.T) {
	a := newAccount(t)
	a.bare = true
	s.spendOf(t, a)
}

func (s *suite) spendOf(t *testing.T, a *account) {
	b, update := s.watching(t, a)
	coin := s.fund(t, a.script(2))
	received := s.mine(t, 1)
	await(t, b, update.Tip.BlockID, "the coin", in(coin, received))

	spend := a.spend(coin, 0, 2, newAccount(t).script(0), coinFee)
	if err := b.Broadcast(timed(t), spend); err != nil {
		t.Fatal(err)
	}
	if _, err := b.TxOut(timed(t), outPoint(coin, 0)); !errors.Is(err, chain.ErrNoTxOut) {
		t.Errorf("spent in the mempool: %v, want ErrNoTxOut", err)
	}
	checkInChain(t, b, outPoint(coin, 0), true)
	checkInChain(t, b, outPoint(spend, 0), false)
	await(t, b, received, "the spend", unconfirmed(spend))

	later := s.backend(t)
	if err := later.Watch(timed(t), a.watch(10, time.Now())); err != nil {
		t.Fatal(err)
	}
	await(t, later, received, "the spend, later", unconfirmed(spend))
	block := s.mine(t, 1)
	await(t, b, received, "the block", in(spend, block))
	await(t, later, received, "the block, later", in(spend, block))
	if _, err := b.TxOut(timed(t), outPoint(coin, 0)); !errors.Is(err, chain.ErrNoTxOut) {
		t.Errorf("spent: %v, want ErrNoTxOut", err)
	}
	checkInChain(t, b, outPoint(coin, 0), false)
	checkInChain(t, b, outPoint(spend, 0), true)
}

// checkInChain asks for an output without the mempool, where the backend can.
func checkInChain(t *testing.T, b chain.Backend, out wire.OutPoint, want bool) {
	t.Helper()
	node, can := b.(chain.InChain)
	if !can {
		return
	}
	if has, err := node.HasTxOut(timed(t), out); err != nil || has != want {
		t.Errorf("the chain has it: %v, %v; want %v", has, err, want)
	}
}

// neverLost syncs while a payment goes from the mempool into a block: in every
// update it is in one of the two, and only once.
func (s *suite) neverLost(t *testing.T) {
	a := newAccount(t)
	b, _ := s.watching(t, a)
	for range 10 {
		before := s.tip(t)
		tx := s.fund(t, a.script(0))
		await(t, b, before, "the payment", unconfirmed(tx))
		mined := make(chan error)
		go func() {
			_, err := s.node.Mine(timed(t), 1)
			mined <- err
		}()
		for confirmed := false; !confirmed; {
			update, err := b.Sync(timed(t), before)
			if err != nil {
				t.Fatal(err)
			}
			if len(update.Txs) != 1 || update.Txs[0].Msg.TxHash() != tx.TxHash() {
				t.Fatalf("update %+v, want the payment once", update)
			}
			confirmed = update.Txs[0].Block != chain.BlockID{}
		}
		if err := <-mined; err != nil {
			t.Fatal(err)
		}
	}
}

// grow watches more of a branch, on which something happened before.
func (s *suite) grow(t *testing.T) {
	a := newAccount(t)
	b, update := s.watching(t, a)
	near := s.fund(t, a.script(20))
	far := s.fund(t, a.script(1500))
	block := s.mine(t, 1)
	for _, grown := range []struct {
		count uint32
		found chainhash.Hash
	}{{21, near.TxHash()}, {1501, far.TxHash()}} {
		if err := b.Watch(timed(t), a.watch(grown.count, time.Now().Add(-time.Hour))); err != nil {
			t.Fatal(err)
		}
		found, err := b.Sync(timed(t), chain.BlockID{})
		if err != nil {
			t.Fatal(err)
		}
		if tx := find(found, grown.found); tx == nil || tx.Block != block {
			t.Errorf("with %d addresses: %+v, want what was there", grown.count, found)
		}
	}
	// What comes to the new ones is noticed.
	next := s.fund(t, a.script(1499))
	await(t, b, update.Tip.BlockID, "a payment to a new script", unconfirmed(next))
	s.mine(t, 1)
}

// coinbase looks at the output of a coinbase, and at outputs that are not there.
func (s *suite) coinbase(t *testing.T) {
	b := s.backend(t)
	tip := s.tip(t)
	var block struct{ Tx []chainhash.Hash }
	if err := s.node.Client().Call(timed(t), "getblock", []any{tip.Hash.String(), 1}, &block); err != nil {
		t.Fatal(err)
	}
	out, err := b.TxOut(timed(t), outPointOf(block.Tx[0]))
	if err != nil || !out.Coinbase || out.Confirmations != 1 || out.Value <= 0 || out.Value > sats.Max {
		t.Errorf("coinbase output %+v, %v", out, err)
	}
	missing := outPointOf(block.Tx[0])
	missing.Index = 9
	for _, none := range []chainhash.Hash{{9}, block.Tx[0]} {
		missing.Hash = none
		if out, err := b.TxOut(timed(t), missing); !errors.Is(err, chain.ErrNoTxOut) {
			t.Errorf("%v: %+v, %v; want ErrNoTxOut", missing, out, err)
		}
	}
}

// fees asks for rates. A young chain may have no estimate.
func (s *suite) fees(t *testing.T) {
	b := s.backend(t)
	for _, target := range []int{1, 3, 1008} {
		rate, err := b.FeeRate(timed(t), target)
		if !errors.Is(err, chain.ErrNoEstimate) && (err != nil || rate < 100 || rate > 100_000) {
			t.Errorf("FeeRate(%d) = %d, %v; want a rate or ErrNoEstimate", target, rate, err)
		}
	}
	if rate, err := b.MinFeeRate(timed(t)); err != nil || rate < 100 || rate > 1000 {
		t.Errorf("MinFeeRate = %d, %v", rate, err)
	}
}
