package maker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

// ErrNoBond: there is no fidelity bond that is worth something now.
var ErrNoBond = errors.New("no fidelity bond to show")

// Prove makes the proof of our fidelity bond for a taker that asked the maker of
// a nick; ErrNoBond if there is none. It may be called from several goroutines.
type Prove func(taker, maker protocol.Nick) (proof string, err error)

// bondTime bounds the question to our node about a cold bond.
const bondTime = 10 * time.Second

// prover shows the fidelity bond that takers with the usual rates value most:
// one of the wallet's, which it certifies a key of its own for, anew in each
// period, or one of another machine with its certificate. It is safe for use
// from several goroutines.
type prover struct {
	wallet Wallet
	node   Node
	cold   func() ([]coldbonds.Bond, error)

	mu  sync.Mutex
	own coldbonds.Bond // the certificate in use for a bond of the wallet
}

// best returns the bond to show, with its certificate, and what it is worth.
func (p *prover) best(ctx context.Context) (coldbonds.Bond, float64, error) {
	tip, _ := p.wallet.Synced()
	own, err := p.wallet.Bonds()
	if err != nil {
		return coldbonds.Bond{}, 0, err
	}
	most, at := 0.0, -1
	for i, b := range own {
		if worth := b.Worth(bond.DefaultRates, tip.MedianTime); worth > most {
			most, at = worth, i
		}
	}
	cold, errCold := p.cold() // is no reason not to show our own
	var found *coldbonds.Bond
	for _, b := range coldbonds.Current(cold, tip.Height) {
		if !b.Complete() {
			continue
		}
		worth, err := p.worthCold(ctx, b, tip.Height, tip.MedianTime)
		if err == nil && worth > most {
			most, found = worth, &b
		}
	}
	switch {
	case found != nil:
		return *found, most, nil
	case at < 0:
		return coldbonds.Bond{}, 0, cmp.Or(errCold, ErrNoBond)
	}
	b := own[at]
	certified, err := p.certify(b.OutPoint, b.Locktime, bond.Expiry(tip.Height), func(key [btcec.PubKeyBytesLenCompressed]byte, expiry uint16) (bond.Certificate, error) {
		return p.wallet.CertifyBond(b.Path(), key, expiry)
	})
	return certified, most, err
}

// worthCold asks our node about the coin of a bond that the wallet does not
// know. The time of its block is reckoned from its confirmations.
func (p *prover) worthCold(ctx context.Context, b coldbonds.Bond, height int32, median time.Time) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, bondTime)
	defer cancel()
	out, err := p.node.TxOut(ctx, b.OutPoint)
	if err != nil {
		return 0, err
	}
	proof := bond.Proof{Certificate: b.Certificate, OutPoint: b.OutPoint, Locktime: b.Locktime}
	if err := proof.CheckCoin(bond.Coin{Script: out.Script, Confirmations: out.Confirmations}, height); err != nil {
		return 0, err
	}
	confirmed := median.Add(-time.Duration(out.Confirmations-1) * 10 * time.Minute)
	return bond.DefaultRates.Value(out.Value, confirmed, b.Locktime, median), nil
}

// certify returns the certificate for a bond of the wallet: the one in use, or a
// new one with a new key when the bond or the period is another.
func (p *prover) certify(out wire.OutPoint, locktime uint32, expiry uint16,
	sign func(key [btcec.PubKeyBytesLenCompressed]byte, expiry uint16) (bond.Certificate, error)) (coldbonds.Bond, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own.Complete() && p.own.OutPoint == out && p.own.Expiry == expiry {
		return p.own, nil
	}
	made, err := coldbonds.New(out, locktime, [btcec.PubKeyBytesLenCompressed]byte{}, expiry)
	if err == nil {
		made.Certificate, err = sign(made.Key, expiry)
	}
	if err != nil {
		return coldbonds.Bond{}, fmt.Errorf("certifying a fidelity bond: %w", err)
	}
	p.own = made
	return made, nil
}

// prove is a Prove.
func (p *prover) prove(taker, maker protocol.Nick) (string, error) {
	b, _, err := p.best(context.Background())
	if err != nil {
		return "", err
	}
	proof, err := b.Prove(string(taker), string(maker))
	if err != nil {
		return "", err
	}
	return proof.Encode()
}

// ShownBond is the fidelity bond that takers are shown.
type ShownBond struct {
	OutPoint wire.OutPoint
	Until    int64   // the last block of its certificate
	Worth    float64 // to takers with the usual rates (bond.Rates.Value)
}

// bond looks which bond is to be shown; nil for none, also while the node is
// lost.
func (m *Maker) bond(ctx context.Context) *ShownBond {
	b, worth, err := m.prover.best(ctx)
	if err != nil {
		if !errors.Is(err, ErrNoBond) {
			m.log.Warn("no fidelity bond can be shown", "err", err)
		}
		return nil
	}
	return &ShownBond{OutPoint: b.OutPoint, Until: int64(b.Expiry) * bond.Period, Worth: worth}
}
