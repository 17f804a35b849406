package wallet

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

const (
	// maxSigned bounds the transactions of others that are remembered; the
	// oldest are forgotten first.
	maxSigned = 100
	// signedTime is how long one is remembered that never comes.
	signedTime = pendingTime
)

// Deal is a CoinJoin of somebody else that our signatures are given away for.
type Deal struct {
	Tx      *wire.MsgTx // without witnesses
	Amount  sats.Amount // of an equal output
	Earning sats.Amount // what it brings us
}

// Signed is a Deal that was held for, and what became of it.
type Signed struct {
	Deal // Tx must not be changed
	ID   chainhash.Hash

	Since         time.Time
	Seen          bool            // in the mempool or a block, when the node was last asked
	Confirmations int32           // 0: unconfirmed
	Spent         bool            // not seen, and another transaction spent a coin of ours
	Coins         []wire.OutPoint // still held for it
	Until         time.Time       // how long these are held at most
}

// Signed lists what Hold wrote down and Settled has not taken back, the oldest
// first: the newest 100, for two weeks.
func (w *Wallet) Signed() []Signed {
	w.mu.RLock()
	defer w.mu.RUnlock()
	now := w.nowLocked()
	all := make([]Signed, len(w.state.signed))
	spenders, byID := make(map[wire.OutPoint][]int), make(map[chainhash.Hash]int)
	for i, s := range w.state.signed {
		all[i] = Signed{Deal: s.Deal, ID: s.Tx.TxHash(), Since: s.since}
		byID[all[i].ID] = i
		for _, coin := range s.coins {
			spenders[coin] = append(spenders[coin], i)
			if until := w.state.held[coin]; now.Before(until) {
				all[i].Coins, all[i].Until = append(all[i].Coins, coin), until
			}
		}
	}
	if w.view == nil || len(all) == 0 {
		return all
	}
	for tx := range w.view.history.All() {
		if i, is := byID[tx.ID]; is {
			all[i].Seen, all[i].Confirmations = true, w.view.confirmations(tx)
		}
		for _, in := range tx.Msg.TxIn {
			for _, i := range spenders[in.PreviousOutPoint] {
				all[i].Spent = true
			}
		}
	}
	for i := range all {
		if all[i].Spent { // by itself, or by another one
			all[i].Coins, all[i].Until = nil, time.Time{}
		}
		all[i].Spent = all[i].Spent && !all[i].Seen
	}
	return all
}

// Settled forgets a Signed one whose end is known. What is held for it stays held.
func (w *Wallet) Settled(id chainhash.Hash) error {
	return w.save(func(s *state) error {
		s.signed = slices.DeleteFunc(s.signed, func(o signed) bool { return o.Tx.TxHash() == id })
		return nil
	})
}

// signed is a Deal that was held for. It is not changed.
type signed struct {
	Deal
	coins []wire.OutPoint // of ours
	since time.Time       // to the second
}

func (s signed) equal(o signed) bool {
	return s.since.Equal(o.since) && s.Amount == o.Amount && s.Earning == o.Earning && slices.Equal(s.coins, o.coins) && s.Tx.TxHash() == o.Tx.TxHash()
}

// addSigned remembers a deal, and forgets the oldest.
func (s *state) addSigned(d Deal, own []coins.Coin, now time.Time) {
	tx := d.Tx.Copy()
	for _, in := range tx.TxIn {
		in.Witness = nil
	}
	d.Tx = tx
	id := tx.TxHash()
	s.signed = slices.DeleteFunc(s.signed, func(o signed) bool {
		return o.Tx.TxHash() == id || now.Sub(o.since) > signedTime
	})
	outs := make([]wire.OutPoint, 0, len(own))
	for _, c := range own {
		outs = append(outs, c.OutPoint)
	}
	s.signed = append(s.signed, signed{d, outs, time.Unix(now.Unix(), 0)})
	if n := len(s.signed) - maxSigned; n > 0 {
		s.signed = slices.Delete(s.signed, 0, n)
	}
}

// signedBody is a signed deal in the wallet file.
type signedBody struct {
	Tx      string      `json:"tx"` // hex, without witnesses
	Amount  sats.Amount `json:"amount"`
	Earning sats.Amount `json:"earning"`
	Coins   []string    `json:"coins"`
	Since   int64       `json:"since"` // Unix time
}

func encodeSigned(all []signed) (list []signedBody, err error) {
	for _, s := range all {
		var raw bytes.Buffer
		if err := s.Tx.SerializeNoWitness(&raw); err != nil {
			return nil, fmt.Errorf("a transaction signed for others: %w", err)
		}
		b := signedBody{hex.EncodeToString(raw.Bytes()), s.Amount, s.Earning, nil, s.since.Unix()}
		for _, out := range s.coins {
			b.Coins = append(b.Coins, out.String())
		}
		list = append(list, b)
	}
	return list, nil
}

func decodeSigned(list []signedBody) (all []signed, err error) {
	if len(list) > maxSigned {
		return nil, errors.New("too many transactions signed for others")
	}
	for _, b := range list {
		tx, err := decodeTx(b.Tx)
		if err != nil {
			return nil, fmt.Errorf("a transaction signed for others: %w", err)
		}
		s := signed{Deal{tx, b.Amount, b.Earning}, nil, time.Unix(b.Since, 0)}
		for _, text := range b.Coins {
			out, err := coins.ParseOutPoint(text)
			if err != nil {
				return nil, fmt.Errorf("a transaction signed for others: %w", err)
			}
			s.coins = append(s.coins, out)
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b signed) int { return cmp.Compare(a.since.Unix(), b.since.Unix()) })
	return all, nil
}
