package daemon

import (
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

func (k *maker) wants(c protocol.Command) bool {
	switch c {
	case protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx, protocol.CmdPush, protocol.CmdError, protocol.CmdHP2:
		return true
	}
	return false
}

// private takes a message of a taker, or of another maker.
func (k *maker) private(from protocol.Nick, on *link, e envelope.Envelope) {
	switch e.Command {
	case protocol.CmdFill:
		if k.s.stopping == nil {
			k.fill(from, on, e.Msg)
		}
	case protocol.CmdAuth, protocol.CmdTx:
		k.sealed(from, on, e)
	default:
		m, err := line.Parse(string(e.Command) + " " + e.Msg)
		if err != nil {
			k.s.log.Debug("message dropped", "nick", from, "err", err)
			return
		}
		k.plain(from, m)
	}
}

// sealed takes a message of a conversation and hands its content to the client.
func (k *maker) sealed(from protocol.Nick, on *link, e envelope.Envelope) {
	t := k.talks[from]
	if t == nil {
		return
	}
	t.on = on.name
	said, err := t.Receive(e.Command, e.Msg)
	if err != nil {
		k.s.d.counts.Inc(count.DropOrder)
		k.s.log.Debug("message of a taker refused", "conversation", t.ID, "nick", from, "err", err)
		return
	}
	t.told = true
	switch m := said.(type) {
	case line.Auth:
		k.s.tell(control.EventAuth, control.AuthEvent{
			Conversation: t.ID,
			Taker:        from,
			OfferID:      t.fill.OfferID,
			Amount:       t.fill.Amount,
			Offer:        t.offer,
			Commitment:   t.fill.Commitment,
			Revelation:   line.Plaintext(m),
			PubKey:       t.PubKey(),
		})
	case line.Tx:
		k.s.tell(control.EventTx, control.TxEvent{Conversation: t.ID, Taker: from, Tx: m.Tx})
	}
	k.await(t)
}

// plain takes a message that belongs to no conversation.
func (k *maker) plain(from protocol.Nick, m line.Message) {
	switch m := m.(type) {
	case line.Push:
		now := time.Now()
		if k.s.allowed(k.limits.push.Allow(from, now) && k.limits.allPush.Allow(now), count.LimitPush) {
			k.s.tell(control.EventPush, control.PushEvent{Taker: from, Tx: m.Tx})
		}
	case line.ErrorText:
		k.s.errorText(from, m.Text)
	case line.HP2:
		k.relay(from, m)
	}
}

// public takes what is said in the room.
func (k *maker) public(from protocol.Nick, on *link, m line.Message) {
	switch m := m.(type) {
	case line.Orderbook:
		k.answer(from, on)
	case line.HP2:
		k.hear(from, m)
	}
}
