package core_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
)

// branch has watch-only keys, the same ones for the same number.
func branch(t *testing.T, number byte) chain.Branch {
	t.Helper()
	master, err := hdkeychain.NewMaster(bytes.Repeat([]byte{number}, 32), regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	public, err := master.Neuter()
	if err != nil {
		t.Fatal(err)
	}
	return chain.Branch{
		Descriptor: "wpkh(" + public.String() + "/*)",
		Script:     scripts(public),
		Count:      5,
		Birth:      time.Now(),
	}
}

// scripts derives those of the children of a key.
func scripts(parent *hdkeychain.ExtendedKey) func(uint32) ([]byte, error) {
	return func(i uint32) ([]byte, error) {
		child, err := parent.Derive(i)
		if err != nil {
			return nil, err
		}
		key, err := child.ECPubKey()
		if err != nil {
			return nil, err
		}
		hash := address.Hash160(key.SerializeCompressed())
		return append([]byte{txscript.OP_0, byte(len(hash))}, hash...), nil
	}
}

func open(t *testing.T, node *regtest.Node, wallet string, log *slog.Logger) *core.Backend {
	t.Helper()
	b, err := core.New(core.Config{Node: node.Access(), Wallet: wallet, Params: regtest.Params, Poll: time.Hour, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func mine(t *testing.T, node *regtest.Node, count int) chain.BlockID {
	t.Helper()
	tip, err := node.Mine(t.Context(), count)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// A search that was completed is not done again, not by another process either;
// more addresses are searched only for a caller who asks for their history.
func TestSearchOnce(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	tip := mine(t, node, 3)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	searches := func() int { return strings.Count(log.String(), "searching the chain") }

	br := branch(t, 1)
	step := func(what string, b *core.Backend, since chain.BlockID, want int) {
		t.Helper()
		if err := b.Watch(t.Context(), []chain.Branch{br}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Sync(t.Context(), since); err != nil {
			t.Fatal(err)
		}
		if got := searches(); got != want {
			t.Fatalf("%s: %d searches, want %d:\n%s", what, got, want, &log)
		}
	}
	b := open(t, node, "w", logger)
	step("at first", b, chain.BlockID{}, 1)
	step("again", b, chain.BlockID{}, 1)
	step("in another process", open(t, node, "w", logger), chain.BlockID{}, 1)
	br.Count = 1000
	step("within what the node looked ahead", b, chain.BlockID{}, 1)
	br.Count = 3000
	step("fresh addresses", b, tip, 1)
	step("their history", b, chain.BlockID{}, 2)
	br.Birth = br.Birth.Add(-time.Hour)
	step("an earlier birth", b, tip, 3)
	step("in a new wallet of the node", open(t, node, "other", logger), tip, 4)
}

// The node unloads the wallet behind our back.
func TestD5WalletUnloaded(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	mine(t, node, 1)
	b := open(t, node, "w", nil)
	br := branch(t, 1)
	if err := b.Watch(t.Context(), []chain.Branch{br}); err != nil {
		t.Fatal(err)
	}
	unload := func() {
		t.Helper()
		if err := node.Client().Call(t.Context(), "unloadwallet", []any{"w"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	unload()
	script, err := br.Script(0)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := node.Fund(t.Context(), wire.NewTxOut(1e6, script))
	if err != nil {
		t.Fatal(err)
	}
	mine(t, node, 1)
	update, err := b.Sync(t.Context(), chain.BlockID{})
	if err != nil || len(update.Txs) != 1 || update.Txs[0].Msg.TxHash() != tx.TxHash() {
		t.Errorf("%+v, %v; want the payment of meanwhile", update, err)
	}
	unload()
	if err := b.Watch(t.Context(), []chain.Branch{branch(t, 2)}); err != nil {
		t.Errorf("watching more: %v", err)
	}
}

// A wallet that somebody made for something else is left alone.
func TestForeignWallet(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	mine(t, node, 1)
	if err := node.Client().Call(t.Context(), "createwallet", []any{"keys"}, nil); err != nil {
		t.Fatal(err)
	}
	err := open(t, node, "keys", nil).Watch(t.Context(), []chain.Branch{branch(t, 1)})
	if err == nil || !strings.Contains(err.Error(), "private keys") {
		t.Errorf("wallet with keys: %v", err)
	}
}

// Other wallets that the node has loaded, also one with our own addresses,
// neither get in the way nor add to what is ours.
func TestD5OtherWalletsLoaded(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	mine(t, node, 110)
	ours, others := branch(t, 1), branch(t, 2)
	for name, br := range map[string]chain.Branch{"theirs": others, "same": ours} {
		if err := open(t, node, name, nil).Watch(t.Context(), []chain.Branch{br}); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Client().Call(t.Context(), "createwallet", []any{"keys"}, nil); err != nil {
		t.Fatal(err)
	}
	b := open(t, node, "w", nil)
	if err := b.Watch(t.Context(), []chain.Branch{ours}); err != nil {
		t.Fatal(err)
	}
	fund(t, node, output(t, others, 0, 50_000))
	tx := fund(t, node, output(t, ours, 0, 60_000))
	mine(t, node, 1)
	update, err := b.Sync(t.Context(), chain.BlockID{})
	if err != nil || len(update.Txs) != 1 || update.Txs[0].Msg.TxHash() != tx.TxHash() {
		t.Errorf("%+v, %v; want our payment only", update, err)
	}
}

func TestWalletsDisabled(t *testing.T) {
	node := chaintest.StartBitcoind(t, chaintest.Line("disablewallet=1"))
	mine(t, node, 1)
	err := open(t, node, "w", nil).Watch(t.Context(), []chain.Branch{branch(t, 1)})
	if err == nil || !strings.Contains(err.Error(), "disablewallet") {
		t.Errorf("no wallets: %v", err)
	}
}

// With a descriptor that does not give the scripts, coins would be overlooked.
func TestWrongDescriptor(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	mine(t, node, 1)
	br := branch(t, 1)
	br.Script = branch(t, 2).Script
	err := open(t, node, "w", nil).Watch(t.Context(), []chain.Branch{br})
	if err == nil || !strings.Contains(err.Error(), "other addresses") {
		t.Errorf("descriptor of another branch: %v", err)
	}
}

// The blocks in which history would have to be found are gone.
func TestD5Pruned(t *testing.T) {
	node := chaintest.StartBitcoind(t, chaintest.Line("prune=1"), chaintest.Line("fastprune=1"))
	old := time.Now().Add(-100 * 24 * time.Hour)
	for range 400 {
		if _, err := node.MineBlock(t.Context(), regtest.Block{Time: old}); err != nil {
			t.Fatal(err)
		}
	}
	mine(t, node, 300)
	if err := node.Client().Call(t.Context(), "pruneblockchain", []any{350}, nil); err != nil {
		t.Fatal(err)
	}
	b := open(t, node, "w", nil)
	br := branch(t, 1)
	if err := b.Watch(t.Context(), []chain.Branch{br}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Sync(t.Context(), chain.BlockID{}); err != nil {
		t.Errorf("history that is there: %v", err)
	}
	br.Birth = old
	if err := b.Watch(t.Context(), []chain.Branch{br}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Sync(t.Context(), chain.BlockID{}); !errors.Is(err, chain.ErrPruned) || !strings.Contains(err.Error(), "not pruned") {
		t.Errorf("history that is gone: %v, want ErrPruned with advice", err)
	}
}
