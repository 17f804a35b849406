package taker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// tooHeavy reports whether the coins of a maker would make the transaction
// dearer than was approved, or too large to be sent, if the others that are
// wanted bring as many as usual (attack T5). Others are asked in its place.
func (a *attempt) tooHeavy(pl *plan, good []party, p party, wanted int) bool {
	if len(p.Inputs) <= usualInputs {
		return false
	}
	inputs, share := len(pl.Inputs)+len(p.Inputs), -p.TxFee
	for _, other := range good {
		inputs += len(other.Inputs)
		share -= other.TxFee
	}
	inputs += usualInputs * max(0, wanted-len(good)-1)
	outputs := 2*wanted + 2
	if unsignedSize(inputs, outputs) > protocol.MaxTx {
		return true
	}
	needed, err := txbuild.Fee(slices.Repeat([]txbuild.ScriptType{txbuild.P2WPKH}, inputs),
		slices.Repeat([]txbuild.ScriptType{txbuild.P2WPKH}, outputs), pl.FeeRate)
	if err != nil {
		return true
	}
	if !pl.Sweep {
		return needed+share > pl.MaxMinerFee
	}
	// What is left for the miner is fixed; it may lie below what is needed by as
	// much as affordable allows.
	slack, err := decimal.Floor(a.maxChange, needed)
	return err != nil || coins.Sum(pl.Inputs)-pl.Amount-pl.CJFee < needed+share-slack
}

// fallBack takes the makers with many coins after all where nobody came in their
// place, those with the fewest first: they may fit if others bring less than
// usual, and build looks closer. The others are left out.
func (a *attempt) fallBack(pl *plan, good, heavy []party, wanted int) []party {
	slices.SortStableFunc(heavy, func(x, y party) int { return cmp.Compare(len(x.Inputs), len(y.Inputs)) })
	for _, p := range heavy {
		if len(good) < wanted {
			good = a.disjoint(pl, append(good, p))
			continue
		}
		a.drop(p.nick, protocol.ReasonFeeLimit, fmt.Sprintf("its %d coins make the transaction too large", len(p.Inputs)))
	}
	return good
}
