package spend

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Quote is what a transaction comes to, before it is signed. It is exact: what
// is sent later has these inputs, these outputs and this fee. The inputs are
// worth as much as outputs and fee.
type Quote struct {
	Inputs  []coins.Coin
	Outputs []Output
	Fee     sats.Amount
	VSize   int64       // vB, with the longest signatures
	Rate    sats.Amount // asked for, sat/kvB; Fee may be higher where change would be dust
	// Amount is what leaves for the receivers, without own change and fee.
	Amount      sats.Amount
	Replaceable bool  // tells that it may be replaced (BIP125)
	Bump        *Bump // what it speeds up; nil for a payment
}

// Output is an output of a quoted transaction.
type Output struct {
	Value  sats.Amount
	Script []byte // of change, nil until the quote is agreed to: no address is used up before
	Change bool   // back to the wallet
}

// Bump is the transaction that a fee bump is for, as it is.
type Bump struct {
	TxID chainhash.Hash
	// Child tells that the new transaction spends an output of the old one
	// instead of replacing it.
	Child bool
	// Fee and VSize are those of the old transaction; with a child, of all
	// unconfirmed ones that must be mined before it.
	Fee   sats.Amount
	VSize int64
	// Signals tells whether the old transaction lets itself be replaced (BIP
	// 125). Nodes may refuse to replace it otherwise.
	Signals bool
}

// Mixdepths are those of the inputs, each once, in ascending order.
func (q Quote) Mixdepths() []int {
	seen := make(map[int]bool)
	for _, c := range q.Inputs {
		seen[c.Mixdepth] = true
	}
	return sortedKeys(seen)
}

// Change is what comes back to the wallet.
func (q Quote) Change() (total sats.Amount) {
	for _, out := range q.Outputs {
		if out.Change {
			total += out.Value
		}
	}
	return total
}

// EffectiveRate is the fee rate of the transaction in sat/kvB, rounded down; with
// a child, that of the package: it and all that must be mined before.
func (q Quote) EffectiveRate() sats.Amount {
	fee, size := q.Fee, q.VSize
	if q.Bump != nil && q.Bump.Child {
		fee, size = fee+q.Bump.Fee, size+q.Bump.VSize
	}
	return fee * 1000 / sats.Amount(size)
}

// OldRate is the fee rate in sat/kvB, rounded down, of what is bumped; 0 for a
// payment.
func (q Quote) OldRate() sats.Amount {
	if q.Bump == nil {
		return 0
	}
	return q.Bump.Fee * 1000 / sats.Amount(q.Bump.VSize)
}

// Receipt is what was sent.
type Receipt struct {
	Quote Quote       // with the address of the change
	Tx    *wire.MsgTx // signed
	Size  int64       // vB, as it is
}

// inputs are the coins as a builder takes them.
func inputs(from []coins.Coin) (list []txbuild.Input) {
	for _, c := range from {
		list = append(list, txbuild.Input{OutPoint: c.OutPoint, Value: c.Value, Script: c.Script})
	}
	return list
}
