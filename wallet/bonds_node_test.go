package wallet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	internal "github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func TestW13BondOnBitcoind(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	backend, err := core.New(core.Config{Node: node.Access(), Wallet: "bonds", Params: regtest, Poll: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	bondOnNode(t, node, backend)
}

func TestW13BondOnBTCD(t *testing.T) {
	node := chaintest.StartBTCD(t, chaintest.Line("rejectnonstd=1")) // otherwise it keeps what cannot be mined yet
	access := node.Access()
	backend, err := btcd.New(btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest})
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	bondOnNode(t, node, backend)
}

// lastMonth is the timenumber of a month that has begun at least a day ago.
func lastMonth(t testing.TB) int {
	t.Helper()
	at := time.Now().UTC().Add(-24 * time.Hour)
	n, err := bond.ParseMonth(at.Format("2006-01"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// bondOnNode funds bonds of both derivations, on a chain whose median time is
// before their end, waits until it is past that, and spends them. Until then the
// node agrees that they cannot be spent.
func bondOnNode(t *testing.T, node *internal.Node, backend chain.Backend) {
	seed := newSeed(t)
	tree, err := keys.NewTree(seed, txbuild.P2WPKH, regtest)
	if err != nil {
		t.Fatal(err)
	}
	first, err := keys.BondPath(lastMonth(t))
	if err != nil {
		t.Fatal(err)
	}
	second := first
	second.Index = 0

	before := time.Unix(int64(first.Locktime), 0).Add(-48 * time.Hour)
	mine := func(count int, at time.Time, txs ...*wire.MsgTx) {
		t.Helper()
		for range count {
			if _, err := node.MineBlock(t.Context(), internal.Block{Time: at, Txs: txs}); err != nil {
				t.Fatal(err)
			}
			txs = nil
		}
	}
	mine(int(regtest.CoinbaseMaturity)+2, before)
	var outs []*wire.TxOut
	for _, path := range []keys.Path{first, second} {
		script, err := tree.Script(path)
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, wire.NewTxOut(1_000_000, script))
	}
	funding, err := node.Payment(t.Context(), outs...)
	if err != nil {
		t.Fatal(err)
	}
	mine(1, before, funding)
	mine(1, time.Now()) // nodes with an old tip take no transactions

	phrase, err := seed.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	recovered, err := keys.ParsePhrase(phrase, secret.NewText(seed.Extension().Reveal()), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w, _ := create(t, recovered, wallet.Config{Params: regtest, Chain: backend, KDF: wallettest.LightKDF, RecoveryGap: 50})
	defer w.Close()
	sync(t, w)
	all := bonds(t, w)
	if len(all) != 2 || all[0].Expired || all[1].Expired {
		t.Fatalf("bonds %+v", all)
	}
	for _, b := range all {
		tx := release(b.Coin, b.LockTime())
		if err := w.SignTx(tx, []coins.Coin{b.Coin}); !errors.Is(err, wallet.ErrLocked) {
			t.Errorf("before its time: %v", err)
		}
		key, err := tree.PrivateKey(b.Path())
		if err != nil {
			t.Fatal(err)
		}
		redeem, err := tree.Redeem(b.Path())
		if err != nil {
			t.Fatal(err)
		}
		if err := txsign.Sign(tx, 0, txsign.PrevOut{Value: b.Value, Script: b.Script, Redeem: redeem}, key); err != nil {
			t.Fatal(err)
		}
		if err := backend.Broadcast(t.Context(), tx); !errors.Is(err, chain.ErrRejected) {
			t.Errorf("the node takes a bond before its time: %v", err)
		}
	}

	mine(11, time.Now())
	sync(t, w)
	all = bonds(t, w)
	if len(all) != 2 || !all[0].Expired || !all[1].Expired {
		t.Fatalf("when their time has come: %+v", all)
	}
	spent := []coins.Coin{all[0].Coin, all[1].Coin}
	thaw(t, w, spent[0].OutPoint)
	thaw(t, w, spent[1].OutPoint)
	tx := payment(2000, spent...)
	tx.LockTime = spent[0].LockTime()
	for _, in := range tx.TxIn {
		in.Sequence = txbuild.RBF
	}
	if err := w.SignTx(tx, spent); err != nil {
		t.Fatal(err)
	}
	if err := w.Publish(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Mine(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	sync(t, w)
	if all := bonds(t, w); len(all) != 0 {
		t.Errorf("after the spend: %+v", all)
	}
}
