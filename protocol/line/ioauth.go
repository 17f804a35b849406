package line

import (
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// IOAuth opens the maker's coins and addresses. Its plaintext has five fields:
//
//	<txid:vout,txid:vout,...> <authkey> <cjaddr> <changeaddr> <sig>
type IOAuth struct {
	UTXOs         []UTXO // 1..protocol.MaxUTXOs, all different
	AuthKey       string // 66 lower-case hex digits: the key of one of the coins
	CJAddress     string // text of an address, of unknown network and type
	ChangeAddress string
	Signature     string // base64 of DER: AuthKey over the maker's session key
}

// maxAddress is more than the 90 characters of the longest address, in bytes.
const maxAddress = 100

// Command implements Content.
func (IOAuth) Command() protocol.Command { return protocol.CmdIOAuth }

func (c IOAuth) plaintext() string {
	utxos := make([]string, len(c.UTXOs))
	for i, u := range c.UTXOs {
		utxos[i] = u.String()
	}
	return strings.Join([]string{strings.Join(utxos, ","), c.AuthKey, c.CJAddress, c.ChangeAddress, c.Signature}, " ")
}

func readIOAuth(r *reader) IOAuth {
	c := IOAuth{UTXOs: readUTXOs(r), AuthKey: r.field("authkey")}
	if !protocol.IsPubKey(c.AuthKey) {
		r.fail("authkey", ErrForm)
	}
	c.CJAddress = readAddress(r, "cjaddr")
	c.ChangeAddress = readAddress(r, "changeaddr")
	c.Signature = r.field("sig")
	if !protocol.IsSignature(c.Signature) {
		r.fail("sig", ErrForm)
	}
	return c
}

func readUTXOs(r *reader) []UTXO {
	texts := strings.SplitN(r.field("utxos"), ",", protocol.MaxUTXOs+1)
	if len(texts) > protocol.MaxUTXOs {
		r.fail("utxos", ErrSize)
		return nil
	}
	utxos := make([]UTXO, len(texts))
	seen := make(map[UTXO]bool, len(texts))
	for i, text := range texts {
		u := r.utxo("utxos", text)
		if seen[u] {
			r.fail("utxos", ErrRepeated) // attack T2
		}
		utxos[i], seen[u] = u, true
	}
	return utxos
}

// readAddress takes letters and digits; whether they are an address the client
// decides.
func readAddress(r *reader, name string) string {
	text := r.field(name)
	if text == "" || len(text) > maxAddress {
		r.fail(name, ErrSize)
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || '9' < c) && (c < 'A' || 'Z' < c) && (c < 'a' || 'z' < c) {
			r.fail(name, ErrForm)
		}
	}
	return text
}
