package line

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Auth opens the taker's commitment. Its plaintext is one field of five parts,
// known as the revelation:
//
//	txid:vout|P|P2|s|e
type Auth struct {
	UTXO  UTXO   // the coin whose key made the commitment
	P, P2 string // 66 lower-case hex digits each: compressed points
	S, E  string // 64 lower-case hex digits each: scalars
}

// Command implements Content.
func (Auth) Command() protocol.Command { return protocol.CmdAuth }

func (c Auth) plaintext() string {
	return strings.Join([]string{c.UTXO.String(), c.P, c.P2, c.S, c.E}, "|")
}

// readAuth accepts points in the compressed form only. The reference hashes
// whatever form it gets, so that one coin makes three commitments of one index.
func readAuth(r *reader) Auth {
	parts := strings.SplitN(r.field("revelation"), "|", 6)
	if len(parts) != 5 {
		r.fail("revelation", ErrForm)
		return Auth{}
	}
	c := Auth{r.utxo("txid:vout", parts[0]), parts[1], parts[2], parts[3], parts[4]}
	if !protocol.IsPubKey(c.P) {
		r.fail("P", ErrForm)
	}
	if !protocol.IsPubKey(c.P2) {
		r.fail("P2", ErrForm)
	}
	if !protocol.IsHex(c.S, 32) {
		r.fail("s", ErrForm)
	}
	if !protocol.IsHex(c.E, 32) {
		r.fail("e", ErrForm)
	}
	return c
}
