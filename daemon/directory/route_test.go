package directory

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// TestRelay: public lines reach all but their sender, private ones their
// addressee, with the sender's location behind the first.
func TestRelay(t *testing.T) {
	inWorld(t, Config{Location: onionOf(99)}, func(t *testing.T, w *world) {
		a := w.join(onion.ClientHello{Nick: alice, Location: onionOf(1), Features: onion.Features{"neutrino_compat"}})
		b := w.join(onion.ClientHello{Nick: bob})
		c := w.join(onion.ClientHello{Nick: carol, Features: modern})
		b.public("!orderbook")
		a.hears("687 " + string(bob) + "!PUBLIC!orderbook")
		c.hears("687 " + string(bob) + "!PUBLIC!orderbook")
		b.hears()
		a.private(bob, "!sw0reloffer 0 1 2 3 0.1 key sig")
		own := w.nick + ";" + string(onionOf(99)) + ","
		b.hears("685 "+string(alice)+"!"+string(bob)+"!sw0reloffer 0 1 2 3 0.1 key sig", "789 "+own+string(alice)+";"+string(onionOf(1)))
		a.private(bob, "!again key sig")
		b.hears("685 " + string(alice) + "!" + string(bob) + "!again key sig")
		a.private(carol, "!pubkey x key sig") // who understands features gets them
		c.hears("685 "+string(alice)+"!"+string(carol)+"!pubkey x key sig", "789 "+own+string(alice)+";"+string(onionOf(1))+";F:neutrino_compat")
		b.nc.Close()
		synctest.Wait()
		b = w.join(onion.ClientHello{Nick: bob}) // who has forgotten
		a.private(bob, "!again key sig")
		b.hears("685 "+string(alice)+"!"+string(bob)+"!again key sig", "789 "+own+string(alice)+";"+string(onionOf(1)))
		b.private(alice, "!fill 0 key sig") // nobody can dial bob
		a.hears("685 " + string(bob) + "!" + string(alice) + "!fill 0 key sig")
		a.private(protocol.RandomNick(), "!fill")
		w.counted(dropNobody, 1)
		w.counted(outPrivate, 5)
		w.counted(outPublic, 1)
		w.counted(outHint, 3)
	})
}

// TestN4WrittenAnew: a line is passed on in our form, not in that of the sender:
// what one program takes for harmless another might read otherwise.
func TestN4WrittenAnew(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		a.raw(`{ "x":[1,{"y":null}], "line":"` + string(alice) + `!` + string(bob) + `!hi \u0041","type":685 }` + "\n")
		want := `{"type": 685, "line": "` + string(alice) + `!` + string(bob) + `!hi A"}`
		if got := b.takeLines(); len(got) != 1 || got[0] != want {
			t.Errorf("passed on as %q", got)
		}
	})
}

// TestN4Bombs: what is no message ends its connection, and nothing of it is
// passed on.
func TestN4Bombs(t *testing.T) {
	for name, line := range map[string]string{
		"deep": strings.Repeat("[", 10000), "deep object": strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000),
		"key twice": `{"type": 687, "type": 685, "line": "x"}`, "huge number": `{"type": 1e999, "line": "x"}`,
		"many digits": `{"type": ` + strings.Repeat("9", 5000) + `, "line": "x"}`, "wrong type": `{"type": "687", "line": "x"}`,
		"text": `{"type": 687, "line": 5}`, "no UTF-8": `{"type": 687, "line": "` + "\xff" + `"}`, "half a pair": `{"type": 687, "line": "\ud800"}`,
		"NUL": `{"type": 687, "line": "\u0000"}`, "list": `[687, "x"]`, "empty": "", "too long": strings.Repeat("x", onion.MaxLine+1),
		"two objects": `{"type": 687, "line": "x"}{}`, "compressed": "\x1f\x8b\x08\x00",
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
				a.raw(line + "\r\n")
				if !a.ended() {
					t.Error("the connection goes on")
				}
				b.hears()
				w.counted(closedForm, 1)
			})
		})
	}
}

// TestN8FalseSender: nobody speaks for another, in public or in private, or in
// the name of one who is not there.
func TestN8FalseSender(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		c := w.join(onion.ClientHello{Nick: carol})
		for _, from := range []protocol.Nick{bob, protocol.RandomNick(), "j5aaaaaaaaaaaaaa"} {
			a.say(onion.Public, string(from)+"!PUBLIC!orderbook")
			a.say(onion.Private, string(from)+"!"+string(carol)+"!fill")
		}
		b.hears()
		c.hears()
		w.counted(dropSender, 4)
		w.counted(dropForm, 2) // of the one that is no nick
	})
}

// TestN16ForgedCancel: offers are cancelled by the connection that has the nick.
func TestN16ForgedCancel(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		maker, thief := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		taker := w.join(onion.ClientHello{Nick: carol})
		maker.public("!sw0reloffer 0 1 2 3 0.1")
		taker.hears("687 " + string(alice) + "!PUBLIC!sw0reloffer 0 1 2 3 0.1")
		thief.say(onion.Public, string(alice)+"!PUBLIC!cancel 0")
		thief.say(onion.Public, string(alice)+"!PUBLIC!hp2 "+strings.Repeat("0", 64))
		taker.hears()
		time.Sleep(time.Second)
		maker.public("!cancel 0")
		taker.hears("687 " + string(alice) + "!PUBLIC!cancel 0")
		w.counted(dropSender, 2)
	})
}

// TestTypeAndAddressee: they must agree.
func TestTypeAndAddressee(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob})
		a.say(onion.Public, string(alice)+"!"+string(bob)+"!fill")
		a.say(onion.Private, string(alice)+"!PUBLIC!orderbook")
		a.say(onion.Public, string(alice)+"!PUBLIC")
		a.say(onion.Public, "")
		a.say(onion.Private, string(alice)+"!nobody!x")
		a.say(onion.Private, string(alice)+"!"+string(bob)+"!\n")
		b.hears()
		w.counted(dropForm, 6)
		if a.ended() {
			t.Error("a line that is none of the market ends the connection")
		}
	})
}

// TestN6TypeNumbers: each number of 0 to 999 before and after the hello. Events of
// the reference do nothing, and no number ends a peer.
func TestN6TypeNumbers(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		text := string(bob) + ";" + string(onionOf(7))
		for n := range 1000 {
			c := w.connect()
			c.raw(fmt.Sprintf(`{"type": %d, "line": %q}`+"\r\n", n, text))
			if !c.ended() || len(c.takeLines()) != 0 {
				t.Errorf("type %d before the hello: the connection goes on", n)
			}
		}
		w.counted(refusedHello, 1000)
		a, b := w.join(onion.ClientHello{Nick: alice}), w.join(onion.ClientHello{Nick: bob, Location: onionOf(1)})
		for n := range 1000 {
			time.Sleep(100 * time.Millisecond)
			a.raw(fmt.Sprintf(`{"type": %d, "line": %q}`+"\r\n", n, text))
			var want []string
			switch onion.Type(n) {
			case onion.GetPeerList:
				want = []string{"789 " + string(alice) + ";NOT-SERVING-ONION," + string(bob) + ";" + string(onionOf(1))}
			case onion.Ping:
				want = []string{"799 "}
			}
			a.hears(want...)
			b.hears()
			if a.ended() || b.ended() {
				t.Fatalf("type %d ends a connection", n)
			}
		}
		w.counted(dropType, 1000-5)
		w.counted(dropForm, 2)
	})
}
