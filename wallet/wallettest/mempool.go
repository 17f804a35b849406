package wallettest

import (
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

var _ chain.Mempool = (*Backend)(nil)

// maxReplaceable is the highest sequence that lets a transaction be replaced
// (BIP 125).
const maxReplaceable = wire.MaxTxInSequenceNum - 2

// Unconfirmed implements chain.Mempool. What came from nowhere pays no fee.
func (b *Backend) Unconfirmed(ctx context.Context, txid chainhash.Hash) (chain.Unconfirmed, error) {
	if err := b.enter(ctx); err != nil {
		return chain.Unconfirmed{}, err
	}
	defer b.c.mu.Unlock()
	at := slices.IndexFunc(b.c.mempool, func(tx *wire.MsgTx) bool { return tx.TxHash() == txid })
	if at < 0 {
		return chain.Unconfirmed{}, fmt.Errorf("%w: %v", chain.ErrNotInMempool, txid)
	}
	own := b.c.mempool[at]
	u := chain.Unconfirmed{Own: b.c.sum(own)}
	for _, tx := range b.c.ancestors(own) {
		u.Ancestors = plus(u.Ancestors, b.c.sum(tx))
	}
	for _, tx := range b.c.descendants(txid) {
		u.Descendants = plus(u.Descendants, b.c.sum(tx))
	}
	return u, nil
}

func plus(a, b chain.Package) chain.Package {
	return chain.Package{Count: a.Count + b.Count, Fee: a.Fee + b.Fee, VSize: a.VSize + b.VSize}
}

// sum is one transaction as a package.
func (c *Chain) sum(tx *wire.MsgTx) chain.Package {
	fee := int64(0)
	for _, in := range tx.TxIn {
		out := c.outs[in.PreviousOutPoint]
		if out == nil {
			return chain.Package{Count: 1, VSize: vsize(tx)}
		}
		fee += out.Value
	}
	for _, out := range tx.TxOut {
		fee -= out.Value
	}
	return chain.Package{Count: 1, Fee: sats.Amount(fee), VSize: vsize(tx)}
}

// ancestors returns what a transaction needs of the mempool, itself included.
func (c *Chain) ancestors(tx *wire.MsgTx) []*wire.MsgTx {
	need := map[chainhash.Hash]bool{tx.TxHash(): true}
	var found []*wire.MsgTx
	for _, tx := range slices.Backward(c.mempool) { // children before parents
		if need[tx.TxHash()] {
			found = append(found, tx)
			for _, in := range tx.TxIn {
				need[in.PreviousOutPoint.Hash] = true
			}
		}
	}
	return found
}

// descendants returns what needs a transaction of the mempool, itself included.
func (c *Chain) descendants(txid chainhash.Hash) []*wire.MsgTx {
	gone := make(map[chainhash.Hash]bool)
	var found []*wire.MsgTx
	for _, tx := range c.mempool {
		id := tx.TxHash()
		if id == txid || slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return gone[in.PreviousOutPoint.Hash] }) {
			gone[id] = true
			found = append(found, tx)
		}
	}
	return found
}

// makeRoom takes what a transaction conflicts with out of the mempool, with
// all that needs it, if the transaction may replace it (BIP 125): each signals
// that, and the transaction pays for all of them and for itself, and a higher
// rate than each that it replaces directly.
func (c *Chain) makeRoom(tx *wire.MsgTx) error {
	own := c.sum(tx)
	var out []*wire.MsgTx
	for _, old := range c.mempool {
		if !conflict(old, tx) {
			continue
		}
		if !slices.ContainsFunc(old.TxIn, func(in *wire.TxIn) bool { return in.Sequence <= maxReplaceable }) {
			return fmt.Errorf("%v cannot be replaced", old.TxHash())
		}
		if had := c.sum(old); own.Fee*sats.Amount(had.VSize) <= had.Fee*sats.Amount(own.VSize) {
			return fmt.Errorf("no higher rate than %v", old.TxHash())
		}
		for _, d := range c.descendants(old.TxHash()) {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	least := sats.Amount(own.VSize)
	for _, old := range out {
		least += c.sum(old).Fee
	}
	if len(out) > 0 && own.Fee < least {
		return fmt.Errorf("a fee of %v where a replacement needs %v", own.Fee, least)
	}
	c.mempool = slices.DeleteFunc(slices.Clone(c.mempool), func(tx *wire.MsgTx) bool { return slices.Contains(out, tx) })
	return nil
}

func conflict(a, b *wire.MsgTx) bool {
	return slices.ContainsFunc(a.TxIn, func(x *wire.TxIn) bool {
		return slices.ContainsFunc(b.TxIn, func(y *wire.TxIn) bool { return x.PreviousOutPoint == y.PreviousOutPoint })
	})
}

func vsize(tx *wire.MsgTx) int64 { return int64(tx.SerializeSizeStripped()*3+tx.SerializeSize()+3) / 4 }
