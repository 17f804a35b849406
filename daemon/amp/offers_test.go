package amp

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestCanonicalFee: what the decimal arithmetic of the reference's language
// makes of a fee's text.
func TestCanonicalFee(t *testing.T) {
	for fee, want := range map[string]string{
		"0": "0", "250": "250", "0.5": "0.5", "0.00002": "0.00002", "0.00002000": "0.00002000",
		"0.000001": "0.000001", "0.0000010": "0.0000010", "0.0000005": "5E-7", "0.00000050": "5.0E-7", "0.00000123": "0.00000123",
		"0.000000123": "1.23E-7", "0.0": "0.0", "0.0000000": "0E-7", "1e-05": "0.00001", "1.5e-3": "0.0015", "1E-7": "1E-7",
		"1.25e-18": "1.25E-18", "0.9999999999999999999999999999": "0.9999999999999999999999999999",
	} {
		o := protocol.Offer{Type: protocol.SW0RelOffer, MaxSize: 1, CJFee: fee}
		if !strings.ContainsAny(fee, ".eE") {
			o.Type = protocol.SW0AbsOffer
		}
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		if got := canonical(fee); got != want {
			t.Errorf("%s is written %s, want %s", fee, got, want)
		}
	}
}

// TestOfferFromClient: a fee may come as text or as number, and what the client
// is told again has the same members in the same order.
func TestOfferFromClient(t *testing.T) {
	for raw, want := range map[string]string{
		`{"oid": 0, "ordertype": "sw0reloffer", "minsize": 1, "maxsize": 2, "txfee": 3, "cjfee": "0.00002"}`: "",
		`{"cjfee": 250, "oid": 7, "ordertype": "sw0absoffer", "minsize": 1, "maxsize": 2, "txfee": 3}`:       `{"oid": 7, "ordertype": "sw0absoffer", "minsize": 1, "maxsize": 2, "txfee": 3, "cjfee": "250"}`,
	} {
		if want == "" {
			want = raw
		}
		var o offer
		if err := json.Unmarshal([]byte(raw), &o); err != nil {
			t.Fatal(err)
		}
		if err := o.ours().Validate(); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if got := text(toOffer(o.ours())); got != want {
			t.Errorf("%s became %s, want %s", raw, got, want)
		}
	}
}

// TestChannels: the channels of the reference's configuration become ours. The
// onion channel of the recorded one has directories that are none.
func TestChannels(t *testing.T) {
	c := &client{log: silent}
	elements := func(raw string) (list []channelElement) {
		t.Helper()
		if err := json.Unmarshal([]byte(raw), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	got, err := c.channels(elements(string(calls(t)["JMInit"][0].Arguments["chan_configs"])), "mainnet")
	want := []control.ChannelConfig{{Name: "1 irc.example", Type: "irc", Host: "irc.example", Port: 6667, Room: "joinmarket-pit", SOCKS5: "localhost:9050"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("channels %+v, %v", got, err)
	}
	got, err = c.channels(elements(`[{"host": "h", "port": "6697", "channel": "c", "usessl": "True", "socks5": "false"}]`), "mainnet")
	want = []control.ChannelConfig{{Name: "1 h", Type: "irc", Host: "h", Port: 6697, Room: "c", TLS: true}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("channels %+v, %v", got, err)
	}
	const directory = "satoshi2vcg5e2ept7tjkzlkpomkobqmgtsjzegg6wipnoajadissead.onion:5222"
	got, err = c.channels(elements(`[{"type": "onion", "directory_nodes": "`+directory+`", "regtest_count": "0,0", "socks5_host": "localhost", "socks5_port": 9150,
		"tor_control_host": "unix:/run/tor/control", "tor_control_port": 9051, "onion_serving_host": "127.0.0.1", "onion_serving_port": 8080, "hidden_service_dir": "",
		"serving": true, "passive": false, "btcnet": "mainnet", "section-name": "MESSAGING:onion"}]`), "mainnet")
	want = []control.ChannelConfig{{Name: "1 onion", Type: "onion", Directories: []string{directory}, SOCKS5: "localhost:9150", TorControl: "unix:/run/tor/control", Serving: "127.0.0.1:0"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("channels %+v, %v", got, err)
	}
	got, err = c.channels(elements(`[{"type": "onion", "directory_nodes": "127.0.0.1:8081", "regtest_count": "3,1"}]`), "testnet")
	if err != nil || !got[0].Loopback {
		t.Errorf("channels %+v, %v", got, err)
	}
	for name, raw := range map[string]string{
		"without Tor":   `[{"type": "onion", "directory_nodes": "127.0.0.1:8081", "regtest_count": "3,1"}]`,
		"onion only":    `[{"type": "onion"}]`,
		"no host":       `[{"port": 1, "channel": "c"}]`,
		"no port":       `[{"host": "h", "channel": "c"}]`,
		"injected room": `[{"host": "h", "port": 1, "channel": "c\r\nQUIT"}]`,
		"too many":      `[` + strings.Repeat(`{"host": "h", "port": 1, "channel": "c"},`, 16) + `{}]`,
	} {
		if got, err := c.channels(elements(raw), "mainnet"); !errors.Is(err, errRefused) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	long, err := c.channels(elements(`[{"host": "`+strings.Repeat("h", 255)+`", "port": 1, "channel": "c"}]`), "mainnet")
	if err != nil || len(long) != 1 {
		t.Errorf("long host: %v, %v", long, err)
	}
}
