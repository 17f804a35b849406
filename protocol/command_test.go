package protocol

import "testing"

// The names a private message may begin with, and those sealed, as the
// reference has them.
func TestCommands(t *testing.T) {
	type row struct{ offer, public, private, sealed bool }
	for c, want := range map[Command]row{
		CmdRelOffer: {true, true, true, false}, CmdAbsOffer: {true, true, true, false},
		CmdSWRelOffer: {true, true, true, false}, CmdSWAbsOffer: {true, true, true, false},
		CmdSW0RelOffer: {true, true, true, false}, CmdSW0AbsOffer: {true, true, true, false},
		CmdOrderbook: {false, true, true, false}, CmdCancel: {false, true, false, false},
		CmdHP2: {false, true, true, false}, CmdTBond: {},
		CmdFill: {false, false, true, false}, CmdPubKey: {false, false, true, false},
		CmdError: {false, false, true, false}, CmdPush: {false, false, true, false},
		CmdAuth: {false, false, true, true}, CmdIOAuth: {false, false, true, true},
		CmdTx: {false, false, true, true}, CmdSig: {false, false, true, true},
		"": {}, "FILL": {}, "fills": {}, "sw1reloffer": {},
	} {
		if got := (row{c.Offer(), c.Public(), c.Private(), c.Sealed()}); got != want {
			t.Errorf("%q: %+v, want %+v", c, got, want)
		}
	}
}
