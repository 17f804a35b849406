package line

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Offer announces what a maker serves, in the room or to one taker. Its command
// is the offer's type.
//
//	!sw0reloffer <oid> <minsize> <maxsize> <txfee> <cjfee>
type Offer struct{ protocol.Offer }

// Command implements Message.
func (m Offer) Command() protocol.Command { return protocol.Command(m.Type) }

func (m Offer) appendFields(dst []byte) []byte {
	for _, n := range [...]int64{int64(m.ID), int64(m.MinSize), int64(m.MaxSize), int64(m.TxFee)} {
		dst = strconv.AppendInt(append(dst, ' '), n, 10)
	}
	return appendField(dst, m.CJFee)
}

// offerFields is how many fields an offer has.
const offerFields = 5

// readOffer ignores surplus fields, as every peer does: IRC lines end with the
// marker "~", and joinmarket-ng adds to commands by adding fields. A minsize
// below protocol.MinOfferSize is raised to it, as the reference does, so that
// makers with an old configuration stay in the book.
func readOffer(r *reader) Offer {
	m := Offer{protocol.Offer{Type: protocol.OfferType(r.command)}}
	whole := strings.Count(r.rest, " ")+1 >= offerFields
	m.ID = protocol.OfferID(r.number("oid", math.MaxInt64))
	if r.err == nil && whole {
		defer r.withdraw(m.ID)
	}
	m.MinSize = max(r.amount("minsize"), protocol.MinOfferSize)
	m.MaxSize = r.amount("maxsize")
	m.TxFee = r.amount("txfee")
	m.CJFee = r.field("cjfee")
	if r.err != nil {
		return m
	}
	switch err := m.Validate(); {
	case errors.Is(err, protocol.ErrOfferSize):
		r.fail("maxsize", ErrNumber)
	case err != nil:
		r.fail("cjfee", ErrNumber)
	}
	return m
}

// withdraw notes in the failure, if there is one, that the offer named is gone.
func (r *reader) withdraw(id protocol.OfferID) {
	if r.err != nil {
		r.err.Offer = &id
	}
}
