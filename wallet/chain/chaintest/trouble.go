package chaintest

import (
	"context"
	"errors"
	"net"
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
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// everything calls each method that asks the node.
func everything(ctx context.Context, t *testing.T, b chain.Backend) map[string]error {
	errs := make(map[string]error)
	_, errs["Tip"] = b.Tip(ctx)
	errs["Watch"] = b.Watch(ctx, newAccount(t).watch(3, time.Now()))
	_, errs["Sync"] = b.Sync(ctx, chain.BlockID{})
	_, errs["TxOut"] = b.TxOut(ctx, wire.OutPoint{})
	_, errs["FeeRate"] = b.FeeRate(ctx, 3)
	_, errs["MinFeeRate"] = b.MinFeeRate(ctx)
	errs["Broadcast"] = b.Broadcast(ctx, wire.NewMsgTx(2))
	return errs
}

func (s *suite) wrongNetwork(t *testing.T) {
	b := s.backendAt(t, s.node.Access(), &chaincfg.MainNetParams)
	for name, err := range everything(timed(t), t, b) {
		if !errors.Is(err, chain.ErrWrongNetwork) || !strings.Contains(err.Error(), "regtest") || !strings.Contains(err.Error(), "mainnet") {
			t.Errorf("%s: %v, want ErrWrongNetwork with both names", name, err)
		}
	}
}

func (s *suite) wrongPassword(t *testing.T) {
	access := s.node.Access()
	access.CookieFile, access.User, access.Password = "", "somebody", secret.NewText("wrong horse")
	b := s.backendAt(t, access, regtest.Params)
	for name, err := range everything(timed(t), t, b) {
		if !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), "credentials") {
			t.Errorf("%s: %v, want ErrUnreachable for the credentials", name, err)
		}
		if strings.Contains(err.Error(), "wrong horse") {
			t.Errorf("%s tells the password", name)
		}
	}
}

func (s *suite) unreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	access := s.node.Access()
	access.Addr = l.Addr().String()
	l.Close() // nobody listens there now
	b := s.backendAt(t, access, regtest.Params)
	for name, err := range everything(timed(t), t, b) {
		if !errors.Is(err, chain.ErrUnreachable) || !strings.Contains(err.Error(), access.Addr) {
			t.Errorf("%s: %v, want ErrUnreachable with the address", name, err)
		}
	}
}

// cancelled calls with a context that has ended.
func (s *suite) cancelled(t *testing.T) {
	b := s.backend(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range everything(ctx, t, b) {
		if !errors.Is(err, context.Canceled) || errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%s: %v, want Canceled", name, err)
		}
	}
}

// concurrent is for the race detector.
func (s *suite) concurrent(t *testing.T) {
	b, _ := s.watching(t, newAccount(t))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for name, err := range everything(timed(t), t, b) {
				want := map[string]error{"TxOut": chain.ErrNoTxOut, "Broadcast": chain.ErrRejected}[name]
				if !errors.Is(err, want) && !errors.Is(err, chain.ErrNoEstimate) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// closing leaves nothing behind.
func (s *suite) closing(t *testing.T) {
	before := runtime.NumGoroutine()
	b, err := s.open(t, s.node.Access(), regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	everything(timed(t), t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	// Those that served closed connections are about to end.
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// restart stops the node and runs it again.
func (s *suite) restart(t *testing.T) {
	a := newAccount(t)
	b, update := s.watching(t, a)
	if err := s.node.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, err := range everything(timed(t), t, b) {
		if !errors.Is(err, chain.ErrUnreachable) {
			t.Errorf("%s without a node: %v, want ErrUnreachable", name, err)
		}
	}
	select {
	case <-b.Changes(): // of before
	default:
	}
	if err := s.node.Resume(timed(t)); err != nil {
		t.Fatal(err)
	}
	// That the node is back is news, for who got errors meanwhile.
	select {
	case <-b.Changes():
	case <-timed(t).Done():
		t.Error("no news of the node's return")
	}
	tx := s.fund(t, a.script(1))
	await(t, b, update.Tip.BlockID, "a payment after the restart", unconfirmed(tx))
	block := s.mine(t, 1)
	await(t, b, update.Tip.BlockID, "its block", in(tx, block))
}

func outPointOf(hash chainhash.Hash) wire.OutPoint { return wire.OutPoint{Hash: hash} }
