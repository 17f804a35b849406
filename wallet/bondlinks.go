package wallet

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/status"
)

// Link is how a fidelity bond is tied to something else of its owner. The market
// knows a bond for years, together with everything that its maker did under it,
// so that whoever owns the other thing is known as that maker (attack P6).
type Link struct {
	Kind LinkKind
	// Coin is the other coin of the wallet, as it is or was; zero for LinkPayer.
	Coin coins.Coin
}

// LinkKind says what a bond is tied to.
type LinkKind string

// The kinds of links, all of the transaction that made the bond.
const (
	// LinkPayer: somebody else paid it, such as an exchange, and knows to whom.
	LinkPayer LinkKind = "payer"
	// LinkSource: it was paid from a coin of the wallet that was not one of the
	// equal outputs of a CoinJoin, so that its past leads to the bond.
	LinkSource LinkKind = "source"
	// LinkBond: it was paid from another bond, so that the two have one owner.
	LinkBond LinkKind = "bond"
	// LinkChange: another output of the transaction came back to the wallet.
	LinkChange LinkKind = "change"
)

// explain fills in what the history tells about bonds: when they were confirmed,
// and what they are tied to.
func (w *Wallet) explain(v *view, bonds []Bond) {
	if len(bonds) == 0 {
		return
	}
	txs := v.byID()
	w.mu.RLock()
	defer w.mu.RUnlock()
	for i := range bonds {
		b := &bonds[i]
		tx := txs[b.OutPoint.Hash]
		if tx.Height() > 0 {
			b.Confirmed = tx.Time
		}
		b.Links = w.linksLocked(txs, tx, b.OutPoint)
	}
}

// BondSources tells whether an output script is that of a fidelity bond of the
// wallet, and if so, what the bond would be tied to if these coins paid it. It
// knows nothing of that before the first synchronisation.
func (w *Wallet) BondSources(script []byte, from []coins.Coin) (links []Link, isBond bool) {
	v, err := w.current()
	if err != nil || !txscript.IsPayToWitnessScriptHash(script) || w.learnBonds() != nil {
		return nil, false
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if path, ours := w.paths[string(script)]; !ours || path.Locktime == 0 {
		return nil, false
	}
	txs := v.byID()
	for _, c := range from {
		if link, _ := w.sourceLocked(txs, c.OutPoint); link != nil {
			links = append(links, *link)
		}
	}
	return links, true
}

func (v *view) byID() map[chainhash.Hash]history.Tx {
	txs := make(map[chainhash.Hash]history.Tx, v.history.Len())
	for tx := range v.history.All() {
		txs[tx.ID] = tx
	}
	return txs
}

// sourceLocked returns what a bond is tied to that an output pays, and whether
// the output is the wallet's; w.mu is held.
func (w *Wallet) sourceLocked(txs map[chainhash.Hash]history.Tx, at wire.OutPoint) (link *Link, ours bool) {
	c, from, ours := w.outputLocked(txs, at)
	switch {
	case !ours:
	case c.Locktime != 0:
		link = &Link{LinkBond, c}
	case status.Coin(from.Msg, c.Value, c.Branch == keys.Internal) != status.CJOut:
		link = &Link{LinkSource, c}
	}
	return link, ours
}

// linksLocked returns the links of a bond that a transaction made; w.mu is held.
func (w *Wallet) linksLocked(txs map[chainhash.Hash]history.Tx, made history.Tx, out wire.OutPoint) (links []Link) {
	own := false
	for _, in := range made.Msg.TxIn {
		link, ours := w.sourceLocked(txs, in.PreviousOutPoint)
		own = own || ours
		if link != nil {
			links = append(links, *link)
		}
	}
	if !own {
		links = append(links, Link{Kind: LinkPayer})
	}
	for i := range made.Msg.TxOut {
		at := wire.OutPoint{Hash: made.ID, Index: uint32(i)}
		if c, _, ours := w.outputLocked(txs, at); ours && at != out {
			kind := LinkChange
			if c.Locktime != 0 {
				kind = LinkBond
			}
			links = append(links, Link{kind, c})
		}
	}
	return links
}

// outputLocked returns an output of one of the transactions, spent or not, as a
// coin if it is the wallet's, with its transaction; w.mu is held.
func (w *Wallet) outputLocked(txs map[chainhash.Hash]history.Tx, at wire.OutPoint) (c coins.Coin, from history.Tx, ours bool) {
	from, known := txs[at.Hash]
	if !known || int64(at.Index) >= int64(len(from.Msg.TxOut)) {
		return c, from, false
	}
	c, ours = w.coinLocked(history.Output{OutPoint: at, TxOut: from.Msg.TxOut[at.Index], Height: from.Height()})
	return c, from, ours
}
