package directory

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestN19GoldenHello: the answer to the hello of the reference, and to that of
// joinmarket-ng, is byte for byte what the reference's directory says, but for the
// features.
func TestN19GoldenHello(t *testing.T) {
	for name, hello := range map[string]string{
		"reference":          `{"type": 793, "line": "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": \"NOT-SERVING-ONION\", \"proto-ver\": 5, \"features\": {}, \"nick\": \"J5RtdqCV2FhX92mO\", \"network\": \"testnet\"}"}`,
		"joinmarket-ng 0.37": `{"type": 793, "line": "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": \"NOT-SERVING-ONION\", \"proto-ver\": 5, \"features\": {\"neutrino_compat\": true, \"peerlist_features\": true, \"ping\": true}, \"nick\": \"J5ECPZwAoEW7ozw4\", \"network\": \"testnet\"}"}`,
		"joinmarket-ng and more": `{"type": 793, "line": "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": \"NOT-SERVING-ONION\", \"proto-ver\": 5, ` +
			`\"features\": {\"neutrino_compat\": true, \"peerlist_features\": true, \"unheard_of\": {\"a\": 1}}, \"nick\": \"J5RtdqCV2FhX92mO\", \"network\": \"regtest\"}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{MOTD: `A "directory"` + "\nfor tests \u20ac"}, func(t *testing.T, w *world) {
				b := w.connect()
				b.raw(hello + "\r\n")
				want := `{"type": 795, "line": "{\"app-name\": \"joinmarket\", \"directory\": true, \"proto-ver-min\": 5, \"proto-ver-max\": 5, \"features\": {\"peerlist_features\": true, \"ping\": true}, ` +
					`\"accepted\": true, \"nick\": \"` + w.nick + `\", \"network\": \"testnet\", \"motd\": \"A \\\"directory\\\"\\nfor tests \\u20ac\"}"}`
				if got := b.takeLines(); len(got) != 1 || got[0] != want {
					t.Errorf("answered\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// TestN19HandshakeLies: another network, program, version or place is refused with
// an answer, as the reference does; what is no hello is not answered.
func TestN19HandshakeLies(t *testing.T) {
	base := map[string]any{"app-name": "joinmarket", "directory": false, "location-string": "NOT-SERVING-ONION", "proto-ver": 5,
		"features": map[string]bool{}, "nick": string(alice), "network": "testnet"}
	for name, c := range map[string]struct {
		key   string
		value any
		why   cause
	}{
		"network":      {"network", "mainnet", refusedNetwork},
		"program":      {"app-name", "joinmarkt", refusedProgram},
		"version":      {"proto-ver", 6, refusedProgram},
		"directory":    {"directory", true, refusedProgram},
		"nick":         {"nick", "J5aaaaaaaaaaaaa!", refusedProgram},
		"long nick":    {"nick", strings.Repeat("J5a", 1000), refusedProgram},
		"clearnet":     {"location-string", "example.org:5222", refusedProgram},
		"loopback":     {"location-string", "127.0.0.1:5222", refusedProgram},
		"checksum":     {"location-string", strings.Repeat("a", 56) + ".onion:5222", refusedProgram},
		"version type": {"proto-ver", "5", refusedHello},
		"features":     {"features", "peerlist_features", refusedHello},
		"missing":      {"nick", nil, refusedHello},
		"huge":         {"features", strings.Repeat("x", 50_000), refusedHello},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				fields := map[string]any{}
				for k, v := range base {
					fields[k] = v
				}
				if fields[c.key] = c.value; c.value == nil {
					delete(fields, c.key)
				}
				inner, err := json.Marshal(fields)
				if err != nil {
					t.Fatal(err)
				}
				b := w.connect()
				line, err := json.Marshal(map[string]any{"type": 793, "line": string(inner)})
				if err != nil {
					t.Fatal(err)
				}
				b.raw(string(line) + "\r\n")
				if !b.ended() {
					t.Error("the connection goes on")
				}
				all := b.take()
				answered := len(all) == 1 && all[0].Type == onion.HelloDirectory && strings.Contains(all[0].Text, `"accepted": false`)
				if answered != (c.why != refusedHello) || !answered && len(all) > 0 {
					t.Errorf("answered %v", all)
				}
				w.counted(c.why, 1)
				if w.registry.len() != 0 {
					t.Error("it is a peer")
				}
			})
		})
	}
}

// TestN2HelloFirst: until a connection has said hello, nothing it says is passed
// on, and it has 15 seconds.
func TestN2HelloFirst(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		b := w.join(onion.ClientHello{Nick: bob})
		a := w.connect()
		a.nick = alice
		a.public("!sw0reloffer 0 1 2 3 0.1")
		if !a.ended() {
			t.Error("a public line before the hello: the connection goes on")
		}
		began := time.Now()
		silent, slow := w.connect(), w.connect()
		for range 14 { // a byte now and then saves nobody
			slow.raw("{")
			time.Sleep(time.Second)
		}
		if silent.ended() || slow.ended() {
			t.Errorf("ended after %v", time.Since(began))
		}
		time.Sleep(time.Second)
		if !silent.ended() || !slow.ended() {
			t.Error("a connection without a hello goes on")
		}
		b.hears()
		w.counted(refusedHello, 3)
		time.Sleep(time.Hour) // a peer may be silent
		if b.ended() {
			t.Error("a silent peer is closed")
		}
	})
}

// TestN2OnlyOneHello: a peer stays who it is.
func TestN2OnlyOneHello(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		a.hello(onion.ClientHello{Nick: carol})
		a.hears()
		a.public("!orderbook") // as carol
		b.hears()
		w.counted(dropSender, 1)
		w.counted(dropType, 1)
	})
}

// TestN9HeldNick: who has a nick keeps it while its connection lives, whatever
// others claim; then it is the next one's.
func TestN9HeldNick(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		b := w.join(onion.ClientHello{Nick: bob})
		first := w.join(onion.ClientHello{Nick: alice})
		second := w.connect()
		second.hello(onion.ClientHello{Nick: alice})
		second.hears() // it waits
		third := w.connect()
		third.hello(onion.ClientHello{Nick: alice})
		if third.accepted() || !third.ended() {
			t.Error("more than one waits for a nick")
		}
		b.private(alice, "!fill 0")
		first.hears("685 " + string(bob) + "!" + string(alice) + "!fill 0")
		second.hears()
		go second.public("!cancel 0") // it is nobody yet
		b.hears()
		first.nc.Close()
		if !second.accepted() {
			t.Error("the nick is not the next one's")
		}
		b.hears("687 " + string(alice) + "!PUBLIC!cancel 0")
		w.counted(refusedHeld, 1)
	})
}

// TestN14UnprovenClaim: a claim of a nick, or of a location, ends in a refusal and
// changes nothing for who has it, though that one never says anything.
func TestN14UnprovenClaim(t *testing.T) {
	for name, claim := range map[string]onion.ClientHello{
		"nick": {Nick: alice}, "location": {Nick: carol, Location: onionOf(1)}, "both": {Nick: alice, Location: onionOf(1)},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				holder := w.join(onion.ClientHello{Nick: alice, Location: onionOf(1), Features: modern})
				thief := w.connect()
				thief.hello(claim)
				holder.hears("798 ") // which it may not know
				time.Sleep(claimWait + time.Second)
				if thief.accepted() || !thief.ended() {
					t.Error("the claim is not refused")
				}
				if holder.ended() || w.registry.find(alice) == nil {
					t.Error("the holder has lost its place")
				}
				w.counted(refusedHeld, 1)
			})
		})
	}
}

// TestN9ProbedHolder: a holder that answers pings keeps its place by answering,
// at once; one that has answered and does not any more is gone.
func TestN9ProbedHolder(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		holder := w.join(onion.ClientHello{Nick: alice, Features: modern})
		claim := func() *bot {
			b := w.connect()
			b.hello(onion.ClientHello{Nick: alice})
			holder.hears("798 ")
			return b
		}
		second := claim()
		holder.say(onion.Pong, "")
		if second.accepted() || !second.ended() {
			t.Error("the holder answers, and the claim is not refused")
		}
		third := claim()
		time.Sleep(claimWait + time.Second)
		if !third.accepted() || !holder.ended() {
			t.Error("the holder does not answer, and keeps the nick")
		}
		w.counted(closedSilent, 1)
	})
}

// TestN9SameCircuit: who comes again on its own circuit is not kept waiting.
func TestN9SameCircuit(t *testing.T) {
	inWorld(t, Config{Circuits: true}, func(t *testing.T, w *world) {
		b1, other := w.on(1), w.on(2)
		b1.hello(onion.ClientHello{Nick: alice})
		if !b1.accepted() {
			t.Fatal("not accepted")
		}
		other.hello(onion.ClientHello{Nick: alice})
		other.hears()
		time.Sleep(claimWait)
		if !other.ended() || b1.ended() {
			t.Error("another circuit gets the nick")
		}
		b2 := w.on(1)
		b2.hello(onion.ClientHello{Nick: alice})
		if !b2.accepted() || !b1.ended() {
			t.Error("its own circuit does not get the nick")
		}
		w.counted(closedAsTwice, 1)
	})
}

// TestN12ReconnectStorm: a thousand that come back at the same time, to a
// directory that answers forty hellos a second, wait for their turn. None is
// refused.
func TestN12ReconnectStorm(t *testing.T) {
	limits := Limits{}
	limits.Hellos.Every, limits.Hellos.Burst = 25*time.Millisecond, 10
	inWorld(t, Config{Limits: limits}, func(t *testing.T, w *world) {
		began := time.Now()
		all := make([]*bot, 1000)
		for i := range all {
			all[i] = w.connect()
			all[i].hello(onion.ClientHello{Nick: protocol.RandomNick(), Location: onionOf(i)})
		}
		synctest.Wait()
		if n := w.registry.len(); n != 10 {
			t.Errorf("%d are let in at once", n)
		}
		time.Sleep(25*time.Second - time.Since(began))
		for _, b := range all {
			if !b.accepted() {
				t.Fatal("a peer is not accepted")
			}
		}
		w.counted(slowed, 990)
	})
}

// TestN12HelloFlood: hellos that would wait for longer than a bot does are refused,
// and those behind them wait no longer for it.
func TestN12HelloFlood(t *testing.T) {
	limits := Limits{}
	limits.Hellos.Every, limits.Hellos.Burst = time.Second, 1
	inWorld(t, Config{Limits: limits}, func(t *testing.T, w *world) {
		for range 200 {
			b := w.connect()
			b.hello(onion.ClientHello{Nick: protocol.RandomNick()})
			b.nc.SetReadDeadline(time.Now().Add(time.Hour))
		}
		w.counted(refusedFull, 200-uint64(turnWait/time.Second)-1)
		time.Sleep(10 * time.Second)
		late := w.connect()
		late.hello(onion.ClientHello{Nick: alice})
		late.hears()
		if time.Sleep(turnWait); !late.accepted() {
			t.Error("a hello waits behind those that were refused")
		}
	})
}

// TestMOTD: a text that is too long is not taken, and changes nothing.
func TestMOTD(t *testing.T) {
	if _, err := New(Config{Network: "testnet", MOTD: strings.Repeat("x", MaxMOTD+1)}); err == nil {
		t.Error("a text that is too long is taken")
	}
	inWorld(t, Config{MOTD: "one"}, func(t *testing.T, w *world) {
		said := func() string {
			b := w.connect()
			b.hello(onion.ClientHello{Nick: protocol.RandomNick()})
			h, err := onion.ParseDirectoryHello(b.take()[0].Text)
			if err != nil {
				t.Fatal(err)
			}
			return h.MOTD
		}
		one := said()
		if err := w.Reload(strings.Repeat("\U0001f600", MaxMOTD+1), Limits{}); err == nil {
			t.Error("a text that is too long is taken")
		}
		again := said()
		if err := w.Reload(strings.Repeat("\U0001f600", MaxMOTD), Limits{}); err != nil {
			t.Error(err)
		}
		if two := said(); one != "one" || again != "one" || two != strings.Repeat("\U0001f600", MaxMOTD) {
			t.Errorf("said %q, %q, %q", one, again, two)
		}
	})
}
