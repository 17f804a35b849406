package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
)

// Limits of messages that wait for the client's signature.
const (
	maxSignatures = 24   // questions at a time
	maxToNick     = 128  // messages to one nick
	maxToSign     = 1024 // messages in all
	maxAttempts   = 3    // channels tried for one message
)

// Why a message could not be sent, besides the errors of package channel.
var (
	errUnreachable = errors.New("the nick is on no channel that is up")
	errUnsigned    = errors.New("the client did not sign in time")
	errCrowded     = errors.New("too many messages wait for signatures")
)

// airtime estimates how long count messages of size bytes take to leave on the
// slowest channel.
func (s *session) airtime(count, size int) time.Duration {
	var slowest time.Duration
	for _, l := range s.links {
		slowest = max(slowest, l.pace())
	}
	return control.Airtime(slowest, count, size)
}

// outgoing is a private message on its way to a nick.
type outgoing struct {
	to      protocol.Nick
	command protocol.Command
	msg     string // what follows the command's name and a space, not yet signed
	talk    *talk  // the conversation it belongs to, or nil; if that ended, it is dropped
	via     string // the only channel it may leave on, empty for where the nick is spoken to
	failed  func(error)

	attempts int
}

// sender has the client sign private messages and sends them. Messages to one
// nick reach the channel in the order in which they were given. It is owned by
// the loop.
type sender struct {
	s      *session
	queues map[protocol.Nick]*outbox
	turns  []protocol.Nick // have a message to sign
	asking int
	count  int
}

// outbox is what waits for one nick.
type outbox struct {
	waiting []*outgoing
	listed  bool // in turns, or being signed
}

// send queues a message. If it cannot be sent, o.failed is called with the
// reason, unless it is nil, from the loop.
func (s *session) send(o *outgoing) {
	v := &s.out
	if s.stopping != nil && o.talk == nil && o.command != protocol.CmdPush {
		return // only conversations go on, and what they led to
	}
	q := v.queues[o.to]
	if q == nil {
		q = &outbox{}
	}
	if len(q.waiting) >= maxToNick || v.count >= maxToSign {
		s.d.counts.Inc(count.LimitSignatures)
		o.fail(s, errCrowded)
		return
	}
	v.queues[o.to] = q
	q.waiting = append(q.waiting, o)
	v.count++
	v.list(o.to, q)
	v.pump()
}

func (v *sender) list(nick protocol.Nick, q *outbox) {
	switch {
	case q.listed:
	case len(q.waiting) == 0:
		delete(v.queues, nick)
	default:
		q.listed = true
		v.turns = append(v.turns, nick)
	}
}

// sweep gives back the memory that a flood took.
func (v *sender) sweep() {
	v.turns = append([]protocol.Nick(nil), v.turns...)
	v.queues = shrunk(v.queues)
}

func (v *sender) pump() {
	for v.asking < maxSignatures && len(v.turns) > 0 {
		nick := v.turns[0]
		v.turns = v.turns[1:]
		q := v.queues[nick]
		o := q.waiting[0]
		q.waiting = q.waiting[1:]
		v.count--
		if !v.sign(o) {
			q.listed = false
			v.list(nick, q)
		}
	}
}

// sign asks the client to sign o for the channel on which it will leave. It
// reports false if there is nothing to wait for.
func (v *sender) sign(o *outgoing) bool {
	if o.talk != nil && o.talk.Ended() {
		return false
	}
	l := v.s.route(o)
	if l == nil {
		o.fail(v.s, errUnreachable)
		return false
	}
	o.attempts++
	v.asking++
	hostID := l.hostID
	v.s.ask(func(ctx context.Context) event {
		var proof control.SignAnswer
		err := v.s.endpoint.ask(ctx, control.QuestionSign, control.SignRequest{
			To: o.to, Command: string(o.command), Text: envelope.SignedText(o.msg, hostID), HostID: hostID,
		}, &proof)
		if err == nil && !(protocol.IsPubKey(proof.PubKey) && protocol.IsSignature(proof.Signature)) {
			err = errors.New("key or signature is not of the form that travels")
		}
		if err != nil {
			err = fmt.Errorf("%w: %w", errUnsigned, err)
		}
		return signed{o, l, hostID, proof, err}
	})
	return true
}

// route chooses the channel for o: where its nick is spoken to, or where it
// last spoke in the conversation if that channel came back since.
func (s *session) route(o *outgoing) *link {
	name := o.via
	if name == "" {
		var ok bool
		if name, ok = s.book.Route(o.to, s.upNames()); !ok && o.talk != nil {
			name = o.talk.on
		}
	}
	if l := s.link(name); l != nil && l.up() {
		return l
	}
	return nil
}

// signed is the client's answer to a sign question.
type signed struct {
	*outgoing
	on     *link
	hostID string
	proof  control.SignAnswer
	err    error
}

func (e signed) happen(s *session) {
	v := &s.out
	v.asking--
	q := v.queues[e.to]
	q.listed = false
	defer v.pump()
	defer v.list(e.to, q)
	if e.talk != nil && e.talk.Ended() {
		return
	}
	err := e.err
	if err == nil {
		err = channel.ErrDown
		if e.on.up() && e.on.hostID == e.hostID {
			body := envelope.Envelope{Command: e.command, Msg: e.msg, PubKey: e.proof.PubKey, Signature: e.proof.Signature}.Body()
			err = e.on.SendPrivate(e.to, string(e.command), body)
		}
	}
	switch {
	case err == nil:
		s.d.counts.Inc(count.OutPrivate)
		e.on.remember(e.outgoing)
	case errors.Is(err, channel.ErrDown) && e.via == "" && e.attempts < maxAttempts:
		q.waiting = slices.Insert(q.waiting, 0, e.outgoing) // first in line, for another channel
		v.count++
	default:
		e.fail(s, err)
	}
}

func (o *outgoing) fail(s *session, err error) {
	switch {
	case errors.Is(err, errUnreachable):
		s.d.counts.Inc(count.DropNoRoute)
	case errors.Is(err, errUnsigned):
		s.d.counts.Inc(count.DropNoSign)
	}
	s.log.Debug("message not sent", "nick", o.to, "cmd", o.command, "err", err)
	if o.failed != nil {
		o.failed(err)
	}
}

// sendReason is the code under which a client learns that a message was not sent.
func sendReason(err error) protocol.Reason {
	switch {
	case errors.Is(err, channel.ErrTooLarge):
		return protocol.ReasonTooLarge
	case errors.Is(err, errUnsigned):
		return protocol.ReasonClientTimeout
	case errors.Is(err, errUnreachable), errors.Is(err, channel.ErrDown), errors.Is(err, channel.ErrFull), errors.Is(err, errCrowded):
		return protocol.ReasonUnreachable
	}
	return protocol.ReasonInternal
}

// sendPublic sends command groups to the rooms of all channels that are up. It
// fails with control.ErrState if none is, and with the last error if all fail.
func (s *session) sendPublic(groups []string) error {
	err := fmt.Errorf("%w: no message channel is up", control.ErrState)
	sent := false
	for _, l := range s.links {
		if !l.up() {
			continue
		}
		if sendErr := l.SendPublic(groups); sendErr != nil {
			s.log.Warn("public line not sent", "channel", l.name, "err", sendErr)
			err = fmt.Errorf("%w: channel %s: %v", control.ErrLimit, l.name, sendErr)
			continue
		}
		sent = true
		s.d.counts.Inc(count.OutPublic)
	}
	if sent {
		return nil
	}
	return err
}
