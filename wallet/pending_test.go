package wallet_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// signed spends the first coin.
func signed(t testing.TB, w *wallet.Wallet, fee sats.Amount) *wire.MsgTx {
	t.Helper()
	coin := list(t, w)[0]
	tx := payment(fee, coin)
	tx.TxIn[0].Sequence = wire.MaxTxInSequenceNum - 2
	if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
		t.Fatal(err)
	}
	return tx
}

func publish(t testing.TB, w *wallet.Wallet, tx *wire.MsgTx) {
	t.Helper()
	if err := w.Publish(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
}

// pending is the list of ids.
func pending(w *wallet.Wallet) (ids []string) {
	for _, p := range w.Pending() {
		ids = append(ids, p.ID.String())
	}
	return ids
}

func TestPublish(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000})
	tx := signed(t, w, 1000)
	publish(t, w, tx)
	if onChain, _ := c.Tx(tx.TxHash()); onChain == nil {
		t.Fatal("the node does not have it")
	}
	// The wallet has not asked the node since, yet the coin is taken.
	if got := balances(t, w)[0]; got.Leased != 10_000 || got.Available != 20_000 {
		t.Errorf("%+v", got)
	}
	if l := reserve(t, w, wallet.Reservation{Sweep: true}); len(l.Coins) != 1 || l.Coins[0].Value != 20_000 {
		t.Errorf("a sweep takes %v", l.Coins)
	}
	for n := range int32(6) {
		sync(t, w)
		if p := w.Pending(); len(p) != 1 || p[0].ID != tx.TxHash() || !p[0].Seen || p[0].Confirmations != n {
			t.Fatalf("after %d blocks: %+v", n, p)
		}
		c.Mine(1)
	}
	sync(t, w)
	if p := w.Pending(); len(p) != 0 {
		t.Errorf("six blocks deep, it is still watched: %+v", p)
	}
}

func TestPublishRefused(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	if err := w.Publish(t.Context(), signed(t, w, 0)); !errors.Is(err, chain.ErrRejected) {
		t.Errorf("no fee: %v", err)
	}
	if len(w.Pending()) != 0 || balances(t, w)[0].Available != 10_000 {
		t.Error("a refused transaction keeps its coin")
	}
	off, _ := create(t, newSeed(t), offline())
	defer off.Close()
	if err := off.Publish(t.Context(), wire.NewMsgTx(2)); !errors.Is(err, wallet.ErrOffline) {
		t.Errorf("without a node: %v", err)
	}
}

// D7: what cannot be kept is not sent.
func TestD7PublishNeedsDisk(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	disk := &flakyDisk{System: durable.OS}
	cfg.Files = disk
	w := wallettest.NewWith(t, c, cfg, []sats.Amount{10_000})
	disk.failAt = disk.count + 1
	if err := w.Publish(t.Context(), signed(t, w, 1000)); !errors.Is(err, errDisk) {
		t.Errorf("disk full: %v", err)
	}
	if len(c.Mempool()) != 0 {
		t.Error("sent, but not kept")
	}
}

func TestD3PendingOutlivesTheProcess(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	node := cfg.Chain.(*wallettest.Backend)
	seed := newSeed(t)
	w, path := create(t, seed, cfg)
	c.Pay(next(t, w, 0, 0).Script, 10_000)
	c.Mine(1)
	sync(t, w)
	tx := signed(t, w, 1000)
	node.SetDown(errors.New("connection lost"))
	err := w.Publish(t.Context(), tx)
	if !errors.Is(err, wallet.ErrKept) || !errors.Is(err, chain.ErrUnreachable) {
		t.Fatalf("without a node: %v", err)
	}
	w.Close()

	node.SetDown(nil)
	w = reopen(t, path, cfg)
	sync(t, w)
	if p := w.Pending(); len(p) != 1 || p[0].ID != tx.TxHash() || p[0].Seen {
		t.Fatalf("after a restart: %+v", p)
	}
	if got := balances(t, w)[0]; got.Leased != 10_000 {
		t.Errorf("after a restart: %+v", got)
	}
	if n, err := w.Resend(t.Context()); n != 1 || err != nil {
		t.Errorf("sent %d, %v", n, err)
	}
	if onChain, _ := c.Tx(tx.TxHash()); onChain == nil {
		t.Error("the node does not have it")
	}
	if n, err := w.Resend(t.Context()); n != 1 || err != nil {
		t.Errorf("before the next synchronisation: sent %d, %v", n, err)
	}
	sync(t, w)
	if n, err := w.Resend(t.Context()); n != 0 || err != nil {
		t.Errorf("sent again %d, %v", n, err)
	}
}

func TestD4EvictedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wallettest.NewChain(regtest)
		w := wallettest.New(t, c, []sats.Amount{10_000})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		tx := signed(t, w, 1000)
		publish(t, w, tx)
		for range 3 {
			time.Sleep(2 * time.Hour)
			if !c.Evict(tx.TxHash()) {
				t.Fatal("it is not in the mempool")
			}
			synctest.Wait()
			if got := balances(t, w)[0]; got.Available != 0 {
				t.Errorf("D4: an evicted transaction gave its coin back: %+v", got)
			}
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if onChain, _ := c.Tx(tx.TxHash()); onChain == nil {
			t.Error("it was not sent again")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestD4NobodyTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wallettest.NewChain(regtest)
		cfg := c.Config()
		refusing := &refuser{Backend: cfg.Chain}
		cfg.Chain = refusing
		w := wallettest.NewWith(t, c, cfg, []sats.Amount{10_000})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		tx := signed(t, w, 1000)
		publish(t, w, tx)
		refusing.refuse.Store(true)
		c.Evict(tx.TxHash())
		time.Sleep(13 * 24 * time.Hour)
		c.Mine(13 * 144)
		synctest.Wait()
		if got := balances(t, w)[0]; got.Leased != 10_000 {
			t.Errorf("after 13 days: %+v", got)
		}
		// Once each hour, after a more eager beginning.
		if n := refusing.sent.Load(); n < 13*24 || n > 13*24+10 {
			t.Errorf("sent %d times in 13 days", n)
		}
		time.Sleep(2 * 24 * time.Hour)
		c.Mine(2 * 144)
		synctest.Wait()
		if got := balances(t, w)[0]; got.Available != 10_000 || len(w.Pending()) != 0 {
			t.Errorf("after 15 days: %+v", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// refuser refuses transactions, and counts them.
type refuser struct {
	chain.Backend
	refuse atomic.Bool
	sent   atomic.Int32
}

func (r *refuser) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	if !r.refuse.Load() {
		return r.Backend.Broadcast(ctx, tx)
	}
	r.sent.Add(1)
	return chain.ErrRejected
}

func TestPendingConflicts(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	low, high, lower := signed(t, w, 1000), signed(t, w, 3000), signed(t, w, 500)
	publish(t, w, low)
	publish(t, w, high)
	if got := pending(w); len(got) != 1 || got[0] != high.TxID() {
		t.Errorf("after a replacement: %v", got)
	}
	if err := w.Publish(t.Context(), lower); !errors.Is(err, chain.ErrRejected) {
		t.Errorf("no replacement: %v", err)
	}
	if got := pending(w); len(got) != 1 || got[0] != high.TxID() {
		t.Errorf("after a refused replacement: %v", got)
	}
	// Somebody else spends the coin, as a peer of a CoinJoin can.
	if c.DoubleSpend(high.TxHash()) == nil {
		t.Fatal("it is not in the mempool")
	}
	for n := range 6 {
		sync(t, w)
		if got := pending(w); len(got) != 1 {
			t.Fatalf("given up %d blocks after a conflict", n)
		}
		if sent, err := w.Resend(t.Context()); sent != 0 || err != nil {
			t.Errorf("sent against a conflict: %d, %v", sent, err)
		}
		c.Mine(1)
	}
	sync(t, w)
	if got := pending(w); len(got) != 0 {
		t.Errorf("six blocks after a conflict: %v", got)
	}
}

func TestForget(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	tx := signed(t, w, 1000)
	publish(t, w, tx)
	c.Evict(tx.TxHash())
	sync(t, w)
	if err := w.Forget(tx.TxHash()); err != nil {
		t.Error(err)
	}
	if got := balances(t, w)[0]; got.Available != 10_000 {
		t.Errorf("%+v", got)
	}
	if err := w.Forget(tx.TxHash()); !errors.Is(err, wallet.ErrPending) {
		t.Errorf("a second time: %v", err)
	}
}
