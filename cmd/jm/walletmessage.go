package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
)

func newWalletSignMessage(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "sign-message [WALLET] PATH|ADDRESS MESSAGE",
		Aliases: []string{"signmessage"},
		Short:   "Sign a text with the key of an address",
		Long: `Sign a text with the key of an address: whoever has text, address and signature can
see that the owner of the address wrote the text (mainnet only). It ties the
address to whatever the text says about you.

PATH is one such as jm wallet display shows. An address that was not handed out
yet counts as handed out from then on.`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name := one(args[:len(args)-2])
			return a.signMessage(name, args[len(args)-2], args[len(args)-1])
		},
	}
}

func (a *app) signMessage(name, what, text string) error {
	w, err := a.openWallet(name, nil)
	if err != nil {
		return err
	}
	defer w.Close()
	if w.WatchOnly() {
		return withCode(exitWallet, keys.ErrWatchOnly)
	}
	path, err := keyPath(w, what)
	if err != nil {
		return err
	}
	address, signature, err := w.SignText(path, text)
	if err != nil {
		if errors.Is(err, message.ErrText) || errors.Is(err, message.ErrNetwork) {
			return withCode(exitUsage, err)
		}
		return withCode(exitWallet, err)
	}
	if a.json {
		return a.print(map[string]string{"signature": signature, "message": text, "address": address.Text})
	}
	fmt.Fprintf(a.term.out, "Signature: %s\nMessage: %s\nAddress: %s\n", signature, text, address.Text)
	a.term.say("Others check it with jm wallet verify-message, or with Electrum.")
	return nil
}

func newWalletVerifyMessage(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "verify-message ADDRESS SIGNATURE MESSAGE",
		Aliases: []string{"verifymessage"},
		Short:   "Check who signed a text",
		Long: `Check that the owner of an address signed a text, with jm wallet sign-message or
another wallet program. No wallet is needed. Exit status 1 means that it is not
so.`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			params, err := a.params()
			if err != nil {
				return err
			}
			err = message.VerifyText(args[0], args[2], args[1], params)
			if err != nil && !errors.Is(err, message.ErrSignature) {
				return withCode(exitUsage, err)
			}
			if a.json {
				if errPrint := a.print(map[string]bool{"valid": err == nil}); errPrint != nil {
					return errPrint
				}
			} else if err == nil {
				fmt.Fprintln(a.term.out, "the signature is valid")
			}
			return err
		},
	}
}
