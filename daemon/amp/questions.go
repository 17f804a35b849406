package amp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Parameters of the nicks, as clients are told them.
const (
	nickHash    = 10 // bytes
	nickEncoded = 14 // characters
	nickHeader  = "J"
)

// questions are those of the daemon that the client has not answered. Their
// methods are safe from any goroutine.
type questions struct {
	signs    pending[signing, control.SignAnswer]
	verdicts pending[verifying, bool]
	bonds    pending[protocol.Nick, string]
}

// signing is what a client repeats when it signs.
type signing struct{ nick, command, msg, hostID string }

// verifying is what a client repeats when it judges.
type verifying struct{ nick, msg, hostID string }

func (c *client) sign(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := control.Decode[control.SignRequest](params)
	if err != nil {
		return nil, err
	}
	msg := strings.TrimSuffix(r.Text, r.HostID)
	answer, err := c.signs.wait(ctx, signing{string(r.To), r.Command, msg, r.HostID}, func() error {
		return c.conn.Ask("JMRequestMsgSig", amp.Box{
			"nick": string(r.To), "cmd": r.Command, "msg": msg, "msg_to_be_signed": r.Text, "hostid": r.HostID,
		}, nil)
	})
	return checked(answer, err)
}

// checked refuses an answer of the client that is none.
func checked[A interface{ Validate() error }](answer A, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if err := answer.Validate(); err != nil {
		return nil, fmt.Errorf("%w: the client's answer: %v", control.ErrBadRequest, err)
	}
	return answer, nil
}

func (c *client) verify(ctx context.Context, params json.RawMessage) (any, error) {
	r, err := control.Decode[control.VerifyRequest](params)
	if err != nil {
		return nil, err
	}
	msg := "!" + r.Command + " " + strings.TrimSuffix(r.Text, r.HostID) + " " + r.PubKey + " " + r.Signature
	valid, err := c.verdicts.wait(ctx, verifying{string(r.Nick), msg, r.HostID}, func() error {
		return c.conn.Ask("JMRequestMsgSigVerify", amp.Box{
			"msg": r.Text, "fullmsg": msg, "sig": r.Signature, "pubkey": r.PubKey, "nick": string(r.Nick),
			"hashlen": amp.Integer(nickHash), "max_encoded": amp.Integer(nickEncoded), "hostid": r.HostID,
		}, nil)
	})
	return control.VerifyAnswer{Valid: valid}, err
}

func (c *client) bond(ctx context.Context, own protocol.Nick, params json.RawMessage) (any, error) {
	r, err := control.Decode[control.BondRequest](params)
	if err != nil {
		return nil, err
	}
	proof, err := c.bonds.wait(ctx, r.Taker, func() error {
		return c.conn.Ask("JMFidelityBondProofRequest", amp.Box{"takernick": string(r.Taker), "makernick": string(own)}, nil)
	})
	return checked(control.BondAnswer{Proof: proof}, err)
}

// answers returns what takes a command of the client that answers a question.
// One that answers none is accepted and comes to nothing: the question is no
// longer open, or was never asked.
func (q *questions) answers(command string) (answer func(*amp.Args) (bool, error), ok bool) {
	switch command {
	case "JMMsgSignature":
		return q.signed, true
	case "JMMsgSignatureVerify":
		return q.judged, true
	case "JMFidelityBondProof":
		return q.proved, true
	}
	return nil, false
}

// signed takes a signature: the message with key and signature behind it.
func (q *questions) signed(args *amp.Args) (bool, error) {
	nick, command, hostID := args.Text("nick"), args.Text("cmd"), args.Text("hostid")
	rest, sig := cutLast(args.Text("msg_to_return"))
	msg, key := cutLast(rest)
	if args.Err() == nil {
		q.signs.answer(signing{nick, command, msg, hostID}, control.SignAnswer{PubKey: key, Signature: sig})
	}
	return true, nil
}

func (q *questions) judged(args *amp.Args) (bool, error) {
	valid := args.Boolean("verif_result")
	key := verifying{args.Text("nick"), args.Text("fullmsg"), args.Text("hostid")}
	if args.Err() == nil {
		q.verdicts.answer(key, valid)
	}
	return true, nil
}

func (q *questions) proved(args *amp.Args) (bool, error) {
	taker, proof := args.Text("nick"), args.Text("proof")
	if args.Err() == nil {
		q.bonds.answer(protocol.Nick(taker), proof)
	}
	return true, nil
}

// cutLast cuts the last field off.
func cutLast(text string) (rest, last string) {
	i := strings.LastIndexByte(text, ' ')
	if i < 0 {
		return "", text
	}
	return text[:i], text[i+1:]
}
