package onion

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// published is an onion service of the tests.
type published struct {
	address string
	done    chan struct{}
	once    sync.Once
}

func (p *published) Address() string       { return p.address }
func (p *published) Done() <-chan struct{} { return p.done }
func (p *published) Close() error          { p.once.Do(func() { close(p.done) }); return nil }

// publisher gives one service after the other, or errors.
type publisher struct {
	answers  chan any
	services chan *published
	listens  chan net.Addr
}

func newPublisher() *publisher {
	return &publisher{make(chan any, 8), make(chan *published, 8), make(chan net.Addr, 8)}
}

func (p *publisher) publish(ctx context.Context, local net.Addr) (Service, error) {
	p.listens <- local
	select {
	case a := <-p.answers:
		if err, ok := a.(error); ok {
			return nil, err
		}
		s := &published{address: a.(string), done: make(chan struct{})}
		p.services <- s
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serveOn runs a serving channel of a directory that the test plays, in real
// time, for the network is real too.
func serveOn(t *testing.T, p *publisher) (c *Channel, directory func() (conn *peer, location string)) {
	t.Helper()
	conns := make(chan *peer, 8)
	c = New(Config{
		Name: "pit", Nick: me, Network: "signet", Directories: []string{service(1)},
		Serving: &Serving{Listen: "127.0.0.1:0", Publish: p.publish},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			conns <- newPeer(t, theirs)
			return ours, nil
		},
	})
	c.Serve()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, func(channel.Event) {}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c, func() (*peer, string) {
		t.Helper()
		select {
		case conn := <-conns:
			h, err := onion.ParseClientHello(conn.next().Text, false)
			if err != nil {
				t.Fatal(err)
			}
			conn.say(onion.DirectoryHello{Accepted: true, Network: "signet"}.Message())
			return conn, string(h.Location)
		case <-time.After(time.Minute):
			t.Fatal("the directory is not dialled")
			return nil, ""
		}
	}
}

// TestServe: a maker listens before its service is published, and directories are
// told of it.
func TestServe(t *testing.T) {
	p := newPublisher()
	c, directory := serveOn(t, p)
	local := <-p.listens
	conn, err := net.Dial("tcp", local.String())
	if err != nil {
		t.Fatalf("it does not listen yet: %v", err)
	}
	p.answers <- strings.TrimSuffix(service(7), ":5222")
	_, location := directory()
	if location != service(7) {
		t.Errorf("directories are told %q", location)
	}
	taker := newPeer(t, conn)
	h, err := onion.ParseClientHello(taker.next().Text, false)
	if err != nil || h.Nick != me {
		t.Errorf("%+v, %v", h, err)
	}
	taker.say(onion.ClientHello{Location: onion.NotServing, Nick: alice, Network: "signet"}.Message())
	if r := c.Report(); !r.Serving || r.State != string(control.ChannelUp) {
		t.Errorf("%+v", r)
	}
}

// TestPortInUse: a maker whose port another program has takes part nevertheless.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	inWorld(t, Config{Serving: &Serving{Listen: l.Addr().String(), Publish: newPublisher().publish}}, []string{service(1)}, func(t *testing.T, w *world) {
		w.c.Serve()
		if at := w.location(); at != string(onion.NotServing) {
			t.Errorf("told %q", at)
		}
	})
}

// location is where a directory is told that we are.
func (w *world) location() string {
	w.t.Helper()
	p := w.accept(service(1))
	h, err := onion.ParseClientHello(p.next().Text, false)
	if err != nil {
		w.t.Fatal(err)
	}
	p.say(onion.DirectoryHello{Accepted: true, Network: "signet"}.Message())
	synctest.Wait()
	return string(h.Location)
}

// TestServiceIsGone: directories are told of the service, and of another when it
// is gone, and hear nothing new of one with the same address.
func TestServiceIsGone(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		p := newPublisher()
		w.c.cfg.Serving = &Serving{Publish: p.publish}
		w.location()
		w.c.task(func(ctx context.Context) { w.c.publish(ctx, nil) })
		var last *published
		for _, n := range []byte{7, 8} {
			began := time.Now()
			p.answers <- strings.TrimSuffix(service(n), ":5222")
			if last != nil {
				last.Close()
			}
			if at := w.location(); at != service(n) {
				t.Errorf("told %q", at)
			}
			if took := time.Since(began); n == 7 && took > 3*time.Second {
				t.Errorf("told after %v", took)
			}
			last = <-p.services
		}
		p.answers <- strings.TrimSuffix(service(8), ":5222")
		last.Close()
		time.Sleep(publishAgain)
		if n := w.dials(service(1)); n != 3 || len(p.services) != 1 {
			t.Errorf("the directory was connected to %d times", n)
		}
	})
}

// TestServeWithoutTor: a maker that cannot have a service takes part through
// directories, and has one when that is possible.
func TestServeWithoutTor(t *testing.T) {
	inWorld(t, Config{}, []string{service(1)}, func(t *testing.T, w *world) {
		p := newPublisher()
		w.c.cfg.Serving = &Serving{Publish: p.publish}
		if at := w.location(); at != string(onion.NotServing) {
			t.Errorf("told %q", at)
		}
		w.c.task(func(ctx context.Context) { w.c.publish(ctx, nil) })
		p.answers <- errors.New("no control port")
		p.answers <- "example.com"
		p.answers <- strings.TrimSuffix(service(7), ":5222")
		if at := w.location(); at != service(7) {
			t.Errorf("told %q", at)
		}
	})
}
