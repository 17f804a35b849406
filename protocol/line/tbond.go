package line

import "github.com/joinmarket-go/joinmarket/protocol"

// TBond is the proof of a fidelity bond, made for the taker that asked. It
// follows an offer in the same private message and means nothing elsewhere.
//
//	!tbond <proof>
type TBond struct {
	Proof string // base64 of protocol.BondProofSize bytes, unverified
}

// Command implements Message.
func (TBond) Command() protocol.Command { return protocol.CmdTBond }

func (m TBond) appendFields(dst []byte) []byte { return appendField(dst, m.Proof) }

func readTBond(r *reader) TBond {
	m := TBond{r.base64("proof", protocol.BondProofSize, protocol.BondProofSize)}
	r.end()
	return m
}
