package line

import (
	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Push asks a maker to broadcast the signed transaction. Anybody can send it,
// with any transaction (attack M23).
//
//	!push <transaction>
type Push struct {
	Tx []byte // serialised, minTx..protocol.MaxPush bytes
}

// Command implements Message.
func (Push) Command() protocol.Command { return protocol.CmdPush }

func (m Push) appendFields(dst []byte) []byte { return appendField(dst, b64.Encode(m.Tx)) }

func readPush(r *reader) Push {
	m := Push{r.bytes("transaction", r.field("transaction"), minTx, protocol.MaxPush)}
	r.end()
	return m
}
