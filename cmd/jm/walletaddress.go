package main

import (
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bip21"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

func newWalletAddress(a *app) *cobra.Command {
	var (
		mixdepth      int
		uri           bool
		amount, label string
	)
	cmd := &cobra.Command{
		Use:   "address [WALLET]",
		Short: "Hand out a fresh address to be paid at",
		Long: `Hand out a fresh address to be paid at. Each call gives another one; none is
ever given twice, so use each for one payment.

With --uri, or an --amount or a --label to ask for, it is a payment URI
(bitcoin:...?amount=...) that other wallets open and read as a QR code. Whoever
gets the URI reads the label.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			request, err := paymentRequest(amount, label)
			if err != nil {
				return err
			}
			// The node must have told which addresses were used before, in
			// another program too.
			w, done, err := a.openSynced(cmd.Context(), one(args))
			if err != nil {
				return err
			}
			defer done()
			if mixdepth < 0 || mixdepth >= w.Mixdepths() {
				return usagef("--mixdepth %d: this wallet has the mixdepths 0 to %d", mixdepth, w.Mixdepths()-1)
			}
			address, err := w.NextAddress(mixdepth, keys.External)
			if err != nil {
				return withCode(exitWallet, err)
			}
			request.Address = address.Text
			text, err := request.Encode()
			if err != nil {
				return err
			}
			switch wanted := uri || amount != "" || label != ""; {
			case a.json && wanted:
				return a.print(map[string]any{"address": address.Text, "mixdepth": mixdepth, "path": w.PathText(address.Path), "uri": text})
			case a.json:
				return a.print(map[string]any{"address": address.Text, "mixdepth": mixdepth, "path": w.PathText(address.Path)})
			case wanted:
				fmt.Fprintln(a.term.out, text)
			default:
				fmt.Fprintln(a.term.out, address.Text)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVarP(&mixdepth, "mixdepth", "m", 0, "the `mixdepth` that receives")
	f.BoolVar(&uri, "uri", false, "print a payment URI")
	f.StringVar(&amount, "amount", "", "ask for an `amount`, in satoshis (250000) or bitcoin (0.0025)")
	f.StringVar(&label, "label", "", "a `text` for the payer, such as who is paid")
	return cmd
}

// maxRequestLabel bounds a label in bytes, so that a URI has room for it.
const maxRequestLabel = 300

// paymentRequest checks what is asked for, before an address goes out for it.
func paymentRequest(amount, label string) (r bip21.URI, err error) {
	if amount != "" {
		asked, err := sats.Parse(amount)
		if err != nil {
			return r, usagef("--amount: %w", err)
		}
		if asked < 1 || !asked.Valid() {
			return r, usagef("--amount %s: want 1 sat to 21 million BTC", amount)
		}
		r.Amount = &asked
	}
	if len(label) > maxRequestLabel || !utf8.ValidString(label) || oneLine(label) != label {
		return r, usagef("--label: want one line of at most %d bytes", maxRequestLabel)
	}
	r.Label = label
	return r, nil
}
