// Package ledger tells the past of a wallet: a row for each transaction, with
// what it was for, what it cost and what was left, and what the CoinJoins
// earned. Rows, columns and words are those of the reference's history.
package ledger

import (
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/status"
)

// Kind says what a transaction was for the wallet. "Own" inputs and outputs
// are those of the wallet; outputs to one script count as one.
type Kind string

// The kinds, by the number of own inputs and outputs. The first that fits
// counts. (The reference calls it a withdrawal, of the fee, when a transaction
// has a single output and that is the wallet's.)
const (
	Deposit    Kind = "deposit"     // no input
	CJSweepOut Kind = "cj sweepout" // no output, a CoinJoin
	SweepOut   Kind = "sweep out"   // no output
	CJIntSweep Kind = "cj intsweep" // one output, which is the equal one of a CoinJoin
	CJWithdraw Kind = "cj withdraw" // one output, a CoinJoin
	Withdraw   Kind = "withdraw"    // one output, and others'
	CJInternal Kind = "cj internal" // two outputs, one of them the equal one of a CoinJoin
	Internal   Kind = "internal"    // every output is the wallet's
	Unknown    Kind = "unknown"     // something else
	CJBatch    Kind = "cj batch"    // several CJInternal in a row, see Merge
)

// Row is a confirmed transaction, or a batch of them. Amounts are in satoshis.
type Row struct {
	Number int // of the transaction, from 1; of the first in a batch
	Joined int // transactions in a batch, else 1
	TxID   chainhash.Hash
	Time   time.Time // of the block
	Kind   Kind

	Amount  sats.Amount // what was deposited, paid, or mixed
	Change  sats.Amount // of the wallet's balance
	Balance sats.Amount // of the wallet afterwards
	Fee     sats.Amount // to miners and makers; 0: not told, see Change

	Participants int   // of a CoinJoin, else 0
	Coins        int   // of the wallet afterwards
	From, To     []int // mixdepths, ascending; of a batch, the lowest and the highest of all
}

// Ledger is the past of a wallet.
type Ledger struct {
	Rows    []Row       // in the order of the chain
	Balance sats.Amount // after the last row
	Coins   int         // after the last row
	Profit  sats.Amount // what the CoinJoins within the wallet (CJInternal) earned, or cost if negative

	// Pending is how many transactions are not confirmed yet, and
	// PendingChange how the balance changes with them.
	Pending       int
	PendingChange sats.Amount
}

// coin is an unspent output of the wallet.
type coin struct {
	value    sats.Amount
	mixdepth int
}

// New computes the ledger of a history. own tells the scripts of the wallet.
func New(h history.History, own func(script []byte) (mixdepth int, ok bool)) Ledger {
	var l Ledger
	unspent := make(map[wire.OutPoint]coin)
	for tx := range h.All() {
		s := split(tx, unspent, own)
		if len(s.inputs) == 0 && len(s.outputs) == 0 {
			continue
		}
		change := s.sumOut() - s.sumIn()
		if tx.Height() == 0 {
			l.Pending++
			l.PendingChange += change
			continue
		}
		row := s.classify()
		l.Balance += change
		l.Coins += s.coins - len(s.inputs)
		row.Number, row.Joined, row.TxID, row.Time = len(l.Rows)+1, 1, tx.ID, tx.Time
		row.Change, row.Balance, row.Coins = change, l.Balance, l.Coins
		if row.Kind == CJInternal {
			l.Profit += change
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

// shares is what of a transaction is the wallet's.
type shares struct {
	tx       *wire.MsgTx
	inputs   []coin
	outputs  []coin // those to one script taken together
	coins    int    // outputs as they are
	outAll   sats.Amount
	onlyOurs bool // every output is the wallet's
}

// split finds what is the wallet's, and brings unspent up to date.
func split(tx history.Tx, unspent map[wire.OutPoint]coin, own func([]byte) (int, bool)) shares {
	s := shares{tx: tx.Msg, onlyOurs: true}
	for _, in := range tx.Msg.TxIn {
		if c, ours := unspent[in.PreviousOutPoint]; ours {
			s.inputs = append(s.inputs, c)
			delete(unspent, in.PreviousOutPoint)
		}
	}
	at := make(map[string]int)
	for i, out := range tx.Msg.TxOut {
		s.outAll += sats.Amount(out.Value)
		mixdepth, ours := own(out.PkScript)
		if !ours {
			s.onlyOurs = false
			continue
		}
		if out.Value <= 0 {
			continue
		}
		c := coin{sats.Amount(out.Value), mixdepth}
		unspent[wire.OutPoint{Hash: tx.ID, Index: uint32(i)}] = c
		s.coins++
		if first, again := at[string(out.PkScript)]; again {
			s.outputs[first].value += c.value
			continue
		}
		at[string(out.PkScript)] = len(s.outputs)
		s.outputs = append(s.outputs, c)
	}
	return s
}

func (s *shares) sumIn() sats.Amount  { return sum(s.inputs) }
func (s *shares) sumOut() sats.Amount { return sum(s.outputs) }

func sum(coins []coin) (total sats.Amount) {
	for _, c := range coins {
		total += c.value
	}
	return total
}

// classify fills in what the row says about the purpose.
func (s *shares) classify() Row {
	join, isJoin := status.CoinJoin(s.tx)
	row := Row{From: mixdepths(s.inputs)}
	equal := slices.IndexFunc(s.outputs, func(c coin) bool { return isJoin && c.value == join.Amount })
	switch in, out := s.sumIn(), s.sumOut(); {
	case len(s.inputs) == 0:
		row.Kind, row.Amount, row.To = Deposit, out, mixdepths(s.outputs)
		return row // others may have joined, not we
	case len(s.outputs) == 0 && isJoin:
		row.Kind, row.Amount, row.Fee = CJSweepOut, join.Amount, in-join.Amount
	case len(s.outputs) == 0:
		row.Kind, row.Amount, row.Fee = SweepOut, s.outAll, in-s.outAll
	case len(s.outputs) == 1 && equal == 0:
		row.Kind, row.Amount, row.To = CJIntSweep, join.Amount, mixdepths(s.outputs)
	case len(s.outputs) == 1 && isJoin:
		row.Kind, row.Amount, row.Fee = CJWithdraw, join.Amount, in-out-join.Amount
	case len(s.outputs) == 1 && !s.onlyOurs:
		row.Kind, row.Amount, row.Fee = Withdraw, in-out, in-s.outAll
	case len(s.outputs) == 2 && equal >= 0:
		row.Kind, row.Amount, row.To = CJInternal, join.Amount, mixdepths(s.outputs[equal:equal+1])
	case s.onlyOurs:
		row.Kind, row.Amount, row.To = Internal, out, mixdepths(s.outputs)
	default:
		row.Kind, row.Amount, row.To = Unknown, out, mixdepths(s.outputs)
	}
	if isJoin {
		row.Participants = join.Participants
	}
	// A transaction that others paid into has no fee that can be told.
	row.Fee = max(row.Fee, 0)
	return row
}

// mixdepths lists those of coins, each once.
func mixdepths(coins []coin) (list []int) {
	for _, c := range coins {
		list = append(list, c.mixdepth)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Merge puts CJInternal rows that follow each other into one CJBatch each: the
// sums of amount, change and fee, the means of time, participants and coins,
// the last balance.
func Merge(rows []Row) (merged []Row) {
	for len(rows) > 0 {
		n := 0
		for n < len(rows) && rows[n].Kind == CJInternal {
			n++
		}
		if n < 2 {
			merged, rows = append(merged, rows[0]), rows[1:]
			continue
		}
		merged, rows = append(merged, batch(rows[:n])), rows[n:]
	}
	return merged
}

func batch(rows []Row) Row {
	b := Row{Kind: CJBatch, Number: rows[0].Number, Joined: len(rows), Balance: rows[len(rows)-1].Balance}
	var all []int
	var seconds int64
	for _, r := range rows {
		b.Amount += r.Amount
		b.Change += r.Change
		b.Fee += r.Fee
		b.Participants += r.Participants
		b.Coins += r.Coins
		seconds += r.Time.Unix()
		all = append(all, slices.Concat(r.From, r.To)...)
	}
	n := len(rows)
	b.Time, b.Participants, b.Coins = time.Unix(seconds/int64(n), 0), b.Participants/n, b.Coins/n
	b.From, b.To = []int{slices.Min(all)}, []int{slices.Max(all)}
	return b
}
