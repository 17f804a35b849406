package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
)

func newWalletBond(a *app) *cobra.Command {
	cmd := group("bond", "Fidelity bonds: coins locked until a month")
	cmd.Long = `Fidelity bonds: coins locked until the beginning of a month.

A maker who has locked coins is chosen more often, since it would be costly to
pose as many makers. A bond is one coin at an address of its own. It is in no
payment, sweep or CoinJoin, and nobody can spend it before its time.

The market knows a bond, and the maker behind it, for years: pay it with coins
that nobody knows as yours, and spend it alone. jm yieldgenerator shows the most
valuable one to takers; the same commands, and those for bonds whose keys are on
another machine, are in jm bond.`
	cmd.AddCommand(newBondAddress(a, "address"), newBondList(a), newBondSpend(a), newBondCertificate(a), newBondValue(a, "value"))
	return cmd
}

// newGetTimelockAddress is bond address by the name that the reference gives it.
func newGetTimelockAddress(a *app) *cobra.Command {
	cmd := newBondAddress(a, "gettimelockaddress")
	cmd.Hidden = true
	return cmd
}

func newBondAddress(a *app, name string) *cobra.Command {
	return &cobra.Command{
		Use:   name + " [WALLET] YYYY-MM",
		Short: "Show the address that locks coins until a month",
		Long: `Show the address that locks coins until the beginning of a month, 2020-01 to
2099-12, UTC. It is the same each time, and needs no node.`,
		Example: "  jm wallet bond address 2030-01",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			month := args[len(args)-1]
			n, err := bond.ParseMonth(month)
			if err != nil {
				return usagef("%w", err)
			}
			w, err := a.openWallet(one(args[:len(args)-1]), nil)
			if err != nil {
				return err
			}
			defer w.Close()
			address, err := w.BondAddress(n)
			if err != nil {
				return bondError(err)
			}
			return a.printBondAddress(w, address, month)
		},
	}
}

func (a *app) printBondAddress(w *wallet.Wallet, address wallet.Address, month string) error {
	end := unixUTC(address.Path.Locktime)
	tip, _ := w.Synced() // as last known; this machine's clock only adds to the warning
	past := !end.After(tip.MedianTime) || !end.After(time.Now())
	for _, text := range bondAddressWarnings(end, past) {
		a.term.say("%s", text)
	}
	path := w.PathText(address.Path)
	if a.json {
		return a.print(map[string]any{
			"address": address.Text, "path": path, "month": month, "locktime": address.Path.Locktime, "past": past,
		})
	}
	fmt.Fprintf(a.term.out, "path     %s\naddress  %s\n", path, address.Text)
	return nil
}

// bondAddressWarnings are what a user must know before paying a bond.
func bondAddressWarnings(end time.Time, past bool) []string {
	lock := fmt.Sprintf("WARNING: coins at this address cannot be spent before %s UTC, by nobody and in no way.", end.Format(bondTime))
	if past {
		lock = fmt.Sprintf("WARNING: %s UTC is in the past: coins at this address are not locked, and worth nothing as a bond.", end.Format(bondTime))
	}
	return []string{
		lock,
		"WARNING: pay it once, with all that you want to lock. A maker announces one bond, the most valuable,\n" +
			"  and coins do not add up, not even at the same address.",
		"WARNING: the market knows a bond, and its maker, for years. Do not pay it from an exchange, nor with coins\n" +
			"  that anybody knows as yours: send coins through a CoinJoin first (jm sendpayment), then pay the bond with\n" +
			"  one of its equal outputs, whole (jm wallet send --sweep ADDRESS --coin OUTPOINT; cj-out in jm wallet display).",
	}
}

// bondFundingNotes say what a payment to a bond of the wallet would tie it to.
func bondFundingNotes(w *wallet.Wallet, q spend.Quote) (notes []string) {
	for _, out := range q.Outputs {
		links, isBond := w.BondSources(out.Script, q.Inputs)
		if !isBond || out.Change {
			continue
		}
		for _, l := range links {
			notes = append(notes, "WARNING: it funds a fidelity bond; "+newBondLink(l).source())
		}
		if len(q.Outputs) > 1 {
			notes = append(notes, "WARNING: the other outputs are tied to the fidelity bond. Fund it with one coin, whole (--sweep).")
		}
	}
	return notes
}

// bondTime is how times of bonds are written; they are UTC.
const bondTime = "2006-01-02 15:04"

func unixUTC(seconds uint32) time.Time { return time.Unix(int64(seconds), 0).UTC() }

// bondError gives errors of bonds their exit status.
func bondError(err error) error {
	if errors.Is(err, wallet.ErrNoBonds) {
		return withCode(exitWallet, fmt.Errorf("%w; make one with: jm wallet create", err))
	}
	return withCode(exitWallet, err)
}

// findBond returns the fidelity bond of an outpoint.
func findBond(w *wallet.Wallet, out wire.OutPoint) (wallet.Bond, error) {
	all, err := w.Bonds()
	if err != nil {
		return wallet.Bond{}, nodeError(err)
	}
	for _, b := range all {
		if b.OutPoint == out {
			return b, nil
		}
	}
	return wallet.Bond{}, withCode(exitWallet, fmt.Errorf("%v is no unspent fidelity bond of this wallet; jm wallet bond list shows those", out))
}

// best returns the bond that is worth most to takers with the usual rates, if
// any is worth something.
func best(all []wallet.Bond, median time.Time) (at int, found bool) {
	most := 0.0
	for i, b := range all {
		if worth := b.Worth(bond.DefaultRates, median); worth > most {
			at, most, found = i, worth, true
		}
	}
	return at, found
}
