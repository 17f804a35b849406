package wallet_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// scannerNode is a node that finds coins, as Bitcoin Core does, and notes what it
// was told to watch one by one.
type scannerNode struct {
	*wallettest.Backend
	single  map[string]chain.Branch // by the first script
	counts  int                     // scripts of these
	rescans int                     // from the beginning
	failAt  int                     // which call of Scan, Watch or Sync fails
	calls   int
}

func newScannerNode(c *wallettest.Chain) *scannerNode {
	return &scannerNode{Backend: c.Backend(), single: make(map[string]chain.Branch)}
}

func (n *scannerNode) call() error {
	if n.calls++; n.calls == n.failAt {
		return fmt.Errorf("%w: call %d", chain.ErrUnreachable, n.calls)
	}
	return nil
}

func (n *scannerNode) Scan(ctx context.Context, branches []chain.Branch) (chain.Found, error) {
	if err := n.call(); err != nil {
		return chain.Found{}, err
	}
	return n.Backend.Scan(ctx, branches)
}

func (n *scannerNode) Watch(ctx context.Context, branches []chain.Branch) error {
	if err := n.call(); err != nil {
		return err
	}
	for _, b := range branches {
		if b.Descriptor != "" {
			continue
		}
		script, err := b.Script(0)
		if err != nil {
			return err
		}
		n.counts += int(b.Count - n.single[string(script)].Count)
		n.single[string(script)] = b
	}
	return n.Backend.Watch(ctx, branches)
}

func (n *scannerNode) Sync(ctx context.Context, since chain.BlockID) (chain.Update, error) {
	if err := n.call(); err != nil {
		return chain.Update{}, err
	}
	if since == (chain.BlockID{}) {
		n.rescans++
	}
	return n.Backend.Sync(ctx, since)
}

// recovering is the configuration of a wallet that is recovered.
func recovering(c *wallettest.Chain, node chain.Backend) wallet.Config {
	cfg := c.Config()
	cfg.RecoveryGap, cfg.Chain = 10, node
	return cfg
}

// oldSeed is one that may have been used, nobody knows since when.
func oldSeed(t testing.TB) keys.Seed {
	t.Helper()
	fresh := newSeed(t)
	phrase, err := fresh.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys.ParsePhrase(phrase, fresh.Extension(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// bondsOf returns the paths of the bond of a month by the key of the month and by
// the key 0.
func bondsOf(t testing.TB, timenumber int) (first, second keys.Path) {
	t.Helper()
	first, err := keys.BondPath(timenumber)
	if err != nil {
		t.Fatal(err)
	}
	second = first
	second.Index = 0
	return first, second
}

// spendBond is a transaction that spends the coin of a bond to a script. What it
// reveals is right, and the signature is not.
func spendBond(t testing.TB, seed keys.Seed, path keys.Path, coin wire.OutPoint, to []byte) *wire.MsgTx {
	t.Helper()
	tree, err := keys.NewTree(seed, "p2wpkh", regtest)
	if err != nil {
		t.Fatal(err)
	}
	redeem, err := tree.Redeem(path)
	if err != nil {
		t.Fatal(err)
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&coin, nil, wire.TxWitness{make([]byte, 71), redeem}))
	tx.AddTxOut(wire.NewTxOut(90_000, to))
	return tx
}

// TestW13BondsFoundByScan: of all addresses that bonds can have, the node watches
// those that have coins, again after a restart, and nothing is searched again.
func TestW13BondsFoundByScan(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := oldSeed(t)
	first, second := bondsOf(t, 217)
	c.Pay(at(t, seed, first), 100_000)
	c.Pay(at(t, seed, second), 200_000)
	c.Mine(1)
	node := newScannerNode(c)
	w, path := create(t, seed, recovering(c, node))
	sync(t, w)
	if all := bonds(t, w); len(all) != 2 || len(node.single) != 2 || node.counts != 2 || node.rescans != 1 {
		t.Errorf("%d scripts watched, %d searches, bonds %+v", node.counts, node.rescans, all)
	}
	for script, b := range node.single {
		if !b.Birth.IsZero() {
			t.Errorf("%x: its past before %v is not searched", script, b.Birth)
		}
	}
	w.Close()
	node = newScannerNode(c)
	w = openOnce(t, path, recovering(c, node))
	defer w.Close()
	sync(t, w)
	if len(bonds(t, w)) != 2 || node.counts != 2 || node.rescans != 0 {
		t.Errorf("after a restart %d scripts watched, %d searches, bonds %+v", node.counts, node.rescans, bonds(t, w))
	}
	// One that is asked for now has no past.
	tip, _ := w.Synced()
	a := bondAddress(t, w, 300)
	c.Pay(a.Script, 300_000)
	sync(t, w)
	if born := node.single[string(a.Script)].Birth; len(bonds(t, w)) != 3 || born.Unix() != tip.MedianTime.Unix() {
		t.Errorf("the new bond is searched for since %v: %+v", born, bonds(t, w))
	}
}

// TestW13SpentBonds: what no look through the unspent outputs finds is seen in
// the wallet's own transactions. No more of the past is searched than can be
// missing.
func TestW13SpentBonds(t *testing.T) {
	first, _ := bondsOf(t, 12)
	elsewhere := append([]byte{0, 20}, make([]byte, 20)...)
	home := func(seed keys.Seed) []byte { return at(t, seed, keys.Path{Mixdepth: 1}) }
	for _, test := range []struct {
		name string
		to   func(keys.Seed) []byte
		own  bool // the wallet paid the bond
		// missing tells from which transaction on something can be missing.
		missing string
	}{
		{"paid by others, spent to the wallet", home, false, "first"},
		{"paid by the wallet, spent to others", func(keys.Seed) []byte { return elsewhere }, true, "funding"},
		{"paid by the wallet, spent to the wallet", home, true, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := wallettest.NewChain(regtest)
			seed := oldSeed(t)
			script := at(t, seed, first)
			c.Mine(20)
			funding := fundFrom(t, c, seed, first, test.own)
			c.Confirm(funding)
			c.Mine(20)
			spend := spendBond(t, seed, first, wire.OutPoint{Hash: funding.TxHash()}, test.to(seed))
			c.Confirm(spend)
			c.Mine(20)
			node := newScannerNode(c)
			w, path := create(t, seed, recovering(c, node))
			for range 2 {
				sync(t, w)
				for i, tx := range []*wire.MsgTx{funding, spend} {
					if w.Tx(tx.TxHash()) == nil {
						t.Errorf("transaction %d is missing", i)
					}
				}
				if all := bonds(t, w); len(all) != 0 || node.counts != 1 {
					t.Errorf("%d scripts watched, bonds %+v", node.counts, all)
				}
				w.Close()
				w = openOnce(t, path, recovering(c, node))
			}
			tip, _ := w.Synced()
			funded, err := w.Record(funding.TxHash())
			if err != nil {
				t.Fatal(err)
			}
			born := node.single[string(script)].Birth
			var ok bool
			switch test.missing {
			case "first":
				ok = born.IsZero()
			case "funding":
				ok = !born.IsZero() && born.Before(tip.MedianTime.Add(-5*time.Minute*time.Duration(funded.Confirmations)))
			case "none":
				ok = born.Unix() == tip.MedianTime.Unix()
			}
			if !ok {
				t.Errorf("searched since %v; the chain is at %v", born, tip.MedianTime)
			}
			c.Pay(script, 5_000)
			sync(t, w)
			if all := bonds(t, w); len(all) != 1 {
				t.Errorf("a new payment to it is not noticed: %+v", all)
			}
			w.Close()
		})
	}
}

// fundFrom pays a bond from a coin of the wallet or of others.
func fundFrom(t testing.TB, c *wallettest.Chain, seed keys.Seed, bond keys.Path, own bool) *wire.MsgTx {
	t.Helper()
	coin := wire.OutPoint{Hash: [32]byte{1}}
	if own {
		coin = c.Pay(at(t, seed, keys.Path{}), 100_000)
		c.Mine(1)
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&coin, nil, nil))
	tx.AddTxOut(wire.NewTxOut(95_000, at(t, seed, bond)))
	return tx
}

// A bond whose address another program handed out is seen when the wallet pays it.
func TestBondOfAnotherProgram(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	first, second := bondsOf(t, 900)
	other := at(t, seed, second)
	node := newScannerNode(c)
	cfg := c.Config()
	cfg.Chain = node
	w, _ := create(t, seed, cfg)
	defer w.Close()
	c.Pay(next(t, w, 0, keys.External).Script, 50_000)
	c.Mine(1)
	sync(t, w)
	if links, is := w.BondSources(at(t, seed, first), list(t, w)); !is || len(links) != 1 {
		t.Errorf("before the payment the links are %v, %v", links, is)
	}
	bond := fundBond(t, c, w, list(t, w), wire.NewTxOut(40_000, other))
	if bond.Path() != second || node.counts != 1 {
		t.Errorf("%v, %d scripts watched", bond.Path(), node.counts)
	}
}

// A bond that others paid before anybody asked for it here is found when the
// stored state is deleted, which is what the documents advise.
func TestBondPaidBeforeItWasAskedFor(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path := create(t, oldSeed(t), recovering(c, newScannerNode(c)))
	sync(t, w)
	a := bondAddress(t, w, 500)
	c.Pay(a.Script, 7_000)
	c.Mine(1)
	w.Close()
	if err := os.Remove(sideFile(path)); err != nil {
		t.Fatal(err)
	}
	node := newScannerNode(c)
	w = openOnce(t, path, recovering(c, node))
	defer w.Close()
	sync(t, w)
	if born := node.single[string(a.Script)].Birth; len(bonds(t, w)) != 1 || !born.IsZero() {
		t.Errorf("searched since %v: %+v", born, bonds(t, w))
	}
}

// A wallet that sought all bonds, as one of an older version did, shows them from
// its stored state, and goes on watching all.
func TestD13StoredStateWithAllBonds(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := oldSeed(t)
	first, second := bondsOf(t, 959)
	c.Pay(at(t, seed, second), 1_000)
	c.Mine(1)
	later := at(t, seed, first)
	node := newScannerNode(c)
	cfg := c.Config()
	cfg.Chain = node // without a recovery gap nothing is looked for
	w, path := create(t, seed, cfg)
	sync(t, w)
	w.Close()
	w = openOnce(t, path, offline())
	if len(bonds(t, w)) != 1 {
		t.Error("not in the stored state")
	}
	a := bondAddress(t, w, 5)
	w.Close()
	cfg.Chain = newScannerNode(c)
	w = openOnce(t, path, cfg)
	defer w.Close()
	c.Pay(later, 2_000)
	c.Pay(a.Script, 3_000)
	sync(t, w)
	if node := cfg.Chain.(*scannerNode); len(bonds(t, w)) != 3 || node.counts != 1919 || node.rescans != 0 {
		t.Errorf("%d scripts watched, %d searches, bonds %+v", node.counts, node.rescans, bonds(t, w))
	}
}
