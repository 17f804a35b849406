package main

import (
	"errors"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bip21"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// receiver is somebody to be paid.
type receiver struct {
	address string
	script  []byte
	amount  sats.Amount // 0: everything
}

// receiver reads an address of the network.
func (a *app) receiver(address string) (receiver, error) {
	params, err := a.params()
	if err != nil {
		return receiver{}, err
	}
	script, err := txbuild.ParseAddress(address, params)
	if err != nil {
		return receiver{}, usagef("%.100q: %w", address, err)
	}
	return receiver{address: address, script: script}, nil
}

// destination reads an address or a payment URI, whose amount is nil if it says
// none.
func (a *app) destination(text string) (r receiver, amount *sats.Amount, err error) {
	uri, err := bip21.Decode(text)
	if errors.Is(err, bip21.ErrNotURI) {
		r, err = a.receiver(text)
		return r, nil, err
	}
	if err != nil {
		return receiver{}, nil, usagef("%w", err)
	}
	// Texts of strangers are quoted: they may try to control the terminal.
	for _, said := range []struct{ what, text string }{{"for", uri.Label}, {"about", uri.Message}} {
		if said.text != "" {
			a.term.say("The payment request says, %s: %.200q", said.what, said.text)
		}
	}
	if uri.PayJoin != "" {
		a.term.say("The receiver offers a PayJoin, which is not supported: this is an ordinary payment.")
	}
	r, err = a.receiver(uri.Address)
	return r, uri.Amount, err
}

// paymentWords reads the arguments of sendpayment: an optional wallet, then
// AMOUNT ADDRESS, AMOUNT URI or URI, the amount being in the URI in the last.
func (a *app) paymentWords(args []string) (name string, amount string, to receiver, err error) {
	last := len(args) - 1
	to, said, err := a.destination(args[last])
	if err != nil {
		return "", "", to, err
	}
	rest := args[:last]
	if said == nil {
		if len(rest) == 0 {
			return "", "", to, usagef("say how much to pay: an amount before the address")
		}
		amount, rest = rest[len(rest)-1], rest[:len(rest)-1]
	} else {
		amount = said.BTC()
	}
	if len(rest) == 1 {
		if _, err := sats.Parse(rest[0]); err == nil && said != nil {
			return "", "", to, usagef("two amounts: %s and %s of the URI", rest[0], amount)
		}
		return rest[0], amount, to, nil
	}
	if len(rest) > 1 {
		return "", "", to, usagef("two amounts: %.40q and %s of the URI", rest[1], amount)
	}
	return "", amount, to, nil
}

// receivers reads the arguments of send: an optional wallet, then receivers as
// ADDRESS=AMOUNT or payment URIs with an amount.
func (a *app) receivers(args []string) (name string, list []receiver, err error) {
	for i, arg := range args {
		_, uriErr := bip21.Decode(arg)
		isURI := !errors.Is(uriErr, bip21.ErrNotURI)
		address, text, pair := strings.Cut(arg, "=")
		switch {
		case isURI:
			to, amount, err := a.destination(arg)
			if err != nil {
				return "", nil, err
			}
			if amount == nil {
				return "", nil, usagef("the payment URI says no amount; write %s=AMOUNT", to.address)
			}
			to.amount = *amount
			list = append(list, to)
		case pair:
			to, err := a.receiver(address)
			if err != nil {
				return "", nil, err
			}
			if to.amount, err = sats.Parse(text); err != nil {
				return "", nil, usagef("%s: %w", address, err)
			}
			list = append(list, to)
		case i == 0:
			name = arg
		default:
			return "", nil, usagef("%.100q: write each receiver as ADDRESS=AMOUNT, or as a payment URI in quotes", arg)
		}
	}
	return name, list, nil
}
