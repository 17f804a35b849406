package directory

import (
	"slices"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// FuzzConnection: whatever a connection sends, in whatever pieces, before or after
// a hello, another peer hears lines in our form only, of the sender's nick only,
// and is served as before.
func FuzzConnection(f *testing.F) {
	for _, text := range []string{
		`{"type": 687, "line": "J5aaaaaaaaaaaaaa!PUBLIC!orderbook"}` + "\r\n",
		`{"type": 685, "line": "J5aaaaaaaaaaaaaa!J5bbbbbbbbbbbbbb!fill 0"}` + "\n" + `{"type": 791, "line": ""}` + "\n",
		`{"type": 793, "line": "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": \"NOT-SERVING-ONION\", \"proto-ver\": 5, \"features\": {\"peerlist_features\": true}, \"nick\": \"J5aaaaaaaaaaaaaa\", \"network\": \"testnet\"}"}` + "\r\n" + `{"type": 798, "line": ""}` + "\n",
		`{"type": 685, "line": "J5bbbbbbbbbbbbbb!J5aaaaaaaaaaaaaa!x\u0021"}` + "\n", "PROXY TCP6 ::1 ::1 1 2\r\n", "\n\n\n", `{"type": 801, "line": "\ud83d\ude00"}` + "\n",
	} {
		f.Add([]byte(text), true, uint8(7))
		f.Add([]byte(text), false, uint8(0))
	}
	f.Fuzz(func(t *testing.T, sent []byte, hello bool, piece uint8) {
		inWorld(t, Config{}, func(t *testing.T, w *world) {
			b := w.join(onion.ClientHello{Nick: bob})
			a := w.connect()
			if a.nick = alice; hello {
				a.hello(onion.ClientHello{Nick: alice})
			}
			for part := range slices.Chunk(sent, int(piece)+1) {
				a.raw(string(part))
			}
			time.Sleep(time.Minute)
			a.nc.Close()
			time.Sleep(time.Minute)
			for _, line := range b.takeLines() {
				m, err := onion.ParseMessage([]byte(line))
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if again, err := m.Append(nil); err != nil || string(again) != line+"\r\n" {
					t.Errorf("%q is not in our form", line)
				}
				switch m.Type {
				case onion.Public, onion.Private:
					if l, err := onion.ParseLine(m); err != nil || l.From == bob || hello && l.From != alice {
						t.Errorf("%q: of %s, %v", line, l.From, err)
					}
				case onion.PeerList:
					if peers := onion.ParsePeers(m.Text, false); len(peers) != 1 {
						t.Errorf("%q: %d peers", line, len(peers))
					}
				default:
					t.Errorf("type %d is passed on", m.Type)
				}
			}
			b.say(onion.Ping, "")
			b.hears("799 ")
		})
	})
}
