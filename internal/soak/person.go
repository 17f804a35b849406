package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
)

// person is a nick and what stands for its key: like a real one it binds a text
// to a nick, but everybody can sign with it.
type person struct{ nick protocol.Nick }

func newPerson() person { return person{protocol.RandomNick()} }

func (p person) key() string {
	h := sha256.Sum256([]byte("key of " + p.nick))
	return "02" + hex.EncodeToString(h[:])
}

func (p person) signature(text string) string {
	h := sha256.Sum256([]byte("signature " + p.key() + text))
	return base64.StdEncoding.EncodeToString(append(h[:], h[:]...))
}

// Sign implements the Signer of a client.
func (p person) Sign(r control.SignRequest) (control.SignAnswer, error) {
	return control.SignAnswer{PubKey: p.key(), Signature: p.signature(r.Text)}, nil
}

// Verify implements the Signer of a client.
func (p person) Verify(r control.VerifyRequest) control.VerifyAnswer {
	from := person{r.Nick}
	return control.VerifyAnswer{Valid: r.PubKey == from.key() && r.Signature == from.signature(r.Text)}
}

// body is a signed private message without its command.
func (p person) body(msg string) string {
	text := envelope.SignedText(msg, ircserver.Network)
	return envelope.Envelope{Msg: msg, PubKey: p.key(), Signature: p.signature(text)}.Body()
}
