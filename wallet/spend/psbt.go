package spend

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// keySpend is the size in vB of an input of a type that wallets here do not
// have: one of P2TR with a signature.
const keySpend = 58

// CheckPSBT refuses a PSBT whose fee is above a limit of the policy, or not
// known: psbt.ErrCoin, feerate.ErrAbsurd, feerate.ErrShare. All inputs count as
// paying for it, whoever's they are.
func CheckPSBT(fee feerate.Policy, s psbt.Summary) error {
	if !s.FeeTold {
		return fmt.Errorf("what it pays to miners: %w", psbt.ErrCoin)
	}
	var own []txbuild.Input
	var outputs []txbuild.Output
	foreign := int64(0)
	for _, in := range s.Inputs {
		if kind, err := txbuild.TypeOf(in.Script); err != nil || kind == txbuild.P2TR {
			foreign++
			continue
		}
		own = append(own, txbuild.Input{OutPoint: in.OutPoint, Value: in.Value, Script: in.Script})
	}
	moved, kept, odd := sats.Amount(0), sats.Amount(0), int64(0)
	for _, out := range s.Outputs {
		if out.Origin == nil {
			moved += out.Value
		} else {
			kept += out.Value
		}
		if _, err := txbuild.TypeOf(out.Script); err != nil {
			odd += 9 + int64(len(out.Script)) // value and length besides
			continue
		}
		outputs = append(outputs, txbuild.Output{Value: out.Value, Script: out.Script})
	}
	size, err := txbuild.Size(own, outputs)
	if err != nil {
		return err
	}
	if moved == 0 {
		moved = kept
	}
	return fee.Check(s.Fee, size+foreign*keySpend+odd, moved)
}
