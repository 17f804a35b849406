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

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
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

// deep has the branch at step 7 below a key, as wallets describe theirs.
func deep(t *testing.T, number byte, origin string) chain.Branch {
	t.Helper()
	br := branch(t, number)
	text := strings.TrimSuffix(strings.TrimPrefix(br.Descriptor, "wpkh("), "/*)")
	key, err := hdkeychain.NewKeyFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = key.Derive(7); err != nil {
		t.Fatal(err)
	}
	br.Descriptor = "wpkh(" + origin + text + "/7/*)"
	br.Script = scripts(key)
	return br
}

// A wallet's descriptor is put so that the node derives one step for each index.
func TestFlat(t *testing.T) {
	for _, origin := range []string{"[0badcafe/84h/1h/0h]", ""} {
		br := deep(t, 1, origin)
		key := strings.TrimSuffix(strings.TrimPrefix(branch(t, 1).Descriptor, "wpkh("), "/*)")
		flat := core.Flat(br.Descriptor)
		if strings.Contains(flat, key) || strings.Contains(flat, "/7/*") || strings.Contains(flat, "/7]") != (origin != "") {
			t.Errorf("%s is put as %s", br.Descriptor, flat)
		}
		for _, kind := range []string{"pkh(%s)", "sh(wpkh(%s))"} {
			inner := strings.TrimSuffix(strings.TrimPrefix(flat, "wpkh("), ")")
			if got := core.Flat(fmt.Sprintf(kind, origin+key+"/7/*")); got != fmt.Sprintf(kind, inner) {
				t.Errorf("%s: %s", kind, got)
			}
		}
	}
	for _, other := range []string{
		"", "/*", "wpkh(key/0/*)", branch(t, 1).Descriptor, "wpkh([0badcafe/84h]" + branch(t, 1).Descriptor[5:],
		strings.Replace(deep(t, 1, "").Descriptor, "/7/*", "/7h/*", 1), strings.Replace(deep(t, 1, "").Descriptor, "/7/*", "/2147483648/*", 1),
	} {
		if got := core.Flat(other); got != other {
			t.Errorf("%s is put as %s", other, got)
		}
	}
}

// Coins are found far behind the last used address, in branches with and
// without a descriptor, and nothing is watched because of it.
func TestScan(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	mine(t, node, 1)
	far, near, single, spare := branch(t, 1), branch(t, 2), branch(t, 3), branch(t, 4)
	far.Count, single.Descriptor = 5000, ""
	mine(t, node, 110) // so that no payment needs blocks of its own
	branches := []chain.Branch{spare, near, far, single, deep(t, 5, "[0badcafe/84h/1h/0h]"), deep(t, 6, "")}
	want := []chain.FoundCoin{
		{Branch: 4, Index: 3, Value: 4400},
		{Branch: 5, Index: 2, Value: 5500},
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

// TestSearchResumed: a search that is cut off goes on where it was, in another
// process too, and says how far it is. What the node searched when it took the
// addresses in is not searched again.
func TestSearchResumed(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	br := branch(t, 1)
	br.Birth = time.Time{}
	const interval, blocks = 10 * time.Minute, 340
	at := time.Now().Add(-blocks * interval)
	mine := func(count int, txs ...*wire.MsgTx) (tip chain.BlockID) {
		t.Helper()
		for range count {
			var err error
			if tip, err = node.MineBlock(t.Context(), regtest.Block{Time: at, Txs: txs}); err != nil {
				t.Fatal(err)
			}
			at, txs = at.Add(interval), nil
		}
		return tip
	}
	pay := func(index uint32) *wire.MsgTx {
		t.Helper()
		tx, err := node.Payment(t.Context(), output(t, br, index, 10_000))
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	mine(110)
	first := pay(3)
	mine(220, first)
	last := pay(4)
	tip := mine(1, last)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := make([]int, 0, 100)
	var b *core.Backend
	var end int32 // of the search
	log := &lines{each: func(line string) {
		if _, to, ok := strings.Cut(line, " to="); ok && strings.Contains(line, "searching") {
			fmt.Sscan(to, &end)
		}
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
	if end < tip.Height-20 || end >= tip.Height {
		t.Errorf("to be searched up to %d of %d", end, tip.Height)
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
