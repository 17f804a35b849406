package regtest

import (
	"crypto/sha256"
	"math/big"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

const (
	// medianSpan is how many blocks count for the median time (BIP 113).
	medianSpan = 11
	// version of blocks, with no deployment signalled (BIP 9).
	version = 0x20000000
	// firstSubsidy in satoshis; on this network it halves often.
	firstSubsidy = 50e8
	coinbaseSize = 32 // of the witness of a coinbase, in bytes (BIP 141)
)

// witnessMark begins the commitment to witnesses in a coinbase (BIP 141).
var witnessMark = []byte{0xaa, 0x21, 0xa9, 0xed}

// branch is the end of a chain of blocks.
type branch struct {
	tip   chain.BlockID
	times []time.Time // of the last eleven blocks, oldest first
}

// next makes a block upon the branch that pays its subsidy to a script.
func (b *branch) next(script []byte, txs []*wire.MsgTx, at time.Time) *wire.MsgBlock {
	if at.IsZero() {
		at = time.Now()
	}
	sorted := slices.SortedFunc(slices.Values(b.times), time.Time.Compare)
	if earliest := sorted[len(sorted)/2].Add(time.Second); at.Before(earliest) {
		at = earliest
	}
	height := b.tip.Height + 1
	all := append([]*wire.MsgTx{coinbase(height, script, txs)}, txs...)
	block := &wire.MsgBlock{
		Header: wire.BlockHeader{
			Version:    version,
			PrevBlock:  b.tip.Hash,
			MerkleRoot: merkleRoot(all, (*wire.MsgTx).TxHash),
			Timestamp:  at.Truncate(time.Second),
			Bits:       Params.PowLimitBits,
		},
		Transactions: all,
	}
	for !enoughWork(block.BlockHash()) {
		block.Header.Nonce++
	}
	return block
}

// add makes a block the tip of the branch.
func (b *branch) add(block *wire.MsgBlock) {
	b.tip = chain.BlockID{Height: b.tip.Height + 1, Hash: block.BlockHash()}
	b.times = append(b.times, block.Header.Timestamp)
	b.times = b.times[max(0, len(b.times)-medianSpan):]
}

// coinbase makes the first transaction of a block. It leaves the fees to
// nobody.
func coinbase(height int32, script []byte, txs []*wire.MsgTx) *wire.MsgTx {
	// The height (BIP 34), and a zero since at least two bytes are asked for.
	start, err := txscript.NewScriptBuilder().AddInt64(int64(height)).AddOp(txscript.OP_0).Script()
	if err != nil {
		panic(err) // no height makes the script too long
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{
		PreviousOutPoint: wire.OutPoint{Index: wire.MaxPrevOutIndex},
		SignatureScript:  start,
		Witness:          wire.TxWitness{make([]byte, coinbaseSize)},
		Sequence:         wire.MaxTxInSequenceNum,
	})
	tx.AddTxOut(wire.NewTxOut(subsidy(height), script))
	tx.AddTxOut(wire.NewTxOut(0, witnessCommitment(txs)))
	return tx
}

func subsidy(height int32) int64 {
	return firstSubsidy >> (height / Params.SubsidyReductionInterval)
}

// witnessCommitment is the script of an output that commits to the witnesses
// of a block (BIP 141).
func witnessCommitment(txs []*wire.MsgTx) []byte {
	var unknown *wire.MsgTx // the coinbase counts as zero
	root := merkleRoot(append([]*wire.MsgTx{unknown}, txs...), func(tx *wire.MsgTx) chainhash.Hash {
		if tx == unknown {
			return chainhash.Hash{}
		}
		return tx.WitnessHash()
	})
	commitment := chainhash.DoubleHashB(append(root[:], make([]byte, coinbaseSize)...))
	script := []byte{txscript.OP_RETURN, byte(len(witnessMark) + sha256.Size)}
	return append(append(script, witnessMark...), commitment...)
}

func merkleRoot(txs []*wire.MsgTx, id func(*wire.MsgTx) chainhash.Hash) chainhash.Hash {
	level := make([]chainhash.Hash, len(txs))
	for i, tx := range txs {
		level[i] = id(tx)
	}
	for len(level) > 1 {
		if len(level)%2 == 1 {
			level = append(level, level[len(level)-1])
		}
		for i := range len(level) / 2 {
			level[i] = chainhash.DoubleHashH(append(level[2*i][:], level[2*i+1][:]...))
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

func enoughWork(hash chainhash.Hash) bool {
	slices.Reverse(hash[:])
	return new(big.Int).SetBytes(hash[:]).Cmp(Params.PowLimit) <= 0
}
