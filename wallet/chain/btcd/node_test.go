package btcd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

func open(t *testing.T, cfg btcd.Config) *btcd.Backend {
	t.Helper()
	b, err := btcd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// Calls and notifications are encrypted, with the node's own certificate only.
func TestTLS(t *testing.T) {
	node := chaintest.StartBTCD(t, chaintest.TLS)
	access := node.Access()
	cfg := btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, CertFile: node.CertFile(), Params: regtest.Params}
	b := open(t, cfg)
	want := func(what string) {
		t.Helper()
		select {
		case <-b.Changes():
		case <-time.After(time.Minute):
			t.Fatal("no news of " + what)
		}
	}
	want("the connection")
	mined, err := node.Mine(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want("a block")
	if tip, err := b.Tip(t.Context()); err != nil || tip.BlockID != mined {
		t.Errorf("tip %v, %v; want %v", tip, err, mined)
	}

	other := chaintest.StartBTCD(t, chaintest.TLS)
	cfg.CertFile = other.CertFile()
	if _, err := open(t, cfg).Tip(t.Context()); !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("with another certificate: %v", err)
	}
}

// Without filters nothing can be found; zero would be a lie.
func TestNoFilters(t *testing.T) {
	node := chaintest.StartBTCD(t, chaintest.Line("nocfilters=1"))
	if _, err := node.Mine(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	access := node.Access()
	b := open(t, btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params})
	if update, err := b.Sync(t.Context(), chain.BlockID{}); err == nil || !strings.Contains(err.Error(), "nocfilters") {
		t.Errorf("%+v, %v; want the option's name", update, err)
	}
}

func TestConfig(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "rpc.cert")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*btcd.Config){
		"in the clear, by address": func(c *btcd.Config) { c.Addr = "192.0.2.1:8334" },
		"in the clear, by name":    func(c *btcd.Config) { c.Addr = "node.example:8334" },
		"no certificate":           func(c *btcd.Config) { c.CertFile = empty + "x" },
		"empty certificate":        func(c *btcd.Config) { c.CertFile = empty },
		"no user":                  func(c *btcd.Config) { c.User = "" },
	} {
		cfg := btcd.Config{Addr: "localhost:8334", User: "u", Password: secret.NewText("hunter2"), Params: regtest.Params}
		change(&cfg)
		if b, err := btcd.New(cfg); err == nil {
			b.Close()
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password", name)
		}
	}
}

func TestD5Syncing(t *testing.T) {
	params := &chaincfg.MainNetParams
	f := chaintest.NewFake(t, params)
	info := func(age time.Duration) chaintest.Answer {
		return chaintest.Says(map[string]any{"chain": params.Name, "blocks": 400_000,
			"bestblockhash": params.GenesisHash.String(), "mediantime": time.Now().Add(-age).Unix()})
	}
	access := f.Access()
	b := open(t, btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: params})
	f.Set("getblockchaininfo", info(25*time.Hour))
	if _, err := b.Tip(t.Context()); !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), "block 400000 is from 20") {
		t.Errorf("%v, want ErrUnreachable with the block", err)
	}
	f.Set("getblockchaininfo", info(time.Hour))
	if _, err := b.Tip(t.Context()); err != nil {
		t.Error(err)
	}
}

// btcd writes rates as floating point numbers.
func TestFees(t *testing.T) {
	f := chaintest.NewFake(t, regtest.Params)
	access := f.Access()
	b := open(t, btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params})
	for text, want := range map[string]sats.Amount{
		"1e-05": 1000, "1.0000000000000001e-05": 1001, "0.00012345": 12345, "0.000123450000001": 12346, "1e-20": 1, "21000000": sats.Max,
	} {
		f.Set("estimatefee", func(params json.RawMessage) (any, error) {
			if string(params) != "[25]" {
				t.Errorf("asked for %s", params)
			}
			return json.Number(text), nil
		})
		if rate, err := b.FeeRate(t.Context(), 1008); err != nil || rate != want {
			t.Errorf("%s: %d, %v; want %d", text, rate, err, want)
		}
	}
	for _, bad := range []string{"0", "-1", "21000000.5", "99999999", "1e99", "1e-999", "123456789"} {
		f.Set("estimatefee", chaintest.Says(json.Number(bad)))
		if rate, err := b.FeeRate(t.Context(), 3); !errors.Is(err, chain.ErrNoEstimate) {
			t.Errorf("%s: %d, %v; want ErrNoEstimate", bad, rate, err)
		}
	}
	f.Set("estimatefee", chaintest.Refuses(-32603, "not enough blocks have been observed"))
	if _, err := b.FeeRate(t.Context(), 3); !errors.Is(err, chain.ErrNoEstimate) {
		t.Errorf("%v, want ErrNoEstimate", err)
	}
	f.Set("getinfo", chaintest.Says(map[string]any{"relayfee": json.Number("1e-05")}))
	if rate, err := b.MinFeeRate(t.Context()); err != nil || rate != 1000 {
		t.Errorf("MinFeeRate = %d, %v", rate, err)
	}
}

// A notification of many outputs comes in several frames, as that of every
// CoinJoin does.
func TestLargeNotification(t *testing.T) {
	node := chaintest.StartBTCD(t)
	access := node.Access()
	var log lockedBuffer
	b := open(t, btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params,
		Logger: slog.New(slog.NewTextHandler(&log, nil))})
	next := func(what string) {
		t.Helper()
		select {
		case <-b.Changes():
		case <-time.After(time.Minute):
			t.Fatal("no news of " + what)
		}
	}
	next("the connection")
	script := append([]byte{0, 20}, make([]byte, 20)...)
	if err := b.Watch(t.Context(), []chain.Branch{{Script: func(uint32) ([]byte, error) { return script, nil }, Count: 1, Birth: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	outputs := make([]*wire.TxOut, 200)
	for i := range outputs {
		outputs[i] = wire.NewTxOut(10_000, script)
	}
	tx, err := node.Fund(t.Context(), outputs...)
	if err != nil {
		t.Fatal(err)
	}
	for {
		next("the transaction")
		update, err := b.Sync(t.Context(), chain.BlockID{})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(update.Txs, func(found chain.Tx) bool { return found.Msg.TxHash() == tx.TxHash() }) {
			break
		}
	}
	if text := log.String(); strings.Contains(text, "WARN") {
		t.Errorf("the connection was lost meanwhile:\n%s", text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
