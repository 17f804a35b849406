package maker

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// bonded is a wallet on a chain, and a maker that may show bonds.
type bonded struct {
	*testing.T
	chain  *wallettest.Chain
	wallet *wallet.Wallet
	prover *prover
	cold   []coldbonds.Bond
}

func newBonded(t *testing.T) *bonded {
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	b := &bonded{T: t, chain: c, wallet: wallettest.New(t, c, []sats.Amount{100_000})}
	b.prover = &prover{wallet: b.wallet, node: b.wallet.Chain(), cold: func() ([]coldbonds.Bond, error) { return b.cold, nil }}
	return b
}

// lock pays a bond of the wallet.
func (b *bonded) lock(timenumber int, value sats.Amount) wire.OutPoint {
	b.Helper()
	address, err := b.wallet.BondAddress(timenumber)
	if err != nil {
		b.Fatal(err)
	}
	return b.chain.Pay(address.Script, value)
}

func (b *bonded) mine(count int) {
	b.Helper()
	b.chain.Mine(count)
	if err := b.wallet.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// shown has the bond proved and checks all that a taker checks.
func (b *bonded) shown() bond.Proof {
	b.Helper()
	const taker, maker protocol.Nick = "J5taker111111111", "J5maker111111111"
	text, err := b.prover.prove(taker, maker)
	if err != nil {
		b.Fatal(err)
	}
	proof, err := bond.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	if err := proof.Verify(string(taker), string(maker)); err != nil {
		b.Error(err)
	}
	if proof.Verify("J5other111111111", string(maker)) == nil || proof.Verify(string(taker), "J5other111111111") == nil {
		b.Error("the proof serves another taker or maker")
	}
	out, err := b.wallet.Chain().TxOut(b.Context(), proof.OutPoint)
	if err != nil {
		b.Fatal(err)
	}
	if err := proof.CheckCoin(bond.Coin{Script: out.Script, Confirmations: out.Confirmations}, b.chain.Height()); err != nil {
		b.Error(err)
	}
	return proof
}

// later is a timenumber some years after the chain's time.
func later(years int) int { return (time.Now().Year()-2020)*12 + 12*years }

// TestM27BondShown: the most valuable bond is shown, by a proof that takers
// accept, under a certificate that is renewed with the period and before it
// would end.
func TestM27BondShown(t *testing.T) {
	b := newBonded(t)
	if _, err := b.prover.prove("J5taker111111111", "J5maker111111111"); !errors.Is(err, ErrNoBond) {
		t.Errorf("without a bond: %v", err)
	}
	small := b.lock(later(2), 500_000)
	b.mine(1)
	first := b.shown()
	if first.OutPoint != small {
		t.Errorf("%v is shown", first.OutPoint)
	}
	if again := b.shown(); again.Key != first.Key {
		t.Error("a certificate for every taker")
	}
	large := b.lock(later(3), 900_000)
	if unconfirmed := b.shown(); unconfirmed.OutPoint != small {
		t.Error("an unconfirmed bond is shown")
	}
	b.mine(1)
	best := b.shown()
	if best.OutPoint != large || best.Key == first.Key {
		t.Errorf("%v is shown, want the best one, under a key of its own", best.OutPoint)
	}
	b.mine(2013 - int(b.chain.Height())) // the last block for which the first period serves
	if p := b.shown(); p.Expiry != 1 || p.Key != best.Key {
		t.Errorf("period %d before its end", p.Expiry)
	}
	b.mine(1)
	if p := b.shown(); p.Expiry != 2 || p.Key == best.Key {
		t.Errorf("period %d: the certificate was not renewed", p.Expiry)
	}
}

// TestM27ColdBond: a bond of another machine is shown by its certificate, if its
// coin is there and worth more, until it ends.
func TestM27ColdBond(t *testing.T) {
	b := newBonded(t)
	own := b.lock(later(1), 500_000)
	key, err := btcec.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	locktime, err := bond.Locktime(later(5))
	if err != nil {
		t.Fatal(err)
	}
	public := [33]byte(key.PubKey().SerializeCompressed())
	out := b.chain.Pay(bond.Script(bond.Redeem(locktime, public)), 800_000)
	b.mine(1)

	add := func(out wire.OutPoint, locktime uint32) {
		t.Helper()
		cold, err := coldbonds.New(out, locktime, public, 1)
		if err != nil {
			t.Fatal(err)
		}
		b.cold = append(b.cold, cold)
	}
	for _, wrong := range []struct {
		out      wire.OutPoint
		locktime uint32
	}{{out, locktime + 1}, {wire.OutPoint{Index: 9}, locktime}, {own, locktime}} {
		add(wrong.out, wrong.locktime)
		last := &b.cold[len(b.cold)-1]
		if err := last.Sign(message.EncodeSignature(message.Sign(key, last.Text()))); err != nil {
			t.Fatal(err)
		}
	}
	add(out, locktime)
	if p := b.shown(); p.OutPoint != own {
		t.Errorf("%v is shown before it is certified, or without a coin", p.OutPoint)
	}
	last := &b.cold[len(b.cold)-1]
	if err := last.Sign(message.EncodeSignature(message.Sign(key, last.Text()))); err != nil {
		t.Fatal(err)
	}
	if p := b.shown(); p.OutPoint != out {
		t.Errorf("%v is shown, not the cold one", p.OutPoint)
	}
	b.mine(2017 - int(b.chain.Height()))
	if p := b.shown(); p.OutPoint != own {
		t.Errorf("%v is shown after its certificate ended", p.OutPoint)
	}
}

// TestBondIsAnnounced: the daemon is told that there is a bond when there is
// one, and no longer when it is spent; the offers stay as they are.
func TestBondIsAnnounced(t *testing.T) {
	b := newBonded(t)
	d := &notes{}
	var told []Announced
	m := &Maker{cfg: Config{
		Wallet: b.wallet, Terms: bothTerms(), Reannounce: DefaultReannounce,
		Notify: func(e Event) {
			if a, ok := e.(Announced); ok {
				told = append(told, a)
			}
		},
	}, log: quiet, prover: b.prover}
	m.cfg.Terms.MinSize = 0
	see := func() {
		t.Helper()
		if err := m.look(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	see()
	if d.bonded || len(told) != 1 || told[0].Bond != nil {
		t.Fatalf("without a bond: %+v", told)
	}
	out := b.lock(later(2), 500_000)
	b.mine(1)
	see()
	if !d.bonded || len(told) != 2 || told[1].Bond == nil || told[1].Bond.OutPoint != out || told[1].Bond.Until != 2016 || told[1].Bond.Worth <= 0 {
		t.Fatalf("with a bond: %+v", told)
	}
	see()
	if len(told) != 2 || len(d.told) != 2 {
		t.Errorf("announced again without a change")
	}
	b.prover.cold = func() ([]coldbonds.Bond, error) { return nil, coldbonds.ErrFile }
	if see(); len(told) != 2 {
		t.Errorf("a damaged file of cold bonds hides our own: %+v", told)
	}
	b.chain.Reorg(1)
	b.mine(0)
	see()
	if d.bonded || len(told) != 3 || told[2].Bond != nil {
		t.Errorf("a bond that is not confirmed any more is shown: %+v", told)
	}
}

var quiet = slog.New(slog.DiscardHandler)
