package amp

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
)

var silent = slog.New(slog.DiscardHandler)

// on checks who is on the pit.
func (w *world) on(nicks ...protocol.Nick) {
	w.t.Helper()
	synctest.Wait()
	slices.Sort(nicks)
	if got := w.pit.Nicks(); !slices.Equal(got, nicks) {
		w.t.Errorf("on the pit: %v, want %v", got, nicks)
	}
}

// TestClientsLeave: each client has its own nick, which leaves when the client
// asks for it, goes away, or changes its channels; the others stay.
func TestClientsLeave(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		maker, other, taker := w.maker(bob, false, offerValues(0)), w.maker(carol, false, offerValues(0)), w.taker(alice)
		w.on(alice, bob, carol)
		maker.do("JMShutdown", nil)
		w.on(alice, carol)
		other.nc.Close()
		w.on(alice)
		v := initValues()
		v["chan_configs"] = []any{map[string]any{"host": "elsewhere", "port": 6667, "channel": "pit", "usessl": "false", "socks5": "false"}}
		taker.do("JMInit", v)
		taker.expect("JMInitProto")
		w.on()
		taker.do("JMStartMC", values{"nick": string(alice)})
		taker.expect("JMUp")
		w.on(alice)
		taker.do("JMInit", v)
		taker.expect("JMInitProto")
		taker.do("JMStartMC", values{"nick": string(carol)}) // under another nick
		taker.expect("JMUp")
		w.on(carol)

		maker.enter() // after JMShutdown, on the same connection
		w.on(bob, carol)
		w.d.Close()
		<-taker.ended
		<-maker.ended
		w.on()
	})
}

// TestRefusals: what the daemon will not do is answered so that the client ends,
// rather than that it waits for ever.
func TestRefusals(t *testing.T) {
	refused := func(t *testing.T, p *python, command string, v values) {
		t.Helper()
		if got := p.send(command, p.put(command, v)); got["accepted"] != "False" {
			t.Errorf("%s %v is answered %v", command, v, got)
		}
		p.quiet()
	}
	with := func(key string, value any) values {
		v := initValues()
		v[key] = value
		return v
	}
	inWorld(t, func(t *testing.T, w *world) {
		p := w.connect(alice)
		refused(t, p, "JMInit", with("maker_timeout_sec", 0))
		refused(t, p, "JMInit", with("maker_timeout_sec", 86401))
		refused(t, p, "JMInit", with("chan_configs", []any{map[string]any{"type": "onion"}}))
		p.do("JMInit", with("network", "moonnet"))
		p.expect("JMInitProto")
		refused(t, p, "JMStartMC", values{"nick": string(alice)})
		p.do("JMInit", initValues())
		p.expect("JMInitProto")
		refused(t, p, "JMStartMC", values{"nick": "nobody"})
		w.on()
		p.do("JMStartMC", values{"nick": string(alice)})
		p.expect("JMUp")
		bad := offerValues(0)
		bad["cjfee"] = "NaN"
		refused(t, p, "JMSetup", values{"role": "MAKER", "initdata": []any{bad}, "use_fidelity_bond": false})
		p.do("JMSetup", values{"role": "MAKER", "initdata": []any{offerValues(0)}, "use_fidelity_bond": false})
		p.expect("JMSetupDone")

		taker := w.taker(carol)
		fill := values{"amount": 5000000, "commitment": commitment, "revelation": revelation, "filled_offers": map[string]any{}}
		refused(t, taker, "JMFill", fill)
		fill["filled_offers"], fill["amount"] = map[string]any{string(alice): offerValues(0)}, -1
		refused(t, taker, "JMFill", fill)
		refused(t, taker, "JMMakeTx", values{"nick_list": []string{string(alice)}, "tx": tx})
		taker.silent["JMAuthReceived"] = true
		taker.fill(alice)
		refused(t, taker, "JMFill", fill) // once in a round
	})
}

// TestTooManyClients: the one too many is told, the others go on.
func TestTooManyClients(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var last *python
		for i := range 33 {
			last = w.connect(nick(i))
			last.do("JMInit", initValues())
			last.expect("JMInitProto")
			if i < 32 {
				last.do("JMStartMC", values{"nick": string(last.nick)})
				last.expect("JMUp")
			}
		}
		if got := last.send("JMStartMC", last.put("JMStartMC", values{"nick": string(last.nick)})); got["accepted"] != "False" {
			t.Errorf("answered %v", got)
		}
	})
}

// TestBlacklistPath: no client makes the daemon write a file of its choice.
func TestBlacklistPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "commitmentlist")
	inWorld(t, func(t *testing.T, w *world) {
		maker := w.connect(bob)
		v := initValues()
		v["blacklist_location"] = path
		maker.do("JMInit", v)
		maker.expect("JMInitProto")
		maker.do("JMStartMC", values{"nick": string(bob)})
		maker.expect("JMUp")
		maker.do("JMSetup", values{"role": "MAKER", "initdata": []any{offerValues(0)}, "use_fidelity_bond": false})
		maker.expect("JMSetupDone")
		taker := w.taker(alice)
		coinJoin(t, taker, maker)
		// The commitment is used all the same.
		other := w.taker(carol)
		other.fill(bob)
		if v := other.expect("JMFillResponse"); v["success"] != false {
			t.Errorf("JMFillResponse %v", v)
		}
	})
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a file of the client's choice: %v", err)
	}
}

// TestFirstPhaseEnds: with enough makers at the end of maker_timeout_sec; with
// too few then, or as soon as none can come any more.
func TestFirstPhaseEnds(t *testing.T) {
	for name, c := range map[string]struct {
		minMakers int
		other     func(w *world, taker *python) // what carol does
		success   bool
		after     time.Duration
	}{
		"enough, one is silent": {1, func(w *world, _ *python) {
			w.maker(carol, false, offerValues(0)).silent["JMAuthReceived"] = true
		}, true, exchange.PaceLeast}, // bob was fast
		"too few, one is silent": {2, func(w *world, _ *python) {
			w.maker(carol, false, offerValues(0)).silent["JMAuthReceived"] = true
		}, false, exchange.PaceLeast},
		"enough, one refuses":  {1, func(w *world, _ *python) { w.maker(carol, false, offerValues(1)) }, true, 0},
		"too few, one refuses": {2, func(w *world, _ *python) { w.maker(carol, false, offerValues(1)) }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				maker := w.maker(bob, false, offerValues(0))
				taker := w.connect(alice)
				c.other(w, taker)
				v := initValues()
				v["minmakers"], v["maker_timeout_sec"] = c.minMakers, 45
				taker.do("JMInit", v)
				taker.expect("JMInitProto")
				taker.do("JMStartMC", values{"nick": string(alice)})
				taker.expect("JMUp")
				taker.setUp()
				begun := time.Now()
				taker.fill(bob, carol)
				synctest.Wait() // both have seen it before one uses the commitment
				maker.expect("JMAuthReceived")
				maker.open(alice)
				got := taker.expect("JMFillResponse")
				if got["success"] != c.success || time.Since(begun) != c.after {
					t.Errorf("after %v: %v", time.Since(begun), got)
				}
				if list, ok := got["ioauth_data"].([]any); !c.success && (!ok || len(list) != 1 || list[0] != string(carol)) {
					t.Errorf("JMFillResponse %v", got)
				}
				synctest.Wait()
				answer := taker.send("JMMakeTx", taker.put("JMMakeTx", values{"nick_list": []string{string(bob)}, "tx": tx}))
				if (answer["accepted"] == "True") != c.success {
					t.Errorf("JMMakeTx is answered %v", answer)
				}
			})
		})
	}
}

// TestOffersChange: an offer that is announced anew while a taker is under way
// is told as the taker filled it.
func TestOffersChange(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		maker := w.maker(bob, false, offerValues(0))
		taker := w.taker(alice)
		w.pit.Lose(func(l daemontest.Line) bool { return l.From == bob && strings.HasPrefix(l.Text, "!pubkey") })
		taker.fill(bob)
		synctest.Wait()
		w.pit.Lose(nil)
		changed := offerValues(0)
		changed["cjfee"] = "0.5"
		maker.do("JMAnnounceOffers", values{"to_announce": []any{changed}, "to_cancel": []any{}, "offerlist": []any{changed}})
		for _, l := range w.pit.Lines() {
			if l.From == bob && strings.HasPrefix(l.Text, "!pubkey") {
				w.pit.Say(l)
			}
		}
		v := maker.expect("JMAuthReceived")
		if got := v["offer"].(map[string]any)["cjfee"]; got != "0.00002" {
			t.Errorf("offer %v", v["offer"])
		}
		maker.do("JMAnnounceOffers", values{"to_announce": []any{}, "to_cancel": []any{0}, "offerlist": []any{}})
		synctest.Wait()
		cancelled := false
		for _, l := range w.pit.Lines() {
			cancelled = cancelled || l.From == bob && l.To == "" && l.Text == "!cancel 0"
		}
		if !cancelled {
			t.Error("the offer was not cancelled")
		}
	})
}
