package line

import (
	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// Sig is a maker's signature of one input. Its plaintext is base64.
type Sig struct {
	// Script pushes signature and key, and in the nested type the key's
	// script: 1..protocol.MaxSigScript bytes.
	Script []byte
}

// Command implements Content.
func (Sig) Command() protocol.Command { return protocol.CmdSig }

func (c Sig) plaintext() string { return b64.Encode(c.Script) }

func readSig(r *reader) Sig {
	return Sig{r.bytes("script", r.field("script"), 1, protocol.MaxSigScript)}
}
