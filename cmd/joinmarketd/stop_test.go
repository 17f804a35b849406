//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// script is a client that signs anything, believes everything, and keeps what it
// is told.
type script struct {
	t      testing.TB
	conn   *control.Conn
	events chan any
}

func (s *script) Request(_ context.Context, question string, _ json.RawMessage) (any, error) {
	if question == control.QuestionSign {
		return control.SignAnswer{PubKey: "02" + strings.Repeat("11", 32), Signature: base64.StdEncoding.EncodeToString(make([]byte, 70))}, nil
	}
	return control.VerifyAnswer{Valid: true}, nil
}

func (s *script) Event(name string, params json.RawMessage) {
	if v, err := control.DecodeEvent(name, params); err == nil {
		s.events <- v
	}
}

func (s *script) do(method string, req, ans any) {
	s.t.Helper()
	if err := s.conn.Call(s.t.Context(), method, req, ans); err != nil {
		s.t.Fatal(err)
	}
}

// await passes over events until a T comes.
func await[T any](s *script) (e T) {
	s.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case v := <-s.events:
			if e, ok := v.(T); ok {
				return e
			}
		case <-timeout:
			s.t.Fatalf("no %T", e)
		}
	}
}

// enter connects a client and has it enter the market on an IRC server.
func (p *process) enter(role control.Role, nick protocol.Nick, port int) *script {
	p.t.Helper()
	nc, err := net.Dial("unix", p.socket)
	if err != nil {
		p.t.Fatal(err)
	}
	s := &script{t: p.t, events: make(chan any, 1000)}
	if s.conn, err = control.Connect(p.t.Context(), nc, control.Config{Software: "test"}); err != nil {
		p.t.Fatal(err)
	}
	go s.conn.Run(context.WithoutCancel(p.t.Context()), s)
	s.do(control.MethodStart, control.StartRequest{Role: role, Nick: nick, Network: "regtest", Channels: []control.ChannelConfig{
		{Name: "test", Type: "irc", Host: "127.0.0.1", Port: uint16(port), Room: "test", LineInterval: -1}}}, nil)
	await[control.ReadyEvent](s)
	return s
}

// busy spawns a daemon with a maker whose coins are open to a taker.
func busy(t *testing.T) (p *process, maker, taker *script, conversation uint64) {
	t.Helper()
	address, _ := ircserver.Own(t, "test")
	port := int(netip.MustParseAddrPort(address).Port())
	const bob = protocol.Nick("J561YhaSF6trHuTS")
	p = spawn(t, shortDir(t), nil)
	taker = p.enter(control.RoleTaker, "J5ENesYLEgVVH8Ls", port)
	maker = p.enter(control.RoleMaker, bob, port)
	maker.do(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{
		{Type: protocol.SW0AbsOffer, MinSize: 1, MaxSize: 1_000_000, CJFee: "0"}}}, nil)
	for { // the offer is heard in its own time
		var a control.OrderbookAnswer
		if taker.do(control.MethodOrderbook, nil, &a); len(a.Offers) > 0 {
			break
		}
	}
	var a control.FillAnswer
	taker.do(control.MethodFill, control.FillRequest{Amount: 500_000, Commitment: protocol.NewCommitment([32]byte{1}),
		Makers: []control.MakerOffer{{Nick: bob}}}, &a)
	await[control.PubKeyEvent](taker)
	point := "02" + strings.Repeat("11", 32)
	scalar := strings.Repeat("33", 32)
	taker.do(control.MethodAuth, control.AuthRequest{Attempt: a.Attempt, Makers: []protocol.Nick{bob},
		Revelation: strings.Join([]string{strings.Repeat("ab", 32) + ":1", point, point, scalar, scalar}, "|")}, nil)
	conversation = await[control.AuthEvent](maker).Conversation
	maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: conversation, IOAuth: control.IOAuth{
		UTXOs: []string{strings.Repeat("cd", 32) + ":0"}, AuthPubKey: point, CJAddress: "a", ChangeAddress: "b",
		Signature: base64.StdEncoding.EncodeToString(make([]byte, 70))}}, nil)
	await[control.IOAuthEvent](taker)
	return p, maker, taker, conversation
}

// closed waits until nobody can connect any more.
func (p *process) closed() {
	p.t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.After(endWait / 2); ; {
		_, err := os.Stat(p.socket)
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			p.t.Fatalf("others can still connect: %v", err)
		}
	}
}

// TestSIGTERM: a conversation whose coins are open is finished if that takes no
// longer than endWait, a second signal ends it.
func TestSIGTERM(t *testing.T) {
	term := func(p *process) time.Time {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			p.t.Fatal(err)
		}
		return time.Now()
	}
	t.Run("finished", func(t *testing.T) {
		t.Parallel()
		p, maker, taker, id := busy(t)
		began := term(p)
		p.logged("told to end")
		p.closed()
		taker.do(control.MethodTx, control.TxRequest{Attempt: 1, Makers: []protocol.Nick{"J561YhaSF6trHuTS"}, Tx: make([]byte, 300)}, nil)
		await[control.TxEvent](maker)
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: id, Sigs: []string{"c2ln"}}, nil)
		await[control.SigEvent](taker)
		taker.do(control.MethodLeave, nil, nil)
		p.ended(began)
		<-maker.conn.Done()
		if err := maker.conn.Err(); !errors.Is(err, control.ErrClosed) {
			t.Errorf("the maker's client is told %v", err)
		}
	})
	t.Run("not finished", func(t *testing.T) {
		t.Parallel()
		p, maker, taker, id := busy(t)
		began := term(p)
		if e := await[control.EndedEvent](maker); e.Conversation != id || e.Reason != protocol.ReasonDaemonStops {
			t.Errorf("%+v", e)
		}
		if e := await[control.FailedEvent](taker); e.Reason != protocol.ReasonDaemonStops {
			t.Errorf("%+v", e)
		}
		p.ended(began)
		if d := time.Since(began); d < finishWait {
			t.Errorf("given up after %v", d)
		}
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		p, _, _, _ := busy(t)
		began := term(p)
		p.logged("told to end")
		stop := make(chan struct{})
		go func() { // until it is noticed that the second one is not to be caught
			for tick := time.NewTicker(50 * time.Millisecond); ; {
				select {
				case <-tick.C:
					p.Process.Signal(syscall.SIGTERM)
				case <-stop:
					return
				}
			}
		}()
		err := p.Wait()
		close(stop)
		var exit interface{ Sys() any }
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Errorf("ended: %v", err)
		}
		if d := time.Since(began); d >= finishWait {
			t.Errorf("ended after %v", d)
		}
	})
}

// TestGiveUp: what hangs although it was told to end is ended, and not before
// its time.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var told bytes.Buffer
		ended, exited := make(chan struct{}), make(chan int, 1)
		giveUp(ctx, func() { close(ended) }, &told, func(code int) { exited <- code })
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("although nobody said so")
		case <-exited:
			t.Fatal("although nobody said so")
		default:
		}
		cancel()
		began := time.Now()
		<-ended
		if code := <-exited; code != 1 || time.Since(began) != endWait || !strings.Contains(told.String(), "still not ended after 10s") {
			t.Errorf("exit status %d after %v: %s", code, time.Since(began), &told)
		}
	})
}
