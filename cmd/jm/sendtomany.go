package main

import (
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newSendToMany(a *app) *cobra.Command {
	var (
		o   feeFlags
		yes bool
	)
	cmd := &cobra.Command{
		Use:   "sendtomany [WALLET] TXID:VOUT ADDRESS...",
		Short: "Divide a coin equally among addresses",
		Long: `Divide a coin of a wallet equally among addresses, less the fee. It is an ordinary
transaction: everybody sees that the parts were one.

Several coins are good for more commitments, which makers ask a taker for, than
one is. For that give addresses of the wallet (jm wallet address). A coin of a
key that no wallet has can be taken in by jm wallet import-key first.`,
		Example: `  jm sendtomany 6025...1f:0 bc1q... bc1q... bc1q...`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name, out, to, err := a.divisionWords(args)
			if err != nil {
				return err
			}
			fee, err := o.policy(a)
			if err != nil {
				return err
			}
			p := spend.Payment{Mixdepth: spend.OfCoins, Coins: []wire.OutPoint{out}, Sweep: true}
			for _, r := range to {
				p.Outputs = append(p.Outputs, txbuild.Output{Script: r.script})
			}
			return a.pay(cmd.Context(), name, p, fee, yes)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().BoolVar(&yes, "yes", false, "agree beforehand")
	return cmd
}

// divisionWords reads the arguments of sendtomany.
func (a *app) divisionWords(args []string) (name string, out wire.OutPoint, to []receiver, err error) {
	if len(args) > 0 {
		if out, err = coins.ParseOutPoint(args[0]); err != nil {
			name, args = args[0], args[1:]
		}
	}
	if len(args) < 2 {
		return "", out, nil, usagef("want a coin (jm wallet showutxos lists them) and addresses")
	}
	if out, err = coins.ParseOutPoint(args[0]); err != nil {
		return "", out, nil, usagef("%w", err)
	}
	for _, address := range args[1:] {
		r, err := a.receiver(address)
		if err != nil {
			return "", out, nil, err
		}
		to = append(to, r)
	}
	return name, out, to, nil
}
