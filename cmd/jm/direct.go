package main

import (
	"context"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// directPayment is sendpayment without makers.
func (a *app) directPayment(ctx context.Context, name, amount string, to receiver, o payOptions) error {
	p := spend.Payment{Mixdepth: o.mixdepth, MinConf: 1, NoRBF: o.noRBF}
	if p.Sweep = amount == "sweep" || amount == "0"; !p.Sweep {
		var err error
		if to.amount, err = sats.Parse(amount); err != nil {
			return usagef("%w", err)
		}
		if to.amount == 0 {
			return usagef("%.40q: nothing to pay; to send everything, write sweep", amount)
		}
	}
	if o.mixdepth < 0 {
		return usagef("-m %d: mixdepths are counted from 0", o.mixdepth)
	}
	p.Outputs = []txbuild.Output{{Value: to.amount, Script: to.script}}
	fee, err := a.txFee(o)
	if err != nil {
		return err
	}
	fee.Share = feerate.DefaultShare
	return a.pay(ctx, name, p, fee, o.yes)
}
