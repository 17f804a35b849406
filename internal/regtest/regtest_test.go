package regtest_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// script is a P2WPKH output of nobody.
var script = append([]byte{0, 20}, bytes.Repeat([]byte{7}, 20)...)

func TestBTCD(t *testing.T)     { testNode(t, chaintest.StartBTCD(t)) }
func TestBitcoind(t *testing.T) { testNode(t, chaintest.StartBitcoind(t)) }

func TestTLS(t *testing.T) {
	node := chaintest.StartBTCD(t, chaintest.TLS)
	if mined, err := node.Mine(t.Context(), 1); err != nil || mined != tip(t, node).BlockID {
		t.Errorf("Mine: %v, %v", mined, err)
	}
}

func testNode(t *testing.T, node *regtest.Node) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, err := node.Mine(ctx, 1)
	if err != nil || first.Height != 1 {
		t.Fatalf("Mine: %v, %v", first, err)
	}

	// Paid out, confirmed, and the change spent in turn.
	for _, value := range []int64{1e8, 60e8} {
		tx, err := node.Fund(ctx, wire.NewTxOut(value, script), wire.NewTxOut(20_000, script))
		if err != nil {
			t.Fatal(err)
		}
		if got := txOut(t, node, tx, 0); got == nil || int64(got.Value) != value || got.Confirmations != 0 {
			t.Fatalf("before a block: %+v", got)
		}
		if _, err := node.Mine(ctx, 2); err != nil {
			t.Fatal(err)
		}
		if got := txOut(t, node, tx, 0); got == nil || int64(got.Value) != value || got.Confirmations != 2 {
			t.Fatalf("after two blocks: %+v", got)
		}
	}

	// A longer branch wins; it keeps the time it is given.
	best := tip(t, node)
	parent := ancestor(t, node, best.Height-3)
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	for range 4 {
		if parent, err = node.MineBlock(ctx, regtest.Block{Parent: parent, Time: at}); err != nil {
			t.Fatal(err)
		}
	}
	if got := tip(t, node); got.BlockID != parent || got.Height != best.Height+1 {
		t.Errorf("tip %v after a branch, want %v", got, parent)
	}
	header, err := node.Client().Header(ctx, parent.Hash)
	if err != nil || !header.Timestamp.Equal(at) {
		t.Errorf("header %+v, %v; want time %s", header, err, at)
	}

	// The chain is there after a restart.
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := node.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if got := tip(t, node); got.BlockID != parent {
		t.Errorf("tip %v after a restart, want %v", got, parent)
	}
}

func tip(t *testing.T, node *regtest.Node) chain.Tip {
	t.Helper()
	info, err := node.Client().ChainInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.Tip()
}

func ancestor(t *testing.T, node *regtest.Node, height int32) chain.BlockID {
	t.Helper()
	hash, err := node.Client().BlockHash(t.Context(), height)
	if err != nil {
		t.Fatal(err)
	}
	return chain.BlockID{Height: height, Hash: hash}
}

type output struct {
	Value         rpc.BTC
	Confirmations int
}

func txOut(t *testing.T, node *regtest.Node, tx *wire.MsgTx, index int) *output {
	t.Helper()
	var out *output
	if err := node.Client().Call(t.Context(), "gettxout", []any{tx.TxID(), index}, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
