package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// output pays value to a branch at an index.
func output(t *testing.T, br chain.Branch, index uint32, value sats.Amount) *wire.TxOut {
	t.Helper()
	script, err := br.Script(index)
	if err != nil {
		t.Fatal(err)
	}
	return wire.NewTxOut(int64(value), script)
}

// fund sends a payment.
func fund(t *testing.T, node *regtest.Node, out *wire.TxOut) *wire.MsgTx {
	t.Helper()
	tx, err := node.Fund(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// Coins are found far behind the last used address, in branches with and
// without a descriptor, and nothing is watched because of it.
func TestScan(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	mine(t, node, 1)
	far, near, single, spare := branch(t, 1), branch(t, 2), branch(t, 3), branch(t, 4)
	far.Count, single.Descriptor = 5000, ""
	mine(t, node, 110) // so that no payment needs blocks of its own
	branches := []chain.Branch{spare, near, far, single}
	want := []chain.FoundCoin{
		{Branch: 2, Index: 4900, Value: 12345},
		{Branch: 1, Index: 0, Value: 1_0000_0001},
		{Branch: 3, Index: 4, Value: 777},
	}
	var outputs []*wire.TxOut
	for _, c := range want {
		outputs = append(outputs, output(t, branches[c.Branch], c.Index, c.Value))
	}
	outputs = append(outputs, output(t, near, near.Count, 5000)) // beyond the count
	tx, err := node.Fund(t.Context(), outputs...)
	if err != nil {
		t.Fatal(err)
	}
	tip := mine(t, node, 1)
	fund(t, node, output(t, near, 1, 999)) // not in a block

	b := open(t, node, "w", nil)
	found, err := b.Scan(t.Context(), branches)
	if err != nil {
		t.Fatal(err)
	}
	if found.Tip != tip || len(found.Coins) != len(want) {
		t.Errorf("%d coins at %v, want %d at %v", len(found.Coins), found.Tip, len(want), tip)
	}
	for i, c := range want {
		c.OutPoint, c.Height = wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}, tip.Height
		if !slices.Contains(found.Coins, c) {
			t.Errorf("%+v is not among %+v", c, found.Coins)
		}
	}
	var wallets []string
	if err := node.Client().Call(t.Context(), "listwallets", nil, &wallets); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(wallets, "w") {
		t.Error("looking for coins has made a wallet in the node")
	}
}

// A node whose list is not what was asked for is not believed.
func TestScanOfLiar(t *testing.T) {
	n := newSlowNode(t)
	br := branch(t, 1)
	script, err := br.Script(2)
	if err != nil {
		t.Fatal(err)
	}
	for name, unspent := range map[string]map[string]any{
		"another script": {"desc": "wpkh([00000000/2]02)", "scriptPubKey": "0014"},
		"another index":  {"desc": "wpkh([00000000/3]02)", "scriptPubKey": fmt.Sprintf("%x", script)},
		"giant index":    {"desc": "wpkh([00000000/4294967296]02)", "scriptPubKey": fmt.Sprintf("%x", script)},
		"beyond":         {"desc": "wpkh([00000000/5]02)", "scriptPubKey": fmt.Sprintf("%x", script)},
		"no path":        {"desc": "addr(x)", "scriptPubKey": fmt.Sprintf("%x", script)},
		"value":          {"desc": "wpkh([00000000/2]02)", "scriptPubKey": fmt.Sprintf("%x", script), "amount": json.Number("22000000")},
	} {
		unspent["txid"] = strings.Repeat("0", 64)
		n.Set("scantxoutset", chaintest.Says(map[string]any{"success": true, "unspents": []any{unspent}}))
		if found, err := n.backend(t).Scan(t.Context(), []chain.Branch{br}); err == nil {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// A scan of somebody else is waited for, and the own one is called off with the
// context.
func TestScanTakesTurns(t *testing.T) {
	t.Parallel()
	n := newSlowNode(t)
	var starts, asked atomic.Int32
	started, aborted := make(chan struct{}), make(chan struct{})
	n.Set("scantxoutset", func(params json.RawMessage) (any, error) {
		switch {
		case bytes.Contains(params, []byte("status")):
			if asked.Add(1) <= 2 {
				return map[string]any{"progress": 40}, nil
			}
			return nil, nil
		case bytes.Contains(params, []byte("abort")):
			close(aborted)
			return true, nil
		case starts.Add(1) == 1:
			return nil, &rpc.Error{Code: rpc.CodeInvalidParameter, Message: "Scan already in progress"}
		}
		close(started)
		<-aborted
		return map[string]any{"success": false}, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := n.backend(t).Scan(ctx, []chain.Branch{branch(t, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
	if n := starts.Load(); n != 2 {
		t.Errorf("started %d times", n)
	}
	<-aborted
}

// lines is a log that calls each with every line.
type lines struct {
	mu   sync.Mutex
	each func(line string)
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.each(string(b))
	return len(b), nil
}

// A search that is cut off goes on where it was, in another process too, and
// says how far it is.
func TestSearchResumed(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	br := branch(t, 1)
	br.Birth = time.Time{}
	mine(t, node, 20)
	first := fund(t, node, output(t, br, 3, 10_000))
	mine(t, node, 200)
	last := fund(t, node, output(t, br, 4, 20_000))
	tip := mine(t, node, 1)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := make([]int, 0, 100)
	var b *core.Backend
	log := &lines{each: func(line string) {
		if !strings.Contains(line, "searched blocks") {
			return
		}
		if p, ok := b.Progress(); !ok || p.Permille < 0 || p.Permille > 1000 || p.What == "" {
			t.Errorf("in the search, progress is %+v, %v", p, ok)
		} else if reached = append(reached, p.Permille); p.Permille >= 500 {
			cancel()
		}
	}}
	open := func() *core.Backend {
		b = open(t, node, "w", slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		core.SetStep(b, 10)
		if err := b.Watch(t.Context(), []chain.Branch{br}); err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := open().Sync(ctx, chain.BlockID{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want Canceled", err)
	}
	half := reached[len(reached)-1]
	if half < 500 || half > 600 || len(reached) < 5 {
		t.Fatalf("called off when reached %v", reached)
	}
	if _, ok := b.Progress(); ok {
		t.Error("progress after the end")
	}

	reached = reached[:0]
	update, err := open().Sync(t.Context(), chain.BlockID{})
	if err != nil {
		t.Fatal(err)
	}
	if len(reached) == 0 || reached[0] < half || reached[len(reached)-1] != 1000 {
		t.Errorf("after %d it went on with %v", half, reached)
	}
	if update.Tip.BlockID != tip || len(update.Txs) != 2 || update.Txs[0].Msg.TxHash() != first.TxHash() || update.Txs[1].Msg.TxHash() != last.TxHash() {
		t.Errorf("%+v", update)
	}
	// It is complete now.
	reached = reached[:0]
	if _, err := open().Sync(t.Context(), chain.BlockID{}); err != nil || len(reached) > 0 {
		t.Errorf("searched again: %v, %v", reached, err)
	}
}
