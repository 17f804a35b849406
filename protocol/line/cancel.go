package line

import (
	"math"
	"strconv"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Cancel withdraws an offer of the maker that says it.
//
//	!cancel <oid>
type Cancel struct{ ID protocol.OfferID }

// Command implements Message.
func (Cancel) Command() protocol.Command { return protocol.CmdCancel }

func (m Cancel) appendFields(dst []byte) []byte {
	return strconv.AppendInt(append(dst, ' '), int64(m.ID), 10)
}

func readCancel(r *reader) Cancel {
	m := Cancel{protocol.OfferID(r.number("oid", math.MaxInt64))}
	r.endPublic()
	return m
}
