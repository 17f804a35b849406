package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

const (
	nickA = protocol.Nick("J54rGqqGtfCYTpRs")
	nickB = protocol.Nick("J5aaaaaaaaaaaaaa")
)

var (
	key    = strings.Repeat("ab", 32)
	pubKey = "02" + key
	coin   = strings.Repeat("cd", 32) + ":4294967295"
	sig    = b64.Encode(make([]byte, 71))
	commit = protocol.NewCommitment([32]byte{1, 2, 3})
	offer  = protocol.Offer{Type: protocol.SW0RelOffer, ID: 3, MinSize: 100_000, MaxSize: 79_000_000, CJFee: "0.00002"}
	ioauth = control.IOAuth{UTXOs: []string{coin}, AuthPubKey: pubKey, CJAddress: "bcrt1qcj", ChangeAddress: "bcrt1qch", Signature: sig}

	resumption = control.Resumption{Token: control.Credential(key), Grace: time.Minute}

	hop = control.ChannelConfig{Name: "hackint", Type: "irc", Host: "irc.hackint.org", Port: 6697, Room: "joinmarket-pit", TLS: true,
		Alternates: []string{"irc2.example:6697"}, TLSCA: "pem", ClientCert: "pem", Password: "p",
		SASL: control.SASLPlain, SASLUser: "u", SASLPassword: "w"}
	onions = control.ChannelConfig{Name: "onion", Type: "onion", Directories: []string{"a.onion:5222", "b.onion:5222"}, SOCKS5: "localhost:9050",
		TorControl: "unix:/run/tor/control", Serving: "127.0.0.1:0", OnionKey: control.Credential(key), Loopback: true}
)

// sample is a good message and how its type is decoded.
type sample struct {
	name   string
	value  any
	decode func(json.RawMessage) (any, error)
}

func of[T any](v T) sample {
	return sample{reflect.TypeFor[T]().Name(), v, func(b json.RawMessage) (any, error) { return control.Decode[T](b) }}
}

var session = control.SessionStatus{
	Role: control.RoleMaker, Since: 1_700_000_000, Ready: true, Peers: 3, Offers: 2, Makers: 1, Conversations: map[string]int{"maker:keyed": 1},
	Channels: []control.ChannelReport{{Channel: "hackint", State: "waiting", Since: 1_700_000_001, Next: 1_700_000_100, Code: "banned",
		Reason: "You are banned.", Server: "irc.example.org:6697", Queued: 1, LinesIn: 2, LinesOut: 3, Connections: 4}},
}

// samples has a good value of every type that travels; docs_test.go checks that
// none is missing.
var samples = []sample{
	of(control.StartRequest{Role: control.RoleTaker, Nick: nickA, Network: "mainnet", Channels: []control.ChannelConfig{hop, onions}}),
	of(hop), of(onions),
	of(control.DirectoryReport{Address: "a.onion:5222", State: "waiting", Since: 1_700_000_001, Next: 1_700_000_100, Reason: "gone", Connections: 1, Peers: 2, Makers: 3, Few: true}),
	of(control.StartAnswer{Channels: []string{"hackint"}, Resumption: resumption}),
	of(resumption),
	of(control.ResumeRequest{Token: control.Credential(key), Events: 3}),
	of(control.ResumeAnswer{Resumption: resumption, Role: control.RoleMaker, Nick: nickA, Ready: true,
		Channels:      []control.ChannelEvent{{Channel: "hackint", State: control.ChannelUp, HostID: "hackint", LineInterval: time.Second}},
		Conversations: []control.ConversationState{{Conversation: 8, Nick: nickB, State: "auth"}}, Missed: 2}),
	of(control.StatusAnswer{Version: "joinmarketd 1", Nick: nickA, Offers: 1, Makers: 1, Clients: 1,
		Channels: []control.ChannelEvent{{Channel: "hackint", State: control.ChannelUp, HostID: "hackint"}},
		Since:    1_700_000_000, Sessions: []control.SessionStatus{session}, Counts: map[string]uint64{"limits/fills": 2}}),
	of(control.StatusRequest{All: true}),
	of(session),
	of(session.Channels[0]),
	of(control.OrderbookAnswer{
		Offers: []control.OfferEntry{{Nick: nickB, Offer: offer}},
		Bonds:  []control.BondEntry{{Nick: nickB, Taker: nickA, Proof: strings.Repeat("A", protocol.BondProofText)}},
	}),
	of(control.BecomeRequest{Role: control.RoleMaker}),
	of(control.AnnounceRequest{Offers: []protocol.Offer{offer}, Bond: true}),
	of(control.RefillRequest{Attempt: 7, Makers: []control.MakerOffer{{Nick: nickA, OfferID: 1}}}),
	of(control.FillRequest{Amount: 1_000_000, Commitment: commit, Makers: []control.MakerOffer{{Nick: nickB, OfferID: 3}}, Deadline: time.Minute}),
	of(control.FillAnswer{Attempt: 7}),
	of(control.AuthRequest{Attempt: 7, Makers: []protocol.Nick{nickB}, Revelation: coin + "|" + pubKey + "|" + pubKey + "|" + key + "|" + key}),
	of(control.TxRequest{Attempt: 7, Makers: []protocol.Nick{nickA, nickB}, Tx: []byte{2, 0, 0, 0}}),
	of(control.PushRequest{Maker: nickB, Tx: []byte{2, 0, 0, 0}}),
	of(ioauth),
	of(control.IOAuthRequest{Conversation: 8, IOAuth: ioauth}),
	of(control.SigsRequest{Conversation: 8, Sigs: []string{b64.Encode(make([]byte, 107))}}),
	of(control.RefuseRequest{Conversation: 8, Reason: protocol.ReasonBadTx}),
	of(control.SignRequest{To: nickB, Command: "fill", Text: "0 5000000 hackint", HostID: "hackint"}),
	of(control.SignAnswer{PubKey: pubKey, Signature: sig}),
	of(control.VerifyRequest{Nick: nickB, Command: "pubkey", Text: "0 5000000 hackint", HostID: "hackint", PubKey: pubKey, Signature: sig}),
	of(control.VerifyAnswer{Valid: true}),
	of(control.BondRequest{Taker: nickA}),
	of(control.BondAnswer{Proof: strings.Repeat("A", protocol.BondProofText)}),

	of(control.ChannelEvent{Channel: "hackint", State: control.ChannelLost, Reason: "connection reset"}),
	of(control.AlertEvent{Channel: "hackint", Text: "upgrade"}),
	of(control.ReadyEvent{Channels: []string{"hackint"}}),
	of(control.PubKeyEvent{Attempt: 7, Maker: nickB, PubKey: key}),
	of(control.IOAuthEvent{Attempt: 7, Maker: nickB, IOAuth: ioauth, PubKey: key}),
	of(control.SigEvent{Attempt: 7, Maker: nickB, Sig: b64.Encode(make([]byte, 107))}),
	of(control.FailedEvent{Attempt: 7, Maker: nickB, Reason: protocol.ReasonRefused, Text: "amount out of range"}),
	of(control.ErrorEvent{Nick: nickB, Text: "oid not found"}),
	of(control.AuthEvent{Conversation: 8, Taker: nickA, OfferID: 3, Amount: 1_000_000, Offer: offer, Commitment: commit, Revelation: "x", PubKey: key}),
	of(control.TxEvent{Conversation: 8, Taker: nickA, Tx: []byte{2, 0, 0, 0}}),
	of(control.PushEvent{Taker: nickA, Tx: []byte{2, 0, 0, 0}}),
	of(control.EndedEvent{Conversation: 8, Taker: nickA, Reason: protocol.ReasonTimeoutTx}),
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, m := range samples {
		text, err := json.Marshal(m.value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.decode(text)
		if err != nil || !reflect.DeepEqual(got, m.value) {
			t.Errorf("%s: %s became %+v, %v", m.name, text, got, err)
		}
	}
}

// TestBadMessages breaks one bound at a time: such a message is refused when it
// comes and not sent either.
func TestBadMessages(t *testing.T) {
	long := strings.Repeat("x", 201)
	many := func(n int) (nicks []protocol.Nick) {
		for i := range n {
			nicks = append(nicks, protocol.Nick(fmt.Sprintf("J5%014d", 11111111111111+i)))
		}
		return nicks
	}
	for name, bad := range map[string]sample{
		"role":              of(control.StartRequest{Role: "boss", Nick: nickA, Network: "mainnet"}),
		"nick":              of(control.StartRequest{Role: control.RoleMaker, Nick: "J6", Network: "mainnet"}),
		"network":           of(control.StartRequest{Role: control.RoleMaker, Nick: nickA, Network: "main"}),
		"17 channels":       of(control.StartRequest{Role: control.RoleMaker, Nick: nickA, Network: "mainnet", Channels: make([]control.ChannelConfig, 17)}),
		"channel twice":     of(control.StartRequest{Role: control.RoleMaker, Nick: nickA, Network: "mainnet", Channels: []control.ChannelConfig{hop, hop}}),
		"port":              of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Room: "r"}),
		"injected room":     of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r\r\nQUIT"}),
		"no directories":    of(control.ChannelConfig{Name: "a", Type: "onion"}),
		"directory twice":   of(control.ChannelConfig{Name: "a", Type: "onion", Directories: []string{"a:1", "a:1"}}),
		"many directories":  of(control.ChannelConfig{Name: "a", Type: "onion", Directories: strings.Split(strings.Repeat("a:1 ", 16)+"b:1", " ")}),
		"onion with a host": of(control.ChannelConfig{Name: "a", Type: "onion", Directories: []string{"a:1"}, Host: "h"}),
		"onion key and address": of(control.ChannelConfig{Name: "a", Type: "onion", Directories: []string{"a:1"},
			OnionKey: control.Credential(strings.Repeat("00", 32)), OnionAddress: "a.onion"}),
		"onion key":          of(control.ChannelConfig{Name: "a", Type: "onion", Directories: []string{"a:1"}, OnionKey: "00"}),
		"nine alternates":    of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r", Alternates: strings.Split("a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1", " ")}),
		"alternate twice":    of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r", Alternates: []string{"a:1", "a:1"}}),
		"large certificate":  of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r", TLSCA: strings.Repeat("x", control.MaxPEM+1)}),
		"injected password":  of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r", Password: "x\r\nQUIT"}),
		"sasl":               of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r", SASL: "scram"}),
		"interval":           of(control.ChannelConfig{Name: "a", Type: "irc", Host: "h", Port: 1, Room: "r", LineInterval: time.Hour}),
		"become watcher":     of(control.BecomeRequest{Role: control.RoleWatcher}),
		"bond to show":       of(control.BondAnswer{Proof: "AAAA"}),
		"bond for nobody":    of(control.BondRequest{}),
		"another offer":      of(control.AuthEvent{Conversation: 8, Taker: nickA, OfferID: 4, Amount: 1, Offer: offer, Commitment: commit, Revelation: "x", PubKey: key}),
		"command to verify":  of(control.VerifyRequest{Nick: nickA, Command: long, Text: "x", HostID: "h", PubKey: pubKey, Signature: sig}),
		"9 offers":           of(control.AnnounceRequest{Offers: make([]protocol.Offer, 9)}),
		"offer id twice":     of(control.AnnounceRequest{Offers: []protocol.Offer{offer, offer}}),
		"M16 fee":            of(control.AnnounceRequest{Offers: []protocol.Offer{{Type: protocol.SW0RelOffer, MaxSize: 9, CJFee: "NaN"}}}),
		"amount 0":           of(control.FillRequest{Commitment: commit, Makers: []control.MakerOffer{{Nick: nickA}}}),
		"amount":             of(control.FillRequest{Amount: sats.Max + 1, Commitment: commit, Makers: []control.MakerOffer{{Nick: nickA}}}),
		"M1 commitment":      of(control.FillRequest{Amount: 1, Commitment: commit[:64], Makers: []control.MakerOffer{{Nick: nickA}}}),
		"no makers":          of(control.FillRequest{Amount: 1, Commitment: commit}),
		"maker twice":        of(control.FillRequest{Amount: 1, Commitment: commit, Makers: []control.MakerOffer{{Nick: nickA}, {Nick: nickA, OfferID: 1}}}),
		"offer id":           of(control.FillRequest{Amount: 1, Commitment: commit, Makers: []control.MakerOffer{{Nick: nickA, OfferID: -1}}}),
		"deadline":           of(control.FillRequest{Amount: 1, Commitment: commit, Makers: []control.MakerOffer{{Nick: nickA}}, Deadline: control.MaxDeadline + 1}),
		"refill of nothing":  of(control.RefillRequest{Makers: []control.MakerOffer{{Nick: nickA}}}),
		"refill, no makers":  of(control.RefillRequest{Attempt: 1}),
		"refill twice":       of(control.RefillRequest{Attempt: 1, Makers: []control.MakerOffer{{Nick: nickA}, {Nick: nickA, OfferID: 1}}}),
		"negative deadline":  of(control.FillRequest{Amount: 1, Commitment: commit, Makers: []control.MakerOffer{{Nick: nickA}}, Deadline: -1}),
		"attempt 0":          of(control.AuthRequest{Makers: many(1), Revelation: "x"}),
		"65 makers":          of(control.AuthRequest{Attempt: 1, Makers: many(65), Revelation: "x"}),
		"revelation":         of(control.AuthRequest{Attempt: 1, Makers: many(1), Revelation: long + long}),
		"T23 tx":             of(control.TxRequest{Attempt: 1, Makers: many(1), Tx: make([]byte, protocol.MaxTx+1)}),
		"no tx":              of(control.TxRequest{Attempt: 1, Makers: many(1)}),
		"push":               of(control.PushRequest{Maker: nickA, Tx: make([]byte, protocol.MaxPush+1)}),
		"no coins":           of(control.IOAuth{AuthPubKey: pubKey, CJAddress: "a", ChangeAddress: "b", Signature: sig}),
		"T2 coin twice":      of(control.IOAuth{UTXOs: []string{coin, coin}, AuthPubKey: pubKey, CJAddress: "a", ChangeAddress: "b", Signature: sig}),
		"coin spelt":         of(control.IOAuth{UTXOs: []string{strings.ToUpper(coin)}, AuthPubKey: pubKey, CJAddress: "a", ChangeAddress: "b", Signature: sig}),
		"101 coins":          of(control.IOAuth{UTXOs: make([]string, 101), AuthPubKey: pubKey, CJAddress: "a", ChangeAddress: "b", Signature: sig}),
		"auth key":           of(control.IOAuth{UTXOs: []string{coin}, AuthPubKey: key, CJAddress: "a", ChangeAddress: "b", Signature: sig}),
		"blank in address":   of(control.IOAuth{UTXOs: []string{coin}, AuthPubKey: pubKey, CJAddress: "a a", ChangeAddress: "b", Signature: sig}),
		"signature":          of(control.IOAuth{UTXOs: []string{coin}, AuthPubKey: pubKey, CJAddress: "a", ChangeAddress: "b", Signature: "!"}),
		"conversation 0":     of(control.IOAuthRequest{IOAuth: ioauth}),
		"no coins to answer": of(control.IOAuthRequest{Conversation: 1}),
		"no sigs":            of(control.SigsRequest{Conversation: 1}),
		"sig script":         of(control.SigsRequest{Conversation: 1, Sigs: []string{b64.Encode(make([]byte, 257))}}),
		"reason":             of(control.RefuseRequest{Conversation: 1, Reason: "No Reason"}),
		"text to sign":       of(control.SignRequest{To: nickA, Command: "fill", Text: "a\nb", HostID: "h"}),
		"size to sign":       of(control.SignRequest{To: nickA, Command: "fill", Text: strings.Repeat("x", control.MaxText+1), HostID: "h"}),
		"key of answer":      of(control.SignAnswer{PubKey: strings.ToUpper(pubKey), Signature: sig}),
		"key to verify":      of(control.VerifyRequest{Nick: nickA, Text: "x", HostID: "h", PubKey: key, Signature: sig}),
		"sig to verify":      of(control.VerifyRequest{Nick: nickA, Text: "x", HostID: "h", PubKey: pubKey, Signature: ""}),

		"channel name":       of(control.ChannelEvent{State: control.ChannelUp}),
		"channel pace":       of(control.ChannelEvent{Channel: "a", State: control.ChannelUp, LineInterval: time.Hour}),
		"channel pace, back": of(control.ChannelEvent{Channel: "a", State: control.ChannelUp, LineInterval: -1}),
		"T17 channel reason": of(control.ChannelEvent{Channel: "a", State: control.ChannelLost, Reason: "\x1b[2J"}),
		"T17 error text":     of(control.ErrorEvent{Nick: nickA, Text: "\u202e"}),
		"long text":          of(control.ErrorEvent{Nick: nickA, Text: long}),
		"failed nick":        of(control.FailedEvent{Attempt: 1, Reason: protocol.ReasonLeft}),
		"session key":        of(control.PubKeyEvent{Attempt: 1, Maker: nickA, PubKey: pubKey}),
		"ioauth key":         of(control.IOAuthEvent{Attempt: 1, Maker: nickA, IOAuth: ioauth}),
		"ioauth":             of(control.IOAuthEvent{Attempt: 1, Maker: nickA, PubKey: key}),
		"no sig":             of(control.SigEvent{Attempt: 1, Maker: nickA}),
		"fill amount":        of(control.AuthEvent{Conversation: 1, Taker: nickA, Amount: -1, Commitment: commit, Revelation: "x", PubKey: key}),
		"tx to sign":         of(control.TxEvent{Conversation: 1, Taker: nickA}),
		"tx to push":         of(control.PushEvent{Taker: nickA, Tx: make([]byte, protocol.MaxPush+1)}),
		"ended":              of(control.EndedEvent{Conversation: 1, Taker: nickA}),
		"alert":              of(control.AlertEvent{Channel: "hackint", Text: "\x1b[2J"}),
		"ready":              of(control.ReadyEvent{Channels: make([]string, 1)}),
		"status":             of(control.StatusAnswer{Offers: -1}),
		"sessions":           of(control.StatusAnswer{Sessions: make([]control.SessionStatus, control.MaxStatusSessions+1)}),
		"peers":              of(control.SessionStatus{Peers: -1}),
		"states":             of(control.SessionStatus{Conversations: map[string]int{"\x1b": 1}}),
		"report":             of(control.SessionStatus{Channels: []control.ChannelReport{{Channel: "hackint"}}}),
		"report directories": of(control.ChannelReport{Channel: "onion", State: "up", Directories: []control.DirectoryReport{{Address: "a:1"}}}),
		"report reason":      of(control.ChannelReport{Channel: "hackint", State: "up", Reason: "\n"}),
		"started":            of(control.StartAnswer{Channels: make([]string, 17)}),
		"half a token":       of(control.ResumeRequest{Token: control.Credential(key[:63])}),
		"token of nothing":   of(control.StartAnswer{Resumption: control.Resumption{Grace: time.Minute}}),
		"long grace":         of(control.StartAnswer{Resumption: control.Resumption{Token: control.Credential(key), Grace: control.MaxGrace + 1}}),
		"resumed to nothing": of(control.ResumeAnswer{Resumption: resumption, Role: control.RoleMaker}),
		"resumed without":    of(control.ResumeAnswer{Role: control.RoleMaker, Nick: nickA}),
		"resumed talk":       of(control.ResumeAnswer{Resumption: resumption, Role: control.RoleMaker, Nick: nickA, Conversations: make([]control.ConversationState, 1)}),
		"book":               of(control.OrderbookAnswer{Offers: make([]control.OfferEntry, 1)}),
		"big book":           of(control.OrderbookAnswer{Offers: make([]control.OfferEntry, protocol.MaxOffers+1)}),
		"bond":               of(control.OrderbookAnswer{Bonds: []control.BondEntry{{Nick: nickA, Taker: nickB, Proof: "AAAA"}}}),
	} {
		text, err := json.Marshal(bad.value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bad.decode(text); !errors.Is(err, control.ErrBadRequest) {
			t.Errorf("%s: %.200s is accepted: %v", name, text, err)
		}
	}
}

func TestInvalidIsNotSent(t *testing.T) {
	bad := control.ErrorEvent{Nick: "nobody"}
	client, daemon := pair(t, funcs{}, funcs{request: func(context.Context, string, json.RawMessage) (any, error) {
		return bad, nil
	}})
	if err := client.Call(t.Context(), "m", bad, nil); !errors.Is(err, control.ErrBadRequest) {
		t.Errorf("request: %v", err)
	}
	if err := daemon.Notify("e", bad); !errors.Is(err, control.ErrBadRequest) {
		t.Errorf("event: %v", err)
	}
	if err := client.Call(t.Context(), "m", nil, nil); !errors.Is(err, control.ErrInternal) {
		t.Errorf("answer: %v", err)
	}
	var ans control.SignAnswer
	client, _ = pair(t, funcs{}, echo)
	if err := client.Call(t.Context(), "m", note{}, &ans); !errors.Is(err, control.ErrMalformed) {
		t.Errorf("answer that came: %v", err)
	}
}

func TestDecodeAbsent(t *testing.T) {
	for _, text := range []string{"", "{}", "null"} {
		if v, err := control.Decode[note](json.RawMessage(text)); err != nil || v != (note{}) {
			t.Errorf("%q: %v, %v", text, v, err)
		}
	}
	for _, text := range []string{"[]", "1", `{"number":1.5}`, `{"number":"1"}`, `{"number":1e30}`} {
		if _, err := control.Decode[note](json.RawMessage(text)); !errors.Is(err, control.ErrBadRequest) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDecodeEvent(t *testing.T) {
	if v, err := control.DecodeEvent("of-tomorrow", json.RawMessage(`[1]`)); v != nil || err != nil {
		t.Errorf("unknown event: %v, %v", v, err)
	}
	v, err := control.DecodeEvent(control.EventReady, json.RawMessage(`{"channels":["a"]}`))
	if ready, ok := v.(control.ReadyEvent); err != nil || !ok || len(ready.Channels) != 1 {
		t.Errorf("ready: %#v, %v", v, err)
	}
	if _, err := control.DecodeEvent(control.EventReady, json.RawMessage(`{"channels":[""]}`)); !errors.Is(err, control.ErrBadRequest) {
		t.Errorf("bad event: %v", err)
	}
}

// TestFullBookFitsAFrame: the limits of the order book are such that its answer
// can always be sent.
func TestFullBookFitsAFrame(t *testing.T) {
	entry := control.OfferEntry{Nick: nickA, Offer: protocol.Offer{
		Type: protocol.SW0RelOffer, ID: math.MaxInt64, MinSize: sats.Max, MaxSize: sats.Max, TxFee: sats.Max,
		CJFee: "0." + strings.Repeat("1", protocol.MaxFeeText-2),
	}}
	bond := control.BondEntry{Nick: nickA, Taker: nickB, Proof: strings.Repeat("A", protocol.BondProofText)}
	full := control.OrderbookAnswer{
		Offers: slices.Repeat([]control.OfferEntry{entry}, protocol.MaxOffers),
		Bonds:  slices.Repeat([]control.BondEntry{bond}, control.MaxBookBonds),
	}
	client, _ := pair(t, funcs{}, funcs{request: func(context.Context, string, json.RawMessage) (any, error) {
		return full, nil
	}})
	var got control.OrderbookAnswer
	if err := client.Call(t.Context(), control.MethodOrderbook, nil, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Offers) != protocol.MaxOffers || got.Offers[7] != entry || len(got.Bonds) != control.MaxBookBonds {
		t.Errorf("%d offers, %d bonds", len(got.Offers), len(got.Bonds))
	}
}

func BenchmarkOrderbook(b *testing.B) {
	book := control.OrderbookAnswer{
		Offers: slices.Repeat([]control.OfferEntry{{Nick: nickB, Offer: offer}}, 10_000),
		Bonds:  slices.Repeat([]control.BondEntry{{Nick: nickB, Taker: nickA, Proof: strings.Repeat("A", protocol.BondProofText)}}, 1000),
	}
	client, _ := pair(b, funcs{}, funcs{request: func(context.Context, string, json.RawMessage) (any, error) {
		return book, nil
	}})
	b.ReportAllocs()
	for b.Loop() {
		var got control.OrderbookAnswer
		if err := client.Call(b.Context(), control.MethodOrderbook, nil, &got); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCredentialsTravelButDoNotPrint: the daemon gets what it must tell the
// server, logs do not.
func TestCredentialsTravelButDoNotPrint(t *testing.T) {
	c := control.ChannelConfig{Password: "canary1", ClientCert: "canary2", SASLPassword: "canary3"}
	text, err := json.Marshal(c)
	if err != nil || strings.Count(string(text), "canary") != 3 {
		t.Errorf("%s, %v", text, err)
	}
	for _, shown := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c)} {
		if strings.Contains(shown, "canary") {
			t.Errorf("printed: %s", shown)
		}
	}
}
