package amp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// The nicks of amp.json.
const (
	alice protocol.Nick = "J5ArpLg6bgWnjz2b" // a taker
	bob   protocol.Nick = "J55MaSStZ9QWbuSs" // a maker
	carol protocol.Nick = "J59DCM4NyTjwdkio" // another maker
)

const hostID = "jmlab"

// nick makes a distinct nick of a number.
func nick(n int) protocol.Nick {
	return protocol.Nick("J5m" + strings.ReplaceAll(fmt.Sprintf("%07d", n), "0", "z") + "AAAAOO") // no zero in base58
}

// fakeKey and fakeSignature stand in for the nick keys of clients: no secp256k1
// is linked here. Like real ones they bind a text to a nick.
func fakeKey(nick string) string {
	h := sha256.Sum256([]byte("fake key of " + nick))
	return "02" + hex.EncodeToString(h[:])
}

func fakeSignature(pubkey, text string) string {
	h := sha256.Sum256([]byte("fake signature " + pubkey + text))
	return base64.StdEncoding.EncodeToString(append(h[:], h[:]...))
}

// known is a call of amp.json: what the reference sends.
type known struct {
	Kind      string
	Command   string
	Types     map[string]string          `json:"argument_types"`
	Arguments map[string]json.RawMessage `json:"arguments"`
	Request   string
}

// calls are those of amp.json, by command.
func calls(t testing.TB) map[string][]known {
	t.Helper()
	m, err := readCalls()
	if err != nil {
		t.Fatal(err)
	}
	if len(m["JMInit"]) == 0 || len(m["JMOffers"]) == 0 {
		t.Fatal("amp.json has no calls")
	}
	return m
}

var readCalls = sync.OnceValues(func() (map[string][]known, error) {
	raw, err := os.ReadFile("../../protocol/amp/testdata/amp.json")
	if err != nil {
		return nil, err
	}
	var file struct{ Cases []known }
	err = json.Unmarshal(raw, &file)
	m := make(map[string][]known)
	for _, c := range file.Cases {
		if c.Kind == "call" {
			m[c.Command] = append(m[c.Command], c)
		}
	}
	return m, err
})

// world is a daemon and the pit it knows.
type world struct {
	t     *testing.T
	d     *daemon.Daemon
	pit   *daemontest.Pit
	calls map[string][]known
}

// inWorld runs a test in a bubble of its own time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	known := calls(t)
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, pit: daemontest.NewPit("pit", hostID), calls: known}
		d, err := daemon.New(daemon.Config{
			NewChannel: func(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
				return w.pit.Join(nick), nil
			},
			Channels: []control.ChannelConfig{{Name: "pit", Type: "irc", Host: "localhost", Port: 6667, Room: "pit", LineInterval: -1}},
			Secret:   "sesame",
		})
		if err != nil {
			t.Fatal(err)
		}
		w.d = d
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, w)
	})
}

func initValues() values {
	return values{"bcsource": "regtest", "network": "testnet", "chan_configs": []any{}, "minmakers": 1,
		"maker_timeout_sec": 60, "dust_threshold": 27300, "blacklist_location": "."}
}

// enter goes from JMInit to JMUp.
func (p *python) enter() {
	p.t.Helper()
	p.do("JMInit", initValues())
	p.expect("JMInitProto")
	p.do("JMStartMC", values{"nick": string(p.nick)})
	p.expect("JMUp")
}

func offerValues(oid int) map[string]any {
	return map[string]any{"oid": oid, "ordertype": "sw0reloffer", "minsize": 100000, "maxsize": 5000000, "txfee": 0, "cjfee": "0.00002"}
}

// maker enters a maker.
func (w *world) maker(nick protocol.Nick, bonded bool, offers ...any) *python {
	w.t.Helper()
	p := w.connect(nick)
	p.enter()
	p.do("JMSetup", values{"role": "MAKER", "initdata": offers, "use_fidelity_bond": bonded})
	p.expect("JMSetupDone")
	synctest.Wait()
	return p
}

// taker enters a taker.
func (w *world) taker(nick protocol.Nick) *python {
	w.t.Helper()
	p := w.connect(nick)
	p.enter()
	p.setUp()
	return p
}

func (p *python) setUp() {
	p.t.Helper()
	p.do("JMSetup", values{"role": "TAKER", "initdata": nil, "use_fidelity_bond": false})
	p.expect("JMSetupDone")
	synctest.Wait() // until the offers are here
}
