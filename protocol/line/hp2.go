package line

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// HP2 spreads a used commitment: in the room it says "refuse this one", to a
// maker it asks "say so in the room".
//
//	!hp2 <commitment without its type letter>
type HP2 struct {
	Commitment protocol.Commitment // with the type letter, digits in lower case
}

// Command implements Message.
func (HP2) Command() protocol.Command { return protocol.CmdHP2 }

func (m HP2) appendFields(dst []byte) []byte {
	return appendField(dst, strings.TrimPrefix(string(m.Commitment), "P"))
}

func readHP2(r *reader) HP2 {
	m := HP2{r.commitment("P")}
	r.endPublic()
	return m
}
