// Package bip21 reads and writes payment URIs:
// bitcoin:<address>?amount=<BTC>&label=<text>&message=<text>&... (BIP21).
package bip21

import (
	"errors"
	"fmt"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// MaxSize is the longest URI in bytes: more than a QR code holds.
const MaxSize = 4096

// maxAddress is the longest address in characters (BIP173).
const maxAddress = 90

const scheme = "bitcoin:"

// Errors of Decode and Encode.
var (
	// ErrNotURI: the text is no payment URI at all. It may be something else
	// that can be paid to, such as an address.
	ErrNotURI = errors.New("not a bitcoin: payment URI")
	// ErrAddress: what stands for the address cannot be one.
	ErrAddress = errors.New("no address in the payment URI")
	// ErrAmount: the amount is not one to eight digits of bitcoin with at most
	// eight decimals, or above 21 million.
	ErrAmount = errors.New("amount of the payment URI is not one in BTC")
	// ErrRequired: the payee insists on something that is not supported.
	ErrRequired = errors.New("the payment URI requires something unknown here")
	// ErrSyntax: the URI is too long or wrongly escaped, or a parameter cannot
	// be written.
	ErrSyntax = errors.New("malformed payment URI")
)

// Names of the parameters that have a field of their own.
const (
	amountName  = "amount"
	labelName   = "label"
	messageName = "message"
	payJoinName = "pj"
)

// required starts the name of a parameter that a wallet must understand or
// refuse the URI.
const required = "req-"

// URI is a request for a payment. Its texts come from a stranger: whoever shows
// them must expect any character, also those that control a terminal.
type URI struct {
	// Address is 1 to 90 letters and digits. Whether it is an address of the
	// network is for the caller to find out.
	Address string
	Amount  *sats.Amount // nil: the payer chooses
	Label   string       // of the address; empty: none
	Message string       // about the payment; empty: none
	PayJoin string       // where a payjoin is offered (pj, BIP78); empty: nowhere
	// Other has the parameters that are not known here, such as pjos, by name.
	// No value is empty. They may be ignored.
	Other map[string]string
}

func checkAddress(text string) error {
	alien := func(c rune) bool { return !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') }
	if text == "" || len(text) > maxAddress || strings.ContainsFunc(text, alien) {
		return fmt.Errorf("%w: %.40q", ErrAddress, text)
	}
	return nil
}
