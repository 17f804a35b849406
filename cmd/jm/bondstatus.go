package main

import (
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

func newBondStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status [WALLET]",
		Short: "Show which fidelity bond the maker shows, and what its certificates are good for",
		Long: `Show which fidelity bond the running maker of a wallet shows to takers, and the
certificates for bonds whose keys are elsewhere, with what is still to be signed.
No password and no node are needed. jm bond list shows the bonds of the wallet.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			path, err := a.walletPath(one(args))
			if err != nil {
				return err
			}
			return a.bondStatus(path)
		},
	}
}

// bondState is the document of `jm bond status --json`.
type bondState struct {
	Shown *shownBond    `json:"shown"` // by the running maker; null: none, or none runs
	Cold  []coldSummary `json:"cold"`
}

// coldSummary is a certificate for a bond of another machine.
type coldSummary struct {
	OutPoint string `json:"outpoint"`
	Month    string `json:"month"`
	BondKey  string `json:"bond_pubkey"`
	Key      string `json:"cert_pubkey"`
	Until    int64  `json:"until_block"`
	Signed   bool   `json:"signed"`
	Text     string `json:"text"`    // what is, or is to be, signed
	Command  string `json:"command"` // which makes the signature on a machine with jm
}

func newColdSummary(b coldbonds.Bond) coldSummary {
	return coldSummary{
		b.OutPoint.String(), unixUTC(b.Locktime).Format("2006-01"), hex.EncodeToString(b.BondKey[:]), hex.EncodeToString(b.Key[:]),
		int64(b.Expiry) * bond.Period, b.Complete(), b.Text(), certificateCommand(b),
	}
}

func (a *app) bondStatus(walletPath string) error {
	cold, err := coldbonds.Load(coldBondsFile(walletPath))
	if err != nil {
		return withCode(exitWallet, err)
	}
	life, err := readLife(walletPath)
	if err != nil {
		return withCode(exitWallet, err)
	}
	state := bondState{Cold: []coldSummary{}}
	if life.running() {
		state.Shown = life.Bond
	}
	for _, b := range cold {
		state.Cold = append(state.Cold, newColdSummary(b))
	}
	if a.json {
		return a.print(state)
	}
	switch {
	case state.Shown != nil:
		fmt.Fprintf(a.term.out, "shown    %s\n         worth %s to takers, certified up to block %d\n",
			state.Shown.OutPoint, bondValueText(state.Shown.Value), state.Shown.Until)
	case life.running():
		a.term.say("The maker shows no bond: its wallet has none that is worth something. See: jm bond list")
	default:
		a.term.say("No maker runs on this wallet, so no bond is shown.")
	}
	for _, c := range state.Cold {
		fmt.Fprintf(a.term.out, "cold     %s  locked until %s, key %s\n", c.OutPoint, c.Month, c.BondKey)
		if c.Signed {
			fmt.Fprintf(a.term.out, "         certified up to block %d\n", c.Until)
		} else {
			fmt.Fprintf(a.term.out, "         to be signed: %s\n         or run: %s\n", c.Text, c.Command)
		}
	}
	return nil
}
