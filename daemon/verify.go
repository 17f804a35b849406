package daemon

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
)

// Limits of messages that wait for the client's verdict. A nick's maxPerNick is
// enough for the signatures of a maker with protocol.MaxUTXOs coins that arrive
// at once. Each lane holds at most maxLaneBytes.
const (
	maxVerdicts  = 32      // questions at a time; leaves room for maxSignatures
	maxPerNick   = 128     // messages of one nick
	maxKnown     = 4096    // messages of nicks in an open conversation
	maxStrangers = 1024    // messages of all others
	maxLaneBytes = 4 << 20 // of the messages of a lane
)

// messageRate bounds the private messages of a nick.
var messageRate = rate.Rate{Every: 100 * time.Millisecond, Burst: maxPerNick}

// verifier has the client judge the signatures of private messages. Messages of
// one nick are judged and then worked off in the order in which they came. Nicks
// in an open conversation have a lane of their own, which goes first, so that no
// flood of strangers crowds them out. It is owned by the loop.
type verifier struct {
	s                *session
	queues           map[protocol.Nick]*inbox
	known, strangers lane
	asking           int
}

// lane is a class of nicks.
type lane struct {
	turns []protocol.Nick // have a message to judge
	max   int
	rates *rate.Keyed[protocol.Nick]
	count int // messages that wait
	bytes int // of them
}

func newVerifier(s *session) verifier {
	lane := func(max, nicks int) lane {
		return lane{max: max, rates: rate.NewKeyed[protocol.Nick](messageRate, nicks)}
	}
	return verifier{
		s:         s,
		queues:    make(map[protocol.Nick]*inbox),
		known:     lane(maxKnown, protocol.MaxMakers+s.d.cfg.Bounds.Conversations),
		strangers: lane(maxStrangers, limitedNicks),
	}
}

// inbox is what waits of one nick.
type inbox struct {
	waiting []*judgement
	judging *judgement // or nil
	listed  bool       // has a turn, or is being judged
}

// judgement is a private message on its way to a verdict.
type judgement struct {
	from     protocol.Nick
	on       *link
	way      uint64 // by which it came, see channel.Prover
	hostID   string // of the link when the message came
	envelope envelope.Envelope
	lane     *lane
	absent   bool // the nick left the channel meanwhile; set by the loop
	valid    bool // the verdict
}

func (j *judgement) size() int { return len(j.envelope.Msg) + envelope.MaxProof }

// hearPrivate queues a private message for the verdict, unless it is none or
// nobody here wants it.
func (s *session) hearPrivate(on *link, ev channel.Private) {
	e, err := envelope.Parse(ev.Text)
	if err != nil {
		s.d.counts.Inc(count.DropForm)
		s.log.Debug("private message dropped", "channel", on.name, "nick", ev.From, "err", err)
		return
	}
	if !s.role.wants(e.Command) {
		return
	}
	if !s.in.add(&judgement{from: ev.From, on: on, way: ev.Way, hostID: on.hostID, envelope: e, lane: s.in.laneOf(ev.From)}) {
		s.d.counts.Inc(count.LimitVerdicts)
		s.log.Debug("private message dropped: too many wait", "channel", on.name, "nick", ev.From)
	}
}

func (v *verifier) laneOf(nick protocol.Nick) *lane {
	if v.s.role.knows(nick) {
		return &v.known
	}
	return &v.strangers
}

// add takes a message, unless a limit is reached.
func (v *verifier) add(j *judgement) bool {
	q := v.queues[j.from]
	if q == nil {
		q = &inbox{}
	}
	l := j.lane
	if len(q.waiting) >= maxPerNick || l.count >= l.max || l.bytes+j.size() > maxLaneBytes || !l.rates.Allow(j.from, time.Now()) {
		return false
	}
	l.count++
	l.bytes += j.size()
	v.queues[j.from] = q
	q.waiting = append(q.waiting, j)
	v.list(j.from, q)
	v.pump()
	return true
}

// sweep gives back the memory that a flood took.
func (v *verifier) sweep(now time.Time) {
	for _, l := range []*lane{&v.known, &v.strangers} {
		l.rates.Sweep(now)
		l.turns = append([]protocol.Nick(nil), l.turns...)
	}
	v.queues = shrunk(v.queues)
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
	default:
		q.listed = true
		l := v.laneOf(nick)
		l.turns = append(l.turns, nick)
	}
}

// pump puts questions to the client while there are free places.
func (v *verifier) pump() {
	for v.asking < maxVerdicts {
		l := &v.known
		if len(l.turns) == 0 {
			l = &v.strangers
		}
		if len(l.turns) == 0 {
			return
		}
		q := v.queues[l.turns[0]]
		l.turns = l.turns[1:]
		j := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.judging = j
		j.lane.count--
		j.lane.bytes -= j.size()
		v.asking++
		v.s.ask(func(ctx context.Context) event { return j.judge(ctx, v.s.endpoint) })
	}
}

// judge asks the client. Some peers learn the name of an IRC network in lower
// case and sign so; that is the second try, and the last.
func (j *judgement) judge(ctx context.Context, client *endpoint) event {
	for _, hostID := range []string{j.hostID, strings.ToLower(j.hostID)} {
		var verdict control.VerifyAnswer
		err := client.ask(ctx, control.QuestionVerify, control.VerifyRequest{
			Nick:      j.from,
			Command:   string(j.envelope.Command),
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
		s.d.counts.Inc(count.DropProof)
		s.log.Debug("private message dropped: not signed by its sender", "channel", j.on.name, "nick", j.from, "cmd", j.envelope.Command)
		return
	}
	if p, ok := j.on.Channel.(channel.Prover); ok {
		p.Proven(j.from, j.way)
	}
	s.heardPrivate(j)
}
