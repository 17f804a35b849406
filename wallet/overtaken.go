package wallet

import (
	"context"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// overtaken looks whether pending transactions can still be mined that neither the
// chain nor the mempool has. Of a CoinJoin the others' inputs count too: whoever
// signed can spend his coin elsewhere (attack T20), and the wallet does not see
// that among its own transactions. What is noted is the height from which on an
// input has been gone from the chain; once that is safeDepth blocks ago, the
// transaction is Pending.Spent. A spend that is only in the mempool is not
// believed. Asked once for each block; called with syncing held.
func (w *Wallet) overtaken(ctx context.Context, v *view) error {
	node, can := w.cfg.Chain.(chain.InChain)
	if !can || v.tip.BlockID == w.looked {
		return nil
	}
	w.mu.RLock()
	all := w.state.pending
	w.mu.RUnlock()
	depth, gone := v.spent(all), make(map[chainhash.Hash]bool)
	for id, p := range all {
		if _, spent := depth[id]; spent {
			continue // by itself, or by another one of ours
		}
		missing, err := anyMissing(ctx, node, p.tx)
		if err != nil {
			return fmt.Errorf("looking for the inputs of a pending transaction: %w", err)
		}
		gone[id] = missing
	}
	over := 0
	err := w.save(func(s *state) error {
		for id, p := range s.pending {
			was := p.spent(v.tip.Height)
			switch {
			case !gone[id]:
				p.gone = 0
			case p.gone == 0 || p.gone > v.tip.Height:
				p.gone = v.tip.Height
			}
			if s.pending[id] = p; p.spent(v.tip.Height) && !was {
				over++
			}
		}
		return nil
	})
	if err == nil {
		w.looked = v.tip.BlockID
	}
	if err == nil && over > 0 {
		w.log.Warn("transactions can not be mined any more: another participant has spent a coin of them otherwise; yours may be spent again", "count", over)
	}
	return err
}

// anyMissing reports whether the chain lacks an input.
func anyMissing(ctx context.Context, node chain.InChain, tx *wire.MsgTx) (bool, error) {
	for _, in := range tx.TxIn {
		has, err := node.HasTxOut(ctx, in.PreviousOutPoint)
		if err != nil || !has {
			return err == nil, err
		}
	}
	return false, nil
}

// spent reports whether an input has been gone for long enough when the chain ends
// at height.
func (p pending) spent(height int32) bool { return p.gone > 0 && height-p.gone >= safeDepth }
