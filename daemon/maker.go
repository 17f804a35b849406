package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// maker is the role of a session that answers fills. This file has what its
// client asks; fill.go, maker_hear.go, announce.go and hp2.go the rest.
type maker struct {
	watcher
	s      *session
	offers []protocol.Offer // announced, in the client's order
	bonded bool             // the client has a bond to prove
	bonds  bonds
	lastID uint64
	talks  map[protocol.Nick]*makerTalk // open ones

	courier courier
	market  []string // the offers as groups, for whoever asks

	limits makerLimits
	handed map[commitment.Value]bool // commitments published for others
}

// makerTalk is a conversation with a taker.
type makerTalk struct {
	talk
	fill     line.Fill
	offer    protocol.Offer // that was filled, as it was then
	reserved *commitment.Reservation
	told     bool // the client knows of it
	showing  bool // the commitment is being recorded, then the coins are shown
}

// makerLimits bound what strangers can have a maker do.
type makerLimits struct {
	fill, fillLong *rate.Keyed[protocol.Nick]
	ask            *rate.Keyed[asker]         // offers sent in answer to orderbook; on each channel, so that a taker knows all ways to us
	push           *rate.Keyed[protocol.Nick] // transactions to broadcast
	allPush        rate.Bucket
	hear, relay    *rate.Keyed[protocol.Nick] // hp2, public and private
	allAsk         rate.Bucket
	allHear        rate.Bucket
	allRelay       rate.Bucket
	refusals       rate.Bucket // !error sent, commitments handed on with them
}

// limitedNicks is how many nicks of one minute, or of ten for fillLong, are
// told apart by a limit.
const limitedNicks = 10_000

func newMaker(s *session) *maker {
	keyed := func(every time.Duration, burst int) *rate.Keyed[protocol.Nick] {
		return rate.NewKeyed[protocol.Nick](rate.Rate{Every: every, Burst: burst}, limitedNicks)
	}
	all := func(every time.Duration, burst int) rate.Bucket {
		return rate.New(rate.Rate{Every: every, Burst: burst})
	}
	return &maker{
		s: s, courier: courier{s: s}, talks: make(map[protocol.Nick]*makerTalk), handed: make(map[commitment.Value]bool),
		limits: makerLimits{
			fill:     keyed(10*time.Second, 3), // a taker may try again at once, with another commitment
			fillLong: keyed(100*time.Second, 6),
			ask:      rate.NewKeyed[asker](rate.Rate{Every: 10 * time.Second, Burst: 1}, limitedNicks),
			push:     keyed(20*time.Minute, 3),
			hear:     keyed(3*time.Second, 20),
			relay:    keyed(10*time.Second, 6),
			allPush:  within(time.Hour, s.d.cfg.Bounds.Pushes),
			allAsk:   within(time.Minute, s.d.cfg.Bounds.Answers),
			allHear:  all(300*time.Millisecond, 200),
			allRelay: all(5*time.Second, 12),
			refusals: all(10*time.Second, 20), // less than the pace of a channel lets through
		},
	}
}

func (k *maker) sweep(now time.Time) {
	for _, nicks := range []*rate.Keyed[protocol.Nick]{k.limits.fill, k.limits.fillLong, k.limits.push, k.limits.hear, k.limits.relay} {
		nicks.Sweep(now)
	}
	k.limits.ask.Sweep(now)
}

func (k *maker) request(method string, params json.RawMessage) (any, error) {
	switch method {
	case control.MethodAnnounce:
		return answering(params, k.announce)
	case control.MethodIOAuth:
		return answering(params, k.ioauth)
	case control.MethodSigs:
		return answering(params, k.sigs)
	case control.MethodRefuse:
		return answering(params, k.refuse)
	}
	return nil, notFor(method, control.RoleMaker)
}

// find returns an open conversation in which our client may say command.
func (k *maker) find(id uint64, command protocol.Command) (*makerTalk, error) {
	for _, t := range k.talks {
		if t.ID != id {
			continue
		}
		if _, err := exchange.Step(control.RoleMaker, t.State(), exchange.Input{From: exchange.Client, Command: command}); err != nil {
			return nil, fmt.Errorf("%w: conversation %d: %v", control.ErrState, id, err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%w: conversation %d is over", control.ErrState, id)
}

// ioauth shows the maker's coins. The commitment is on disk as used before the
// message leaves, so that no crash lets it open our coins again.
func (k *maker) ioauth(r control.IOAuthRequest) (any, error) {
	content, err := line.ParseSealed(protocol.CmdIOAuth, ioauthText(r.IOAuth))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", control.ErrBadRequest, err)
	}
	t, err := k.find(r.Conversation, protocol.CmdIOAuth)
	if err != nil {
		return nil, err
	}
	if t.showing {
		return nil, fmt.Errorf("%w: conversation %d: the coins are being shown", control.ErrState, r.Conversation)
	}
	t.showing = true
	e, on := recorded{k: k, t: t, content: content, answer: new(later)}, t.reserved.Use()
	k.s.ask(func(ctx context.Context) event {
		select {
		case e.err = <-on:
		case <-ctx.Done():
		}
		return e
	})
	return e.answer, nil
}

// recorded tells that a commitment is on the disk as used, or cannot be: what is
// to be said for it may leave, or not.
type recorded struct {
	k       *maker
	t       *makerTalk
	content exchange.Said
	answer  *later
	err     error
}

func (e recorded) happen(*session) {
	k, t := e.k, e.t
	switch {
	case t.Ended():
		e.answer.give(nil, fmt.Errorf("%w: conversation %d is over", control.ErrState, t.ID))
	case e.err != nil:
		k.finish(t, protocol.ReasonInternal)
		e.answer.give(nil, fmt.Errorf("%w: the commitment cannot be recorded as used: %v", control.ErrInternal, e.err))
	default:
		err := k.say(t, e.content)
		e.answer.give(nil, err)
		if err == nil {
			k.handOn(t.reserved.Value(), t.Peer)
		}
	}
}

// ioauthText is the plaintext of an ioauth, not yet checked.
func ioauthText(o control.IOAuth) string {
	text := ""
	for i, u := range o.UTXOs {
		if i > 0 {
			text += ","
		}
		text += u
	}
	return text + " " + o.AuthPubKey + " " + o.CJAddress + " " + o.ChangeAddress + " " + o.Signature
}

// sigs sends the maker's signatures; with them the conversation has done what
// it was for.
func (k *maker) sigs(r control.SigsRequest) (any, error) {
	contents := make([]exchange.Said, len(r.Sigs))
	for i, sig := range r.Sigs {
		content, err := line.ParseSealed(protocol.CmdSig, sig)
		if err != nil {
			return nil, fmt.Errorf("%w: signature %d: %v", control.ErrBadRequest, i, err)
		}
		contents[i] = content
	}
	t, err := k.find(r.Conversation, protocol.CmdSig)
	if err != nil {
		return nil, err
	}
	if err := k.say(t, contents...); err != nil {
		return nil, err
	}
	k.s.d.counts.Inc(count.ConversationSigned)
	k.s.log.Info("transaction signed", "conversation", t.ID, "nick", t.Peer)
	k.drop(t)
	return nil, nil
}

// refuse ends a conversation; the taker is told nothing, as with the reference.
func (k *maker) refuse(r control.RefuseRequest) (any, error) {
	for _, t := range k.talks {
		if t.ID == r.Conversation {
			k.finish(t, r.Reason)
			return nil, nil
		}
	}
	return nil, nil // over already, which is what was asked for
}

// say moves a conversation by things to say, and says them.
func (k *maker) say(t *makerTalk, said ...exchange.Said) error {
	msgs, err := t.Send(said...)
	if err != nil {
		return err
	}
	for _, msg := range msgs {
		k.s.send(&outgoing{to: t.Peer, command: said[0].Command(), msg: msg, talk: &t.talk, failed: func(err error) {
			k.finish(t, sendReason(err))
		}})
	}
	k.await(t)
	return nil
}

func (k *maker) await(t *makerTalk) {
	k.s.await(&t.talk, 0, func(reason protocol.Reason) { k.finish(t, reason) })
}

// finish ends a conversation before its signatures, and tells the client if it
// knows of it.
func (k *maker) finish(t *makerTalk, reason protocol.Reason) {
	if t.Ended() || t.State().Over() {
		return
	}
	k.s.d.counts.Inc(count.ConversationFailed)
	k.s.log.Info("conversation ended", "conversation", t.ID, "nick", t.Peer, "state", t.State(), "reason", reason)
	t.End()
	k.drop(t)
	if t.told {
		k.s.tell(control.EventEnded, control.EndedEvent{Conversation: t.ID, Taker: t.Peer, Reason: reason})
	}
}

// drop forgets a conversation that is over.
func (k *maker) drop(t *makerTalk) {
	k.s.clock.stop(t.alarm)
	t.reserved.Release()
	delete(k.talks, t.Peer)
}

func (k *maker) standing() (open []control.ConversationState) {
	for _, t := range k.talks {
		if t.told {
			open = append(open, t.where())
		}
	}
	return open
}

func (k *maker) windDown() {
	for _, t := range k.talks {
		if !t.State().Opened() {
			k.finish(t, protocol.ReasonDaemonStops)
		}
	}
}

func (k *maker) busy() bool { return len(k.talks) > 0 }

func (k *maker) end(reason protocol.Reason) {
	for _, t := range k.talks {
		k.finish(t, reason)
	}
}

func (k *maker) knows(nick protocol.Nick) bool { return k.talks[nick] != nil }

func (k *maker) conversations() int { return len(k.talks) }
