package exchange

import (
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// FuzzReceive: nothing that a peer can say without the box moves a conversation
// past its key, and what does not move it leaves no trace.
func FuzzReceive(f *testing.F) {
	f.Add("fill", line.Fields(fill))
	f.Add("pubkey", makerKey.Public())
	f.Add("auth", sealed(otherKey, makerKey, auth))
	f.Add("tx", "AAAA")
	f.Add("sig", "!sig")
	f.Fuzz(func(t *testing.T, command, msg string) {
		for _, from := range []State{Idle, TakerFilled, MakerKeyed, TakerAuthed, MakerRevealed, TakerSigning} {
			c, other := newMaker(), takerKey
			if from == TakerFilled || from == TakerAuthed || from == TakerSigning {
				c, other = NewTaker(peer, 1, takerKey), makerKey
			}
			c.box, _ = c.key.With(other.Public())
			c.state = from
			said, err := c.Receive(protocol.Command(command), msg)
			moved := c.state != from
			if moved != (err == nil) || moved != (said != nil) || moved != (len(c.acted) == 1) {
				t.Fatalf("%s: %q %q: now %s, said %v, error %v", from, command, msg, c.state, said, err)
			}
			if moved && from != Idle && from != TakerFilled {
				t.Fatalf("%s: %q %q moved it to %s", from, command, msg, c.state)
			}
		}
	})
}
