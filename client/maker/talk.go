package maker

import (
	"context"
	"errors"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// talk is the record of one conversation, from when coins were revealed.
//
//	(nothing) --auth--> revealed --tx--> signed --seen, confirmed--> (nothing)
//
// Each step happens once; anything else ends the conversation.
type talk struct {
	taker     protocol.Nick
	agreement Agreement
	lease     *coins.Lease // of agreement.Inputs

	// Set when signed.
	raw  []byte   // as the taker sent it
	sigs []string // the answer
}

// refusal is an error with the reason that the daemon and the user are told.
type refusal struct {
	reason protocol.Reason
	err    error
}

func (r *refusal) Error() string { return string(r.reason) + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(reason protocol.Reason, err error) error { return &refusal{reason, err} }

// reasonOf is the reason of a refusal; any other error is our own fault.
func reasonOf(err error) protocol.Reason {
	var r *refusal
	if errors.As(err, &r) {
		return r.reason
	}
	return protocol.ReasonInternal
}

// refuse ends a conversation on our side.
func (m *Maker) refuse(ctx context.Context, d Daemon, id uint64, taker protocol.Nick, err error) {
	m.end(id)
	reason := reasonOf(err)
	m.log.Info("refused a taker", "nick", taker, "conversation", id, "reason", reason)
	m.cfg.Notify(Refused{Taker: taker, Reason: reason, Err: err})
	if err := d.Refuse(ctx, control.RefuseRequest{Conversation: id, Reason: reason}); err != nil {
		m.log.Debug("the daemon did not take a refusal", "conversation", id, "err", err)
	}
}

// ended is told by the daemon that a conversation is over.
func (m *Maker) ended(e control.EndedEvent) {
	if t, ok := m.talks[e.Conversation]; ok && t.sigs == nil {
		m.cfg.Notify(Unused{Taker: t.taker, Reason: e.Reason})
	}
	m.end(e.Conversation)
}

// end forgets a conversation. Its coins are free again unless we signed; then
// they stay set aside until the transaction is seen or the lease runs out.
func (m *Maker) end(id uint64) {
	t, ok := m.talks[id]
	if !ok {
		return
	}
	delete(m.talks, id)
	if t.sigs == nil {
		t.lease.Release()
	}
}
