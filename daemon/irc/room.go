package irc

import (
	"time"

	"gopkg.in/irc.v4"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// refusals are the replies that say why a JOIN failed.
var refusals = map[string]Cause{
	"403": CauseRoomUnavailable, "405": CauseRoomUnavailable, "437": CauseRoomUnavailable, "476": CauseRoomUnavailable,
	"471": CauseRoomFull,
	"473": CauseRoomInvite,
	"474": CauseRoomBanned,
	"475": CauseRoomKey,
	"477": CauseRoomRegistered, "489": CauseRoomRegistered,
}

// join asks to be let into the room.
func (l *link) join() error {
	l.phase = joining
	l.board.enter(LinkJoining)
	return l.out.push("JOIN " + l.room)
}

// joined handles the echo of our own JOIN: from now on the channel is up.
func (l *link) joined(m *irc.Message) error {
	if !l.us(m.Name) || m.Param(0) != l.room || l.phase == registering || l.phase == up {
		return nil
	}
	if err := l.out.push("MODE " + string(l.cfg.Nick) + " +B"); err != nil {
		return err
	}
	l.phase = up
	l.deadline, l.retry = nil, nil
	l.joiner = chunk.NewJoiner(time.Now)
	l.upSince, l.entered, l.wasUp = time.Now(), true, true
	l.board.enter(LinkUp)
	l.board.change(func(s *Status) { s.HostID, s.Cause, s.Reason = l.hostID, "", "" })
	l.log.Info("channel up", "hostid", l.hostID, "room", l.room)
	l.setOut(l.out)
	l.sink(channel.State{State: control.ChannelUp, HostID: l.hostID})
	return nil
}

// leftRoom notes the end of a stay in the room.
func (l *link) leftRoom() {
	if l.upSince.IsZero() {
		return
	}
	stay := time.Since(l.upSince)
	if stay >= stableAfter {
		l.refusals = 0
	}
	l.lasted = max(l.lasted, stay)
	l.upSince = time.Time{}
}

// roomRefused handles the replies that say why a JOIN failed. The connection
// stays: another one would not be let in either.
func (l *link) roomRefused(m *irc.Message) {
	switch {
	case m.Param(1) != l.room:
	case l.phase == up:
		l.muted(m)
	case l.phase == joining:
		l.stayOutside(refusals[m.Command], "the server refuses the room "+l.room+": "+m.Trailing())
	}
}

// putOut handles our own KICK or PART.
func (l *link) putOut(m *irc.Message) {
	l.setOut(nil)
	l.leftRoom()
	l.stayOutside(CauseKicked, "put out of the room by "+m.Name+": "+m.Trailing())
}

// stayOutside asks to be let in again after a while, each time a longer one.
func (l *link) stayOutside(cause Cause, reason string) {
	wait := jitter(backoffOf(cause).wait(l.refusals))
	l.refusals++
	l.phase, l.deadline = outside, nil
	l.retry = time.After(wait)
	l.again = "JOIN " + l.room
	l.down(cause, reason, wait)
}

// muted handles that the room does not take what we say. Private messages still
// work, so the channel stays up; the user is told once.
func (l *link) muted(m *irc.Message) {
	if l.phase != up || m.Param(1) != l.room {
		return
	}
	l.board.drop(DropRefused)
	if l.board.cause() == CauseRoomMuted {
		return
	}
	reason := "the room does not take what we say: " + m.Trailing()
	l.board.trouble(CauseRoomMuted, reason)
	l.log.Warn("not heard in the room", "code", CauseRoomMuted, "reason", free(reason))
}

// leaves handles that a name left a room.
func (l *link) leaves(name, room string, m *irc.Message) {
	switch {
	case room != l.room:
	case !l.us(name):
		l.left(name)
	case l.phase == up:
		l.putOut(m)
	}
}

// left handles that a name is gone from where we hear it.
func (l *link) left(name string) {
	nick := protocol.Nick(name)
	if l.phase != up || l.us(name) || !nick.Valid() {
		return
	}
	l.joiner.Drop(nick)
	l.sink(channel.Left{Nick: nick})
}
