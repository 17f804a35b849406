package maker

import (
	"bytes"
	"context"
	"errors"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// push broadcasts a transaction for a taker if it is one that we signed, with
// all signatures in place; anything else is ignored (attack M23).
func (m *Maker) push(ctx context.Context, e control.PushEvent) {
	for _, p := range m.signed {
		tx, ok := complete(p.tx, p.raw, e.Tx)
		if !ok {
			continue
		}
		if err := m.cfg.Node.Broadcast(ctx, tx); err != nil {
			// The node's words may name coins, so they stay out of the log.
			m.log.Info("could not broadcast for a taker", "nick", e.Taker, "rejected", errors.Is(err, chain.ErrRejected))
		}
		return
	}
	m.log.Debug("ignored a request to broadcast", "nick", e.Taker)
}

// complete reads pushed as the transaction tx, whose serialisation without
// witnesses is raw, with a witness for every input. It compares bytes, so that
// nothing of a stranger's is parsed but the witnesses of a transaction we know.
func complete(tx *wire.MsgTx, raw, pushed []byte) (*wire.MsgTx, bool) {
	// raw:    version | inputs and outputs | lock time
	// pushed: version | 0 1 | inputs and outputs | witnesses | lock time
	body := len(raw) - 4
	if len(pushed) < len(raw)+2 || !bytes.Equal(pushed[:4], raw[:4]) || pushed[4] != 0 || pushed[5] != 1 ||
		!bytes.Equal(pushed[6:body+2], raw[4:body]) || !bytes.Equal(pushed[len(pushed)-4:], raw[body:]) {
		return nil, false
	}
	rest := pushed[body+2 : len(pushed)-4]
	tx = tx.Copy()
	for _, in := range tx.TxIn {
		items, after, ok := count(rest)
		if !ok || items == 0 || items > uint64(len(after)) {
			return nil, false
		}
		in.Witness, rest = nil, after
		for range items {
			size, after, ok := count(rest)
			if !ok || size > uint64(len(after)) {
				return nil, false
			}
			in.Witness, rest = append(in.Witness, after[:size]), after[size:]
		}
	}
	return tx, len(rest) == 0
}
