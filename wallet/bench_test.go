package wallet_test

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// big makes a wallet with used addresses, each paid once, by transactions of 12
// outputs, own of which are the wallet's. The last coins are unspent. It returns
// the path of the closed wallet.
func big(b *testing.B, c *wallettest.Chain, used, coins, own int) string {
	b.Helper()
	seed := newSeed(b)
	w, path := create(b, seed, c.Config())
	tree, err := keys.NewTree(seed, "p2wpkh", regtest)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	foreign := func() []byte {
		script := append([]byte{0, 20}, make([]byte, 20)...)
		for i := range 20 {
			script[2+i] = byte(random.Uint32())
		}
		return script
	}
	var last []wire.OutPoint
	var txs []*wire.MsgTx
	for i := 0; i < used; i += own {
		tx := wire.NewMsgTx(2)
		for range 8 {
			var from wire.OutPoint
			for k := range from.Hash {
				from.Hash[k] = byte(random.Uint32())
			}
			tx.AddTxIn(wire.NewTxIn(&from, nil, nil))
		}
		for n := i; n < i+own; n++ {
			if n >= coins { // spends an older one
				tx.AddTxIn(wire.NewTxIn(&last[n-coins], nil, nil))
			}
			script, err := tree.Script(keys.Path{Mixdepth: n % 5, Branch: uint32(n / 5 % 2), Index: uint32(n / 10)})
			if err != nil {
				b.Fatal(err)
			}
			tx.AddTxOut(wire.NewTxOut(100_000, script))
		}
		for range 12 - own {
			tx.AddTxOut(wire.NewTxOut(100_000, foreign()))
		}
		for n := range own {
			last = append(last, wire.OutPoint{Hash: tx.TxHash(), Index: uint32(n)})
		}
		txs = append(txs, tx)
	}
	c.Confirm(txs...)
	if err := w.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
	if all, err := w.Coins(); err != nil || len(all) != coins {
		b.Fatalf("%d coins, %v", len(all), err)
	}
	w.Close()
	return path
}

// BenchmarkOpen10000 opens a wallet of 10,000 used addresses, 10,000
// transactions of 12 outputs and 5,000 coins, and sums it up. The key of the
// password is made in no time here.
func BenchmarkOpen10000(b *testing.B) {
	path := big(b, wallettest.NewChain(regtest), 10_000, 5_000, 1)
	for b.Loop() {
		w, err := wallet.Open(path, wallettest.Password, offline())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Balances(); err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
}

// BenchmarkMemory100000 tells the memory that a wallet keeps which has 100,000
// coins of 20,000 transactions.
func BenchmarkMemory100000(b *testing.B) {
	path := big(b, wallettest.NewChain(regtest), 100_000, 100_000, 5)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		w, err := wallet.Open(path, wallettest.Password, offline())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-to-open")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		if all, err := w.Coins(); err != nil || len(all) != 100_000 {
			b.Fatalf("%d coins, %v", len(all), err)
		}
		w.Close()
	}
}

// BenchmarkSignTx100 signs a transaction that spends 100 coins.
func BenchmarkSignTx100(b *testing.B) {
	var amounts []sats.Amount
	for range 100 {
		amounts = append(amounts, 100_000)
	}
	w := wallettest.New(b, wallettest.NewChain(regtest), amounts)
	all, err := w.Coins()
	if err != nil || len(all) != len(amounts) {
		b.Fatalf("%d coins, %v", len(all), err)
	}
	for b.Loop() {
		if err := w.SignTx(payment(1000, all...), all); err != nil {
			b.Fatal(err)
		}
	}
}
