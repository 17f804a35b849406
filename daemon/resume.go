package daemon

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// tokenDigest is what is kept of a token: who reads our memory or measures our
// time learns nothing of use.
type tokenDigest [sha256.Size]byte

func digest(token control.Credential) tokenDigest { return sha256.Sum256([]byte(token)) }

func (t tokenDigest) is(other tokenDigest) bool {
	return subtle.ConstantTimeCompare(t[:], other[:]) == 1
}

// tokens open a session: the one that was given last and, until the client shows
// by a command that it has that, the one for which it was given. The answer of
// resume may be lost.
type tokens struct {
	now    tokenDigest
	before *tokenDigest
}

func (t tokens) has(other tokenDigest) bool {
	now, before := t.now.is(other), t.before != nil && t.before.is(other)
	return now || before
}

// errNoSession is the one answer to every token that opens nothing.
var errNoSession = fmt.Errorf("%w: the daemon was started again, or the session ended; start anew", control.ErrResume)

// resumption gives the client a new token, for the one that it showed; others
// are void. It is empty for a client that cannot use it.
func (s *session) resumption(shown *tokenDigest) control.Resumption {
	if !s.endpoint.lasting {
		return control.Resumption{}
	}
	var random [32]byte
	rand.Read(random[:])
	token := control.Credential(hex.EncodeToString(random[:]))
	s.d.expect(s, tokens{digest(token), shown})
	return control.Resumption{Token: token, Grace: s.d.cfg.Grace}
}

// expect notes by which tokens a session's client comes back.
func (d *Daemon) expect(s *session, t tokens) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens[s] = t
}

// confirm notes that the client has the token that was given last.
func (d *Daemon) confirm(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t, ok := d.tokens[s]; ok {
		t.before = nil
		d.tokens[s] = t
	}
}

// forget voids a session's tokens.
func (d *Daemon) forget(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tokens, s)
}

// owns reports whether t opens s.
func (d *Daemon) owns(s *session, t tokenDigest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	own, ok := d.tokens[s]
	return ok && own.has(t)
}

// guess reports whether one more wrong token is within what is to be borne.
func (d *Daemon) guess(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.guesses.Allow(now)
}

// comeBack finds the session of a token and has it go on behind a door.
func (d *Daemon) comeBack(o *door, r control.ResumeRequest) answer {
	t := digest(r.Token)
	d.mu.Lock()
	var found *session
	for s, own := range d.tokens { // all of them, however soon one is found
		if own.has(t) {
			found = s
		}
	}
	d.mu.Unlock()
	if found == nil {
		return answer{err: errNoSession}
	}
	e := &comeback{door: o, token: t, events: r.Events, answer: make(chan answer, 1)}
	found.post(e)
	select {
	case a := <-e.answer:
		return a
	case <-found.ctx.Done():
		return answer{err: errNoSession}
	}
}

// comeback is a client that shows the token of the session.
type comeback struct {
	door   *door
	token  tokenDigest
	events uint64
	answer chan answer
}

func (e *comeback) happen(s *session) {
	a := answer{err: errNoSession}
	defer func() { e.answer <- a }()
	if !s.d.owns(s, e.token) {
		return // another connection was faster
	}
	missed, err := s.endpoint.meet(e.door.conn, e.events)
	if err != nil {
		a.err = err
		return
	}
	if s.conn != nil {
		s.conn.Abort(fmt.Errorf("%w: the client came back on another connection", control.ErrClosed))
	}
	s.clock.stop(s.away)
	s.conn, s.away = e.door.conn, nil
	e.door.to.Store(s)
	state := control.ResumeAnswer{
		Resumption:    s.resumption(&e.token),
		Role:          s.plays,
		Nick:          s.nick,
		Ready:         s.ready,
		Channels:      []control.ChannelEvent{},
		Conversations: s.role.standing(),
		Missed:        missed,
	}
	for _, l := range s.links {
		state.Channels = append(state.Channels, l.event())
	}
	s.log.Info("client is back", "events", e.events, "missed", missed)
	a = answer{v: state}
}

// host has a guest show its token in time; called before run.
func (s *session) host() {
	s.guest = true
	conn := s.conn
	s.clock.after(control.HelloTimeout, func() {
		if s.guest && s.role == nil {
			conn.Abort(fmt.Errorf("%w: this daemon serves as many clients as it may", control.ErrLimit))
		}
	})
}

// parted notes that a connection of the client is over. If the client may come
// back the session waits for it, else it ends.
func (s *session) parted(conn *control.Conn) {
	if s.conn != conn || s.over {
		return // the client is on another one
	}
	if !s.endpoint.lasting || s.role == nil {
		s.over = true
		return
	}
	s.endpoint.part(conn)
	s.conn = nil
	s.log.Info("client is away", "grace", s.d.cfg.Grace, "err", conn.Err())
	s.away = s.clock.after(s.d.cfg.Grace, func() {
		s.log.Info("client did not come back")
		s.over = true
	})
}

// settle returns when the session has noticed the end of a connection: it waits
// for its client, or is over and done.
func (s *session) settle(conn *control.Conn) {
	e := &parting{conn: conn, noticed: make(chan struct{})}
	s.post(e)
	select {
	case <-e.noticed:
		if !e.over {
			return
		}
	case <-s.ctx.Done():
	}
	<-s.done
}

// parting is the end of a connection.
type parting struct {
	conn    *control.Conn
	over    bool // and with it the session's
	noticed chan struct{}
}

func (e *parting) happen(s *session) {
	s.parted(e.conn)
	e.over = s.over
	close(e.noticed)
}
