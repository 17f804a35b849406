package amp

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// offer is an offer as the reference's commands have it, in the order in which
// it writes the members.
type offer struct {
	ID      protocol.OfferID   `json:"oid"`
	Type    protocol.OfferType `json:"ordertype"`
	MinSize sats.Amount        `json:"minsize"`
	MaxSize sats.Amount        `json:"maxsize"`
	TxFee   sats.Amount        `json:"txfee"`
	CJFee   fee                `json:"cjfee"`
}

// fee is text; an absolute one may come as a number.
type fee string

// UnmarshalJSON takes the text of a string or of a number.
func (f *fee) UnmarshalJSON(raw []byte) error {
	var text string
	if bytes.HasPrefix(raw, []byte(`"`)) {
		err := json.Unmarshal(raw, &text)
		*f = fee(text)
		return err
	}
	*f = fee(raw)
	return nil
}

func toOffer(o protocol.Offer) offer {
	return offer{o.ID, o.Type, o.MinSize, o.MaxSize, o.TxFee, fee(o.CJFee)}
}

func (o offer) ours() protocol.Offer {
	return protocol.Offer{ID: o.ID, Type: o.Type, MinSize: o.MinSize, MaxSize: o.MaxSize, TxFee: o.TxFee, CJFee: string(o.CJFee)}
}

// entry is an element of the order book.
type entry struct {
	Counterparty protocol.Nick `json:"counterparty"`
	offer
}

// bondEntry is an element of the list of bonds.
type bondEntry struct {
	Counterparty protocol.Nick `json:"counterparty"`
	Taker        protocol.Nick `json:"takernick"`
	Proof        string        `json:"proof"`
}

// orderbook writes offers and bonds as JMOffers has them.
func orderbook(a control.OrderbookAnswer) (offers, bonds string) {
	entries := make([]entry, len(a.Offers))
	for i, o := range a.Offers {
		entries[i] = entry{o.Nick, toOffer(o.Offer)}
		entries[i].CJFee = fee(canonical(o.CJFee))
	}
	proofs := make([]bondEntry, len(a.Bonds))
	for i, b := range a.Bonds {
		proofs[i] = bondEntry{b.Nick, b.Taker, b.Proof}
	}
	return text(entries), text(proofs)
}

// canonical is how the reference's decimal arithmetic writes a fee that it has
// read: without an exponent down to 0.000001, and with one below; zeros at the
// end count. The fee must be valid.
func canonical(fee string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(fee), "e-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		digits = "0"
	}
	scale := len(fraction)
	if n, ok := protocol.ParseNumber(strings.TrimLeft(exponent, "0"), 99); ok {
		scale += int(n)
	}
	leading := len(digits) - 1 - scale // the exponent with one digit before the point
	switch {
	case scale == 0:
		return digits
	case leading < -6:
		if len(digits) > 1 {
			digits = digits[:1] + "." + digits[1:]
		}
		return digits + "E-" + strconv.Itoa(-leading)
	case len(digits) <= scale:
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	return digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
