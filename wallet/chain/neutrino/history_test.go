package neutrino_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
)

// Times of the blocks that a history begins with.
const (
	oldest = 60 * 24 * time.Hour
	older  = 30 * 24 * time.Hour
)

// past is what happened before a wallet was opened.
type past struct {
	node *regtest.Node
	of   account
	txs  []*wire.MsgTx   // in the order of the chain
	at   []chain.BlockID // their blocks
}

// newPast runs a node on which an account received and spent two months ago, and
// received one month ago.
func newPast(t *testing.T) *past {
	t.Helper()
	p := &past{node: chaintest.StartBTCD(t, peers), of: newAccount()}
	at := time.Now().Add(-oldest)
	for range regtest.Params.CoinbaseMaturity + 1 {
		mineBlock(t, p.node, regtest.Block{Time: at})
	}
	first := p.payment(t, 0)
	spent := p.of.spend(first, 0, 0, newAccount().script(0), coinFee)
	p.txs = append(p.txs, first, spent)
	block := mineBlock(t, p.node, regtest.Block{Txs: p.txs, Time: at})
	p.at = append(p.at, block, block)
	mineBlock(t, p.node, regtest.Block{Time: time.Now().Add(-older)})
	p.txs = append(p.txs, p.payment(t, 7))
	p.at = append(p.at, mineBlock(t, p.node, regtest.Block{Txs: p.txs[2:], Time: time.Now().Add(-older)}))
	mine(t, p.node, 20)
	return p
}

func (p *past) payment(t *testing.T, script uint32) *wire.MsgTx {
	t.Helper()
	tx, err := p.node.Payment(timed(t), wire.NewTxOut(coinValue, p.of.script(script)))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (p *past) check(t *testing.T, update chain.Update) {
	t.Helper()
	if update.Fork != (chain.BlockID{Hash: *regtest.Params.GenesisHash}) {
		t.Errorf("fork %v, want the first block", update.Fork)
	}
	if len(update.Txs) != len(p.txs) {
		t.Fatalf("%d transactions, want %d", len(update.Txs), len(p.txs))
	}
	for i, tx := range update.Txs {
		if tx.Msg.WitnessHash() != p.txs[i].WitnessHash() || tx.Block != p.at[i] {
			t.Errorf("transaction %d: %v in %v, want %v in %v", i, tx.Msg.TxHash(), tx.Block, p.txs[i].TxHash(), p.at[i])
		}
	}
	if age := time.Since(update.Txs[0].Time); age < oldest-time.Hour || age > oldest+time.Hour {
		t.Errorf("time %s, want that of the block", update.Txs[0].Time)
	}
}

// The chain is searched once for a script: later runs of the program ask for
// nothing that was found.
func TestHistory(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	between := newRelay(t, p.node, nil)
	cfg := config(t, between.addr())
	b := open(t, cfg)
	born := time.Now().Add(-oldest)
	watch(t, b, p.of.branch(8, born))
	p.check(t, syncNow(t, b, chain.BlockID{}))
	for range 2 {
		between.forget()
		p.check(t, syncNow(t, b, chain.BlockID{}))
		p.check(t, syncNow(t, b, chain.BlockID{Height: p.at[2].Height, Hash: chainhash.Hash{1, 2, 3}}))
		if update := syncNow(t, b, p.at[0]); len(update.Txs) != 1 || update.Fork != p.at[0] || !in(p.txs[2], p.at[2])(update) {
			t.Errorf("since %v: %+v, want only the last transaction", p.at[0], update)
		}
		checkTxOut(t, b, p.txs[2], 0, syncNow(t, b, chain.BlockID{}).Tip.Height-p.at[2].Height+1)
		checkNoTxOut(t, b, "spent", p.txs[0], chain.ErrNoTxOut)
		for _, message := range between.forget() {
			switch message.(type) {
			case *wire.MsgGetCFilters, *wire.MsgGetData:
				t.Errorf("asked again: %+v", message)
			}
		}
		closeNow(t, b)
		b = open(t, cfg)
		watch(t, b, p.of.branch(8, born))
	}

	// What is not watched any more is not told, but still followed.
	closeNow(t, b)
	b, update := watching(t, cfg, newAccount())
	if len(update.Txs) != 0 {
		t.Errorf("%+v, want nothing of another account", update)
	}
	p.txs = append(p.txs, fund(t, p.node, p.of.script(1)))
	p.at = append(p.at, mine(t, p.node, 1))
	await(t, b, chain.BlockID{}, "the block", tipIs(p.at[3]))
	watch(t, b, p.of.branch(8, born))
	p.check(t, syncNow(t, b, chain.BlockID{}))
}

// A wallet turns out to be older than was said.
func TestEarlierBirth(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	b := open(t, config(t, p.node.PeerAddr()))
	watch(t, b, p.of.branch(8, time.Now()))
	if update := syncNow(t, b, chain.BlockID{}); len(update.Txs) != 0 {
		t.Errorf("born today: %+v, want nothing", update)
	}
	watch(t, b, p.of.branch(8, time.Now().Add(-older)))
	if update := syncNow(t, b, chain.BlockID{}); len(update.Txs) != 1 || !in(p.txs[2], p.at[2])(update) {
		t.Errorf("born one month ago: %+v, want the last transaction", update)
	}
	watch(t, b, p.of.branch(8, time.Time{}))
	p.check(t, syncNow(t, b, chain.BlockID{}))
}

// A search that was interrupted goes on where it was, also in a later run.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	mine(t, p.node, 500)
	tip := nodeTip(t, p.node)
	const passed = 251 // block that the first batch ends before
	held := make(chan struct{}, 1)
	between := newRelay(t, p.node, func(m wire.Message) bool {
		ask, is := m.(*wire.MsgGetCFilters)
		if is && ask.StartHeight >= passed {
			select {
			case held <- struct{}{}:
			default:
			}
			return true
		}
		return false
	})
	cfg := config(t, between.addr())
	b := open(t, cfg)
	watch(t, b, p.of.branch(8, time.Time{}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Sync(ctx, chain.BlockID{})
		done <- err
	}()
	select {
	case <-held:
	case <-timed(t).Done():
		t.Fatal("the second batch is not asked for")
	}
	if p, on := b.Progress(); !on || !strings.Contains(p.What, "history") || p.Permille < 300 || p.Permille > 500 {
		t.Errorf("in the middle, progress is %+v, %v", p, on)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Sync: %v, want Canceled", err)
	}
	closeNow(t, b)

	between = newRelay(t, p.node, nil)
	cfg.Peers = []string{between.addr()}
	b = open(t, cfg)
	watch(t, b, p.of.branch(8, time.Time{}))
	update := syncNow(t, b, chain.BlockID{})
	p.check(t, update)
	if update.Tip.BlockID != tip {
		t.Errorf("tip %v, want %v", update.Tip.BlockID, tip)
	}
	asked := 0
	for _, m := range between.forget() {
		if ask, is := m.(*wire.MsgGetCFilters); is {
			asked++
			if ask.StartHeight < passed {
				t.Errorf("filters after block %d are asked for again", ask.StartHeight)
			}
		}
	}
	if asked == 0 {
		t.Error("no filters are asked for")
	}
	if p, on := b.Progress(); on {
		t.Errorf("progress %+v after the end", p)
	}
}

// A download of headers that was interrupted ends at once, and goes on where it
// was in a later run.
func TestInterruptedDownload(t *testing.T) {
	t.Parallel()
	const message = 2000 // headers that a message has room for
	node := chaintest.StartBTCD(t, peers)
	tip := mine(t, node, message+100)
	held := make(chan struct{}, 1)
	begins := func(m wire.Message) bool {
		ask, is := m.(*wire.MsgGetHeaders)
		return is && *ask.BlockLocatorHashes[0] == *regtest.Params.GenesisHash
	}
	between := newRelay(t, node, func(m wire.Message) bool {
		if _, is := m.(*wire.MsgGetHeaders); !is || begins(m) {
			return false
		}
		select {
		case held <- struct{}{}:
		default:
		}
		return true
	})
	cfg := config(t, between.addr())
	cfg.Patience = patience
	b := open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Tip(ctx)
		done <- err
	}()
	select {
	case <-held:
	case <-timed(t).Done():
		t.Fatal("the second part is not asked for")
	}
	for deadline := timed(t); ; {
		if p, on := b.Progress(); on && strings.Contains(p.What, "headers") && p.Permille > 400 && p.Permille < 1000 {
			break
		}
		select {
		case <-b.Changes():
		case <-time.After(50 * time.Millisecond): // progress tells nobody
		case <-deadline.Done():
			t.Fatal("no progress in the middle")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Tip: %v, want Canceled", err)
	}
	closeNow(t, b)

	between = newRelay(t, node, nil)
	cfg.Peers = []string{between.addr()}
	b = open(t, cfg)
	if got, err := b.Tip(timed(t)); err != nil || got.BlockID != tip {
		t.Errorf("later: %v, %v, want %v", got, err, tip)
	}
	for _, m := range between.forget() {
		if begins(m) {
			t.Error("the download begins anew")
		}
	}
}
