package protocol

// Command is the name of a command group, as it stands behind the '!'. The
// table in the package comment says who sends it, where, and with which fields.
type Command string

// The commands.
const (
	CmdOrderbook   Command = "orderbook"
	CmdRelOffer            = Command(RelOffer)
	CmdAbsOffer            = Command(AbsOffer)
	CmdSWRelOffer          = Command(SWRelOffer)
	CmdSWAbsOffer          = Command(SWAbsOffer)
	CmdSW0RelOffer         = Command(SW0RelOffer)
	CmdSW0AbsOffer         = Command(SW0AbsOffer)
	CmdTBond       Command = "tbond"
	CmdCancel      Command = "cancel"
	CmdFill        Command = "fill"
	CmdPubKey      Command = "pubkey"
	CmdAuth        Command = "auth"
	CmdIOAuth      Command = "ioauth"
	CmdTx          Command = "tx"
	CmdSig         Command = "sig"
	CmdError       Command = "error"
	CmdPush        Command = "push"
	CmdHP2         Command = "hp2"
)

// Offer reports whether c is one of the six offer types.
func (c Command) Offer() bool { return OfferType(c).Valid() }

// Sealed reports whether c travels inside a box of its two participants.
func (c Command) Sealed() bool {
	switch c {
	case CmdAuth, CmdIOAuth, CmdTx, CmdSig:
		return true
	}
	return false
}

// Public reports whether c has a meaning in the room.
func (c Command) Public() bool {
	return c.Offer() || c == CmdOrderbook || c == CmdCancel || c == CmdHP2
}

// Private reports whether a private message may begin with c; any other one is
// dropped unread (protocol: commands). A bond never begins one, it follows an
// offer. A private orderbook may, although it asks nothing of anybody.
func (c Command) Private() bool {
	switch c {
	case CmdFill, CmdError, CmdPubKey, CmdOrderbook, CmdPush, CmdHP2:
		return true
	}
	return c.Offer() || c.Sealed()
}
