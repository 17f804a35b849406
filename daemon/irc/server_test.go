package irc

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircd"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// serve runs our own server on a listener until the test ends or stop is
// called.
func serve(t testing.TB, l net.Listener) (server *ircd.Server, stop func()) {
	t.Helper()
	server = ircd.New(ircd.Config{Network: "testnet0"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	}
	return server, stop
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// at points a channel to a server.
func at(t testing.TB, address string) func(*Config) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *Config) {
		cfg.Host, cfg.Port, cfg.Dial = host, uint16(n), nil
		cfg.LineInterval = -1
	}
}

// realServers are the servers that the suite below runs on.
var realServers = map[string]func(testing.TB, ircserver.Options) ircserver.Server{
	"ngircd":   ircserver.NgIRCd,
	"inspircd": ircserver.InspIRCd,
}

// TestServers runs whole conversations over our own server and over real ones,
// plain and with TLS.
func TestServers(t *testing.T) {
	t.Parallel()
	t.Run("ircd", func(t *testing.T) {
		l := listen(t)
		_, stop := serve(t, l)
		defer stop()
		testServer(t, l.Addr().String(), "testnet0")
	})
	for name, run := range realServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testServer(t, run(t, ircserver.Options{}).Address, ircserver.Network)
		})
		t.Run(name+" with TLS", func(t *testing.T) {
			t.Parallel()
			s := run(t, ircserver.Options{})
			secure := func(cfg *Config) {
				at(t, s.TLSAddress)(cfg)
				cfg.TLS, cfg.TLSCA = true, s.CA
			}
			a, b := start(t, secure), start(t, func(cfg *Config) {
				secure(cfg)
				cfg.Nick = otherNick
			})
			a.want(channel.State{State: control.ChannelUp, HostID: ircserver.Network})
			b.want(channel.State{State: control.ChannelUp, HostID: ircserver.Network})
			body := strings.Repeat("x", 1000)
			if err := a.ch.SendPrivate(otherNick, "auth", body); err != nil {
				t.Fatal(err)
			}
			b.want(channel.Private{From: ourNick, Text: "!auth " + body})
			b.stop()
			a.want(channel.Left{Nick: otherNick})
			a.stop()
		})
	}
}

// testServer runs a conversation.
func testServer(t *testing.T, address, network string) {
	join := func(nick protocol.Nick) *harness {
		return start(t, func(cfg *Config) {
			at(t, address)(cfg)
			cfg.Nick = nick
		})
	}
	// The first one in the room is its operator on servers that have such.
	op := enter(t, address, "J5op")

	a, b := join(ourNick), join(otherNick)
	a.want(channel.State{State: control.ChannelUp, HostID: network})
	b.want(channel.State{State: control.ChannelUp, HostID: network})
	if err := a.ch.SendPublic([]string{"!orderbook"}); err != nil {
		t.Fatal(err)
	}
	b.want(channel.Public{From: ourNick, Text: "!orderbook"})
	offers := []string{"!sw0reloffer 0 1000 2000 0 0.1", "!sw0absoffer 1 1000 2000 0 5"}
	if err := b.ch.SendPublic(offers); err != nil {
		t.Fatal(err)
	}
	a.want(channel.Public{From: otherNick, Text: strings.Join(offers, "")})
	// Three pieces of full length: nothing may be cut on the way.
	for i, size := range []int{1, 416, 417, 3 * 416} {
		body := fmt.Sprint(i, strings.Repeat("x", size-1))
		if err := a.ch.SendPrivate(otherNick, "auth", body); err != nil {
			t.Fatal(err)
		}
		b.want(channel.Private{From: ourNick, Text: "!auth " + body})
	}
	// Who goes is noticed, in each way of going.
	goers := map[protocol.Nick]string{
		thirdNick:          "PART #joinmarket-pit",
		"J5C2aPX1QYb5dMKg": "NICK J5gone",
		"J522qHQApqdjpYFa": "QUIT :bye",
	}
	clients := make(map[protocol.Nick]*raw)
	for nick := range goers {
		clients[nick] = enter(t, address, string(nick))
	}
	for nick, goes := range goers {
		clients[nick].say("PRIVMSG #joinmarket-pit :!cancel 0", goes)
		a.want(channel.Public{From: nick, Text: "!cancel 0"})
		a.want(channel.Left{Nick: nick})
	}
	if network == ircserver.Network {
		op.say("KICK #joinmarket-pit " + string(otherNick) + " :out")
		a.want(channel.Left{Nick: otherNick})
		for !isKicked(b.event(patience)) {
		}
	}
	b.stop()
	if network != ircserver.Network {
		a.want(channel.Left{Nick: otherNick})
	}
	a.stop()
}

func isKicked(e channel.Event) bool {
	s, ok := e.(channel.State)
	return ok && s.Code == string(CauseKicked) && s.Reason == "put out of the room by J5op: out"
}

// raw is an IRC client without manners.
type raw struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dialRaw(t *testing.T, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &raw{t, conn, bufio.NewReader(conn)}
}

func (r *raw) say(lines ...string) {
	r.t.Helper()
	if _, err := r.conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n")); err != nil {
		r.t.Fatal(err)
	}
}

// enter is a client in the room.
func enter(t *testing.T, address, nick string) *raw {
	t.Helper()
	return enterWith(t, address, nick, "")
}

func enterWith(t *testing.T, address, nick, password string) *raw {
	t.Helper()
	r := dialRaw(t, address)
	if password != "" {
		r.say("PASS " + password)
	}
	r.say("NICK "+nick, "USER "+nick+" foo bar :None")
	r.until(" 001 ")
	r.say("JOIN #joinmarket-pit")
	r.until(" 366 ")
	return r
}

// until reads up to a line that contains text, and returns the line.
func (r *raw) until(text string) string {
	r.t.Helper()
	r.conn.SetDeadline(time.Now().Add(patience))
	for {
		line, err := r.r.ReadString('\n')
		if err != nil {
			r.t.Fatalf("waiting for %q: %v", text, err)
		}
		if strings.HasPrefix(line, "PING ") {
			r.say("PONG " + strings.TrimSpace(line[5:]))
		}
		if strings.Contains(line, text) {
			return line
		}
	}
}

// pipes is a network inside a synctest bubble.
type pipes chan net.Conn

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listener accepts what dial connects.
func (p pipes) listener() net.Listener { return &pipeListener{p, make(chan struct{})} }

type pipeListener struct {
	conns  pipes
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestServerTroubles: a kick, a kill, a restart and a ghost of our own, as the
// server makes them.
func TestServerTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := make(pipes)
		server, stop := serve(t, network.listener())
		join := func() *harness {
			return start(t, func(cfg *Config) { cfg.Dial = network.dial })
		}
		a := join()
		a.wantState(control.ChannelUp)

		if !server.Kick("#joinmarket-pit", string(ourNick), "out") {
			t.Fatal("not in the room")
		}
		a.wantState(control.ChannelLost)
		a.wantState(control.ChannelUp)

		if !server.Kill(string(ourNick), "go") {
			t.Fatal("not on the server")
		}
		a.wantState(control.ChannelLost)
		a.wantState(control.ChannelUp)

		stop()
		a.wantState(control.ChannelLost)
		server, stop = serve(t, network.listener())
		a.wantState(control.ChannelUp)

		// Another one of ours waits for the nick until the first is gone.
		b := join()
		if e := b.wantState(control.ChannelConnecting); e.Code != "nick-in-use" {
			t.Fatalf("%s: %s", e.Code, e.Reason)
		}
		server.Kill(string(ourNick), "ghost")
		a.wantState(control.ChannelLost)
		a.stop()
		b.wantState(control.ChannelUp)
		b.stop()
		stop()
	})
}
