package chaintest

import (
	"context"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// Open makes a backend for a node. Backends opened in one test share what the
// node keeps for them.
type Open func(t *testing.T, node rpc.Config, params *chaincfg.Params) (chain.Backend, error)

// patience bounds how long the suite waits for a single thing.
const patience = time.Minute

// Times of the old blocks that the suite begins with.
const (
	oldest = 60 * 24 * time.Hour
	older  = 30 * 24 * time.Hour
)

// Run is the suite that every backend must pass. The node is fresh: the suite
// makes its chain, which begins two months ago.
func Run(t *testing.T, node *regtest.Node, open Open) {
	s := &suite{node: node, open: open}
	s.makeHistory(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"History", s.history},
		{"HistoryOfUnknownBlock", s.unknownBlock},
		{"Receive", s.receive},
		{"Spend", s.spend},
		{"WithoutDescriptor", s.withoutDescriptor},
		{"NeverLost", s.neverLost},
		{"Grow", s.grow},
		{"Coinbase", s.coinbase},
		{"D5Reorganisation", s.reorganisation},
		{"D5Conflict", s.conflict},
		{"Replacement", s.replacement},
		{"Broadcast", s.broadcast},
		{"Unconfirmed", s.unconfirmed},
		{"Fees", s.fees},
		{"D5WrongNetwork", s.wrongNetwork},
		{"D5WrongPassword", s.wrongPassword},
		{"D5Unreachable", s.unreachable},
		{"Cancelled", s.cancelled},
		{"Concurrent", s.concurrent},
		{"Close", s.closing},
		{"D5Restart", s.restart}, // loses the mempool of btcd
	} {
		t.Run(test.name, test.run)
	}
}

// suite is one run.
type suite struct {
	node *regtest.Node
	open Open
	old  *account        // with a history
	past []*wire.MsgTx   // its transactions, in the order of the chain
	at   []chain.BlockID // their blocks
}

// backend opens one until the test ends.
func (s *suite) backend(t *testing.T) chain.Backend {
	t.Helper()
	return s.backendAt(t, s.node.Access(), regtest.Params)
}

func (s *suite) backendAt(t *testing.T, node rpc.Config, params *chaincfg.Params) chain.Backend {
	t.Helper()
	b, err := s.open(t, node, params)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// watching opens a backend that watches an account, and syncs it once.
func (s *suite) watching(t *testing.T, a *account) (chain.Backend, chain.Update) {
	t.Helper()
	b := s.backend(t)
	ctx := timed(t)
	if err := b.Watch(ctx, a.watch(10, time.Now())); err != nil {
		t.Fatal(err)
	}
	update, err := b.Sync(ctx, chain.BlockID{})
	if err != nil {
		t.Fatal(err)
	}
	return b, update
}

// await syncs at every change until an update is as wanted, and returns that.
func await(t *testing.T, b chain.Backend, since chain.BlockID, what string, wanted func(chain.Update) bool) chain.Update {
	t.Helper()
	ctx := timed(t)
	for {
		update, err := b.Sync(ctx, since)
		if err == nil && wanted(update) {
			return update
		}
		select {
		case <-b.Changes():
		case <-ctx.Done():
			t.Fatalf("waiting for %s: last update %+v, %v", what, update, err)
		}
	}
}

// fund pays an account and leaves the payment in the mempool.
func (s *suite) fund(t *testing.T, script []byte) *wire.MsgTx {
	t.Helper()
	tx, err := s.node.Fund(timed(t), wire.NewTxOut(coinValue, script))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (s *suite) mine(t *testing.T, count int) chain.BlockID {
	t.Helper()
	tip, err := s.node.Mine(timed(t), count)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

func (s *suite) mineBlock(t *testing.T, block regtest.Block) chain.BlockID {
	t.Helper()
	id, err := s.node.MineBlock(timed(t), block)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// tip asks the node, past the backend.
func (s *suite) tip(t *testing.T) chain.BlockID {
	t.Helper()
	info, err := s.node.Client().ChainInfo(timed(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.Tip().BlockID
}

func timed(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// find returns the transaction in an update, nil if it is not there.
func find(update chain.Update, id chainhash.Hash) *chain.Tx {
	for i := range update.Txs {
		if update.Txs[i].Msg.TxHash() == id {
			return &update.Txs[i]
		}
	}
	return nil
}

// unconfirmed and in say where a transaction has to be.
func unconfirmed(tx *wire.MsgTx) func(chain.Update) bool {
	return in(tx, chain.BlockID{})
}

func in(tx *wire.MsgTx, block chain.BlockID) func(chain.Update) bool {
	return func(update chain.Update) bool {
		found := find(update, tx.TxHash())
		return found != nil && found.Block == block
	}
}

func gone(tx *wire.MsgTx) func(chain.Update) bool {
	return func(update chain.Update) bool { return find(update, tx.TxHash()) == nil }
}

func outPoint(tx *wire.MsgTx, index uint32) wire.OutPoint {
	hash := tx.TxHash()
	return *wire.NewOutPoint(&hash, index)
}
