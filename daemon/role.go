package daemon

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// role is what a session does beyond reading the order book. All methods are
// called by the loop.
type role interface {
	// request answers a method that not every role has.
	request(method string, params json.RawMessage) (any, error)
	// wants reports whether a private message that begins with command is
	// worth the client's verdict.
	wants(command protocol.Command) bool
	// knows reports whether there is an open conversation with a nick; its
	// messages are not crowded out by those of strangers.
	knows(nick protocol.Nick) bool
	// public takes a group of a public line that is not the order book's.
	public(from protocol.Nick, on *link, m line.Message)
	// private takes a message whose signature was verified.
	private(from protocol.Nick, on *link, e envelope.Envelope)
	// up notes that a channel came up, for the first time or again.
	up(l *link, again bool)
	// begin notes that the market can be used; once.
	begin()
	// left notes that a nick is on no channel any more.
	left(nick protocol.Nick)
	// sweep gives back the memory of what is over.
	sweep(now time.Time)
	// conversations is the number of open ones.
	conversations() int
	// standing are the open conversations, for a client that comes back.
	standing() []control.ConversationState
	// windDown ends conversations that are not worth waiting for when the
	// daemon stops, and busy reports whether others are open.
	windDown()
	busy() bool
	// end notes that the session is over, and why conversations end with it.
	end(protocol.Reason)
}

// watcher reads the order book and does nothing else. The other roles build on
// it.
type watcher struct{}

func (watcher) request(method string, _ json.RawMessage) (any, error) {
	return nil, notFor(method, control.RoleWatcher)
}
func (watcher) wants(c protocol.Command) bool                   { return c.Offer() }
func (watcher) knows(protocol.Nick) bool                        { return false }
func (watcher) public(protocol.Nick, *link, line.Message)       {}
func (watcher) private(protocol.Nick, *link, envelope.Envelope) {}
func (watcher) up(*link, bool)                                  {}
func (watcher) begin()                                          {}
func (watcher) left(protocol.Nick)                              {}
func (watcher) conversations() int                              { return 0 }
func (watcher) standing() []control.ConversationState           { return nil }
func (watcher) sweep(time.Time)                                 {}
func (watcher) windDown()                                       {}
func (watcher) busy() bool                                      { return false }
func (watcher) end(protocol.Reason)                             {}

// notFor refuses a method that is not known, or not for this role.
func notFor(method string, r control.Role) error {
	switch method {
	case control.MethodAnnounce, control.MethodFill, control.MethodRefill, control.MethodAuth, control.MethodTx, control.MethodPush,
		control.MethodIOAuth, control.MethodSigs, control.MethodRefuse, control.MethodBecome:
		return fmt.Errorf("%w: %s is not for a %s", control.ErrState, method, r)
	}
	return fmt.Errorf("%w: %.40q", control.ErrUnknownMethod, method)
}

// talk is a conversation of the session, with what the table does not hold.
type talk struct {
	*exchange.Conversation
	on    string // name of the channel the peer last spoke on
	alarm *alarm // the deadline of the state it is in
}

// where tells the client where the conversation stands.
func (t *talk) where() control.ConversationState {
	return control.ConversationState{Conversation: t.ID, Nick: t.Peer, State: string(t.State())}
}

// await sets the deadline of t's state, if it has one: limit, or the session's
// own when that is zero. expire is called when it passes.
func (s *session) await(t *talk, limit time.Duration, expire func(protocol.Reason)) {
	s.clock.stop(t.alarm)
	t.alarm = nil
	wait, ok := exchange.Waits[t.State()]
	if !ok {
		return
	}
	if limit == 0 {
		limit = s.d.cfg.Limits[wait.Limit]
	}
	t.alarm = s.clock.after(limit, func() { expire(wait.Reason) })
}
