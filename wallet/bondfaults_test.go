package wallet_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestW13BondSurvivesFailures: between seeing a bond and having it watched, and
// searched, the node fails, or the power.
func TestW13BondSurvivesFailures(t *testing.T) {
	first, second := bondsOf(t, 12)
	past := func() (*wallettest.Chain, keys.Seed, *wire.MsgTx) {
		c := wallettest.NewChain(regtest)
		seed := oldSeed(t)
		c.Pay(at(t, seed, first), 70_000) // found by the look through the unspent outputs
		c.Mine(1)
		funding := fundFrom(t, c, seed, second, false)
		c.Confirm(funding) // and one that its spend reveals
		c.Confirm(spendBond(t, seed, second, wire.OutPoint{Hash: funding.TxHash()}, at(t, seed, keys.Path{Mixdepth: 1})))
		return c, seed, funding
	}
	check := func(t *testing.T, c *wallettest.Chain, path string, funding *wire.MsgTx, when string) {
		t.Helper()
		node := newScannerNode(c)
		w, err := wallet.Open(path, wallettest.Password, recovering(c, node))
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		defer w.Close()
		sync(t, w)
		if all := bonds(t, w); len(all) != 1 || w.Tx(funding.TxHash()) == nil || node.counts != 2 {
			t.Errorf("%s: %d scripts watched, bonds %+v", when, node.counts, all)
		}
	}
	fail := 1
	for ; ; fail++ {
		c, seed, funding := past()
		node := newScannerNode(c)
		node.failAt = fail
		w, path := create(t, seed, recovering(c, node))
		err := w.Sync(t.Context())
		w.Close()
		check(t, c, path, funding, fmt.Sprintf("call %d failed", fail))
		if err == nil {
			break
		}
		if !errors.Is(err, chain.ErrUnreachable) {
			t.Fatal(err)
		}
	}
	if fail < 6 { // Scan, Watch, Sync, Watch, Sync
		t.Errorf("only %d calls to fail", fail-1)
	}
	operations := cutWhileRecovering(t, past, check, 0, durabletest.Kept)
	if operations < 3*5 {
		t.Fatalf("only %d operations", operations)
	}
	for cutAt := 1; cutAt <= operations; cutAt++ {
		cutWhileRecovering(t, past, check, cutAt, durabletest.Losses()[cutAt%3])
	}
}

// cutWhileRecovering has the power cut at an operation of the disk while a wallet
// with such a past is recovered, and returns the number of operations.
func cutWhileRecovering(t *testing.T, past func() (*wallettest.Chain, keys.Seed, *wire.MsgTx),
	check func(*testing.T, *wallettest.Chain, string, *wire.MsgTx, string), cutAt int, loss durabletest.Loss) int {
	t.Helper()
	c, seed, funding := past()
	cfg := recovering(c, newScannerNode(c))
	w, path := create(t, seed, cfg)
	w.Close()
	disk := durabletest.New(durabletest.Fault{At: cutAt, Err: durabletest.ErrPower})
	cfg.Files = disk
	w, err := wallet.Open(path, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Sync(t.Context()) // it may fail, and what cannot be stored is only logged
	w.Close()
	if err := disk.Crash(loss); err != nil {
		t.Fatal(err)
	}
	check(t, c, path, funding, fmt.Sprintf("power cut at operation %d, %s", cutAt, loss))
	return len(disk.Operations())
}
