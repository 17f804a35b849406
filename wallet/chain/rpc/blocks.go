package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// ErrNoBlock: the node does not have the block.
var ErrNoBlock = errors.New("the node does not have this block")

// maxFork bounds how far back Fork follows a branch that was left. A node that
// reorganises deeper has its blocks anew; then everything is read again.
const maxFork = 1000

// BTC is an amount that a node writes as a decimal number of bitcoin.
type BTC sats.Amount

// UnmarshalJSON implements json.Unmarshaler, without floating point.
func (b *BTC) UnmarshalJSON(text []byte) error {
	a, err := sats.ParseBTC(string(text))
	*b = BTC(a)
	return err
}

// Hex is bytes that a node writes as hexadecimal text.
type Hex []byte

// UnmarshalJSON implements json.Unmarshaler.
func (h *Hex) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	b, err := hex.DecodeString(text)
	*h = b
	return err
}

// Tx is a transaction that a node writes as hexadecimal text.
type Tx struct{ *wire.MsgTx }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Tx) UnmarshalJSON(data []byte) error {
	var raw Hex
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	t.MsgTx = new(wire.MsgTx)
	rest := bytes.NewReader(raw)
	if err := t.MsgTx.Deserialize(rest); err != nil {
		return err
	}
	if rest.Len() != 0 {
		return errors.New("bytes after the transaction")
	}
	return nil
}

// ChainInfo is what a node says about its chain as a whole.
type ChainInfo struct {
	Chain      string         `json:"chain"` // the node's word for the network
	Blocks     int32          `json:"blocks"`
	Headers    int32          `json:"headers"`
	BestHash   chainhash.Hash `json:"bestblockhash"`
	MedianTime int64          `json:"mediantime"` // Unix seconds, BIP 113
	// Only Bitcoin Core says these.
	Syncing     bool        `json:"initialblockdownload"`
	Progress    json.Number `json:"verificationprogress"` // 0..1
	Pruned      bool        `json:"pruned"`
	PruneHeight int32       `json:"pruneheight"` // blocks below are deleted
}

// Tip is the end of the chain.
func (i ChainInfo) Tip() chain.Tip {
	return chain.Tip{
		BlockID:    chain.BlockID{Height: i.Blocks, Hash: i.BestHash},
		MedianTime: time.Unix(i.MedianTime, 0),
	}
}

// ChainInfo asks getblockchaininfo.
func (c *Client) ChainInfo(ctx context.Context) (ChainInfo, error) {
	var info ChainInfo
	err := c.Call(ctx, "getblockchaininfo", nil, &info)
	return info, err
}

// CheckNetwork returns chain.ErrWrongNetwork unless the node's first block is
// that of the network; the node's word for it is only for the message.
func (c *Client) CheckNetwork(ctx context.Context, info ChainInfo, params *chaincfg.Params) error {
	genesis, err := c.BlockHash(ctx, 0)
	if err != nil {
		return err
	}
	if genesis != *params.GenesisHash {
		return fmt.Errorf("%w: the node at %s is on %q and the wallet on %q: configure a node of the wallet's network",
			chain.ErrWrongNetwork, c.addr, info.Chain, params.Name)
	}
	return nil
}

// BlockHash returns the block at a height of the best chain, or ErrNoBlock.
func (c *Client) BlockHash(ctx context.Context, height int32) (chainhash.Hash, error) {
	var hash chainhash.Hash
	err := c.Call(ctx, "getblockhash", []any{height}, &hash)
	return hash, noBlock(err)
}

// Header returns the header of a block, in the best chain or not, or ErrNoBlock.
func (c *Client) Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error) {
	var raw Hex
	if err := c.Call(ctx, "getblockheader", []any{hash.String(), false}, &raw); err != nil {
		return nil, noBlock(err)
	}
	header := new(wire.BlockHeader)
	if err := header.Deserialize(bytes.NewReader(raw)); err != nil {
		return nil, c.nonsense(err)
	}
	if header.BlockHash() != hash {
		return nil, c.nonsense(errors.New("the header of another block"))
	}
	return header, nil
}

// BlockTime returns the time in the header of the block at a height of the best
// chain, or ErrNoBlock.
func (c *Client) BlockTime(ctx context.Context, height int32) (time.Time, error) {
	hash, err := c.BlockHash(ctx, height)
	if err != nil {
		return time.Time{}, err
	}
	header, err := c.Header(ctx, hash)
	if err != nil {
		return time.Time{}, err
	}
	return header.Timestamp, nil
}

func noBlock(err error) error {
	// btcd has code -1 for a height above the tip.
	if HasCode(err, CodeNotFound, CodeInvalidParameter, CodeMisc) {
		return fmt.Errorf("%w: %w", ErrNoBlock, err)
	}
	return err
}

// InBestChain reports whether a block is in the best chain.
func (c *Client) InBestChain(ctx context.Context, block chain.BlockID) (bool, error) {
	hash, err := c.BlockHash(ctx, block.Height)
	if errors.Is(err, ErrNoBlock) {
		return false, nil
	}
	return hash == block.Hash, err
}

// Fork returns the last block of the branch that ends with since which is in
// the best chain: since itself if that never left. For the zero BlockID, and
// where the node does not know the branch, it is the first block of all.
func (c *Client) Fork(ctx context.Context, since chain.BlockID, params *chaincfg.Params) (chain.BlockID, error) {
	genesis := chain.BlockID{Hash: *params.GenesisHash}
	for range maxFork {
		if since.Height <= 0 {
			break
		}
		in, err := c.InBestChain(ctx, since)
		if in || err != nil {
			return since, err
		}
		header, err := c.Header(ctx, since.Hash)
		if errors.Is(err, ErrNoBlock) {
			break
		}
		if err != nil {
			return chain.BlockID{}, err
		}
		since = chain.BlockID{Height: since.Height - 1, Hash: header.PrevBlock}
	}
	return genesis, nil
}

// HeightBefore is chain.HeightBefore in the node's best chain.
func (c *Client) HeightBefore(ctx context.Context, birth time.Time, tip int32) (int32, error) {
	return chain.HeightBefore(birth, tip, func(height int32) (time.Time, error) {
		hash, err := c.BlockHash(ctx, height)
		if err != nil {
			return time.Time{}, err
		}
		header, err := c.Header(ctx, hash)
		if err != nil {
			return time.Time{}, err
		}
		return header.Timestamp, nil
	})
}
