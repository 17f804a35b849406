package line

import (
	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Tx is the transaction that the taker asks the maker to sign. Its plaintext is
// base64, which the box encodes a second time.
type Tx struct {
	Tx []byte // serialised without witness, minTx..protocol.MaxTx bytes
}

// minTx is the size in bytes of a transaction with one input and one output of
// empty scripts.
const minTx = 4 + 1 + 41 + 1 + 9 + 4

// Command implements Content.
func (Tx) Command() protocol.Command { return protocol.CmdTx }

func (c Tx) plaintext() string { return b64.Encode(c.Tx) }

func readTx(r *reader) Tx {
	return Tx{r.bytes("transaction", r.field("transaction"), minTx, protocol.MaxTx)}
}
