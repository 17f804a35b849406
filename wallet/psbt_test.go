package wallet_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func signerOf(t testing.TB, w *wallet.Wallet) psbt.Signer {
	t.Helper()
	s, err := w.PSBTSigner()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// packet is the PSBT of a payment of one coin, with change to the wallet.
func packet(t testing.TB, w *wallet.Wallet, coin coins.Coin) *psbt.Packet {
	t.Helper()
	tx := payment(5000, coin)
	tx.AddTxOut(wire.NewTxOut(4000, next(t, w, coin.Mixdepth, keys.Internal).Script))
	spent := []psbt.Coin{{Value: coin.Value, Script: coin.Script, Previous: w.Tx(coin.OutPoint.Hash)}}
	p, err := psbt.Unsigned(tx, spent, signerOf(t, w).Origin)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPSBTOffline makes a PSBT online, signs it with a copy of the wallet file
// on a machine without a node or a side file, and sends it from the first.
func TestPSBTOffline(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	w, path := create(t, seed, c.Config())
	c.Pay(next(t, w, 2, keys.External).Script, 50_000)
	c.Mine(1)
	sync(t, w)
	text, err := packet(t, w, list(t, w)[0]).Encode()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.jmw")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cold := reopen(t, copied, offline())

	p, err := psbt.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	signer := signerOf(t, cold)
	s := p.Summary(signer)
	if s.Fee != 1000 || s.Inputs[0].Origin == nil || s.Inputs[0].Refused != nil || !s.Inputs[0].Proven ||
		s.Outputs[0].Origin != nil || s.Outputs[1].Origin == nil {
		t.Errorf("%+v", s)
	}
	if o := s.Outputs[1].Origin; len(o.Path) != 5 || o.Path[0] != 84+1<<31 || o.Path[2] != 2+1<<31 || o.Path[3] != keys.Internal || o.Fingerprint == [4]byte{} {
		t.Errorf("change is %+v", o)
	}
	if n, err := p.Sign(signer); n != 1 || err != nil {
		t.Fatalf("signed %d, %v", n, err)
	}
	if missing, err := p.Finalize(); missing != 0 || err != nil {
		t.Fatalf("missing %d, %v", missing, err)
	}
	tx, err := p.Extract()
	if err != nil {
		t.Fatal(err)
	}
	publish(t, w, tx)
	w.Close()
}

func TestM28PSBTRefuses(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	coin := list(t, w)[0]
	signer := signerOf(t, w)
	refused := func(what string, want error, p *psbt.Packet) {
		t.Helper()
		if n, err := p.Sign(signer); n != 0 || !errors.Is(err, psbt.ErrRefused) || !errors.Is(err, want) {
			t.Errorf("%s: signed %d, %v", what, n, err)
		}
	}
	p := packet(t, w, coin)
	lie := coin
	lie.Value += 1000
	tx := payment(1000, lie)
	lying, err := psbt.Unsigned(tx, []psbt.Coin{{Value: lie.Value, Script: lie.Script}}, signer.Origin)
	if err != nil {
		t.Fatal(err)
	}
	refused("a lie about the value", wallet.ErrNotOurs, lying)

	lease := reserve(t, w, wallet.Reservation{Target: 1, TTL: time.Minute})
	refused("in use", coins.ErrLeased, p)
	lease.Release()
	if err := w.Freeze(coins.ByUser, coin.OutPoint); err != nil {
		t.Fatal(err)
	}
	refused("frozen", wallet.ErrFrozen, p)
	if err := w.Thaw(coin.OutPoint); err != nil {
		t.Fatal(err)
	}
	spend(t, c, w, coin, 1000)
	sync(t, w)
	refused("spent", wallet.ErrNotOurs, p)
}
