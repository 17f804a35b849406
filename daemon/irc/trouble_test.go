package irc

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// wantCode waits for a change of state and its code.
func (h *harness) wantCode(want Cause) channel.State {
	h.t.Helper()
	for {
		switch e := h.event(patience).(type) {
		case channel.State:
			if e.Code != string(want) {
				h.t.Fatalf("state %q with code %q (%s), want code %q", e.State, e.Code, e.Reason, want)
			}
			return e
		case channel.Left, channel.Public, channel.Alert:
		default:
			h.t.Fatalf("event %#v, want a state with code %q", e, want)
		}
	}
}

// troubled is a real server with a password, and an operator of server and room.
type troubled struct {
	t *testing.T
	ircserver.Server
	op *raw
}

// start runs our channel on the server.
func (s *troubled) start(change func(*Config)) *harness {
	return start(s.t, func(cfg *Config) {
		at(s.t, s.Address)(cfg)
		cfg.Password = "sesame"
		if change != nil {
			change(cfg)
		}
	})
}

// TestRealTroubles: what real servers say when something is wrong is understood:
// each trouble has its code.
func TestRealTroubles(t *testing.T) {
	t.Parallel()
	for server, run := range realServers {
		for trouble, test := range map[string]func(*testing.T, *troubled){
			"secrets": wrongSecrets, "doors": closedDoors, "room": inTheRoom, "operators": operators,
		} {
			t.Run(server+"/"+trouble, func(t *testing.T) {
				t.Parallel()
				s := run(t, ircserver.Options{Password: "sesame"})
				op := enterWith(t, s.Address, "J5op", "sesame")
				op.say("OPER " + ircserver.Operator + " " + ircserver.Operator)
				op.until(" 381 ")
				test(t, &troubled{t, s, op})
			})
		}
	}
}

func wrongSecrets(t *testing.T, s *troubled) {
	_, other, _ := certificate(t, "x")
	h := s.start(func(cfg *Config) {
		at(t, s.TLSAddress)(cfg)
		cfg.TLS, cfg.TLSCA = true, other
	})
	h.wantCode(CauseTLS)
	h.stop()
	h = s.start(func(cfg *Config) { cfg.Password = "wrong" })
	h.wantCode(CauseAuth)
	h.stop()
}

func closedDoors(t *testing.T, s *troubled) {
	i := 0
	for mode, want := range map[string]Cause{
		"i": CauseRoomInvite, "k key": CauseRoomKey, "l 1": CauseRoomFull, "b J5z*!*@*": CauseRoomBanned,
	} {
		s.op.say("MODE #joinmarket-pit +" + mode)
		s.op.until(" MODE #joinmarket-pit ")
		h := s.start(func(cfg *Config) { cfg.Nick = stranger(i) }) // the last may still be there
		h.wantCode(want)
		h.stop()
		s.op.say("MODE #joinmarket-pit -" + mode)
		s.op.until(" MODE #joinmarket-pit ")
		i++
	}
}

// TestGhost: a connection that nobody has any more keeps our nick until the
// server notices. We wait ten seconds.
func TestGhost(t *testing.T) {
	t.Parallel()
	s := ircserver.InspIRCd(t, ircserver.Options{})
	other := enter(t, s.Address, string(ourNick))
	h := start(t, at(t, s.Address))
	h.wantCode(CauseNickInUse)
	other.conn.Close()
	h.wantCode("")
	if st := h.ch.Status(); st.State != LinkUp || st.Cause != "" || st.HostID != ircserver.Network {
		t.Errorf("status %+v", st)
	}
	h.stop()
}

// inTheRoom: we are told something, silenced and kicked.
func inTheRoom(t *testing.T, s *troubled) {
	h := s.start(nil)
	h.wantCode("")
	s.op.say("TOPIC #joinmarket-pit :pit | 4 6 please upgrade")
	h.want(channel.Alert{Text: "please upgrade"})
	s.op.say("MODE #joinmarket-pit +m")
	s.op.until(" MODE #joinmarket-pit ")
	if err := h.ch.SendPublic([]string{"!orderbook"}); err != nil {
		t.Fatal(err)
	}
	// An offer goes behind it, to somebody who is not there.
	if err := h.ch.SendPrivate(thirdNick, "sw0reloffer", "x"); err != nil {
		t.Fatal(err)
	}
	h.want(channel.Left{Nick: thirdNick})
	if st := h.ch.Status(); st.Cause != CauseRoomMuted || st.Dropped[DropRefused] == 0 || st.State != LinkUp {
		t.Errorf("status %+v", st)
	}
	s.op.say("KICK #joinmarket-pit " + string(ourNick) + " :out")
	h.wantCode(CauseKicked)
	h.stop()
}

// operators end connections, and forbid others.
func operators(t *testing.T, s *troubled) {
	h := s.start(nil)
	h.wantCode("")
	s.op.say("KILL " + string(ourNick) + " :go away")
	h.wantCode(CauseKilled)
	h.stop()
	h = s.start(nil)
	h.wantCode("")
	s.op.say("KLINE *J54*@* 3600 :spam")
	h.wantCode(CauseBanned)
	h.stop()
	h = s.start(nil)
	h.wantCode(CauseBanned)
	h.stop()
}

// TestForcedByOperators: a server that gives us another nick is left; one that
// puts us into other rooms, where somebody talks, changes nothing.
func TestForcedByOperators(t *testing.T) {
	t.Parallel()
	s := ircserver.InspIRCd(t, ircserver.Options{})
	op := enter(t, s.Address, "J5op")
	op.say("OPER "+ircserver.Operator+" "+ircserver.Operator, "JOIN #other")
	op.until(" 366 ")
	h := start(t, at(t, s.Address))
	h.wantCode("")
	op.say("SAJOIN "+string(ourNick)+" #other", "PRIVMSG #other :!orderbook",
		"PRIVMSG #other :"+strings.Repeat("x", 400), "PRIVMSG "+string(ourNick)+" :\x01VERSION\x01", "PART #other")
	op.until(" PART ")
	op.say("SANICK " + string(ourNick) + " J5Guest")
	if e := h.wantCode(CauseNickChanged); e.State != control.ChannelLost {
		t.Errorf("state %q", e.State)
	}
	h.stop()
}

// TestFloodedOffARealServer: a server that ends the connection for its lines is
// understood, and the next connection is slower.
func TestFloodedOffARealServer(t *testing.T) {
	t.Parallel()
	s := ircserver.InspIRCd(t, ircserver.Options{FloodLimit: 15})
	h := start(t, at(t, s.Address))
	h.wantCode("")
	for range 60 {
		if err := h.ch.SendPublic([]string{"!cancel 0"}); err != nil {
			break // the connection ended meanwhile
		}
	}
	h.wantCode(CauseFlood)
	if st := h.ch.Status(); st.Interval < firstInterval || st.Complaints != 1 {
		t.Errorf("status %+v", st)
	}
	h.stop()
}
