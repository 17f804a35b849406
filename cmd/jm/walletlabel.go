package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func newWalletLabel(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "label [WALLET] WHAT [TEXT]",
		Aliases: []string{"setlabel"},
		Short:   "Put your words to an address, a coin or a transaction",
		Long: `Put your words to an address, a coin (txid:vout) or a transaction (txid) of the
wallet; an empty TEXT removes them. Without TEXT the label is shown.

Labels stay in the wallet file. To move them to another wallet program, see
jm wallet labels.`,
		Example: `  jm wallet label bc1q... "rent of May"
  jm wallet label savings 3f1c...:0 ""`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name, ref, rest, err := a.labelArguments(args)
			if err != nil {
				return err
			}
			if len(rest) == 0 {
				return a.showLabel(name, ref)
			}
			w, done, err := a.openKnown(cmd.Context(), name, false)
			if err != nil {
				return err
			}
			defer done()
			if err := w.SetLabel(ref, rest[0]); err != nil {
				return withCode(exitWallet, err)
			}
			return a.printLabel(ref, rest[0])
		},
	}
	return cmd
}

// labelArguments reads a wallet that may be left out, what the label is for,
// and up to one text.
func (a *app) labelArguments(args []string) (name string, ref labels.Ref, rest []string, err error) {
	ref, err = a.parseRef(args[0])
	if err != nil && len(args) > 1 {
		name, args = args[0], args[1:]
		ref, err = a.parseRef(args[0])
	}
	if rest = args[1:]; err == nil && len(rest) > 1 {
		err = fmt.Errorf("%q: one text is enough; put it in quotes", rest[1])
	}
	if err != nil {
		return "", labels.Ref{}, nil, withCode(exitUsage, err)
	}
	return name, ref, rest, nil
}

// parseRef reads what a label is for. An address must be one of the network, so
// that it is not taken for the name of a wallet.
func (a *app) parseRef(text string) (labels.Ref, error) {
	ref, err := labels.ParseRef(text)
	if err != nil || ref.Type != labels.Address {
		return ref, err
	}
	params, err := a.params()
	if err != nil {
		return labels.Ref{}, err
	}
	_, err = txbuild.ParseAddress(ref.Text, params)
	return ref, err
}

func (a *app) showLabel(name string, ref labels.Ref) error {
	w, err := a.openWallet(name, nil)
	if err != nil {
		return err
	}
	defer w.Close()
	return a.printLabel(ref, w.Label(ref))
}

func (a *app) printLabel(ref labels.Ref, text string) error {
	if a.json {
		return a.print(map[string]any{"type": ref.Type, "ref": ref.Text, "label": text})
	}
	fmt.Fprintln(a.term.out, text)
	return nil
}

func newWalletLabels(a *app) *cobra.Command {
	cmd := group("labels", "Move labels and frozen coins to and from other wallet programs")
	cmd.Long = `Move labels and frozen coins to and from other wallet programs, as a file of
BIP-329: a line of JSON for each.

The file tells which addresses are yours. Delete it when it is not needed.`
	cmd.AddCommand(newLabelsExport(a), newLabelsImport(a))
	return cmd
}

func newLabelsExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export [WALLET]",
		Short: "Write the labels and frozen coins of a wallet (BIP-329)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			w, err := a.openWallet(one(args), nil)
			if err != nil {
				return err
			}
			defer w.Close()
			return labels.Write(a.term.out, w.ExportLabels())
		},
	}
}

func newLabelsImport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "import [WALLET] FILE",
		Short: "Take over labels and frozen coins from a file (BIP-329)",
		Long: `Take over labels and frozen coins from a file (BIP-329), or from standard input
if FILE is "-". Labels that the file does not name stay as they are. All of the
file is taken over or, if a line is wrong, nothing.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name := ""
			if len(args) == 2 {
				name, args = args[0], args[1:]
			}
			records, report, err := a.readLabels(args[0])
			if err != nil {
				return err
			}
			w, err := a.openWallet(name, nil)
			if err != nil {
				return err
			}
			defer w.Close()
			if err := w.ImportLabels(records); err != nil {
				return withCode(exitWallet, err)
			}
			return a.printImported(records, report)
		},
	}
}

func (a *app) readLabels(path string) ([]labels.Record, labels.Report, error) {
	var from io.Reader = a.term.in
	if path == "-" {
		if a.password.fd == 0 {
			return nil, labels.Report{}, usagef("standard input cannot give the password and the labels; name a file")
		}
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, labels.Report{}, fmt.Errorf("opening the file of labels: %w", err)
		}
		defer f.Close()
		from = f
	}
	return labels.Read(from)
}

func (a *app) printImported(records []labels.Record, report labels.Report) error {
	var words, frozen, thawed int
	for _, r := range records {
		if r.Label != "" {
			words++
		}
		switch r.Spend {
		case labels.Frozen:
			frozen++
		case labels.Spendable:
			thawed++
		}
	}
	if a.json {
		return a.print(map[string]int{"labels": words, "frozen": frozen, "spendable": thawed, "skipped": report.Skipped, "altered": report.Altered})
	}
	fmt.Fprintf(a.term.out, "labels     %d\nfrozen     %d\nspendable  %d\nskipped    %d\naltered    %d\n", words, frozen, thawed, report.Skipped, report.Altered)
	return nil
}
