package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
)

func newWalletExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export [WALLET]",
		Short: "Write what other wallet programs need to show the same coins",
		Long: `Write what other wallet programs need to show the same coins: the output
descriptor of every branch, with checksum, and its next index. With --json labels
and frozen coins, too; its "descriptors" are what importdescriptors of Bitcoin
Core takes. For labels alone see jm wallet labels.

Nothing here spends, but it tells all your addresses. To spend with another
program, it needs the words: jm wallet seed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			w, err := a.openWallet(one(args), nil)
			if err != nil {
				return err
			}
			defer w.Close()
			if a.json {
				e, err := newExport(w)
				if err != nil {
					return err
				}
				return a.print(e)
			}
			branches, err := w.Descriptors()
			if err != nil {
				return err
			}
			for _, b := range branches {
				fmt.Fprintf(a.term.out, "%d %d next %-5d %s\n", b.Mixdepth, b.Branch, b.Next, b.Text)
			}
			return nil
		},
	}
}

// export is the document of `jm wallet export --json`.
type export struct {
	Network     string             `json:"network"`
	Next        [][2]uint32        `json:"next"` // external, internal; by mixdepth
	Descriptors []exportDescriptor `json:"descriptors"`
	Labels      []exportLabel      `json:"labels"`
}

// exportDescriptor is an argument of importdescriptors.
type exportDescriptor struct {
	Desc      string    `json:"desc"`
	Range     [2]uint32 `json:"range"` // first and last index
	Internal  bool      `json:"internal"`
	Timestamp int64     `json:"timestamp"` // Unix time from which the chain is to be searched
}

// exportLabel is a line of a BIP-329 file.
type exportLabel struct {
	Type      labels.Type `json:"type"`
	Ref       string      `json:"ref"`
	Label     string      `json:"label,omitempty"`
	Spendable *bool       `json:"spendable,omitempty"`
}

func newExport(w *wallet.Wallet) (*export, error) {
	branches, err := w.Descriptors()
	if err != nil {
		return nil, err
	}
	e := &export{Network: w.Params().Name, Next: make([][2]uint32, w.Mixdepths()), Labels: []exportLabel{}}
	seed, err := w.Seed()
	if err != nil {
		return nil, err
	}
	var birth int64
	if at := seed.Birth(); !at.IsZero() {
		birth = at.Unix()
	}
	gaps := map[uint32]uint32{keys.External: wallet.DefaultGapLimit, keys.Internal: wallet.DefaultInternalGapLimit}
	for _, b := range branches {
		e.Next[b.Mixdepth][b.Branch] = b.Next
		e.Descriptors = append(e.Descriptors, exportDescriptor{
			Desc: b.Text, Range: [2]uint32{0, min(b.Next+gaps[b.Branch], keys.MaxIndex)},
			Internal: b.Branch == keys.Internal, Timestamp: birth,
		})
	}
	for _, r := range w.ExportLabels() {
		l := exportLabel{Type: r.Type, Ref: r.Text, Label: r.Label}
		if r.Spend != labels.Unsaid {
			spendable := r.Spend == labels.Spendable
			l.Spendable = &spendable
		}
		e.Labels = append(e.Labels, l)
	}
	return e, nil
}
