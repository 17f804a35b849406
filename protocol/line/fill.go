package line

import (
	"math"
	"strconv"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Fill takes an offer: the taker names the amount, its session key and what it
// commits to.
//
//	!fill <oid> <amount> <key> <commitment>
type Fill struct {
	OfferID    protocol.OfferID
	Amount     sats.Amount         // 0..sats.Max; the offer's sizes bound it further
	PubKey     string              // 64 lower-case hex digits, see package seal
	Commitment protocol.Commitment // digits in lower case
}

// Command implements Message.
func (Fill) Command() protocol.Command { return protocol.CmdFill }

func (m Fill) appendFields(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, ' '), int64(m.OfferID), 10)
	dst = strconv.AppendInt(append(dst, ' '), int64(m.Amount), 10)
	dst = appendField(dst, m.PubKey)
	return appendField(dst, string(m.Commitment))
}

// readFill ignores surplus fields, as the reference does, so that takers of a
// later version can add to the command.
func readFill(r *reader) Fill {
	return Fill{
		OfferID:    protocol.OfferID(r.number("oid", math.MaxInt64)),
		Amount:     r.amount("amount"),
		PubKey:     r.hex("key", 32),
		Commitment: r.commitment(""),
	}
}
