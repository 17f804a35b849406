package neutrino_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/neutrino"
)

// asking calls each method that asks the peers.
func asking(ctx context.Context, b chain.Backend) map[string]error {
	errs := make(map[string]error)
	_, errs["Tip"] = b.Tip(ctx)
	_, errs["Sync"] = b.Sync(ctx, chain.BlockID{})
	_, errs["TxOut"] = b.TxOut(ctx, wire.OutPoint{})
	errs["Broadcast"] = b.Broadcast(ctx, harmless())
	return errs
}

// harmless is a transaction that no node wants.
func harmless() *wire.MsgTx {
	nobody := newAccount()
	coin := wire.NewMsgTx(2)
	coin.AddTxOut(wire.NewTxOut(coinValue, nobody.script(0)))
	return nobody.spend(coin, 0, 0, nobody.script(1), coinFee)
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t, l.Addr().String())
	l.Close() // nobody listens there now
	cfg.Patience = time.Second
	b := open(t, cfg)
	for name, err := range asking(timed(t), b) {
		if !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), cfg.Peers[0]) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v, want ErrUnreachable with the address and the reason", name, err)
		}
	}
	// What needs nobody works.
	watch(t, b, newAccount().branch(3, time.Now()))
	checkFees(t, b)
}

func checkFees(t *testing.T, b chain.Backend) {
	t.Helper()
	for _, target := range []int{1, 1008} {
		if rate, err := b.FeeRate(timed(t), target); !errors.Is(err, chain.ErrNoEstimate) {
			t.Errorf("FeeRate(%d) = %d, %v; want ErrNoEstimate", target, rate, err)
		}
	}
	if rate, err := b.MinFeeRate(timed(t)); err != nil || rate != 1000 {
		t.Errorf("MinFeeRate = %d, %v", rate, err)
	}
}

// A peer that serves no filters is of no use; the user is told what to do.
func TestNoFilters(t *testing.T) {
	t.Parallel()
	node := chaintest.StartBTCD(t, peers, chaintest.Line("nocfilters=1"))
	mine(t, node, 1)
	cfg := config(t, node.PeerAddr())
	cfg.Patience = time.Second
	if _, err := open(t, cfg).Tip(timed(t)); !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), "peerblockfilters=1") {
		t.Errorf("%v, want ErrUnreachable with the option", err)
	}
}

// TestD5Syncing: a node that still downloads the chain does not pass it on. What
// there is until then is not all.
func TestD5Syncing(t *testing.T) {
	t.Parallel()
	node := chaintest.StartBTCD(t, peers)
	mineBlock(t, node, regtest.Block{Time: time.Now().Add(-48 * time.Hour)})
	cfg := config(t, node.PeerAddr())
	b := open(t, cfg)
	for range 2 {
		if _, err := b.Tip(timed(t)); !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), "after block 0 of 2011-02-02") {
			t.Errorf("%v, want ErrUnreachable with the last block", err)
		}
	}
	tip := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "today's block", tipIs(tip))
}

// TestD5Restart stops the node and runs it again, without its mempool: what was
// sent is sent again.
func TestD5Restart(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	a := newAccount()
	cfg := config(t, node.PeerAddr())
	cfg.Patience = time.Second
	b, _ := watching(t, cfg, a)
	coin := fund(t, node, a.script(0))
	received := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the coin", in(coin, received))
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	for deadline := timed(t); ; {
		if _, err := b.Tip(deadline); errors.Is(err, chain.ErrUnreachable) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range asking(timed(t), b) {
		if !errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%s without a node: %v, want ErrUnreachable", name, err)
		}
	}
	select {
	case <-b.Changes(): // of before
	default:
	}
	if err := node.Resume(timed(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-b.Changes(): // for who got errors meanwhile
	case <-timed(t).Done():
		t.Error("no news of the node's return")
	}
	await(t, b, chain.BlockID{}, "the coin", in(coin, received))

	spend := a.spend(coin, 0, 0, a.script(1), coinFee)
	if err := b.Broadcast(timed(t), spend); err != nil {
		t.Fatal(err)
	}
	closeNow(t, b)
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := node.Resume(timed(t)); err != nil {
		t.Fatal(err)
	}
	if inMempool(t, node, spend) {
		t.Fatal("the node has not lost its mempool")
	}
	b = open(t, cfg)
	for deadline := timed(t); !inMempool(t, node, spend); {
		select {
		case <-b.Changes():
		case <-time.After(50 * time.Millisecond): // the node tells nobody
		case <-deadline.Done():
			t.Fatal("what was sent earlier is not sent again")
		}
	}
}

// Other people's coins, spent or not, are not guessed at.
func TestCannotVerify(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	a := newAccount()
	b, _ := watching(t, config(t, node.PeerAddr()), a)
	foreign := fund(t, node, newAccount().script(0))
	own := fund(t, node, a.script(0))
	block := mine(t, node, 1)
	await(t, b, chain.BlockID{}, "the payment", in(own, block))
	for name, out := range map[string]*wire.OutPoint{
		"foreign":             outPoint(foreign, 0),
		"beside ours":         outPoint(own, 1),
		"of no transaction":   {Hash: chainhash.Hash{9}},
		"of the first of all": outPoint(regtest.Params.GenesisBlock.Transactions[0], 0),
	} {
		_, err := b.TxOut(timed(t), *out)
		if !errors.Is(err, chain.ErrCannotVerify) || !strings.Contains(err.Error(), "use Bitcoin Core or btcd") {
			t.Errorf("%s: %v, want ErrCannotVerify and what to do", name, err)
		}
	}
	checkTxOut(t, b, own, 0, 1)
	if out, err := b.TxOut(timed(t), *outPoint(own, 9)); !errors.Is(err, chain.ErrNoTxOut) {
		t.Errorf("an output that our transaction has not: %+v, %v", out, err)
	}
}

// TestRejected: btcd says what it does not want. The coins are not ours, so
// nothing is known here.
func TestRejected(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	stranger := newAccount()
	coin := fund(t, node, stranger.script(0))
	tip := mine(t, node, 1)
	b, _ := watching(t, config(t, node.PeerAddr()), stranger+1_000_000)
	await(t, b, chain.BlockID{}, "the block", tipIs(tip))
	unsigned := stranger.spend(coin, 0, 0, stranger.script(1), coinFee)
	unsigned.TxIn[0].Witness = wire.TxWitness{{1}, {2}}
	err := b.Broadcast(timed(t), unsigned)
	if !errors.Is(err, chain.ErrRejected) || !strings.Contains(err.Error(), "rejected by") {
		t.Errorf("%v, want ErrRejected with the peer's reason", err)
	}
}

// cancelled calls with a context that has ended.
func TestCancelled(t *testing.T) {
	t.Parallel()
	b, _ := watching(t, config(t, startNode(t).PeerAddr()), newAccount())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := asking(ctx, b)
	errs["Watch"] = b.Watch(ctx, newAccount().branch(3, time.Now()))
	_, errs["FeeRate"] = b.FeeRate(ctx, 3)
	_, errs["MinFeeRate"] = b.MinFeeRate(ctx)
	for name, err := range errs {
		if !errors.Is(err, context.Canceled) || errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%s: %v, want Canceled", name, err)
		}
	}
}

// For the race detector, and for who closes while others ask.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	b, _ := watching(t, config(t, node.PeerAddr()), newAccount())
	var wg, began sync.WaitGroup
	for range 4 {
		began.Add(1)
		wg.Go(func() {
			for round := 0; ; round++ {
				errs := asking(timed(t), b)
				errs["Watch"] = b.Watch(timed(t), newAccount().branch(3, time.Now()))
				closed := false
				for name, err := range errs {
					closed = closed || errors.Is(err, chain.ErrUnreachable)
					want := map[string]error{"TxOut": chain.ErrCannotVerify}[name]
					if !errors.Is(err, want) && !errors.Is(err, chain.ErrUnreachable) {
						t.Errorf("%s: %v, want %v", name, err, want)
					}
				}
				if round == 0 {
					began.Done()
				}
				if closed {
					return
				}
			}
		})
	}
	began.Wait()
	mine(t, node, 3)
	closeNow(t, b)
	wg.Wait()
}

// TestClose leaves nothing behind. It does not run beside other tests.
func TestClose(t *testing.T) {
	node := startNode(t)
	before := runtime.NumGoroutine()
	b, err := neutrino.New(config(t, node.PeerAddr()))
	if err != nil {
		t.Fatal(err)
	}
	a := newAccount()
	watch(t, b, a.branch(3, time.Now()))
	asking(timed(t), b)
	coin := fund(t, node, a.script(0))
	await(t, b, chain.BlockID{}, "the coin", in(coin, mine(t, node, 1)))
	if err := b.Broadcast(timed(t), a.spend(coin, 0, 0, a.script(1), coinFee)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		closeNow(t, b)
	}
	node.Client().Close()
	// Those that served closed connections are about to end.
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
	for name, err := range asking(timed(t), b) {
		if !errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%s of what is closed: %v, want ErrUnreachable", name, err)
		}
	}
}

// A database has one user, one network and a format that is known.
func TestDatabase(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	cfg := config(t, node.PeerAddr())
	b := open(t, cfg)
	if _, err := neutrino.New(cfg); !errors.Is(err, neutrino.ErrInUse) || !strings.Contains(err.Error(), cfg.Dir) {
		t.Errorf("while it is open: %v, want ErrInUse with the folder", err)
	}
	closeNow(t, b)
	other := cfg
	other.Params = &chaincfg.TestNet3Params
	if _, err := neutrino.New(other); !errors.Is(err, chain.ErrWrongNetwork) || !strings.Contains(err.Error(), "testnet3") {
		t.Errorf("of another network: %v, want ErrWrongNetwork with its name", err)
	}
	open(t, cfg) // nothing holds it
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*neutrino.Config){
		"no folder":        func(c *neutrino.Config) { c.Dir = "" },
		"a file as folder": func(c *neutrino.Config) { c.Dir = file(t) },
		"no network":       func(c *neutrino.Config) { c.Params = nil },
		"too many peers":   func(c *neutrino.Config) { c.MaxPeers = 126 },
		"negative peers":   func(c *neutrino.Config) { c.MaxPeers = -1 },
		"proxy, no port":   func(c *neutrino.Config) { c.Proxy = "127.0.0.1" },
		"onion, no proxy":  func(c *neutrino.Config) { c.Peers = []string{"abcdefghijklmnop.onion"} },
	} {
		cfg := config(t, "127.0.0.1:1")
		change(&cfg)
		if b, err := neutrino.New(cfg); err == nil {
			b.Close()
			t.Errorf("%s is accepted", name)
		}
	}
}

func file(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
