// Package snapshot writes down what a wallet knows of the chain, so that a
// start need not ask for all of it again.
//
// It holds nothing that the node and the seed do not give once more: a lost
// snapshot costs time only. It is written and read by the same program under
// the seal of the wallet file.
package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
)

// ErrFormat: the bytes are no snapshot, or that of another version.
var ErrFormat = errors.New("not a snapshot of this version")

// Snapshot is a state of the chain as a wallet sees it.
type Snapshot struct {
	Tip     chain.Tip
	Scripts []Script        // that were watched
	History history.History // of these scripts; without witnesses
}

// Script is a script of the wallet with the levels of its path.
type Script struct {
	Mixdepth, Branch, Index, Locktime uint32
	Script                            []byte // up to 255 bytes
}

// Layout, integers big-endian: a byte for the version; the tip; the number of
// scripts, 4 bytes, and each; the number of transactions, 4 bytes, and each.
// There is one way to write a snapshot.
const (
	version = 1
	// Sizes of a script and of a transaction less that of their last part.
	scriptHead = 4*4 + 1
	txHead     = 2*chainhash.HashSize + 4 + 8 + 4
)

// Encode writes a snapshot. The error is that of a script that is too long.
func (s Snapshot) Encode() ([]byte, error) {
	b := []byte{version}
	b = appendBlock(b, s.Tip.BlockID)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Tip.MedianTime.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Scripts)))
	for _, script := range s.Scripts {
		if len(script.Script) > 255 {
			return nil, errors.New("writing a snapshot: a script is too long")
		}
		for _, level := range []uint32{script.Mixdepth, script.Branch, script.Index, script.Locktime} {
			b = binary.BigEndian.AppendUint32(b, level)
		}
		b = append(b, byte(len(script.Script)))
		b = append(b, script.Script...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(s.History.Len()))
	for tx := range s.History.All() {
		b = append(b, tx.ID[:]...)
		b = appendBlock(b, tx.Block)
		b = binary.BigEndian.AppendUint64(b, uint64(tx.Time.Unix()))
		b = binary.BigEndian.AppendUint32(b, uint32(tx.Msg.SerializeSizeStripped()))
		raw := bytes.NewBuffer(b)
		if err := tx.Msg.SerializeNoWitness(raw); err != nil {
			return nil, fmt.Errorf("writing a snapshot: %w", err)
		}
		b = raw.Bytes()
	}
	return b, nil
}

func appendBlock(b []byte, id chain.BlockID) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(id.Height))
	return append(b, id.Hash[:]...)
}

// Decode reads what Encode wrote. Identifiers of transactions are taken as they
// stand. The error is ErrFormat.
func Decode(data []byte) (Snapshot, error) {
	d := decoder{left: data}
	if v := d.take(1); d.bad || v[0] != version {
		return Snapshot{}, ErrFormat
	}
	var s Snapshot
	s.Tip = chain.Tip{BlockID: d.block(), MedianTime: d.time()}
	s.Scripts = make([]Script, d.count(scriptHead))
	for i := range s.Scripts {
		script := Script{Mixdepth: d.uint32(), Branch: d.uint32(), Index: d.uint32(), Locktime: d.uint32()}
		if size := d.take(1); !d.bad {
			script.Script = bytes.Clone(d.take(int(size[0])))
		}
		s.Scripts[i] = script
	}
	txs := make([]history.Tx, d.count(txHead))
	for i := range txs {
		txs[i] = d.tx()
	}
	if d.bad || len(d.left) > 0 {
		return Snapshot{}, ErrFormat
	}
	s.History = history.Of(txs)
	return s, nil
}

// decoder reads from the beginning of left. After a failure it is bad, and
// returns zeros.
type decoder struct {
	left []byte
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.left) {
		d.bad = true
		return nil
	}
	part := d.left[:n:n]
	d.left = d.left[n:]
	return part
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); !d.bad {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// count reads the number of parts that follow, each of at least size bytes.
func (d *decoder) count(size int) int {
	n := d.uint32()
	if int64(n)*int64(size) > int64(len(d.left)) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) time() time.Time {
	if b := d.take(8); !d.bad {
		return time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	}
	return time.Time{}
}

func (d *decoder) hash() (h chainhash.Hash) {
	copy(h[:], d.take(len(h)))
	return h
}

func (d *decoder) block() chain.BlockID {
	return chain.BlockID{Height: int32(d.uint32()), Hash: d.hash()}
}

func (d *decoder) tx() history.Tx {
	tx := history.Tx{ID: d.hash(), Tx: chain.Tx{Block: d.block(), Time: d.time(), Msg: new(wire.MsgTx)}}
	raw := bytes.NewReader(d.take(int(d.uint32())))
	if d.bad || tx.Msg.DeserializeNoWitness(raw) != nil || raw.Len() > 0 {
		d.bad = true
	}
	return tx
}
