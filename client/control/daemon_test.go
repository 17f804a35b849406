package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
	wire "github.com/joinmarket-go/joinmarket/protocol/control"
)

const nick = protocol.Nick("J54rGqqGtfCYTpRs")

var (
	pubKey = "02" + strings.Repeat("ab", 32)
	sig    = b64.Encode(make([]byte, 71))
	offer  = protocol.Offer{Type: protocol.SW0AbsOffer, MinSize: 1, MaxSize: 2, CJFee: "3"}
)

// signer refuses to sign what it is told to.
type signer struct{}

func (signer) Sign(r wire.SignRequest) (wire.SignAnswer, error) {
	if r.Command == "evil" {
		return wire.SignAnswer{}, fmt.Errorf("%w: not this", wire.ErrBadRequest)
	}
	return wire.SignAnswer{PubKey: pubKey, Signature: sig}, nil
}

func (signer) Verify(r wire.VerifyRequest) wire.VerifyAnswer {
	return wire.VerifyAnswer{Valid: r.Text == "good h"}
}

// fake is the daemon's end: it notes a request and gives the prepared answer.
type fake struct {
	answers map[string]any
	got     chan string
}

func (f fake) Request(_ context.Context, method string, params json.RawMessage) (any, error) {
	f.got <- method + " " + string(params)
	return f.answers[method], nil
}

func (fake) Event(string, json.RawMessage) {}

// once dials nc, and then nothing.
func once(nc net.Conn, secret wire.Secret) control.Dialer {
	return func(context.Context) (net.Conn, wire.Secret, error) {
		taken := nc
		if nc = nil; taken == nil {
			return nil, "", control.ErrAbsent
		}
		return taken, secret, nil
	}
}

// open connects a Daemon with a fake over a pipe; both end with the test.
func open(t *testing.T, f fake) (*control.Daemon, *wire.Conn) {
	t.Helper()
	nc1, nc2 := net.Pipe()
	accepted := make(chan *wire.Conn, 1)
	go func() {
		c, err := wire.Accept(t.Context(), nc2, wire.Config{})
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	d, err := control.Open(t.Context(), once(nc1, ""), wire.Config{Software: "jm"}, signer{})
	if err != nil {
		t.Fatal(err)
	}
	server := <-accepted
	ended := make(chan struct{}, 2)
	go func() { d.Run(context.Background()); ended <- struct{}{} }()
	go func() { server.Run(context.Background(), f); ended <- struct{}{} }()
	t.Cleanup(func() {
		d.Close()
		server.Close()
		<-ended
		<-ended
	})
	return d, server
}

// TestCommands: every method sends its command and decodes its answer.
func TestCommands(t *testing.T) {
	commitment := protocol.NewCommitment([32]byte{1})
	ioauth := wire.IOAuth{UTXOs: []string{strings.Repeat("cd", 32) + ":0"}, AuthPubKey: pubKey, CJAddress: "a", ChangeAddress: "b", Signature: sig}
	f := fake{got: make(chan string, 1), answers: map[string]any{
		"start":     wire.StartAnswer{Channels: []string{"hackint"}},
		"status":    wire.StatusAnswer{Version: "fake"},
		"orderbook": wire.OrderbookAnswer{Offers: []wire.OfferEntry{{Nick: nick, Offer: offer}}},
		"fill":      wire.FillAnswer{Attempt: 5},
	}}
	d, _ := open(t, f)
	ctx := t.Context()
	for _, c := range []struct {
		call func() (any, error)
		sent string
		ans  any
	}{
		{func() (any, error) {
			return d.Start(ctx, wire.StartRequest{Role: wire.RoleWatcher, Nick: nick, Network: "signet"})
		}, `start {"role":"watcher","nick":"J54rGqqGtfCYTpRs","network":"signet"}`, f.answers["start"]},
		{func() (any, error) { return d.Status(ctx) }, `status {}`, f.answers["status"]},
		{func() (any, error) { return nil, d.Refresh(ctx) }, `refresh {}`, nil},
		{func() (any, error) { return d.Orderbook(ctx) }, `orderbook {}`, f.answers["orderbook"]},
		{func() (any, error) {
			return nil, d.Announce(ctx, wire.AnnounceRequest{Offers: []protocol.Offer{offer}})
		},
			`announce {"offers":[{"type":"sw0absoffer","oid":0,"minsize":1,"maxsize":2,"txfee":0,"cjfee":"3"}]}`, nil},
		{func() (any, error) {
			return d.Fill(ctx, wire.FillRequest{Amount: 9, Commitment: commitment, Makers: []wire.MakerOffer{{Nick: nick, OfferID: 2}}})
		}, `fill {"amount":9,"commitment":"` + string(commitment) + `","makers":[{"nick":"J54rGqqGtfCYTpRs","oid":2}]}`, f.answers["fill"]},
		{func() (any, error) {
			return nil, d.Auth(ctx, wire.AuthRequest{Attempt: 5, Makers: []protocol.Nick{nick}, Revelation: "r"})
		}, `auth {"attempt":5,"makers":["J54rGqqGtfCYTpRs"],"revelation":"r"}`, nil},
		{func() (any, error) {
			return nil, d.Tx(ctx, wire.TxRequest{Attempt: 5, Makers: []protocol.Nick{nick}, Tx: []byte{2, 0}})
		}, `tx {"attempt":5,"makers":["J54rGqqGtfCYTpRs"],"tx":"AgA="}`, nil},
		{func() (any, error) { return nil, d.Push(ctx, wire.PushRequest{Maker: nick, Tx: []byte{2, 0}}) },
			`push {"maker":"J54rGqqGtfCYTpRs","tx":"AgA="}`, nil},
		{func() (any, error) {
			return nil, d.IOAuth(ctx, wire.IOAuthRequest{Conversation: 6, IOAuth: ioauth})
		}, `ioauth {"conversation":6,"utxos":["` + ioauth.UTXOs[0] + `"],"authpubkey":"` + pubKey + `","cjaddr":"a","changeaddr":"b","sig":"` + sig + `"}`, nil},
		{func() (any, error) {
			return nil, d.Sigs(ctx, wire.SigsRequest{Conversation: 6, Sigs: []string{"AgA="}})
		},
			`sigs {"conversation":6,"sigs":["AgA="]}`, nil},
		{func() (any, error) {
			return nil, d.Refuse(ctx, wire.RefuseRequest{Conversation: 6, Reason: protocol.ReasonBadTx})
		}, `refuse {"conversation":6,"reason":"bad-tx"}`, nil},
	} {
		ans, err := c.call()
		if got := <-f.got; err != nil || got != c.sent || !reflect.DeepEqual(ans, c.ans) {
			t.Errorf("sent %s, want %s; answer %+v, %v", got, c.sent, ans, err)
		}
	}
}

func TestQuestions(t *testing.T) {
	_, server := open(t, fake{})
	ask := wire.SignRequest{To: nick, Command: "fill", Text: "x h", HostID: "h"}
	var signed wire.SignAnswer
	if err := server.Call(t.Context(), wire.QuestionSign, ask, &signed); err != nil || signed.PubKey != pubKey || signed.Signature != sig {
		t.Errorf("sign: %+v, %v", signed, err)
	}
	ask.Command = "evil"
	if err := server.Call(t.Context(), wire.QuestionSign, ask, &signed); !errors.Is(err, wire.ErrBadRequest) {
		t.Errorf("evil: %v", err)
	}
	for _, text := range []string{"good h", "bad h"} {
		var verdict wire.VerifyAnswer
		err := server.Call(t.Context(), wire.QuestionVerify, wire.VerifyRequest{Nick: nick, Text: text, HostID: "h", PubKey: pubKey, Signature: sig}, &verdict)
		if err != nil || verdict.Valid != (text == "good h") {
			t.Errorf("verify %s: %v, %v", text, verdict, err)
		}
	}
	for _, method := range []string{wire.QuestionSign, wire.QuestionVerify} {
		if err := server.Call(t.Context(), method, nil, nil); !errors.Is(err, wire.ErrBadRequest) {
			t.Errorf("empty %s: %v", method, err)
		}
	}
	if err := server.Call(t.Context(), "spend", nil, nil); !errors.Is(err, wire.ErrUnknownMethod) {
		t.Errorf("spend: %v", err)
	}
}

func TestEvents(t *testing.T) {
	d, server := open(t, fake{})
	want := []any{
		wire.ChannelEvent{Channel: "a", State: wire.ChannelUp, HostID: "h"},
		wire.ReadyEvent{Channels: []string{"a"}},
		wire.ErrorEvent{Nick: nick, Text: "no"},
	}
	for i, name := range []string{wire.EventChannel, wire.EventReady, wire.EventError} {
		if err := server.Notify("of-tomorrow", nil); err != nil { // ignored
			t.Fatal(err)
		}
		if err := server.Notify(name, want[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range want {
		if got := <-d.Events(); !reflect.DeepEqual(got, w) {
			t.Errorf("got %#v, want %#v", got, w)
		}
	}
	server.Close()
	if got, ok := <-d.Events(); ok {
		t.Errorf("after the end: %#v", got)
	}
	if !errors.Is(d.Err(), wire.ErrClosed) {
		t.Error(d.Err())
	}
}

func TestEventOutOfBoundsEndsTheConnection(t *testing.T) {
	d, server := open(t, fake{})
	if err := server.Notify(wire.EventError, map[string]string{"nick": "nobody"}); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if !errors.Is(d.Err(), wire.ErrMalformed) || !errors.Is(server.Err(), wire.ErrMalformed) {
		t.Errorf("client %v, daemon %v", d.Err(), server.Err())
	}
}

// TestSlowConsumer: events that nobody takes end the connection, and those
// that came before can still be had.
func TestSlowConsumer(t *testing.T) {
	d, server := open(t, fake{})
	for range 300 { // more than a client keeps, fewer than fill the daemon's queue
		server.Notify(wire.EventReady, wire.ReadyEvent{})
	}
	<-server.Done()
	if !errors.Is(d.Err(), wire.ErrSlow) || !errors.Is(server.Err(), wire.ErrSlow) {
		t.Errorf("client %v, daemon %v", d.Err(), server.Err())
	}
	count := 0
	for range d.Events() {
		count++
	}
	if count != 256 {
		t.Errorf("%d events were kept", count)
	}
}
