package regtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// Block says what to mine.
type Block struct {
	// Parent is what to build on; the zero value means the tip.
	Parent chain.BlockID
	// Txs go into it, parents before children.
	Txs []*wire.MsgTx
	// Script gets the subsidy; nil means the node's key.
	Script []byte
	// Time is the block's; the zero value means now. It is moved forward where
	// the rules ask for it (BIP 113).
	Time time.Time
}

// Mine mines blocks upon the tip, the first one with all that is in the
// mempool, and returns the last. The subsidies go to the node's key, which Fund
// pays from.
func (n *Node) Mine(ctx context.Context, count int) (chain.BlockID, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mine(ctx, count)
}

// MineBlock mines one block. On a parent other than the tip it begins or grows
// a branch, which the node follows once it is longer than its own.
func (n *Node) MineBlock(ctx context.Context, block Block) (chain.BlockID, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mineBlock(ctx, block)
}

func (n *Node) mine(ctx context.Context, count int) (tip chain.BlockID, err error) {
	txs, err := n.mempool(ctx)
	if err != nil {
		return tip, err
	}
	for range count {
		if tip, err = n.mineBlock(ctx, Block{Parent: tip, Txs: txs}); err != nil {
			return tip, err
		}
		txs = nil
	}
	return tip, nil
}

func (n *Node) mineBlock(ctx context.Context, block Block) (chain.BlockID, error) {
	if block.Parent == (chain.BlockID{}) {
		info, err := n.client.ChainInfo(ctx)
		if err != nil {
			return chain.BlockID{}, err
		}
		block.Parent = info.Tip().BlockID
	}
	if n.branch == nil || n.branch.tip != block.Parent {
		branch, err := n.branchAt(ctx, block.Parent)
		if err != nil {
			return chain.BlockID{}, err
		}
		n.branch = branch
	}
	if block.Script == nil {
		block.Script = n.script()
	}
	msg := n.branch.next(block.Script, block.Txs, block.Time)
	var raw bytes.Buffer
	if err := msg.Serialize(&raw); err != nil {
		return chain.BlockID{}, err
	}
	text := hex.EncodeToString(raw.Bytes())
	if err := n.submit(ctx, text); err != nil {
		return chain.BlockID{}, err
	}
	n.blocks = append(n.blocks, text)
	n.branch.add(msg)
	n.earn(msg, n.branch.tip.Height)
	return n.branch.tip, nil
}

func (n *Node) submit(ctx context.Context, block string) error {
	var refused *string
	if err := n.client.Call(ctx, "submitblock", []any{block}, &refused); err != nil {
		return err
	}
	// A block on a branch is "inconclusive" for bitcoind.
	if refused != nil && *refused != "inconclusive" {
		return fmt.Errorf("block refused: %.200s", *refused)
	}
	return nil
}

// branchAt reads what a block upon parent depends on.
func (n *Node) branchAt(ctx context.Context, parent chain.BlockID) (*branch, error) {
	b := &branch{tip: parent}
	for hash, height := parent.Hash, parent.Height; height >= 0 && len(b.times) < medianSpan; height-- {
		header, err := n.client.Header(ctx, hash)
		if err != nil {
			return nil, err
		}
		b.times = append(b.times, header.Timestamp)
		hash = header.PrevBlock
	}
	slices.Reverse(b.times)
	return b, nil
}

// mempool returns what waits for a block, parents before children.
func (n *Node) mempool(ctx context.Context) ([]*wire.MsgTx, error) {
	var ids []chainhash.Hash
	if err := n.client.Call(ctx, "getrawmempool", nil, &ids); err != nil {
		return nil, err
	}
	waiting := make(map[chainhash.Hash]*wire.MsgTx, len(ids))
	for _, id := range ids {
		var tx rpc.Tx
		if err := n.client.Call(ctx, "getrawtransaction", []any{id.String()}, &tx); err != nil {
			return nil, err
		}
		waiting[id] = tx.MsgTx
	}
	var ordered []*wire.MsgTx
	var place func(id chainhash.Hash)
	place = func(id chainhash.Hash) {
		tx := waiting[id]
		if tx == nil {
			return // confirmed, or placed
		}
		delete(waiting, id)
		for _, in := range tx.TxIn {
			place(in.PreviousOutPoint.Hash)
		}
		ordered = append(ordered, tx)
	}
	for _, id := range ids {
		place(id)
	}
	return ordered, nil
}
