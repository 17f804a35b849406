package wallettest

import (
	"context"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

var _ chain.Scanner = (*Backend)(nil)

// Scan implements chain.Scanner.
func (b *Backend) Scan(ctx context.Context, branches []chain.Branch) (chain.Found, error) {
	of := make(map[string]chain.FoundCoin)
	for i, branch := range branches {
		for index := range branch.Count {
			script, err := branch.Script(index)
			if err != nil {
				return chain.Found{}, err
			}
			of[string(script)] = chain.FoundCoin{Branch: i, Index: index}
		}
	}
	if err := b.enter(ctx); err != nil {
		return chain.Found{}, err
	}
	defer b.c.mu.Unlock()
	found := chain.Found{Tip: b.c.tip().BlockID}
	spent := make(map[wire.OutPoint]bool)
	for _, block := range b.c.best {
		for _, tx := range block.txs {
			for _, in := range tx.TxIn {
				spent[in.PreviousOutPoint] = true
			}
		}
	}
	for tx, height := range b.c.all() {
		for i, out := range tx.TxOut {
			coin, ours := of[string(out.PkScript)]
			coin.OutPoint = wire.OutPoint{Hash: tx.TxHash(), Index: uint32(i)}
			if !ours || height == 0 || spent[coin.OutPoint] {
				continue
			}
			coin.Value, coin.Height = sats.Amount(out.Value), height
			coin.Coinbase = tx.TxIn[0].PreviousOutPoint.Index == wire.MaxPrevOutIndex
			found.Coins = append(found.Coins, coin)
		}
	}
	return found, nil
}
