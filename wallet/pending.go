package wallet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
)

// Errors of pending transactions.
var (
	// ErrKept: a transaction could not be handed to the node now, and it is not
	// known whether the network has it. It is kept, and sent again.
	ErrKept = errors.New("the transaction is signed and kept, and is sent again as soon as the node answers; do not pay a second time")
	// ErrPending: there is no such pending transaction, or there are too many.
	ErrPending = errors.New("no such pending transaction, or too many of them")
)

const (
	// maxPending bounds the pending transactions.
	maxPending = 200
	// safeDepth is the number of confirmations after which a transaction, or
	// one that spends a coin of it elsewhere, is taken to stay.
	safeDepth = 6
	// pendingTime is how long a transaction that nobody takes is sent again:
	// as long as nodes keep one. Its coins may be spent otherwise then.
	pendingTime = 14 * 24 * time.Hour
)

// pending is a transaction that was signed to be sent.
type pending struct {
	tx    *wire.MsgTx // not changed
	since time.Time   // to the second
	// others send it, or the user does: we do not by ourselves
	others bool
	// gone is the height from which on the chain lacks an input; 0: it has all
	gone int32
}

func (p pending) equal(o pending) bool {
	return p.since.Equal(o.since) && p.others == o.others && p.gone == o.gone && p.tx.TxHash() == o.tx.TxHash()
}

// pendingBody is a pending transaction in the wallet file.
type pendingBody struct {
	Tx    string `json:"tx"`    // hex
	Since int64  `json:"since"` // Unix time
	// Others send it.
	Others bool `json:"others,omitempty"`
	// Gone is the height from which on the chain lacks an input.
	Gone int32 `json:"gone,omitempty"`
}

func encodePending(all map[chainhash.Hash]pending) (list []pendingBody, err error) {
	for _, p := range all {
		var raw bytes.Buffer
		if err := p.tx.Serialize(&raw); err != nil {
			return nil, fmt.Errorf("a pending transaction: %w", err)
		}
		list = append(list, pendingBody{hex.EncodeToString(raw.Bytes()), p.since.Unix(), p.others, p.gone})
	}
	slices.SortFunc(list, func(a, b pendingBody) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Tx, b.Tx))
	})
	return list, nil
}

func decodePending(list []pendingBody) (map[chainhash.Hash]pending, error) {
	all := make(map[chainhash.Hash]pending, len(list))
	for _, b := range list {
		tx, err := decodeTx(b.Tx)
		if err != nil {
			return nil, fmt.Errorf("a pending transaction: %w", err)
		}
		all[tx.TxHash()] = pending{tx, time.Unix(b.Since, 0), b.Others, b.Gone}
	}
	return all, nil
}

// decodeTx reads a transaction in hex.
func decodeTx(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	tx, rest := new(wire.MsgTx), bytes.NewReader(raw)
	if err := tx.Deserialize(rest); err != nil {
		return nil, err
	}
	if rest.Len() != 0 {
		return nil, errors.New("bytes are left at its end")
	}
	return tx, nil
}

// Pending is an own transaction that was signed to be sent and is not yet safe
// in the chain. The coins it spends are set aside.
type Pending struct {
	ID            chainhash.Hash
	Tx            *wire.MsgTx // must not be changed
	Since         time.Time
	Seen          bool  // in the mempool or a block, when the node was last asked
	Confirmations int32 // 0: unconfirmed
	Others        bool  // others are to send it: Run does not
	// Spent: another participant has spent a coin of it otherwise, six blocks ago
	// or more, so that it is not sent any more, and its coins are free.
	Spent bool
}

// Pending lists them, the oldest first.
func (w *Wallet) Pending() []Pending {
	w.mu.RLock()
	defer w.mu.RUnlock()
	confirmations := make(map[chainhash.Hash]int32)
	if w.view != nil {
		for tx := range w.view.history.All() {
			confirmations[tx.ID] = w.view.confirmations(tx)
		}
	}
	var list []Pending
	for id, p := range w.state.pending {
		n, seen := confirmations[id]
		list = append(list, Pending{ID: id, Tx: p.tx, Since: p.since, Seen: seen, Confirmations: n, Others: p.others, Spent: !seen && p.spent(w.heightLocked())})
	}
	slices.SortFunc(list, func(a, b Pending) int {
		return cmp.Or(a.Since.Compare(b.Since), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return list
}

// Publish hands a signed transaction to the network. Before that it is on the
// disk: Run sends it again, whatever crashes or is evicted, until it is safe in
// the chain, cannot be mined any more, or nobody has taken it for two weeks.
//
// If the node refuses it (chain.ErrRejected), or there are too many (ErrPending),
// it is forgotten. After every other failure it is kept: ErrKept. Once the node
// has taken it, pending transactions that it replaces are forgotten.
func (w *Wallet) Publish(ctx context.Context, tx *wire.MsgTx) error {
	if w.cfg.Chain == nil {
		return ErrOffline
	}
	if err := w.forOwner(); err != nil {
		return err
	}
	id := tx.TxHash()
	err := w.keepTx(tx, false)
	if errors.Is(err, errStands) {
		return fmt.Errorf("%w: %w", ErrKept, err)
	}
	if err != nil {
		return err
	}
	err = w.cfg.Chain.Broadcast(ctx, tx)
	if errors.Is(err, chain.ErrRejected) {
		return errors.Join(err, w.Forget(id))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKept, err)
	}
	err = w.save(func(s *state) error {
		maps.DeleteFunc(s.pending, func(other chainhash.Hash, p pending) bool {
			return other != id && conflict(p.tx, tx)
		})
		return nil
	})
	if err != nil { // it is sent; those others are forgotten later, see settle
		w.log.Warn("what the transaction replaces was not forgotten", "err", err)
	}
	return nil
}

// Keep writes a signed transaction down that others are to send: it is pending
// like one of Publish, but neither handed to the node now nor by Run. When it
// returns without error, that is on the disk; after an error the transaction may
// be given to nobody.
func (w *Wallet) Keep(tx *wire.MsgTx) error {
	if err := w.forOwner(); err != nil {
		return err
	}
	return w.keepTx(tx, true)
}

func (w *Wallet) keepTx(tx *wire.MsgTx, others bool) error {
	id := tx.TxHash()
	return w.save(func(s *state) error {
		if _, known := s.pending[id]; !known && len(s.pending) >= maxPending {
			return ErrPending
		}
		s.pending[id] = pending{tx: tx.Copy(), since: time.Unix(time.Now().Unix(), 0), others: others}
		return nil
	})
}

// Forget ends the sending of a pending transaction and gives its coins back. If
// others have it, it may be mined all the same. The error is ErrPending if there
// is no such transaction.
func (w *Wallet) Forget(id chainhash.Hash) error {
	return w.save(func(s *state) error {
		if _, known := s.pending[id]; !known {
			return ErrPending
		}
		delete(s.pending, id)
		return nil
	})
}

// conflict reports whether two transactions spend the same output, so that only
// one of them can be confirmed.
func conflict(a, b *wire.MsgTx) bool {
	spent := make(map[wire.OutPoint]bool, len(a.TxIn))
	for _, in := range a.TxIn {
		spent[in.PreviousOutPoint] = true
	}
	return slices.ContainsFunc(b.TxIn, func(in *wire.TxIn) bool { return spent[in.PreviousOutPoint] })
}

// heightLocked is the last known height, 0 if none is; w.mu is held.
func (w *Wallet) heightLocked() int32 {
	if w.view == nil {
		return 0
	}
	return w.view.tip.Height
}

// promised returns the coins that pending transactions spend, as far as these can
// be mined.
func (w *Wallet) promised() map[wire.OutPoint]bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	coins := make(map[wire.OutPoint]bool)
	for _, p := range w.state.pending {
		if p.spent(w.heightLocked()) {
			continue
		}
		for _, in := range p.tx.TxIn {
			coins[in.PreviousOutPoint] = true
		}
	}
	return coins
}

// spent tells which of the transactions have a coin that the view shows as
// spent, by itself or by another one, and with how many confirmations at most.
func (v *view) spent(all map[chainhash.Hash]pending) map[chainhash.Hash]int32 {
	spenders := make(map[wire.OutPoint][]chainhash.Hash)
	for id, p := range all {
		for _, in := range p.tx.TxIn {
			spenders[in.PreviousOutPoint] = append(spenders[in.PreviousOutPoint], id)
		}
	}
	depth := make(map[chainhash.Hash]int32)
	for tx := range v.history.All() {
		for _, in := range tx.Msg.TxIn {
			for _, id := range spenders[in.PreviousOutPoint] {
				depth[id] = max(depth[id], v.confirmations(tx))
			}
		}
	}
	return depth
}

func (v *view) confirmations(tx history.Tx) int32 {
	if tx.Height() == 0 {
		return 0
	}
	return v.tip.Height - tx.Height() + 1
}

// settle forgets the pending transactions whose fate is sealed.
func (w *Wallet) settle(v *view) error {
	w.mu.RLock()
	all := w.state.pending
	w.mu.RUnlock()
	if len(all) == 0 {
		return nil
	}
	depth, expired := v.spent(all), 0
	err := w.save(func(s *state) error {
		maps.DeleteFunc(s.pending, func(id chainhash.Hash, p pending) bool {
			if n, spent := depth[id]; spent {
				return n >= safeDepth
			}
			// By the chain: the clock may have been set since.
			old := v.tip.MedianTime.Sub(p.since) > pendingTime
			if old {
				expired++
			}
			return old
		})
		return nil
	})
	if err == nil && expired > 0 {
		w.log.Warn("transactions that nobody takes are given up, their coins may be spent again", "count", expired)
	}
	return err
}
