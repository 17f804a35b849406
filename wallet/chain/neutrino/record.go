package neutrino

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
)

// maxReorg is how deep a reorganisation may be, in blocks, without all being
// searched again. What is deeper in the chain counts as settled.
const maxReorg = 200

// extent says which part of the chain is searched.
type extent struct {
	from   int32            // blocks above this height are searched
	to     chain.BlockID    // the last block that is searched
	recent []chainhash.Hash // the last blocks that are searched; to is the last of them
}

// through is the extent when the following blocks are searched too.
func (e extent) through(blocks []chainhash.Hash) extent {
	recent := slices.Concat(e.recent, blocks)
	recent = slices.Clone(recent[max(0, len(recent)-maxReorg):])
	to := chain.BlockID{Height: e.to.Height + int32(len(blocks)), Hash: recent[len(recent)-1]}
	return extent{from: e.from, to: to, recent: recent}
}

// back is the extent without the blocks above a height, at which is one of the
// recent blocks.
func (e extent) back(height int32) extent {
	recent := e.recent[:len(e.recent)-int(e.to.Height-height)]
	return extent{from: e.from, to: chain.BlockID{Height: height, Hash: recent[len(recent)-1]}, recent: recent}
}

// record is what the searches found, as it is on the disk. With it the chain is
// searched once for a script, however often the program starts.
type record struct {
	extent
	scripts filters.Set // those of which the history is known
	txs     []found     // in the order of the chain
	sent    []chain.Tx  // by Broadcast, in order; without block

	// What follows from txs.
	byID  map[chainhash.Hash]int // index in txs
	spent map[wire.OutPoint]int  // index in txs of what spends it
}

// found is a transaction in a block.
type found struct {
	chain.Tx
	position int32 // in its block
}

func (f found) compare(g found) int {
	return cmp.Or(cmp.Compare(f.Block.Height, g.Block.Height), cmp.Compare(f.position, g.position))
}

// add takes up what a search found.
func (r *record) add(more []found) {
	if len(more) == 0 {
		return
	}
	r.txs = append(r.txs, more...)
	slices.SortFunc(r.txs, found.compare)
	r.txs = slices.CompactFunc(r.txs, func(f, g found) bool { return f.compare(g) == 0 })
	r.index()
}

// rewind forgets what is in blocks above the one at a height.
func (r *record) rewind(height int32) {
	r.extent = r.back(height)
	r.txs = slices.DeleteFunc(r.txs, func(f found) bool { return f.Block.Height > height })
	r.index()
}

// index derives byID and spent.
func (r *record) index() {
	r.byID = make(map[chainhash.Hash]int, len(r.txs))
	r.spent = make(map[wire.OutPoint]int, len(r.txs))
	for i, tx := range r.txs {
		r.byID[tx.Msg.TxHash()] = i
		for _, in := range tx.Msg.TxIn {
			r.spent[in.PreviousOutPoint] = i
		}
	}
}

// pending are the sent transactions that can be confirmed. Of those that spend
// the same coin it is the last one: it was sent to replace the others.
func (r *record) pending() []chain.Tx {
	gone := make(map[chainhash.Hash]bool)
	var alive []chain.Tx
	for _, tx := range r.sent {
		id := tx.Msg.TxHash()
		if _, confirmed := r.byID[id]; confirmed {
			continue
		}
		if r.conflict(tx.Msg) != nil || spendsAny(tx.Msg, gone) {
			gone[id] = true
			continue
		}
		alive = append(alive, tx)
	}
	taken := make(map[wire.OutPoint]bool)
	for _, tx := range slices.Backward(alive) {
		if slices.ContainsFunc(tx.Msg.TxIn, func(in *wire.TxIn) bool { return taken[in.PreviousOutPoint] }) {
			gone[tx.Msg.TxHash()] = true
			continue
		}
		for _, in := range tx.Msg.TxIn {
			taken[in.PreviousOutPoint] = true
		}
	}
	return slices.DeleteFunc(alive, func(tx chain.Tx) bool {
		id := tx.Msg.TxHash()
		gone[id] = gone[id] || spendsAny(tx.Msg, gone)
		return gone[id]
	})
}

// conflict is a confirmed transaction that spends a coin of tx, nil for none.
func (r *record) conflict(tx *wire.MsgTx) *found {
	for _, in := range tx.TxIn {
		if i, spent := r.spent[in.PreviousOutPoint]; spent && r.txs[i].Msg.TxHash() != tx.TxHash() {
			return &r.txs[i]
		}
	}
	return nil
}

func spendsAny(tx *wire.MsgTx, of map[chainhash.Hash]bool) bool {
	return slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return of[in.PreviousOutPoint.Hash] })
}

// send takes up a transaction that is about to be sent.
func (r *record) send(tx chain.Tx) {
	r.unsend([]chainhash.Hash{tx.Msg.TxHash()})
	r.sent = append(r.sent, tx)
}

// unsend forgets sent transactions.
func (r *record) unsend(ids []chainhash.Hash) {
	r.sent = slices.DeleteFunc(r.sent, func(tx chain.Tx) bool { return slices.Contains(ids, tx.Msg.TxHash()) })
}

// settled are the sent transactions whose fate no reorganisation changes.
func (r *record) settled() (ids []chainhash.Hash) {
	deep := r.to.Height - maxReorg
	for _, tx := range r.sent {
		id := tx.Msg.TxHash()
		if i, confirmed := r.byID[id]; confirmed && r.txs[i].Block.Height <= deep {
			ids = append(ids, id)
		} else if other := r.conflict(tx.Msg); other != nil && other.Block.Height <= deep {
			ids = append(ids, id)
		}
	}
	return ids
}

// transaction returns a confirmed or pending one, nil if there is none.
func (r *record) transaction(id chainhash.Hash) *chain.Tx {
	if i, confirmed := r.byID[id]; confirmed {
		return &r.txs[i].Tx
	}
	for _, tx := range r.pending() {
		if tx.Msg.TxHash() == id {
			return &tx
		}
	}
	return nil
}

// txOut is chain.Backend's TxOut. The record must be complete.
func (r *record) txOut(out wire.OutPoint) (chain.TxOut, error) {
	tx := r.transaction(out.Hash)
	if tx == nil {
		return chain.TxOut{}, errNotOurs
	}
	if out.Index >= uint32(len(tx.Msg.TxOut)) {
		return chain.TxOut{}, chain.ErrNoTxOut
	}
	output := tx.Msg.TxOut[out.Index]
	if !r.scripts.Has(output.PkScript) {
		return chain.TxOut{}, errNotOurs
	}
	if _, spent := r.spent[out]; spent {
		return chain.TxOut{}, fmt.Errorf("%w: it is spent", chain.ErrNoTxOut)
	}
	for _, other := range r.pending() {
		if slices.ContainsFunc(other.Msg.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == out }) {
			return chain.TxOut{}, fmt.Errorf("%w: a transaction that was sent spends it", chain.ErrNoTxOut)
		}
	}
	answer := chain.TxOut{Value: sats.Amount(output.Value), Script: output.PkScript, Coinbase: blockchain.IsCoinBaseTx(tx.Msg)}
	if tx.Block != (chain.BlockID{}) {
		answer.Confirmations = r.to.Height - tx.Block.Height + 1
	}
	return answer, nil
}

// errNotOurs says what to do about chain.ErrCannotVerify.
var errNotOurs = fmt.Errorf("%w: a light client knows its own transactions only; "+
	"for CoinJoins use Bitcoin Core or btcd (blockchain_source in joinmarket.cfg)", chain.ErrCannotVerify)
