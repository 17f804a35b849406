package btcd

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/filters"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// maxMempool bounds how many transactions of the mempool are looked at.
	maxMempool = 500_000
	// mempoolBatch is how many are asked for at once. With the largest that
	// nodes relay, 400 kB each, the reply has 40 MB.
	mempoolBatch = 50
)

// mempool is what is known about the node's: each transaction is read once.
type mempool struct {
	seed maphash.Seed

	mu sync.Mutex // protects the fields below
	// foreign are the transactions that are not ours, as fingerprints of the
	// scripts they touch, for when more scripts are watched.
	foreign map[chainhash.Hash][]fingerprint
	ours    map[chainhash.Hash]chain.Tx
	spends  map[wire.OutPoint]bool // by ours
}

// fingerprint stands for a script where many are kept. A collision costs one
// more look at a transaction.
type fingerprint uint64

func newMempool() *mempool {
	return &mempool{
		seed:    maphash.MakeSeed(),
		foreign: make(map[chainhash.Hash][]fingerprint),
		ours:    make(map[chainhash.Hash]chain.Tx),
		spends:  make(map[wire.OutPoint]bool),
	}
}

func (m *mempool) print(script []byte) fingerprint {
	return fingerprint(maphash.Bytes(m.seed, script))
}

// judgeAgain forgets foreign transactions that may touch one of the scripts.
func (m *mempool) judgeAgain(scripts [][]byte) {
	added := make(map[fingerprint]bool, len(scripts))
	for _, script := range scripts {
		added[m.print(script)] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, prints := range m.foreign {
		if slices.ContainsFunc(prints, func(p fingerprint) bool { return added[p] }) {
			delete(m.foreign, id)
		}
	}
}

// add takes up a transaction that came into the mempool. It reports whether
// that changes anything for us: the transaction is ours, or conflicts with one
// that is, which it replaced then.
func (m *mempool) add(tx *wire.MsgTx, ours bool) (matters bool) {
	id := tx.TxHash()
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.ours[id]; known {
		return false
	}
	for _, in := range tx.TxIn {
		matters = matters || m.spends[in.PreviousOutPoint]
	}
	if !ours {
		var prints []fingerprint
		for script := range filters.Touched(tx) {
			prints = append(prints, m.print(script))
		}
		m.foreign[id] = prints
		return matters
	}
	m.ours[id] = chain.Tx{Msg: tx, Time: time.Now()}
	for _, in := range tx.TxIn {
		m.spends[in.PreviousOutPoint] = true
	}
	return true
}

// keep forgets all but the listed transactions, and returns those among them
// that are not known.
func (m *mempool) keep(ids []chainhash.Hash) (unknown []chainhash.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	foreign := make(map[chainhash.Hash][]fingerprint, len(ids))
	ours := make(map[chainhash.Hash]chain.Tx)
	clear(m.spends)
	for _, id := range ids {
		if prints, ok := m.foreign[id]; ok {
			foreign[id] = prints
		} else if tx, ok := m.ours[id]; ok {
			ours[id] = tx
			for _, in := range tx.Msg.TxIn {
				m.spends[in.PreviousOutPoint] = true
			}
		} else {
			unknown = append(unknown, id)
		}
	}
	m.foreign, m.ours = foreign, ours
	return unknown
}

// list returns our transactions in the order they were seen.
func (m *mempool) list() []chain.Tx {
	m.mu.Lock()
	defer m.mu.Unlock()
	txs := make([]chain.Tx, 0, len(m.ours))
	for _, tx := range m.ours {
		txs = append(txs, tx)
	}
	slices.SortFunc(txs, func(x, y chain.Tx) int {
		hashX, hashY := x.Msg.TxHash(), y.Msg.TxHash()
		return cmp.Or(x.Time.Compare(y.Time), slices.Compare(hashX[:], hashY[:]))
	})
	return txs
}

// readMempool returns our transactions in the node's mempool.
func (b *Backend) readMempool(ctx context.Context) ([]chain.Tx, error) {
	var ids []chainhash.Hash
	if err := b.node.Call(ctx, "getrawmempool", nil, &ids); err != nil {
		return nil, err
	}
	if len(ids) > maxMempool {
		b.log.Warn("the mempool is too large: not all of it is looked at", "transactions", len(ids), "limit", maxMempool)
		ids = ids[:maxMempool]
	}
	for part := range slices.Chunk(b.mempool.keep(ids), mempoolBatch) {
		txs := make([]rpc.Tx, len(part))
		queries := make([]*rpc.Query, len(part))
		for i, id := range part {
			queries[i] = &rpc.Query{Method: "getrawtransaction", Params: []any{id.String()}, Result: &txs[i]}
		}
		if err := b.node.Batch(ctx, queries); err != nil {
			return nil, err
		}
		for i, q := range queries {
			if rpc.HasCode(q.Err, rpc.CodeNotFound) {
				continue // it has left the mempool meanwhile
			}
			if q.Err != nil {
				return nil, fmt.Errorf("getrawtransaction: %w", q.Err)
			}
			b.mempool.add(txs[i].MsgTx, b.scripts.Relevant(txs[i].MsgTx))
		}
	}
	return b.mempool.list(), nil
}
