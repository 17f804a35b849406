package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// slowNode is a fake whose search takes as long as busy says.
type slowNode struct {
	*chaintest.Fake
	busy atomic.Bool
}

// newSlowNode watches branch 1 already, whose history is not searched.
func newSlowNode(t *testing.T) *slowNode {
	n := &slowNode{Fake: chaintest.NewFake(t, regtest.Params)}
	genesis := regtest.Params.GenesisHash.String()
	n.Set("getnetworkinfo", chaintest.Says(map[string]any{"version": 290000}))
	n.Set("listwallets", chaintest.Says([]string{"w"}))
	n.Set("getwalletinfo", func(json.RawMessage) (any, error) {
		info := map[string]any{"descriptors": true, "private_keys_enabled": false, "scanning": false}
		if n.busy.Load() {
			info["scanning"] = map[string]any{"duration": 7, "progress": 0.25}
		}
		return info, nil
	})
	n.Set("listdescriptors", chaintest.Says(map[string]any{"descriptors": []any{
		map[string]any{"desc": branch(t, 1).Descriptor + "#checksum", "range": []int{0, 99}},
	}}))
	n.Set("getaddressinfo", chaintest.Says(map[string]any{"labels": []string{"something else"}}))
	n.Set("setlabel", chaintest.Says(nil))
	n.Set("abortrescan", func(json.RawMessage) (any, error) { n.busy.Store(false); return true, nil })
	n.Set("listsinceblock", chaintest.Says(map[string]any{"transactions": []any{}, "lastblock": genesis}))
	n.Set("getblockheader", chaintest.Says(map[string]any{"height": 0, "confirmations": 1}))
	return n
}

func (n *slowNode) backend(t *testing.T) *core.Backend {
	t.Helper()
	b, err := core.New(core.Config{Node: n.Access(), Wallet: "w", Params: regtest.Params, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	br := branch(t, 1)
	br.Birth = time.Time{}
	if err := b.Watch(t.Context(), []chain.Branch{br}); err != nil {
		t.Fatal(err)
	}
	return b
}

// The answer to a long call is lost, while the node goes on searching.
func TestSearchGoesOnWithoutAnswer(t *testing.T) {
	t.Parallel()
	n := newSlowNode(t)
	var looks atomic.Int32
	n.Set("rescanblockchain", func(json.RawMessage) (any, error) {
		n.busy.Store(true)
		return nil, chaintest.ErrDrop
	})
	n.Set("getwalletinfo", func(json.RawMessage) (any, error) {
		if !n.busy.Load() {
			return map[string]any{"descriptors": true, "scanning": false}, nil
		}
		if looks.Add(1) == 3 {
			n.busy.Store(false)
		}
		return map[string]any{"descriptors": true, "scanning": map[string]any{"progress": 0.5}}, nil
	})
	if _, err := n.backend(t).Sync(t.Context(), chain.BlockID{}); err != nil {
		t.Fatal(err)
	}
	if n.Asked("setlabel") != 1 || looks.Load() != 3 {
		t.Errorf("marked %d times after %d looks", n.Asked("setlabel"), looks.Load())
	}
}

// The answer is lost because the node was: nothing was searched.
func TestD5SearchLost(t *testing.T) {
	t.Parallel()
	n := newSlowNode(t)
	n.Set("rescanblockchain", func(json.RawMessage) (any, error) { return nil, chaintest.ErrDrop })
	b := n.backend(t)
	if _, err := b.Sync(t.Context(), chain.BlockID{}); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
	if n.Asked("setlabel") != 0 {
		t.Error("marked as searched")
	}
	n.Set("rescanblockchain", chaintest.Says(map[string]any{"start_height": 0}))
	if _, err := b.Sync(t.Context(), chain.BlockID{}); err != nil || n.Asked("setlabel") != 1 {
		t.Errorf("after that: %v, marked %d times", err, n.Asked("setlabel"))
	}
}

// A caller who gives up calls the node's search off.
func TestSearchCancelled(t *testing.T) {
	t.Parallel()
	n := newSlowNode(t)
	started, ended := make(chan struct{}), make(chan struct{})
	n.Set("rescanblockchain", func(json.RawMessage) (any, error) {
		close(started)
		<-ended
		return nil, &rpc.Error{Code: rpc.CodeMisc, Message: "Rescan aborted."}
	})
	n.Set("abortrescan", func(json.RawMessage) (any, error) { close(ended); return true, nil })
	b := n.backend(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := b.Sync(ctx, chain.BlockID{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
	if n.Asked("abortrescan") != 1 || n.Asked("setlabel") != 0 {
		t.Errorf("called off %d times, marked %d times", n.Asked("abortrescan"), n.Asked("setlabel"))
	}
}

// Somebody else has the node search, such as a process that was killed.
func TestSearchWaitsForAnother(t *testing.T) {
	t.Parallel()
	n := newSlowNode(t)
	var refused atomic.Int32
	n.busy.Store(true)
	n.Set("rescanblockchain", func(json.RawMessage) (any, error) {
		if n.busy.Load() {
			refused.Add(1)
			time.AfterFunc(10*time.Millisecond, func() { n.busy.Store(false) })
			return nil, &rpc.Error{Code: rpc.CodeWallet, Message: "Wallet is currently rescanning."}
		}
		return map[string]any{"start_height": 0}, nil
	})
	if _, err := n.backend(t).Sync(t.Context(), chain.BlockID{}); err != nil || refused.Load() != 1 || n.Asked("setlabel") != 1 {
		t.Errorf("%v after %d refusals, marked %d times", err, refused.Load(), n.Asked("setlabel"))
	}
}

// What the node says of itself before it can be used.
func TestD5NotReady(t *testing.T) {
	params := &chaincfg.MainNetParams
	genesis := params.GenesisHash.String()
	for _, c := range []struct {
		name   string
		change func(*chaintest.Fake)
		want   error
		says   string
	}{
		{"starting", func(f *chaintest.Fake) {
			f.Set("getblockchaininfo", chaintest.Refuses(rpc.CodeWarmup, "Verifying blocks…"))
		}, chain.ErrUnreachable, "Verifying blocks"},
		{"syncing", func(f *chaintest.Fake) {
			f.Set("getblockchaininfo", chaintest.Says(map[string]any{"chain": "main", "blocks": 400000, "headers": 900000,
				"bestblockhash": genesis, "initialblockdownload": true, "verificationprogress": 0.34567}))
		}, chain.ErrUnreachable, "block 400000 of 900000, 0.3456 of 1"},
		{"too old", func(f *chaintest.Fake) {
			f.Set("getnetworkinfo", chaintest.Says(map[string]any{"version": 230000}))
		}, nil, "230000 is too old"},
		{"another network", func(f *chaintest.Fake) {
			f.Set("getblockhash", chaintest.Says(chaincfg.TestNet4Params.GenesisHash.String()))
		}, chain.ErrWrongNetwork, "mainnet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := chaintest.NewFake(t, params)
			c.change(f)
			b, err := core.New(core.Config{Node: f.Access(), Wallet: "w", Params: params, Poll: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			_, err = b.Tip(t.Context())
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v with %q", err, c.want, c.says)
			}
		})
	}
}

// Rates are exact, whatever the node's way of writing them.
func TestFees(t *testing.T) {
	f := newSlowNode(t)
	f.Set("estimatesmartfee", func(params json.RawMessage) (any, error) {
		if string(params) != `[3,"conservative"]` {
			t.Errorf("asked with %s", params)
		}
		return map[string]any{"feerate": json.Number("0.00012345"), "blocks": 3}, nil
	})
	f.Set("getmempoolinfo", chaintest.Says(map[string]any{
		"mempoolminfee": json.Number("1.5e-05"), "minrelaytxfee": json.Number("0.00001000"),
	}))
	b := f.backend(t)
	if rate, err := b.FeeRate(t.Context(), 3); err != nil || rate != 12345 {
		t.Errorf("FeeRate = %d, %v", rate, err)
	}
	if rate, err := b.MinFeeRate(t.Context()); err != nil || rate != 1500 {
		t.Errorf("MinFeeRate = %d, %v", rate, err)
	}
	f.Set("estimatesmartfee", chaintest.Says(map[string]any{"errors": []string{"Insufficient data"}, "blocks": 2}))
	if _, err := b.FeeRate(t.Context(), 3); !errors.Is(err, chain.ErrNoEstimate) || !strings.Contains(err.Error(), "Insufficient data") {
		t.Errorf("no estimate: %v", err)
	}
	for _, bad := range []string{"0.000000001", "1e9", "22000000"} {
		f.Set("estimatesmartfee", chaintest.Says(map[string]any{"feerate": json.Number(bad)}))
		if rate, err := b.FeeRate(t.Context(), 3); err == nil {
			t.Errorf("rate %s read as %d", bad, rate)
		}
	}
}

func TestConfig(t *testing.T) {
	f := chaintest.NewFake(t, regtest.Params)
	noLogin := f.Access()
	noLogin.User = ""
	for name, cfg := range map[string]core.Config{
		"no wallet":  {Node: f.Access(), Params: regtest.Params},
		"no address": {Node: rpc.Config{User: "u"}, Wallet: "w", Params: regtest.Params},
		"no login":   {Node: noLogin, Wallet: "w", Params: regtest.Params},
	} {
		if b, err := core.New(cfg); err == nil {
			b.Close()
			t.Errorf("%s is accepted", name)
		}
	}
}
