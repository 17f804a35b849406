package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

func newBondValue(a *app, name string) *cobra.Command {
	rates, months := bond.Rates{}, 12 // zero: as configured
	cmd := &cobra.Command{
		Use:   name + " AMOUNT [YYYY-MM]",
		Short: "Compute what a fidelity bond would be worth",
		Long: `Compute what a fidelity bond of an amount would be worth to takers if it were
confirmed now and locked until a month, or until each of the next months. The
value is written as in the reference: satoshis to the power of the exponent,
divided by 10^16. It is no money; it is compared with that of other makers.`,
		Example: `  jm bond calc 0.5 2030-01
  jm bond calc 50000000 --months 24`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			amount, err := sats.Parse(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			if err := a.ownRates(cmd.Flags(), &rates); err != nil {
				return err
			}
			now := time.Now().UTC()
			first := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
			count := months
			if len(args) == 2 {
				first, count = args[1], 1
			}
			list, err := prospects(rates, amount, now, first, count)
			if err != nil {
				return usagef("%w", err)
			}
			return a.printProspects(list)
		},
	}
	cmd.Flags().IntVarP(&months, "months", "m", months, "the `number` of months to show")
	cmd.Flags().Float64VarP(&rates.Interest, "interest", "i", rates.Interest, "`rate` of interest for a year, 0 to 1 (default: interest_rate)")
	cmd.Flags().Float64VarP(&rates.Exponent, "exponent", "e", rates.Exponent, "`exponent`, up to 10 (default: bond_value_exponent)")
	return cmd
}

// ownRates puts the configured rates in place of those that no flag set.
func (a *app) ownRates(flags *pflag.FlagSet, rates *bond.Rates) error {
	own, err := bondRates(a.cfg.Policy)
	if err != nil {
		return err
	}
	if !flags.Changed("interest") {
		rates.Interest = own.Interest
	}
	if !flags.Changed("exponent") {
		rates.Exponent = own.Exponent
	}
	if err := rates.Check(); err != nil {
		return usagef("%w", err)
	}
	return nil
}

// prospect is an element of `jm wallet bond value --json`.
type prospect struct {
	Month    string  `json:"month"`
	Locktime uint32  `json:"locktime"`
	Value    float64 `json:"bond_value"` // satoshis to the power of the exponent
}

// prospects values bonds that are confirmed now, for count months in a row.
func prospects(rates bond.Rates, amount sats.Amount, now time.Time, first string, count int) (list []prospect, err error) {
	n, err := bond.ParseMonth(first)
	if err != nil {
		return nil, err
	}
	if count < 1 || count > bond.Locktimes-n {
		return nil, fmt.Errorf("%d months from %s on: want 1 to %d", count, first, bond.Locktimes-n)
	}
	for ; count > 0; count-- {
		locktime, err := bond.Locktime(n)
		if err != nil {
			return nil, err
		}
		list = append(list, prospect{unixUTC(locktime).Format("2006-01"), locktime, rates.Value(amount, now, locktime, now)})
		n++
	}
	return list, nil
}

func (a *app) printProspects(list []prospect) error {
	if a.json {
		return a.print(list)
	}
	for _, p := range list {
		fmt.Fprintf(a.term.out, "%s  %s\n", p.Month, bondValueText(p.Value))
	}
	return nil
}
