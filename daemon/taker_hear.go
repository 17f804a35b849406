package daemon

import (
	"errors"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

func (k *taker) wants(c protocol.Command) bool {
	switch c {
	case protocol.CmdPubKey, protocol.CmdIOAuth, protocol.CmdSig, protocol.CmdError:
		return true
	}
	return c.Offer()
}

// private takes a maker's message.
func (k *taker) private(from protocol.Nick, on *link, e envelope.Envelope) {
	if e.Command == protocol.CmdError {
		k.refused(from, e.Msg)
		return
	}
	t := k.talks[from]
	if t == nil {
		return // of no maker of this attempt
	}
	t.on = on.name
	before := t.State()
	said, err := t.Receive(e.Command, e.Msg)
	if err != nil {
		k.useless(t, e.Msg, err)
		return
	}
	t.fault = ""
	if before != exchange.TakerDone && t.State() != exchange.TakerSigning { // the answer is whole, for the first time
		k.heard(t)
	}
	switch m := said.(type) {
	case line.PubKey:
		t.pubkey = m.Key
		k.s.tell(control.EventPubKey, control.PubKeyEvent{Attempt: t.ID, Maker: from, PubKey: m.Key})
	case line.IOAuth:
		k.s.tell(control.EventIOAuth, control.IOAuthEvent{Attempt: t.ID, Maker: from, IOAuth: opened(m), PubKey: t.pubkey})
	case line.Sig:
		k.s.tell(control.EventSig, control.SigEvent{Attempt: t.ID, Maker: from, Sig: line.Plaintext(m)})
		if t.State() != exchange.TakerDone {
			return // the others are still waited for, by the same deadline
		}
	}
	k.s.clock.stop(t.alarm)
}

// opened writes an ioauth as the client reads it.
func opened(m line.IOAuth) control.IOAuth {
	utxos := make([]string, len(m.UTXOs))
	for i, u := range m.UTXOs {
		utxos[i] = u.String()
	}
	return control.IOAuth{UTXOs: utxos, AuthPubKey: m.AuthKey, CJAddress: m.CJAddress, ChangeAddress: m.ChangeAddress, Signature: m.Signature}
}

// useless notes a maker's message that is not acted on. It does not end the
// conversation, for it may be a repetition that another sent; but if nothing
// better comes in time it is the reason given.
func (k *taker) useless(t *takerTalk, msg string, err error) {
	k.s.d.counts.Inc(count.DropOrder)
	k.s.log.Debug("message of a maker refused", "attempt", t.ID, "nick", t.Peer, "err", err)
	var refusal *exchange.Refusal
	if !errors.As(err, &refusal) || refusal.Reason == protocol.ReasonUnexpected {
		return
	}
	if refusal.Command == protocol.CmdPubKey && t.fault == "" {
		k.s.send(&outgoing{to: t.Peer, command: protocol.CmdError, msg: quoting("invalid nacl pubkey: ", msg), talk: &t.talk})
	}
	t.fault = refusal.Reason
}

// refused takes a maker's !error. In an attempt it means that the maker will
// not go on.
func (k *taker) refused(from protocol.Nick, msg string) {
	m, err := line.Parse(string(protocol.CmdError) + " " + msg)
	if err != nil {
		return
	}
	text := m.(line.ErrorText).Text
	t := k.talks[from]
	if t == nil || t.State().Over() {
		k.s.errorText(from, text)
		return
	}
	k.fail(t, refusalReason(text), text)
}

// left fails a maker that is gone, unless its signatures are all that is
// missing: those it may still bring after reconnecting.
func (k *taker) left(nick protocol.Nick) {
	t := k.talks[nick]
	if t != nil && !t.State().Over() && t.State() != exchange.TakerSigning {
		k.fail(t, protocol.ReasonLeft, "")
	}
}
