package wallet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/history"
)

// ErrNoRecord: the wallet has no transaction of that id.
var ErrNoRecord = errors.New("no transaction of this wallet")

// Record is what the wallet knows about one of its transactions.
type Record struct {
	Tx            *wire.MsgTx // must not be changed
	Seen          bool        // in the mempool or a block; otherwise it is pending only
	Confirmations int32
	// Spends are the coins of the wallet that it spends, in the order of the
	// inputs; fewer than those if others have put in coins too.
	Spends []coins.Coin
	// Pays are its outputs to the wallet, spent or not, in their order.
	Pays []coins.Coin
	// Children are the transactions of the wallet that spend any of its
	// outputs.
	Children []chainhash.Hash
}

// Record looks up a transaction in the chain, the mempool and among the pending
// ones. The error is ErrNoRecord or ErrNotSynced.
func (w *Wallet) Record(id chainhash.Hash) (Record, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.view == nil {
		return Record{}, ErrNotSynced
	}
	var r Record
	for tx := range w.view.history.All() {
		if tx.ID == id {
			r = Record{Tx: tx.Msg, Seen: true, Confirmations: w.view.confirmations(tx)}
		}
		if slices.ContainsFunc(tx.Msg.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint.Hash == id }) {
			r.Children = append(r.Children, tx.ID)
		}
	}
	if p, kept := w.state.pending[id]; r.Tx == nil && kept {
		r.Tx = p.tx
	}
	if r.Tx == nil {
		return Record{}, fmt.Errorf("%w: %v", ErrNoRecord, id)
	}
	r.Spends = w.spendsLocked(r.Tx)
	for i, out := range r.Tx.TxOut {
		if c, ours := w.coinLocked(history.Output{OutPoint: wire.OutPoint{Hash: id, Index: uint32(i)}, TxOut: out}); ours {
			r.Pays = append(r.Pays, c)
		}
	}
	return r, nil
}

// spendsLocked returns the coins of the wallet that a transaction spends, in the
// order of its inputs; w.mu is held.
func (w *Wallet) spendsLocked(tx *wire.MsgTx) (spent []coins.Coin) {
	own := make(map[wire.OutPoint]coins.Coin)
	w.view.history.Outputs(func(out history.Output) {
		if c, ours := w.coinLocked(out); ours {
			own[out.OutPoint] = c
		}
	})
	for _, in := range tx.TxIn {
		if c, ours := own[in.PreviousOutPoint]; ours {
			spent = append(spent, c)
		}
	}
	return spent
}

// SignReplacement is SignTx for a transaction that takes the place of an
// unconfirmed one: the coins which that one spends count as unspent.
func (w *Wallet) SignReplacement(tx *wire.MsgTx, own []coins.Coin, replaced chainhash.Hash) error {
	if err := w.forOwner(); err != nil {
		return err
	}
	r, err := w.Record(replaced)
	if err != nil {
		return err
	}
	if r.Confirmations > 0 {
		return fmt.Errorf("%w: what spends it is confirmed", ErrNotOurs)
	}
	v, err := w.current()
	if err != nil {
		return err
	}
	before := *v
	before.coins = slices.Concat(v.coins, r.Spends)
	return w.signIn(&before, tx, own)
}

// Tx returns a transaction of the chain or the mempool that pays or spends coins
// of the wallet; nil if there is none.
func (w *Wallet) Tx(id chainhash.Hash) *wire.MsgTx {
	v, err := w.current()
	if err != nil {
		return nil
	}
	for tx := range v.history.All() {
		if tx.ID == id {
			return tx.Msg
		}
	}
	return nil
}
