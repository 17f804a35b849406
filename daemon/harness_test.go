package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

const (
	alice protocol.Nick = "J5ENesYLEgVVH8Ls" // a taker
	bob   protocol.Nick = "J561YhaSF6trHuTS" // a maker
	carol protocol.Nick = "J57DSUm6NfScN3T6" // another maker
	mal   protocol.Nick = "J5AhJyN7o7uzdNDb" // nobody's friend
)

// nick makes a distinct nick of a number.
func nick(n int) protocol.Nick {
	digits := strings.ReplaceAll(fmt.Sprintf("%07d", n), "0", "z") // no zero in base58
	return protocol.Nick("J5m" + digits + "AAAAOO")
}

// fakeKey and fakeSignature stand in for the nick keys of clients: no secp256k1
// is linked here. Like real ones they bind a text to a nick.
func fakeKey(n protocol.Nick) string {
	h := sha256.Sum256([]byte("fake key of " + n))
	return "02" + hex.EncodeToString(h[:])
}

func fakeSignature(pubkey, text string) string {
	h := sha256.Sum256([]byte("fake signature " + pubkey + text))
	return base64.StdEncoding.EncodeToString(append(h[:], h[:]...))
}

func fakeProof(from protocol.Nick, msg, hostID string) envelope.Envelope {
	return envelope.Envelope{Msg: msg, PubKey: fakeKey(from), Signature: fakeSignature(fakeKey(from), envelope.SignedText(msg, hostID))}
}

// private is a correctly signed private line.
func private(from, to protocol.Nick, command protocol.Command, msg, hostID string) daemontest.Line {
	e := fakeProof(from, msg, hostID)
	e.Command = command
	return daemontest.Line{From: from, To: to, Text: e.String()}
}

// world is a daemon, the pits it knows, and its clients.
type world struct {
	t    *testing.T
	d    *Daemon
	pits map[string]*daemontest.Pit
}

const hostID = "TestNet" // mixed case, as networks write it

// inWorld runs a test in a bubble of its own time, with one pit named "pit".
func inWorld(t *testing.T, cfg Config, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, cfg)) })
}

func newWorld(t *testing.T, cfg Config) *world {
	w := &world{t: t, pits: map[string]*daemontest.Pit{"pit": daemontest.NewPit("pit", hostID)}}
	cfg.NewChannel = func(c control.ChannelConfig, nick protocol.Nick, network string) (channel.Channel, error) {
		pit := w.pits[c.Name]
		if pit == nil {
			return nil, fmt.Errorf("no pit %q", c.Name)
		}
		return pit.Join(nick), nil
	}
	if cfg.Channels == nil {
		cfg.Channels = channels("pit")
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.d = d
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func channels(names ...string) (configs []control.ChannelConfig) {
	for _, name := range names {
		configs = append(configs, control.ChannelConfig{Name: name, Type: "irc", Host: "localhost", Port: 6667, Room: "pit", LineInterval: -1})
	}
	return configs
}

// client is a scripted client.
type client struct {
	t      *testing.T
	w      *world
	nick   protocol.Nick
	nc     net.Conn
	conn   *control.Conn
	events chan any
	heard  atomic.Uint64 // events
	done   chan struct{} // closed when both ends are through

	signer func(control.SignRequest) (control.SignAnswer, error) // nil for the fake
	bond   func(control.BondRequest) (control.BondAnswer, error) // nil: not to be asked
	stuck  chan struct{}                                         // if not nil, nothing is read after the next event until it is closed
	mute   chan struct{}                                         // if not nil, verdicts wait until it is closed
	judged sync.Map                                              // control.VerifyRequest without text and proof: was asked
}

// connect says hello and nothing else.
func (w *world) connect(n protocol.Nick) *client {
	w.t.Helper()
	return w.connectTo(n, func(nc net.Conn) error { return w.d.Serve(context.Background(), nc) })
}

// inside is connect, and the daemon's end, which may be looked into while
// nothing happens.
func (w *world) inside(n protocol.Nick) (*client, *session) {
	w.t.Helper()
	sessions := make(chan *session, 1)
	c := w.connectTo(n, func(nc net.Conn) error {
		conn, err := control.Accept(context.Background(), nc, control.Config{})
		if err != nil {
			return err
		}
		o := newDoor(w.d, conn)
		sessions <- o.to.Load()
		if err := o.open(context.Background()); !errors.Is(err, control.ErrClosed) {
			return err
		}
		return nil
	})
	return c, <-sessions
}

func (w *world) connectTo(n protocol.Nick, serve func(net.Conn) error, features ...string) *client {
	w.t.Helper()
	ours, theirs := net.Pipe()
	c := &client{t: w.t, w: w, nick: n, nc: ours, events: make(chan any, 100_000), done: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- serve(theirs) }()
	conn, err := control.Connect(context.Background(), ours, control.Config{Software: "test", Features: features})
	if err != nil {
		w.t.Fatal(err)
	}
	c.conn = conn
	go func() {
		conn.Run(context.Background(), c)
		if err := <-served; err != nil {
			w.t.Errorf("Serve: %v", err)
		}
		close(c.done)
	}()
	w.t.Cleanup(func() { conn.Close(); <-c.done })
	return c
}

// enter starts a session and waits until the market is ready.
func (w *world) enter(role control.Role, n protocol.Nick) *client {
	w.t.Helper()
	c := w.connect(n)
	c.enter(role)
	return c
}

func (c *client) enter(role control.Role) {
	c.t.Helper()
	c.start(role)
	expect[control.ReadyEvent](c)
}

func (c *client) start(role control.Role) {
	c.t.Helper()
	c.do(control.MethodStart, control.StartRequest{Role: role, Nick: c.nick, Network: "regtest"}, nil)
}

// maker enters a maker with offers.
func (w *world) maker(n protocol.Nick, offers ...protocol.Offer) *client {
	w.t.Helper()
	c := w.enter(control.RoleMaker, n)
	if len(offers) == 0 {
		offers = []protocol.Offer{offer(0)}
	}
	c.do(control.MethodAnnounce, control.AnnounceRequest{Offers: offers}, nil)
	synctest.Wait() // until everybody has heard it
	return c
}

func offer(id protocol.OfferID) protocol.Offer {
	return protocol.Offer{Type: protocol.SW0RelOffer, ID: id, MinSize: 100_000, MaxSize: 5_000_000, CJFee: "0.00002"}
}

// Request answers the daemon's questions.
func (c *client) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case control.QuestionSign:
		r, err := control.Decode[control.SignRequest](params)
		if err != nil {
			c.t.Errorf("%s: %v", method, err)
			return nil, err
		}
		if !strings.HasSuffix(r.Text, r.HostID) {
			c.t.Errorf("text to sign %.80q does not end in host id %q", r.Text, r.HostID)
		}
		if c.signer != nil {
			return c.signer(r)
		}
		return control.SignAnswer{PubKey: fakeKey(c.nick), Signature: fakeSignature(fakeKey(c.nick), r.Text)}, nil
	case control.QuestionVerify:
		r, err := control.Decode[control.VerifyRequest](params)
		if err != nil {
			c.t.Errorf("%s: %v", method, err)
			return nil, err
		}
		if c.mute != nil {
			select {
			case <-c.mute:
			case <-ctx.Done():
			}
		}
		c.judged.Store(control.VerifyRequest{Nick: r.Nick, Command: r.Command, HostID: r.HostID}, true)
		return control.VerifyAnswer{Valid: r.PubKey == fakeKey(r.Nick) && r.Signature == fakeSignature(r.PubKey, r.Text)}, nil
	}
	if r, err := control.Decode[control.BondRequest](params); method == control.QuestionBond && err == nil && c.bond != nil {
		return c.bond(r)
	}
	c.t.Errorf("question %s %s", method, params)
	return nil, control.ErrUnknownMethod
}

// Event keeps what the daemon tells.
func (c *client) Event(name string, params json.RawMessage) {
	c.heard.Add(1)
	if c.stuck != nil {
		<-c.stuck
	}
	v, err := control.DecodeEvent(name, params)
	if err != nil {
		c.t.Errorf("event %s: %v", name, err)
		return
	}
	c.events <- v
}

func (c *client) call(method string, req, ans any) error {
	return c.conn.Call(context.Background(), method, req, ans)
}

// do is call for what must succeed.
func (c *client) do(method string, req, ans any) {
	c.t.Helper()
	if err := c.call(method, req, ans); err != nil {
		c.t.Fatalf("%s: %v", c.nick, err)
	}
}

// expect returns the next event, passing over those of channels; it must be a
// T, and it must come within ten minutes of the bubble's time.
func expect[T any](c *client) T {
	c.t.Helper()
	timeout := time.After(10 * time.Minute)
	for {
		select {
		case v := <-c.events:
			if _, ok := v.(control.ChannelEvent); ok {
				continue
			}
			e, ok := v.(T)
			if !ok {
				c.t.Fatalf("%s: event %T %+v, want %T", c.nick, v, v, e)
			}
			return e
		case <-timeout:
			var e T
			c.t.Fatalf("%s: no event, want %T", c.nick, e)
		}
	}
}

// quiet checks that nothing is told once all that is under way has been done.
func (c *client) quiet() {
	c.t.Helper()
	synctest.Wait()
	for {
		select {
		case v := <-c.events:
			if _, ok := v.(control.ChannelEvent); !ok {
				c.t.Errorf("%s: unexpected event %T %+v", c.nick, v, v)
			}
		default:
			return
		}
	}
}

func (c *client) status() (a control.StatusAnswer) {
	c.t.Helper()
	c.do(control.MethodStatus, nil, &a)
	return a
}

func (w *world) pit() *daemontest.Pit { return w.pits["pit"] }

// said returns the lines from one nick to another, or to the room for "", that
// have been said so far and begin with the command.
func (w *world) said(from, to protocol.Nick, command protocol.Command) (texts []string) {
	synctest.Wait()
	for _, l := range w.pit().Lines() {
		name, rest, _ := strings.Cut(strings.TrimPrefix(l.Text, "!"), " ")
		if l.From == from && l.To == to && protocol.Command(name) == command {
			texts = append(texts, rest)
		}
	}
	return texts
}

// What a scripted conversation says.
var (
	testCommitment = protocol.NewCommitment([32]byte{0xaa, 1})
	testAuth       = line.Auth{UTXO: line.UTXO{TxID: strings.Repeat("ab", 32), Vout: 1}, P: "02" + strings.Repeat("11", 32),
		P2: "03" + strings.Repeat("22", 32), S: strings.Repeat("33", 32), E: strings.Repeat("44", 32)}
	testTx  = bytes.Repeat([]byte{7}, 300)
	testSig = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 107))
)

// coins is what a maker opens: n coins.
func coins(n int) control.IOAuth {
	o := control.IOAuth{AuthPubKey: "02" + strings.Repeat("55", 32), CJAddress: "bcrt1qcj", ChangeAddress: "bcrt1qchange",
		Signature: base64.StdEncoding.EncodeToString(make([]byte, 70))}
	for i := range n {
		o.UTXOs = append(o.UTXOs, fmt.Sprintf("%064x:%d", i, i))
	}
	return o
}

// fill begins an attempt with makers' offers 0.
func (c *client) fill(makers ...protocol.Nick) uint64 {
	c.t.Helper()
	r := control.FillRequest{Amount: 500_000, Commitment: testCommitment}
	for _, m := range makers {
		r.Makers = append(r.Makers, control.MakerOffer{Nick: m})
	}
	var a control.FillAnswer
	c.do(control.MethodFill, r, &a)
	return a.Attempt
}

func (c *client) auth(attempt uint64, makers ...protocol.Nick) {
	c.t.Helper()
	c.do(control.MethodAuth, control.AuthRequest{Attempt: attempt, Makers: makers, Revelation: line.Plaintext(testAuth)}, nil)
}

func (c *client) tx(attempt uint64, makers ...protocol.Nick) {
	c.t.Helper()
	c.do(control.MethodTx, control.TxRequest{Attempt: attempt, Makers: makers, Tx: testTx}, nil)
}
