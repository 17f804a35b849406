// Package envelope puts a private message and the proof of its sender together:
//
//	!<cmd> <msg> <pubkey> <signature>
//
// The signature covers the message and the host id of the channel, not the
// command, the receiver or the time. So it can be repeated on the same channel,
// to anybody and under another command; only the state of a conversation tells.
// Whether it is valid, and whether the key belongs to the sender's nick, is
// asked of the client, for which this package prepares the text.
package envelope

import (
	"errors"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// Why a private message is no envelope. Each means: drop it, answer nothing.
var (
	ErrSize      = errors.New("private message too long")
	ErrText      = errors.New("private message has characters other than printable ASCII")
	ErrPrefix    = errors.New("private message does not begin with '!'")
	ErrCommand   = errors.New("private message does not begin with a command that may")
	ErrEmpty     = errors.New("private message without text, key and signature")
	ErrPubKey    = errors.New("key of a private message is not 66 lower-case hex digits of a compressed key")
	ErrSignature = errors.New("signature of a private message is not base64 of a DER signature's size")
)

// MaxProof is the most that key and signature add to a message, in bytes: two
// blanks, the key's hex digits, and the base64 of the longest signature.
const MaxProof = 1 + 66 + 1 + 96

// Envelope is a private message with the proof of its sender.
type Envelope struct {
	Command protocol.Command // of the first group
	// Msg is what follows the command's name and a space: fields, further
	// groups, or the box of a sealed command. Not empty.
	Msg       string
	PubKey    string // of the nick: 66 lower-case hex digits
	Signature string // base64 of DER over SignedText(Msg, host id)
}

// Parse takes a whole private message apart, in the order of checks that every
// peer follows (protocol: receiving). Blanks within the message are kept: they
// are signed.
func Parse(text string) (Envelope, error) {
	switch {
	case len(text) > protocol.MaxMessage:
		return Envelope{}, ErrSize
	case !protocol.Printable(text):
		return Envelope{}, ErrText
	case !strings.HasPrefix(text, "!"):
		return Envelope{}, ErrPrefix
	}
	name, rest, _ := strings.Cut(text[1:], " ")
	e := Envelope{Command: protocol.Command(name)}
	if !e.Command.Private() {
		return Envelope{}, ErrCommand
	}
	rest, signature, ok := cutLast(rest)
	msg, pubkey, ok2 := cutLast(rest)
	if !ok || !ok2 || msg == "" {
		return Envelope{}, ErrEmpty
	}
	e.Msg, e.PubKey, e.Signature = msg, pubkey, signature
	if !protocol.IsPubKey(pubkey) {
		return Envelope{}, ErrPubKey
	}
	if !protocol.IsSignature(signature) {
		return Envelope{}, ErrSignature
	}
	return e, nil
}

// SignedText is what the nick's key signs. A channel's host id is the network
// name its server gives, in the server's letter case; a verifier tries the same
// in lower case too, for that is how some peers learn it.
func SignedText(msg, hostID string) string { return msg + hostID }

// Text is the message without its proof, "!cmd msg", for package line.
func (e Envelope) Text() string { return "!" + string(e.Command) + " " + e.Msg }

// Body is what follows the command's name and a space on the way out:
// "msg pubkey signature".
func (e Envelope) Body() string { return e.Msg + " " + e.PubKey + " " + e.Signature }

// String is the whole private message.
func (e Envelope) String() string { return "!" + string(e.Command) + " " + e.Body() }

// cutLast cuts text at its last space.
func cutLast(text string) (before, after string, found bool) {
	i := strings.LastIndexByte(text, ' ')
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+1:], true
}
