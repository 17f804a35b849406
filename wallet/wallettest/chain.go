// Package wallettest has a block chain in memory and wallets with coins on it,
// for tests of whatever uses a wallet.
//
// The chain follows the rules that such tests lean on: inputs exist and are
// unspent, scripts and signatures are valid under the standard rules, no value
// is made, rewards are mature, lock times have come, and the fee rate is not
// below the minimum. It has no proof of work, no relative lock times, and coins
// may come from nowhere (Pay).
package wallettest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// blockInterval is the time between two blocks of a Chain.
const blockInterval = 10 * time.Minute

// Chain is a block chain with a mempool: one node that any number of wallets
// share, each through a Backend of its own. It is safe for use from several
// goroutines.
type Chain struct {
	params *chaincfg.Params

	mu       sync.Mutex // protects the fields below
	best     []*block   // by height
	blocks   map[chainhash.Hash]*block
	mempool  []*wire.MsgTx // parents before children
	outs     map[wire.OutPoint]*wire.TxOut
	backends []*Backend
	feeRate  sats.Amount
}

type block struct {
	chain.BlockID
	prev chainhash.Hash
	time time.Time
	txs  []*wire.MsgTx
}

// minFeeRate is what the mempool asks for, in sat/kvB.
const minFeeRate sats.Amount = 1000

// NewChain returns a chain that has only the genesis block of the network. The
// next block is stamped with the present time, each further one ten minutes
// later.
func NewChain(params *chaincfg.Params) *Chain {
	genesis := &block{
		BlockID: chain.BlockID{Hash: *params.GenesisHash},
		time:    time.Now().Add(-blockInterval),
	}
	return &Chain{
		params:  params,
		best:    []*block{genesis},
		blocks:  map[chainhash.Hash]*block{genesis.Hash: genesis},
		outs:    make(map[wire.OutPoint]*wire.TxOut),
		feeRate: 2 * minFeeRate,
	}
}

// Params is the network of the chain.
func (c *Chain) Params() *chaincfg.Params { return c.params }

// Height is the height of the best block.
func (c *Chain) Height() int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tip().Height
}

func (c *Chain) tip() *block { return c.best[len(c.best)-1] }

// SetFeeRate sets the estimate for every target, in sat/kvB; 0: no estimate.
func (c *Chain) SetFeeRate(rate sats.Amount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feeRate = rate
}

// Pay puts a transaction into the mempool that pays value to script from
// nowhere, and returns the output.
func (c *Chain) Pay(script []byte, value sats.Amount) wire.OutPoint {
	tx := wire.NewMsgTx(2)
	var from wire.OutPoint
	rand.Read(from.Hash[:])
	tx.AddTxIn(wire.NewTxIn(&from, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(value), script))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accept(tx)
	return wire.OutPoint{Hash: tx.TxHash()}
}

// Mine makes count blocks, the first of which takes the whole mempool.
func (c *Chain) Mine(count int) { c.MineTo(nil, count) }

// MineTo is Mine with the rewards paid to script.
func (c *Chain) MineTo(script []byte, count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range count {
		c.extend(script)
	}
	c.changed()
}

// extend adds a block with the mempool to the best chain.
func (c *Chain) extend(script []byte) {
	prev := c.tip()
	b := &block{prev: prev.Hash, time: prev.time.Add(blockInterval), txs: c.mempool}
	b.Height = prev.Height + 1
	rand.Read(b.Hash[:])
	if len(script) > 0 {
		reward := wire.NewMsgTx(2)
		reward.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, wire.MaxPrevOutIndex), b.Hash[:8], nil))
		reward.AddTxOut(wire.NewTxOut(int64(50*sats.PerBTC), script))
		c.remember(reward)
		b.txs = append([]*wire.MsgTx{reward}, b.txs...)
	}
	c.mempool = nil
	c.best = append(c.best, b)
	c.blocks[b.Hash] = b
}

// Reorg replaces the last depth blocks by depth+1 empty ones. The transactions
// of the old blocks are in the mempool again, except rewards and what depends
// on them.
func (c *Chain) Reorg(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if depth < 1 || depth >= len(c.best) {
		panic(fmt.Sprintf("wallettest: a reorganisation of %d blocks in a chain of %d", depth, len(c.best)))
	}
	var back []*wire.MsgTx
	fork := len(c.best) - depth
	for _, b := range c.best[fork:] {
		back = append(back, b.txs...)
	}
	waiting := c.mempool
	c.best, c.mempool = c.best[:fork:fork], nil
	for range depth + 1 {
		c.extend(nil)
	}
	c.mempool = slices.Concat(back, waiting)
	for _, tx := range back {
		if tx.TxIn[0].PreviousOutPoint.Index == wire.MaxPrevOutIndex {
			c.drop(tx.TxHash())
		}
	}
	c.changed()
}

// Evict removes an unconfirmed transaction and what depends on it from the
// mempool. It reports whether there was one.
func (c *Chain) Evict(txid chainhash.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	tx := c.drop(txid)
	c.changed()
	return tx != nil
}

// DoubleSpend replaces an unconfirmed transaction, and what depends on it, by
// one that pays all its inputs to nobody, and returns that; nil if there is no
// such transaction.
func (c *Chain) DoubleSpend(txid chainhash.Hash) *wire.MsgTx {
	c.mu.Lock()
	defer c.mu.Unlock()
	victim := c.drop(txid)
	if victim == nil {
		return nil
	}
	tx := wire.NewMsgTx(2)
	var value int64
	for _, in := range victim.TxIn {
		tx.AddTxIn(wire.NewTxIn(&in.PreviousOutPoint, nil, nil))
		if out := c.outs[in.PreviousOutPoint]; out != nil {
			value += out.Value
		}
	}
	tx.AddTxOut(wire.NewTxOut(value, []byte{txscript.OP_TRUE}))
	c.accept(tx)
	return tx
}

// drop takes a transaction and its descendants out of the mempool.
func (c *Chain) drop(txid chainhash.Hash) *wire.MsgTx {
	out := c.descendants(txid)
	if len(out) == 0 {
		return nil
	}
	c.mempool = slices.DeleteFunc(slices.Clone(c.mempool), func(tx *wire.MsgTx) bool { return slices.Contains(out, tx) })
	return out[0]
}

// accept puts a transaction into the mempool, unchecked.
func (c *Chain) accept(tx *wire.MsgTx) {
	c.remember(tx)
	c.mempool = append(c.mempool, tx)
	c.changed()
}

func (c *Chain) remember(tx *wire.MsgTx) {
	id := tx.TxHash()
	for i, out := range tx.TxOut {
		c.outs[wire.OutPoint{Hash: id, Index: uint32(i)}] = out
	}
}

// changed wakes the wallets.
func (c *Chain) changed() {
	for _, b := range c.backends {
		select {
		case b.changes <- struct{}{}:
		default:
		}
	}
}

// Tx returns a transaction of the best chain or the mempool, and its number of
// confirmations; nil if there is none.
func (c *Chain) Tx(txid chainhash.Hash) (*wire.MsgTx, int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tx, height := range c.all() {
		if tx.TxHash() == txid {
			return tx, c.confirmations(height)
		}
	}
	return nil, 0
}

// Mempool returns the unconfirmed transactions.
func (c *Chain) Mempool() []*wire.MsgTx {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.mempool)
}

// all iterates over the transactions of the best chain with their heights, then
// over the mempool with height 0.
func (c *Chain) all() func(yield func(*wire.MsgTx, int32) bool) {
	return func(yield func(*wire.MsgTx, int32) bool) {
		for _, b := range c.best {
			for _, tx := range b.txs {
				if !yield(tx, b.Height) {
					return
				}
			}
		}
		for _, tx := range c.mempool {
			if !yield(tx, 0) {
				return
			}
		}
	}
}

func (c *Chain) confirmations(height int32) int32 {
	if height == 0 {
		return 0
	}
	return c.tip().Height - height + 1
}

// unspent returns an output with the height of its block, the mempool included.
func (c *Chain) unspent(out wire.OutPoint) (txOut *wire.TxOut, height int32, coinbase bool) {
	for tx, h := range c.all() {
		if tx.TxHash() == out.Hash && int(out.Index) < len(tx.TxOut) {
			txOut, height = tx.TxOut[out.Index], h
			coinbase = tx.TxIn[0].PreviousOutPoint.Index == wire.MaxPrevOutIndex
		}
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == out {
				return nil, 0, false
			}
		}
	}
	return txOut, height, coinbase
}

// check says why the mempool would refuse a transaction.
func (c *Chain) check(tx *wire.MsgTx) error {
	if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
		return errors.New("no inputs or no outputs")
	}
	fetcher := txscript.NewMultiPrevOutFetcher(nil)
	var in, out int64
	for _, i := range tx.TxIn {
		prev, height, coinbase := c.unspent(i.PreviousOutPoint)
		if prev == nil {
			return fmt.Errorf("input %v is missing or spent", i.PreviousOutPoint)
		}
		if coinbase && c.confirmations(height) < int32(c.params.CoinbaseMaturity) {
			return fmt.Errorf("input %v is too young a reward", i.PreviousOutPoint)
		}
		if fetcher.FetchPrevOutput(i.PreviousOutPoint) != nil {
			return fmt.Errorf("input %v comes twice", i.PreviousOutPoint)
		}
		fetcher.AddPrevOut(i.PreviousOutPoint, prev)
		in += prev.Value
	}
	if !c.final(tx) {
		return errors.New("its lock time has not come")
	}
	for _, o := range tx.TxOut {
		if !sats.Amount(o.Value).Valid() {
			return errors.New("an output out of range")
		}
		out += o.Value
	}
	if fee, size := in-out, vsize(tx); fee*1000 < int64(minFeeRate)*size {
		return fmt.Errorf("a fee of %d sat for %d vbytes is below the minimum", fee, size)
	}
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i, txIn := range tx.TxIn {
		prev := fetcher.FetchPrevOutput(txIn.PreviousOutPoint)
		engine, err := txscript.NewEngine(prev.PkScript, tx, i, txscript.StandardVerifyFlags, nil, hashes, prev.Value, fetcher)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

// final reports whether the next block may have a transaction as far as its lock
// time goes (BIP113).
func (c *Chain) final(tx *wire.MsgTx) bool {
	limit := int64(c.tip().Height) + 1
	if tx.LockTime >= txscript.LockTimeThreshold {
		limit = c.median().Unix()
	}
	return int64(tx.LockTime) < limit ||
		!slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.Sequence != wire.MaxTxInSequenceNum })
}

// median is the median of the last eleven block times. Times grow with the
// height, so that it is the one in the middle.
func (c *Chain) median() time.Time {
	last := c.best[max(0, len(c.best)-11):]
	return last[len(last)/2].time
}
