package line

import "github.com/joinmarket-go/joinmarket/protocol"

// Orderbook asks every maker in the room for its offers.
//
//	!orderbook
type Orderbook struct{}

// Command implements Message.
func (Orderbook) Command() protocol.Command { return protocol.CmdOrderbook }

func (Orderbook) appendFields(dst []byte) []byte { return dst }

func readOrderbook(r *reader) Orderbook {
	r.endPublic()
	return Orderbook{}
}
