package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// entries asks for the peer list.
func (b *bot) entries(t *testing.T) (all []string) {
	t.Helper()
	b.take()
	b.say(onion.GetPeerList, "")
	for _, m := range b.take() {
		if m.Type != onion.PeerList {
			continue
		}
		part := strings.Split(m.Text, ",")
		if len(part) > listPart {
			t.Errorf("%d entries in a part", len(part))
		}
		if m.Text != "" {
			all = append(all, part...)
		}
	}
	return all
}

// TestPeerList: all are in it, with features only for who announced to know them,
// and not too often.
func TestPeerList(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a := w.join(onion.ClientHello{Nick: alice, Location: onionOf(1), Features: onion.Features{onion.FeaturePeerList, "neutrino_compat"}})
		b := w.join(onion.ClientHello{Nick: bob})
		for range 100 {
			w.join(onion.ClientHello{})
		}
		want := string(alice) + ";" + string(onionOf(1)) + ";F:peerlist_features+neutrino_compat"
		if got := a.entries(t); len(got) != 102 || got[0] != want || got[1] != string(bob)+";NOT-SERVING-ONION" {
			t.Errorf("%d entries: %.300q", len(got), got)
		}
		for _, e := range b.entries(t) {
			if strings.Contains(e, "F:") {
				t.Errorf("%s is told to a peer that does not know features", e)
			}
		}
		if got := a.entries(t); len(got) != 0 {
			t.Errorf("again at once: %d entries", len(got))
		}
		time.Sleep(listEvery)
		if got := a.entries(t); len(got) != 102 {
			t.Errorf("again: %d entries", len(got))
		}
		w.counted(dropList, 1)
		w.counted(outLists, 3)
	})
}

// TestN15ListIsBounded: of too many, the list has those that were there before an
// attack, and some of the others.
func TestN15ListIsBounded(t *testing.T) {
	inWorld(t, Config{Limits: Limits{List: 100}}, func(t *testing.T, w *world) {
		old := map[string]bool{}
		var asker *bot
		for range 50 {
			asker = w.join(onion.ClientHello{})
			old[string(asker.nick)] = true
		}
		for range 500 {
			w.join(onion.ClientHello{})
		}
		got, known := asker.entries(t), 0
		distinct := map[string]bool{}
		for _, e := range got {
			nick, _, _ := strings.Cut(e, ";")
			distinct[nick] = true
			if old[nick] {
				known++
			}
		}
		if len(distinct) != 100 || known != 50 {
			t.Errorf("%d entries, %d of them old", len(distinct), known)
		}
	})
}

// TestN7PeerList: only what peers said of themselves is in lists, and that has the
// form of a nick and an onion with its checksum; nobody's claim changes another's.
func TestN7PeerList(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		a := w.join(onion.ClientHello{Nick: alice, Location: onionOf(1), Features: modern})
		for _, place := range []onion.Location{"example.org:80", "127.0.0.1:5222", "[::1]:5222", onionOf(2) + ",J5x;y", onionOf(2)[:40] + ".onion:5222", "x;D"} {
			b := w.connect()
			b.hello(onion.ClientHello{Nick: protocol.RandomNick(), Location: place})
			if b.accepted() || !b.ended() {
				t.Errorf("%s is accepted as a location", place)
			}
		}
		b := w.join(onion.ClientHello{Nick: bob, Location: onionOf(3), Features: onion.Features{"a,b;D", "x;y", "good", strings.Repeat("x", 100)}})
		b.say(onion.PeerList, string(alice)+";"+string(onionOf(4)))
		b.say(onion.PeerList, string(alice)+";"+string(onionOf(1))+";D")
		want := string(alice) + ";" + string(onionOf(1)) + ";F:peerlist_features+ping," + string(bob) + ";" + string(onionOf(3)) + ";F:good"
		if got := strings.Join(a.entries(t), ","); got != want {
			t.Errorf("the list is\n%s\nwant\n%s", got, want)
		}
	})
}
