package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// byRole are the sessions of a status, of which each role has one.
func byRole(t *testing.T, a control.StatusAnswer) map[control.Role]control.SessionStatus {
	t.Helper()
	sessions := make(map[control.Role]control.SessionStatus)
	for _, s := range a.Sessions {
		if _, twice := sessions[s.Role]; twice {
			t.Errorf("two sessions of a %s", s.Role)
		}
		sessions[s.Role] = s
	}
	return sessions
}

// TestStatus: each session is in the picture with its own numbers.
func TestStatus(t *testing.T) {
	inWorld(t, Config{Version: "test 1"}, func(t *testing.T, w *world) {
		if a := w.d.Status(t.Context()); a.Clients != 0 || len(a.Sessions) != 0 || len(a.Counts) != 0 || a.Version != "test 1" {
			t.Errorf("nobody there: %+v", a)
		}
		began := time.Now().Unix()
		taker := w.enter(control.RoleTaker, alice)
		time.Sleep(time.Minute)
		maker := w.maker(bob, offer(0), offer(1))
		w.puppet(carol).offers()
		watcher := w.returner(control.RoleWatcher, nick(1))
		w.connect(nick(2)) // is not in the market
		attempt := taker.fill(bob, carol)
		expect[control.PubKeyEvent](taker)
		taker.auth(attempt, bob)
		expect[control.AuthEvent](maker)
		watcher.cut()
		maker.mute = make(chan struct{})
		for i := range 3 {
			w.puppet(nick(10+i)).say(bob, protocol.CmdFill, w.puppet(mal).fillText(i))
		}

		a := w.d.Status(t.Context())
		if a.Clients != 4 || a.Since != began || a.Nick != "" {
			t.Errorf("%+v", a)
		}
		up := []control.ChannelReport{{Channel: "pit", State: "up"}}
		got := byRole(t, a)
		for role, want := range map[control.Role]control.SessionStatus{
			control.RoleTaker: {Role: control.RoleTaker, Since: began, Ready: true, Channels: up, Peers: got[control.RoleTaker].Peers, Offers: 3, Makers: 2,
				Conversations: map[string]int{"taker:authed": 1, "taker:filled": 1}},
			control.RoleMaker: {Role: control.RoleMaker, Since: began + 60, Ready: true, Channels: up, Peers: got[control.RoleMaker].Peers, Offers: 1, Makers: 1,
				Conversations: map[string]int{"maker:authed": 1}, Verdicts: 3},
			control.RoleWatcher: {Role: control.RoleWatcher, Since: began + 60, Ready: true, Away: true, Channels: up, Peers: got[control.RoleWatcher].Peers,
				Conversations: map[string]int{}},
		} {
			if !reflect.DeepEqual(got[role], want) {
				t.Errorf("%s:\n%+v, want\n%+v", role, got[role], want)
			}
		}
		if n := got[control.RoleMaker].Peers; n != 2 { // alice and carol; nothing is proved of the others yet
			t.Errorf("the maker knows %d nicks", n)
		}
		close(maker.mute)
		synctest.Wait()
		if s := byRole(t, w.d.Status(t.Context()))[control.RoleMaker]; s.Verdicts != 0 || s.Conversations["maker:keyed"] != 3 {
			t.Errorf("after the verdicts: %+v", s)
		}
		time.Sleep(time.Hour)
		if s := byRole(t, w.d.Status(t.Context())); len(s) != 2 || len(s[control.RoleMaker].Conversations) != 0 {
			t.Errorf("an hour later: %+v", s)
		}
	})
}

// TestStatusCountsSignatures: messages for which the client has not signed yet.
func TestStatusCountsSignatures(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker, sign := w.connect(alice), make(chan struct{})
		taker.signer = func(control.SignRequest) (control.SignAnswer, error) {
			<-sign
			return control.SignAnswer{}, control.ErrInternal
		}
		taker.enter(control.RoleTaker)
		w.puppet(bob).offers()
		w.puppet(carol).offers()
		taker.fill(bob, carol)
		synctest.Wait()
		if a := w.d.Status(t.Context()); a.Sessions[0].Signatures != 2 {
			t.Errorf("%+v", a.Sessions)
		}
		close(sign)
		synctest.Wait()
		if a := w.d.Status(t.Context()); a.Sessions[0].Signatures != 0 || a.Counts["dropped-out/not-signed"] != 2 {
			t.Errorf("%+v, %v", a.Sessions, a.Counts)
		}
	})
}

// hang is something in a session that does not end by itself.
type hang struct{ until <-chan struct{} }

func (e hang) happen(*session) { <-e.until }

// TestStatusOfABusySession: it keeps nobody waiting for more than lookWait, and
// what was known of it is told.
func TestStatusOfABusySession(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		c, s := w.inside(bob)
		c.enter(control.RoleMaker)
		until := make(chan struct{})
		s.post(hang{until})
		began := time.Now()
		got := byRole(t, w.d.Status(t.Context()))
		if d := time.Since(began); d != lookWait {
			t.Errorf("after %v", d)
		}
		if m := got[control.RoleMaker]; !m.Busy || m.Since != began.Unix() || m.Channels != nil {
			t.Errorf("%+v", m)
		}
		if k := got[control.RoleTaker]; k.Busy || !k.Ready {
			t.Errorf("%+v", k)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began = time.Now()
		if got := w.d.Status(ctx); len(got.Sessions) != 2 || time.Since(began) != 0 {
			t.Errorf("given up: %+v after %v", got, time.Since(began))
		}
		close(until)
		synctest.Wait()
		if got := byRole(t, w.d.Status(t.Context())); got[control.RoleMaker].Busy {
			t.Error("still busy")
		}
		taker.quiet()
	})
}

// TestStatusOfOthers: a client that asks for all learns no nick but its own, and
// no more sessions than the protocol has room for.
func TestStatusOfOthers(t *testing.T) {
	const clients = control.MaxStatusSessions + 5
	inWorld(t, Config{Bounds: Bounds{Clients: clients}}, func(t *testing.T, w *world) {
		all := make([]*client, clients)
		for i := range all {
			all[i] = w.enter(control.RoleWatcher, nick(i+1))
		}
		var a control.StatusAnswer
		all[0].do(control.MethodStatus, control.StatusRequest{All: true}, &a)
		if len(a.Sessions) != control.MaxStatusSessions || a.Clients != clients || a.Nick != nick(1) || a.Counts["clients/served"] != clients {
			t.Errorf("%d sessions, %d clients, nick %s, %v", len(a.Sessions), a.Clients, a.Nick, a.Counts)
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		for i := range clients - 1 {
			if strings.Contains(string(text), string(nick(i+2))) {
				t.Fatalf("the nick of client %d is told", i+1)
			}
		}
		if a := all[1].status(); a.Since != 0 || a.Sessions != nil || a.Counts != nil {
			t.Errorf("not asked for: %+v", a)
		}
	})
}

// TestCounters: messages and conversations are counted once each, by what became
// of them.
func TestCounters(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		last := make(map[count.Cause]uint64)
		// counted checks what was counted since the last time, in families
		// that are not about channels and clients.
		counted := func(what string, want map[count.Cause]uint64) {
			t.Helper()
			synctest.Wait()
			got := make(map[count.Cause]uint64)
			for c, n := range w.d.counts.All() {
				if n > last[c] && c.Family() != count.Channels && c.Family() != count.Clients {
					got[c] = n - last[c]
				}
				last[c] = n
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: %s, want %s", what, causes(got), causes(want))
			}
		}
		maker, taker := w.maker(bob), w.puppet(alice)
		counted("an announcement", map[count.Cause]uint64{count.OutPublic: 1})
		taker.public("!orderbook")
		counted("an answer to orderbook", map[count.Cause]uint64{count.InPublic: 1, count.OutPrivate: 1})
		taker.public("hello")
		counted("chat", map[count.Cause]uint64{count.InPublic: 1, count.DropForm: 1})
		w.pit().Say(daemontest.Line{From: alice, To: bob, Text: "!fill 0"})
		counted("no signature", map[count.Cause]uint64{count.InPrivate: 1, count.DropForm: 1})
		w.pit().Say(private(alice, bob, protocol.CmdFill, taker.fillText(0), "OtherNet"))
		counted("signed for another network", map[count.Cause]uint64{count.InPrivate: 1, count.DropProof: 1})
		taker.begin(bob, 1)
		counted("a fill", map[count.Cause]uint64{count.InPrivate: 1, count.OutPrivate: 1, count.ConversationBegun: 1})
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		counted("out of order", map[count.Cause]uint64{count.InPrivate: 1, count.DropOrder: 1})
		taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
		id := expect[control.AuthEvent](maker).Conversation
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: id, IOAuth: coins(1)}, nil)
		counted("auth", map[count.Cause]uint64{count.InPrivate: 1, count.OutPrivate: 1, count.CommitmentUsed: 1})
		taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
		expect[control.TxEvent](maker)
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: id, Sigs: []string{testSig, testSig}}, nil)
		counted("tx", map[count.Cause]uint64{count.InPrivate: 1, count.OutPrivate: 2, count.ConversationSigned: 1})
		late := w.puppet(carol)
		late.begin(bob, 2)
		time.Sleep(2 * time.Minute)
		counted("a fill without auth", map[count.Cause]uint64{count.InPrivate: 1, count.OutPrivate: 1, count.ConversationBegun: 1, count.ConversationFailed: 1})
	})
}

func causes(counts map[count.Cause]uint64) string {
	named := make(map[string]uint64)
	for c, n := range counts {
		named[c.String()] = n
	}
	return fmt.Sprint(named)
}
