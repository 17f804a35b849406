package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/status"
)

// displayAll is the reference's name for display --all.
const displayAll = "displayall"

func newWalletDisplay(a *app) *cobra.Command {
	var all, offline bool
	mixdepth := -1
	cmd := &cobra.Command{
		Use:     "display [WALLET]",
		Aliases: []string{displayAll},
		Short:   "Show the addresses of a wallet, by mixdepth and branch",
		Long: `Show the addresses of a wallet, by mixdepth and branch, with balances, states
and labels. The columns are separated by tabs, as in the reference.

Shown are addresses that have coins, and those for deposits that were handed out
and not paid yet; with --all every address that was ever handed out. For a fresh
one see jm wallet address.

Where two amounts stand, the first can be spent now; the second, in parentheses,
has what is frozen, locked or unconfirmed, too.

On a terminal the last known state is shown at once, then what the node tells.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			return a.showKnown(cmd.Context(), one(args), offline, func(w *wallet.Wallet) (description, error) {
				return newDisplay(w, mixdepth, all || cmd.CalledAs() == displayAll)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "show addresses that are empty, too")
	cmd.Flags().IntVarP(&mixdepth, "mixdepth", "m", -1, "show this `mixdepth` only")
	cmd.Flags().BoolVar(&offline, "offline", false, "show the last known state at once, without asking the node")
	return cmd
}

// display is the document of `jm wallet display --json`. Amounts are whole
// satoshis; what is available can be spent now.
type display struct {
	ID        string            `json:"id"`
	Height    int32             `json:"height"`
	Synced    bool              `json:"synced"` // false: the last known state, of block Height
	Total     sats.Amount       `json:"total"`
	Available sats.Amount       `json:"available"`
	Mixdepths []displayMixdepth `json:"mixdepths"`

	single bool // one mixdepth was asked for
}

type displayMixdepth struct {
	Mixdepth  int             `json:"mixdepth"`
	XPub      string          `json:"xpub"`
	Total     sats.Amount     `json:"total"`
	Available sats.Amount     `json:"available"`
	Branches  []displayBranch `json:"branches"`
}

type displayBranch struct {
	Kind      string           `json:"kind"` // external, internal, bonds or imported
	Path      string           `json:"path"`
	XPub      string           `json:"xpub,omitempty"`
	Total     sats.Amount      `json:"total"`
	Available sats.Amount      `json:"available"`
	Addresses []displayAddress `json:"addresses"`
}

type displayAddress struct {
	Path      string        `json:"path"`
	Address   string        `json:"address"`
	Status    status.Status `json:"status"`
	Frozen    bool          `json:"frozen"`  // some coin is
	Pending   bool          `json:"pending"` // some coin is unconfirmed
	Coins     int           `json:"coins"`
	Total     sats.Amount   `json:"total"`
	Available sats.Amount   `json:"available"`
	Label     string        `json:"label"`
}

// branchKinds names the branches.
var branchKinds = map[uint32]string{
	keys.External: "external", keys.Internal: "internal", keys.Timelocked: "bonds", keys.Imported: "imported",
}

// newDisplay makes the document of all mixdepths, or of one that is not
// negative; all tells that empty addresses belong to it.
func newDisplay(w *wallet.Wallet, mixdepth int, all bool) (*display, error) {
	if mixdepth >= w.Mixdepths() || mixdepth < -1 {
		return nil, usagef("--mixdepth %d: this wallet has the mixdepths 0 to %d", mixdepth, w.Mixdepths()-1)
	}
	id, err := w.ID()
	if err != nil {
		return nil, err
	}
	accounts, err := w.Accounts()
	if err != nil {
		return nil, err
	}
	tip, synced := w.Synced()
	d := &display{ID: id, Height: tip.Height, Synced: synced, Mixdepths: []displayMixdepth{}, single: mixdepth >= 0}
	for i, a := range accounts {
		if d.single && i != mixdepth {
			continue
		}
		m := displayMixdepth{Mixdepth: i, XPub: a.XPub, Total: a.Balance.Total(), Available: a.Balance.Available}
		for _, b := range a.Branches {
			m.Branches = append(m.Branches, newDisplayBranch(b, all))
		}
		d.Mixdepths = append(d.Mixdepths, m)
		d.Total += m.Total
		d.Available += m.Available
	}
	return d, nil
}

func newDisplayBranch(b wallet.Branch, all bool) displayBranch {
	d := displayBranch{
		Kind: branchKinds[b.Number], Path: b.Path, XPub: b.XPub,
		Total: b.Balance.Total(), Available: b.Balance.Available, Addresses: []displayAddress{},
	}
	for _, e := range b.Entries {
		if !all && e.Coins == 0 && e.Status != status.New {
			continue
		}
		d.Addresses = append(d.Addresses, displayAddress{
			Path: e.PathText, Address: e.Address, Status: e.Status, Frozen: e.Frozen, Pending: e.Pending, Coins: e.Coins,
			Total: e.Balance.Total(), Available: e.Balance.Available, Label: e.Label,
		})
	}
	return d
}

// branchTitles begin the line of a branch.
var branchTitles = map[string]string{
	"external": "external addresses", "internal": "internal addresses", "bonds": "fidelity bonds", "imported": "imported keys",
}

// text writes the lines of the reference: tabs between the columns, also where
// the last ones are empty.
func (d *display) text() string {
	var b strings.Builder
	b.WriteString("JM wallet\n")
	for _, m := range d.Mixdepths {
		fmt.Fprintf(&b, "mixdepth\t%d\t%s\n", m.Mixdepth, m.XPub)
		for _, br := range m.Branches {
			xpub := br.XPub
			if br.Kind == "internal" {
				xpub = "" // that of the mixdepth tells it
			}
			fmt.Fprintf(&b, "%s\t%s\t%s\n", branchTitles[br.Kind], br.Path, xpub)
			for _, e := range br.Addresses {
				fmt.Fprintf(&b, "%-20s\t%s\t%s\t%s\t%s\t\n", e.Path, e.Address, e.Total.BTC(), e.state(), e.Label)
			}
			fmt.Fprintf(&b, "Balance:\t%s\n", twoAmounts(br.Available, br.Total))
		}
		fmt.Fprintf(&b, "Balance for mixdepth %d:\t%s\n", m.Mixdepth, twoAmounts(m.Available, m.Total))
	}
	if !d.single {
		fmt.Fprintf(&b, "Total balance:\t%s\n", twoAmounts(d.Available, d.Total))
	}
	return b.String()
}

func (e displayAddress) state() string {
	text := string(e.Status)
	if e.Frozen {
		text += " [FROZEN]"
	}
	if e.Pending {
		text += " [PENDING]"
	}
	return text
}

// twoAmounts writes what is available and, if it is more, what there is.
func twoAmounts(available, total sats.Amount) string {
	if available == total {
		return total.BTC()
	}
	return fmt.Sprintf("%s (%s)", available.BTC(), total.BTC())
}
