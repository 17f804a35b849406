package daemon

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// taker is the role of a session that fills offers. It has one attempt at a
// time, with one conversation for each maker. This file has what its client
// asks; taker_hear.go has what the makers say.
type taker struct {
	watcher
	s       *session
	attempt uint64        // number of the current one, 0 before the first
	key     *seal.Key     // of the current attempt
	asks    line.Fill     // what its makers are asked, but for the offer
	stage   time.Duration // how long each stage of it may take, 0 for the default
	pace    exchange.Pace // of its makers
	talks   map[protocol.Nick]*takerTalk
	pending bool // the daemon stops, and the attempt may be finished before
}

// takerTalk is a conversation with a maker.
type takerTalk struct {
	talk
	asked  time.Time       // when the message that it is to answer should have left
	pubkey string          // the maker's session key
	fault  protocol.Reason // why a message of the maker was not acted on; empty for none
}

func newTaker(s *session) *taker { return &taker{s: s, talks: make(map[protocol.Nick]*takerTalk)} }

func (k *taker) request(method string, params json.RawMessage) (any, error) {
	switch method {
	case control.MethodFill:
		return answering(params, k.fill)
	case control.MethodRefill:
		return answering(params, k.refill)
	case control.MethodAuth:
		return answering(params, func(r control.AuthRequest) (any, error) {
			return nil, k.say(r.Attempt, r.Makers, protocol.CmdAuth, r.Revelation)
		})
	case control.MethodTx:
		return answering(params, func(r control.TxRequest) (any, error) {
			return nil, k.say(r.Attempt, r.Makers, protocol.CmdTx, b64.Encode(r.Tx))
		})
	case control.MethodPush:
		return answering(params, k.push)
	}
	return nil, notFor(method, control.RoleTaker)
}

// answering decodes the parameters of a method and runs it.
func answering[T any](params json.RawMessage, method func(T) (any, error)) (any, error) {
	r, err := control.Decode[T](params)
	if err != nil {
		return nil, err
	}
	return method(r)
}

// fill begins an attempt and ends the one before.
func (k *taker) fill(r control.FillRequest) (any, error) {
	committed, err := r.Commitment.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", control.ErrBadRequest, err)
	}
	key, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	k.abandon()
	k.attempt++
	k.stage, k.pace, k.key = r.Deadline, exchange.Pace{}, key
	k.asks = line.Fill{Amount: r.Amount, PubKey: key.Public(), Commitment: protocol.NewCommitment(committed)}
	if err := k.ask(r.Makers); err != nil {
		return nil, err
	}
	k.s.log.Info("attempt begun", "attempt", k.attempt, "makers", len(r.Makers))
	return control.FillAnswer{Attempt: k.attempt}, nil
}

// refill asks further makers within the attempt. Each has a conversation of its
// own, which cannot be begun twice in one attempt.
func (k *taker) refill(r control.RefillRequest) (any, error) {
	if r.Attempt != k.attempt {
		return nil, fmt.Errorf("%w: attempt %d is over, the current one is %d", control.ErrState, r.Attempt, k.attempt)
	}
	if len(k.talks)+len(r.Makers) > protocol.MaxMakers {
		return nil, fmt.Errorf("%w: %d makers are asked already and %d are to be; an attempt has at most %d",
			control.ErrLimit, len(k.talks), len(r.Makers), protocol.MaxMakers)
	}
	for _, m := range r.Makers {
		if k.talks[m.Nick] != nil {
			return nil, fmt.Errorf("%w: %s was asked in attempt %d before", control.ErrState, m.Nick, r.Attempt)
		}
	}
	if err := k.ask(r.Makers); err != nil {
		return nil, err
	}
	k.s.log.Info("more makers asked", "attempt", k.attempt, "makers", len(r.Makers))
	return nil, nil
}

// ask sends the fill of the attempt to makers.
func (k *taker) ask(makers []control.MakerOffer) error {
	var talks []*takerTalk
	for _, m := range makers {
		t := &takerTalk{talk: talk{Conversation: exchange.NewTaker(m.Nick, k.attempt, k.key)}}
		k.talks[m.Nick] = t
		talks = append(talks, t)
		fill := k.asks
		fill.OfferID = m.OfferID
		if err := k.send(t, fill); err != nil {
			return err
		}
	}
	k.await(talks, len(line.Fields(k.asks)))
	k.s.d.counts.Add(count.ConversationBegun, uint64(len(talks)))
	return nil
}

// say sends one sealed message to several makers of the attempt. Makers that
// failed meanwhile are passed over, for the client has been told or will be; if
// any other may not be sent this now, nothing is sent to anybody.
func (k *taker) say(attempt uint64, makers []protocol.Nick, command protocol.Command, plaintext string) error {
	content, err := line.ParseSealed(command, plaintext)
	if err != nil {
		return fmt.Errorf("%w: %v", control.ErrBadRequest, err)
	}
	if attempt != k.attempt {
		return fmt.Errorf("%w: attempt %d is over, the current one is %d", control.ErrState, attempt, k.attempt)
	}
	var talks []*takerTalk
	for _, nick := range makers {
		t := k.talks[nick]
		if t == nil {
			return fmt.Errorf("%w: %s is not in attempt %d", control.ErrState, nick, attempt)
		}
		if t.Ended() {
			continue
		}
		if _, err := exchange.Step(control.RoleTaker, t.State(), exchange.Input{From: exchange.Client, Command: command}); err != nil {
			return fmt.Errorf("%w: %s: %v", control.ErrState, nick, err)
		}
		talks = append(talks, t)
	}
	for _, t := range talks {
		if err := k.send(t, content); err != nil {
			return err
		}
	}
	k.await(talks, len(plaintext)*4/3)
	return nil
}

// send moves a conversation by something to say, and says it.
func (k *taker) send(t *takerTalk, said exchange.Said) error {
	msgs, err := t.Send(said)
	if err != nil {
		return err
	}
	k.s.send(&outgoing{to: t.Peer, command: said.Command(), msg: msgs[0], talk: &t.talk, failed: func(err error) {
		// Later than the answer to the request, which the loop gives first.
		k.s.clock.after(0, func() { k.fail(t, sendReason(err), "") })
	}})
	return nil
}

// await gives the makers their time, from when the last of as many messages of
// size bytes has left.
func (k *taker) await(talks []*takerTalk, size int) {
	asked := time.Now().Add(k.s.airtime(len(talks), size))
	for _, t := range talks {
		t.asked = asked
		k.watch(t)
	}
}

// heard notes that a maker answered, by which the others are measured.
func (k *taker) heard(t *takerTalk) {
	k.pace.Heard(t.asked, time.Now())
	for _, other := range k.talks {
		k.watch(other)
	}
}

// watch sets the end of the time that a maker has for its answer, if it owes one.
func (k *taker) watch(t *takerTalk) {
	if exchange.Waits[t.State()].For != exchange.Peer {
		return
	}
	limits := k.s.d.cfg.Limits
	most := cmp.Or(k.stage, limits[exchange.LimitStage])
	until := k.pace.Until(t.asked, most)
	if t.State() == exchange.TakerFilled {
		until = k.pace.UntilKeyed(t.asked, most, limits[exchange.LimitFill])
	}
	k.s.await(&t.talk, max(1, time.Until(until)), func(reason protocol.Reason) {
		if t.fault != "" {
			reason = t.fault // what came was of no use; that says more than that nothing did
		}
		k.fail(t, reason, "")
	})
}

// push hands a maker the signed transaction to broadcast.
func (k *taker) push(r control.PushRequest) (any, error) {
	msg := line.Fields(line.Push{Tx: r.Tx})
	if size := len("!push ") + len(msg) + envelope.MaxProof; size > protocol.MaxMessage {
		return nil, fmt.Errorf("%w: a push of %d bytes, messages have at most %d", control.ErrTooLarge, size, protocol.MaxMessage)
	}
	o := &outgoing{to: r.Maker, command: protocol.CmdPush, msg: msg}
	if k.s.route(o) == nil {
		return nil, fmt.Errorf("%w: %s: %v", control.ErrState, r.Maker, errUnreachable)
	}
	k.s.send(o)
	return nil, nil
}

// fail takes a maker out of the attempt and tells the client why.
func (k *taker) fail(t *takerTalk, reason protocol.Reason, text string) {
	if t.Ended() {
		return
	}
	k.ended(t)
	k.s.log.Info("maker dropped out", "attempt", t.ID, "nick", t.Peer, "reason", reason)
	k.s.tell(control.EventFailed, control.FailedEvent{Attempt: t.ID, Maker: t.Peer, Reason: reason, Text: text})
}

// ended ends a conversation, which was signed or else has failed.
func (k *taker) ended(t *takerTalk) {
	result := count.ConversationFailed
	if t.State() == exchange.TakerDone {
		result = count.ConversationSigned
	}
	k.s.d.counts.Inc(result)
	t.End()
	k.s.clock.stop(t.alarm)
}

// abandon ends the attempt without a word to the makers: the protocol has none.
func (k *taker) abandon() {
	for _, t := range k.talks {
		if !t.Ended() {
			k.ended(t)
		}
	}
	clear(k.talks)
}

func (k *taker) standing() (open []control.ConversationState) {
	for _, t := range k.talks {
		if !t.State().Over() {
			open = append(open, t.where())
		}
	}
	return open
}

// windDown leaves an attempt alone if any of its makers has seen the commitment
// opened and did not yet sign.
func (k *taker) windDown() {
	for _, t := range k.talks {
		switch {
		case t.State().Over():
		case t.State().Opened():
			k.pending = true
		default:
			k.fail(t, protocol.ReasonDaemonStops, "")
		}
	}
}

// busy lasts beyond the signatures: the client may have a maker broadcast. It
// leaves when it has what it wants.
func (k *taker) busy() bool {
	return k.pending && slices.ContainsFunc(slices.Collect(maps.Values(k.talks)), func(t *takerTalk) bool { return !t.Ended() })
}

func (k *taker) end(reason protocol.Reason) {
	if reason == protocol.ReasonDaemonStops {
		for _, t := range k.talks {
			if !t.State().Over() {
				k.fail(t, reason, "")
			}
		}
	}
	k.abandon()
}

func (k *taker) knows(nick protocol.Nick) bool {
	t := k.talks[nick]
	return t != nil && !t.Ended()
}

func (k *taker) conversations() (open int) {
	for _, t := range k.talks {
		if !t.State().Over() {
			open++
		}
	}
	return open
}
