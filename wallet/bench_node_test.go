package wallet_test

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	internal "github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// past pays 10,000 addresses of a seed, each once, by as many transactions, and
// spends the first 5,000 of the coins. The other 5,000 remain.
func past(b *testing.B, node *internal.Node, seed keys.Seed) {
	b.Helper()
	const used, kept, perPayment, perBlock = 10_000, 5_000, 1_000, 500
	tree, err := keys.NewTree(seed, "p2wpkh", regtest)
	if err != nil {
		b.Fatal(err)
	}
	mine := func(txs ...*wire.MsgTx) {
		if _, err := node.MineBlock(b.Context(), internal.Block{Txs: txs}); err != nil {
			b.Fatal(err)
		}
	}
	// Money that anybody may spend.
	free := []byte{txscript.OP_TRUE}
	sum := sha256.Sum256(free)
	foreign := append([]byte{txscript.OP_0, byte(len(sum))}, sum[:]...)
	if _, err := node.Mine(b.Context(), 110); err != nil {
		b.Fatal(err)
	}
	var inputs []wire.OutPoint
	for range kept / perPayment {
		var outs []*wire.TxOut
		for range perPayment {
			outs = append(outs, wire.NewTxOut(102_000, foreign))
		}
		tx, err := node.Payment(b.Context(), outs...)
		if err != nil {
			b.Fatal(err)
		}
		mine(tx)
		for i := range outs {
			inputs = append(inputs, wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)})
		}
	}
	var outs []*wire.TxOut // of the wallet
	var block []*wire.MsgTx
	for n := range used {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&inputs[n], nil, wire.TxWitness{free}))
		out := wire.NewTxOut(100_000, nil)
		if out.PkScript, err = tree.Script(pastPath(n)); err != nil {
			b.Fatal(err)
		}
		if n >= kept {
			out.Value = 98_000
		}
		tx.AddTxOut(out)
		tx.AddTxOut(wire.NewTxOut(1_000, foreign))
		if n >= kept {
			spent := outs[n-kept]
			key, err := tree.PrivateKey(pastPath(n - kept))
			if err != nil {
				b.Fatal(err)
			}
			hashes := txscript.NewTxSigHashes(tx, txscript.NewCannedPrevOutputFetcher(spent.PkScript, spent.Value))
			if tx.TxIn[0].Witness, err = txscript.WitnessSignature(tx, hashes, 0, spent.Value, spent.PkScript, txscript.SigHashAll, key, true); err != nil {
				b.Fatal(err)
			}
		}
		outs = append(outs, out)
		inputs = append(inputs, wire.OutPoint{Hash: tx.TxHash()})
		if block = append(block, tx); len(block) == perBlock {
			mine(block...)
			block = nil
		}
	}
}

// pastPath is where the nth coin of past comes to.
func pastPath(n int) keys.Path {
	return keys.Path{Mixdepth: n % 5, Branch: uint32(n / 5 % 2), Index: uint32(n / 10)}
}

// BenchmarkBitcoind recovers a wallet of 10,000 used addresses and transactions
// and 5,000 coins from its words alone, and synchronises it again after a
// restart of the program and one more block. It needs bitcoind.
func BenchmarkBitcoind(b *testing.B) {
	folder := b.TempDir()
	node := chaintest.StartBitcoind(b)
	fresh := bareSeed(b)
	past(b, node, fresh)
	recovered := 0
	config := func(b *testing.B) wallet.Config {
		backend, err := core.New(core.Config{Node: node.Access(), Wallet: fmt.Sprint("recovery", recovered), Params: regtest})
		if err != nil {
			b.Fatal(err)
		}
		return wallet.Config{Params: regtest, Chain: backend, KDF: wallettest.LightKDF, RecoveryGap: wallet.DefaultRecoveryGap}
	}
	check := func(b *testing.B, w *wallet.Wallet) {
		if all, err := w.Coins(); err != nil || len(all) != 5_000 {
			b.Fatalf("%d coins, %v", len(all), err)
		}
	}
	var path string
	b.Run("recovery", func(b *testing.B) {
		for b.Loop() {
			recovered++ // each needs a wallet of its own in the node
			seed, err := keys.SeedOf(fresh.Entropy(), secret.Text{}, time.Time{})
			if err != nil {
				b.Fatal(err)
			}
			cfg := config(b)
			path = filepath.Join(folder, fmt.Sprint(recovered, ".jmw"))
			w, err := wallet.Create(path, wallettest.Password, seed, cfg)
			if err != nil {
				b.Fatal(err)
			}
			changes, cancel := w.Subscribe()
			start, most := time.Now(), heapPeak()
			done := make(chan error, 1)
			go func() { done <- w.Sync(b.Context()) }()
			<-changes
			b.ReportMetric(time.Since(start).Seconds(), "s-to-balance")
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(most())/(1<<20), "MiB")
			check(b, w)
			cancel()
			w.Close()
			cfg.Chain.Close()
		}
	})
	b.Run("repeated", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if _, err := node.Mine(b.Context(), 1); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			cfg := config(b)
			w := openOnce(b, path, cfg)
			sync(b, w)
			check(b, w)
			w.Close()
			cfg.Chain.Close()
		}
	})
}

// heapPeak watches the memory in use, in bytes, until the returned function is
// called, which returns the most.
func heapPeak() func() uint64 {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		peak := uint64(0)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
			select {
			case <-ticker.C:
			case <-stop:
				most <- peak
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-most
	}
}
