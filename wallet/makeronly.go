package wallet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// ErrMakerOnly: the wallet was opened with Config.MakerOnly, and this is nothing
// that a maker does.
var ErrMakerOnly = errors.New("the wallet is open for a maker only: nothing is sent from it, and no key or word is shown")

// MakerOnly reports whether the wallet was opened with Config.MakerOnly.
func (w *Wallet) MakerOnly() bool { return w.cfg.MakerOnly }

// forOwner refuses what only a wallet does that is open for its owner.
func (w *Wallet) forOwner() error {
	if w.cfg.MakerOnly {
		return ErrMakerOnly
	}
	return nil
}

// mayJoin is what SignTx asks of a transaction in a wallet that is open for a
// maker only, whoever calls it: it was held for, it has the form of a CoinJoin,
// and it leaves the wallet no poorer.
//
//   - Hold has it on the disk;
//   - an input is not ours, and two outputs or more are of the deal's amount;
//   - one of these is ours, and what we get to fresh addresses of our own is at
//     least what we put in, and the deal's earning;
//   - none of our coins is a fidelity bond.
func (w *Wallet) mayJoin(v *view, tx *wire.MsgTx, own []coins.Coin) error {
	refused := func(why string) error { return fmt.Errorf("%w: %s", ErrMakerOnly, why) }
	in := sats.Amount(0)
	for _, c := range own {
		ours, err := v.own(c) // what a coin is worth the wallet knows itself
		switch {
		case err != nil:
			return err
		case ours.Locktime != 0:
			return refused("a fidelity bond is not spent in a CoinJoin")
		}
		in += ours.Value
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	id := tx.TxHash()
	at := slices.IndexFunc(w.state.signed, func(s signed) bool { return s.Tx.TxHash() == id })
	if at < 0 {
		return refused("the transaction is no CoinJoin that was agreed on")
	}
	deal := w.state.signed[at].Deal
	equal, mine, back := 0, false, -max(0, deal.Earning)
	for _, out := range tx.TxOut {
		path, ours := w.paths[string(out.PkScript)]
		ours = ours && path.Branch == keys.Internal
		if sats.Amount(out.Value) == deal.Amount {
			equal++
			mine = mine || ours
		}
		if ours {
			back += sats.Amount(out.Value)
		}
	}
	switch {
	case len(tx.TxIn) <= len(own) || equal < 2 || !mine:
		return refused("the transaction is no CoinJoin with an output for us")
	case back < in:
		return refused("the transaction would leave the wallet poorer")
	}
	return nil
}

// maySay is what SignMessage asks of a text in such a wallet: makers sign keys of
// sessions only.
func (w *Wallet) maySay(text string) error {
	if w.cfg.MakerOnly && (len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "") {
		return fmt.Errorf("%w: the text is not the key of a session", ErrMakerOnly)
	}
	return nil
}

// mayCertify is what CertifyBond asks in such a wallet: no certificate reaches
// further than the next period.
func (w *Wallet) mayCertify(expiry uint16) error {
	tip, _ := w.Synced()
	if w.cfg.MakerOnly && expiry > bond.Expiry(tip.Height)+1 {
		return fmt.Errorf("%w: the certificate would outlast the next period", ErrMakerOnly)
	}
	return nil
}
