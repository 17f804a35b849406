package daemon

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// TestWholeConversation runs a CoinJoin of a taker and two makers, all of whose
// clients are scripted, from the order book to the push.
func TestWholeConversation(t *testing.T) {
	inWorld(t, Config{Commitments: filepath.Join(t.TempDir(), "commitmentlist")}, func(t *testing.T, w *world) {
		makers := map[protocol.Nick]*client{bob: w.maker(bob), carol: w.maker(carol, offer(0), offer(3))}
		taker := w.enter(control.RoleTaker, alice)
		taker.do(control.MethodRefresh, nil, nil)
		if got := len(w.said(carol, alice, "sw0reloffer")); got != 1 {
			t.Fatalf("%d private answers, want one with all offers", got)
		}
		var book control.OrderbookAnswer
		taker.do(control.MethodOrderbook, nil, &book)
		if len(book.Offers) != 3 || book.Offers[0].Nick != bob || book.Offers[2].Nick != carol {
			t.Fatalf("book %+v", book.Offers)
		}

		attempt := taker.fill(bob, carol)
		keys := map[protocol.Nick]string{}
		for range makers {
			e := expect[control.PubKeyEvent](taker)
			if e.Attempt != attempt || len(e.PubKey) != 64 {
				t.Errorf("%+v", e)
			}
			keys[e.Maker] = e.PubKey
		}
		if len(keys) != 2 || keys[bob] == keys[carol] {
			t.Fatalf("keys %v", keys)
		}

		taker.auth(attempt, bob, carol)
		talks := map[protocol.Nick]uint64{}
		for n, m := range makers {
			e := expect[control.AuthEvent](m)
			want := control.AuthEvent{Conversation: e.Conversation, Taker: alice, Amount: 500_000, Offer: offer(0), Commitment: testCommitment,
				Revelation: line.Plaintext(testAuth), PubKey: keys[n]}
			if e != want || e.Conversation == 0 {
				t.Errorf("%+v, want %+v", e, want)
			}
			talks[n] = e.Conversation
			m.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(2)}, nil)
		}
		for range makers {
			e := expect[control.IOAuthEvent](taker)
			if !reflect.DeepEqual(e.IOAuth, coins(2)) || e.PubKey != keys[e.Maker] || e.Attempt != attempt {
				t.Errorf("%+v", e)
			}
		}

		taker.tx(attempt, bob, carol)
		for n, m := range makers {
			e := expect[control.TxEvent](m)
			if e.Conversation != talks[n] || e.Taker != alice || !bytes.Equal(e.Tx, testTx) {
				t.Errorf("%+v", e)
			}
			m.do(control.MethodSigs, control.SigsRequest{Conversation: e.Conversation, Sigs: []string{testSig, testSig}}, nil)
		}
		for range 4 {
			if e := expect[control.SigEvent](taker); e.Sig != testSig || e.Attempt != attempt {
				t.Errorf("%+v", e)
			}
		}

		taker.do(control.MethodPush, control.PushRequest{Maker: bob, Tx: testTx}, nil)
		if e := expect[control.PushEvent](makers[bob]); e.Taker != alice || !bytes.Equal(e.Tx, testTx) {
			t.Errorf("%+v", e)
		}
		for _, c := range []*client{taker, makers[bob], makers[carol]} {
			c.quiet()
			if n := c.status().Conversations; n != 0 {
				t.Errorf("%s has %d conversations left", c.nick, n)
			}
		}
		w.checkWire()
	})
}

// checkWire checks the pit's whole record: sealed commands show nothing of what
// they say, and every private message is signed by its sender.
func (w *world) checkWire() {
	w.t.Helper()
	secret := []string{testAuth.UTXO.TxID, "bcrt1qcj", testSig, coins(1).UTXOs[0]}
	private := 0
	for _, l := range w.pit().Lines() {
		for _, s := range secret {
			if strings.Contains(l.Text, s) {
				w.t.Errorf("%s to %s in the clear: %.100s", l.From, l.To, l.Text)
			}
		}
		if l.To == "" {
			continue
		}
		private++
		f := strings.Split(l.Text, " ")
		msg := strings.Join(f[1:len(f)-2], " ")
		if e := fakeProof(l.From, msg, hostID); f[len(f)-1] != e.Signature || f[len(f)-2] != e.PubKey {
			w.t.Errorf("%s to %s not signed: %.100s", l.From, l.To, l.Text)
		}
	}
	if private == 0 {
		w.t.Error("nothing was said in private")
	}
}

// TestUsedCommitmentSurvivesRestart: what opened a maker's coins opens none
// after the daemon starts again.
func TestUsedCommitmentSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	for run := range 2 {
		inWorld(t, Config{Commitments: filepath.Join(dir, "commitmentlist")}, func(t *testing.T, w *world) {
			maker, taker := w.maker(bob), w.enter(control.RoleTaker, alice)
			taker.fill2(bob)
			if run == 1 {
				if e := expect[control.FailedEvent](taker); e.Reason != protocol.ReasonBlacklisted || !strings.HasPrefix(e.Text, "Commitment is blacklisted: aa01") {
					t.Errorf("%+v", e)
				}
				maker.quiet()
				return
			}
			attempt := expect[control.PubKeyEvent](taker).Attempt
			taker.auth(attempt, bob)
			e := expect[control.AuthEvent](maker)
			maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
			expect[control.IOAuthEvent](taker)
		})
	}
}

// fill2 fills a maker heard of only in public.
func (c *client) fill2(maker protocol.Nick) {
	c.do(control.MethodRefresh, nil, nil)
	c.w.said(maker, c.nick, "sw0reloffer")
	c.fill(maker)
}

func TestRequestsOutOfPlace(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.connect(alice)
		check := func(method string, req any, code control.Code) {
			t.Helper()
			if err := c.call(method, req, nil); !errors.Is(err, code) {
				t.Errorf("%s: %v, want %s", method, err, code)
			}
		}
		check(control.MethodFill, control.FillRequest{Amount: 1, Commitment: testCommitment, Makers: []control.MakerOffer{{Nick: bob}}}, control.ErrState)
		check(control.MethodRefresh, nil, control.ErrState)
		check("nonsense", nil, control.ErrState)
		check(control.MethodStart, control.StartRequest{Role: control.RoleTaker, Nick: alice, Network: "regtest", Channels: channels("unknown")}, control.ErrBadRequest)
		c.start(control.RoleTaker)
		expect[control.ReadyEvent](c)
		check(control.MethodStart, control.StartRequest{Role: control.RoleMaker, Nick: bob, Network: "regtest"}, control.ErrState)
		check("nonsense", nil, control.ErrUnknownMethod)
		check(control.MethodAnnounce, control.AnnounceRequest{}, control.ErrState)
		check(control.MethodAuth, control.AuthRequest{Attempt: 1, Makers: []protocol.Nick{bob}, Revelation: "x"}, control.ErrBadRequest)
		check(control.MethodAuth, control.AuthRequest{Attempt: 1, Makers: []protocol.Nick{bob}, Revelation: line.Plaintext(testAuth)}, control.ErrState)
		check(control.MethodTx, control.TxRequest{Attempt: 1, Makers: []protocol.Nick{bob}, Tx: []byte{1}}, control.ErrBadRequest)
		check(control.MethodPush, control.PushRequest{Maker: bob, Tx: testTx}, control.ErrState)
		check(control.MethodPush, control.PushRequest{Maker: bob, Tx: make([]byte, 40_000)}, control.ErrTooLarge)

		m := w.maker(bob)
		attempt := c.fill(bob)
		expect[control.PubKeyEvent](c)
		check(control.MethodTx, control.TxRequest{Attempt: attempt, Makers: []protocol.Nick{bob}, Tx: testTx}, control.ErrState)
		check(control.MethodAuth, control.AuthRequest{Attempt: attempt + 1, Makers: []protocol.Nick{bob}, Revelation: line.Plaintext(testAuth)}, control.ErrState)
		check(control.MethodAuth, control.AuthRequest{Attempt: attempt, Makers: []protocol.Nick{bob, carol}, Revelation: line.Plaintext(testAuth)}, control.ErrState)
		if got := w.said(alice, bob, protocol.CmdAuth); len(got) != 0 {
			t.Error("a refused request sent something")
		}
		c.auth(attempt, bob)
		check(control.MethodAuth, control.AuthRequest{Attempt: attempt, Makers: []protocol.Nick{bob}, Revelation: line.Plaintext(testAuth)}, control.ErrState)

		e := expect[control.AuthEvent](m)
		c = m
		check(control.MethodFill, control.FillRequest{Amount: 1, Commitment: testCommitment, Makers: []control.MakerOffer{{Nick: alice}}}, control.ErrState)
		check(control.MethodSigs, control.SigsRequest{Conversation: e.Conversation, Sigs: []string{testSig}}, control.ErrState)
		check(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation + 1, IOAuth: coins(1)}, control.ErrState)
		twice := coins(1)
		twice.UTXOs = append(twice.UTXOs, twice.UTXOs[0])
		check(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: twice}, control.ErrBadRequest)
		check(control.MethodSigs, control.SigsRequest{Conversation: e.Conversation, Sigs: []string{"AAAB="}}, control.ErrBadRequest)
		m.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, nil)
		check(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: coins(1)}, control.ErrState)
	})
}
