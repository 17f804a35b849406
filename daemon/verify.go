package daemon

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/orderbook"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
)

// Limits of messages that wait for the client's verdict. In the worst case they
// hold maxWaitingBytes, and a nick's maxPerNick is enough for the signatures of
// a maker with protocol.MaxUTXOs coins that arrive at once.
const (
	maxVerdicts     = 32      // questions at a time; leaves room for maxSignatures
	maxPerNick      = 128     // messages of one nick
	maxStrangers    = 1024    // messages of nicks without an open conversation
	maxWaitingBytes = 8 << 20 // of all messages
)

// verifier has the client judge the signatures of private messages. Messages of
// one nick are judged and then worked off in the order in which they came; the
// nicks of open conversations come before strangers. It is owned by the loop.
type verifier struct {
	s         *session
	queues    map[protocol.Nick]*inbox
	known     []protocol.Nick // have a message to judge, in the order of turns
	strangers []protocol.Nick
	asking    int
	ofOthers  int // waiting messages of strangers
	bytes     int // of all waiting messages
	rates     *rate.Keyed[protocol.Nick]
}

// inbox is what waits of one nick.
type inbox struct {
	waiting []*judgement
	judging *judgement // or nil
	listed  bool       // in known or strangers, or being judged
}

// judgement is a private message on its way to a verdict.
type judgement struct {
	from     protocol.Nick
	on       *link
	hostID   string // of the link when the message came
	envelope envelope.Envelope
	stranger bool
	absent   bool // the nick left the channel meanwhile; set by the loop
	valid    bool // the verdict
}

func (j *judgement) size() int { return len(j.envelope.Msg) + 200 }

// messageRate bounds the private messages of a nick.
var messageRate = rate.Rate{Every: 100 * time.Millisecond, Burst: maxPerNick}

// hearPrivate queues a private message for the verdict, unless it is none or
// nobody here wants it.
func (s *session) hearPrivate(on *link, ev channel.Private) {
	e, err := envelope.Parse(ev.Text)
	if err != nil {
		s.log.Debug("private message dropped", "channel", on.name, "nick", ev.From, "err", err)
		return
	}
	if !s.role.wants(e.Command) {
		return
	}
	if !s.in.add(&judgement{from: ev.From, on: on, hostID: on.hostID, envelope: e, stranger: !s.role.knows(ev.From)}) {
		s.log.Debug("private message dropped: too many wait", "channel", on.name, "nick", ev.From)
	}
}

func (v *verifier) add(j *judgement) bool {
	if v.rates == nil {
		v.rates = rate.NewKeyed[protocol.Nick](messageRate, orderbook.MaxNicks)
	}
	q := v.queues[j.from]
	if q == nil {
		q = &inbox{}
	}
	if len(q.waiting) >= maxPerNick || v.bytes+j.size() > maxWaitingBytes || j.stranger && v.ofOthers >= maxStrangers ||
		!v.rates.Allow(j.from, time.Now()) {
		return false
	}
	v.queues[j.from] = q
	q.waiting = append(q.waiting, j)
	v.count(j, 1)
	v.list(j.from, q)
	v.pump()
	return true
}

func (v *verifier) count(j *judgement, sign int) {
	v.bytes += sign * j.size()
	if j.stranger {
		v.ofOthers += sign
	}
}

// left notes that a nick left a channel on which messages of it came that still
// wait. They count, but no longer as a sign that it is there.
func (v *verifier) left(nick protocol.Nick, on *link) {
	q := v.queues[nick]
	if q == nil {
		return
	}
	for _, j := range slices.Concat(q.waiting, []*judgement{q.judging}) {
		if j != nil && j.on == on {
			j.absent = true
		}
	}
}

// list gives a nick its turn, if it has something to judge and has none yet.
func (v *verifier) list(nick protocol.Nick, q *inbox) {
	switch {
	case q.listed:
	case len(q.waiting) == 0:
		delete(v.queues, nick)
	case v.s.role.knows(nick):
		q.listed = true
		v.known = append(v.known, nick)
	default:
		q.listed = true
		v.strangers = append(v.strangers, nick)
	}
}

// pump puts questions to the client while there are free places.
func (v *verifier) pump() {
	for v.asking < maxVerdicts {
		turns := &v.known
		if len(*turns) == 0 {
			turns = &v.strangers
		}
		if len(*turns) == 0 {
			return
		}
		q := v.queues[(*turns)[0]]
		*turns = (*turns)[1:]
		j := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.judging = j
		v.count(j, -1)
		v.asking++
		v.s.ask(func(ctx context.Context) event { return j.judge(ctx, v.s.conn) })
	}
}

// judge asks the client. Some peers learn the name of an IRC network in lower
// case and sign so; that is the second try, and the last.
func (j *judgement) judge(ctx context.Context, conn *control.Conn) event {
	for _, hostID := range []string{j.hostID, strings.ToLower(j.hostID)} {
		var verdict control.VerifyAnswer
		err := conn.Call(ctx, control.QuestionVerify, control.VerifyRequest{
			Nick:      j.from,
			Text:      envelope.SignedText(j.envelope.Msg, hostID),
			HostID:    hostID,
			PubKey:    j.envelope.PubKey,
			Signature: j.envelope.Signature,
		}, &verdict)
		if j.valid = err == nil && verdict.Valid; j.valid || err != nil || hostID == strings.ToLower(hostID) {
			break
		}
	}
	return j
}

// happen takes the verdict.
func (j *judgement) happen(s *session) {
	s.in.asking--
	q := s.in.queues[j.from]
	q.judging, q.listed = nil, false
	defer s.in.pump()
	defer s.in.list(j.from, q)
	if !j.valid {
		s.log.Debug("private message dropped: not signed by its sender", "channel", j.on.name, "nick", j.from, "cmd", j.envelope.Command)
		return
	}
	s.heardPrivate(j)
}
