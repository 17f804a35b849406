package line

import "github.com/joinmarket-go/joinmarket/protocol"

// PubKey accepts a fill: the maker names its session key for this conversation.
//
//	!pubkey <key>
type PubKey struct {
	Key string // 64 lower-case hex digits, see package seal
}

// Command implements Message.
func (PubKey) Command() protocol.Command { return protocol.CmdPubKey }

func (m PubKey) appendFields(dst []byte) []byte { return appendField(dst, m.Key) }

// readPubKey ignores surplus fields: makers of joinmarket-ng announce
// "features=neutrino_compat" and the like in a second one.
func readPubKey(r *reader) PubKey { return PubKey{r.hex("key", 32)} }
