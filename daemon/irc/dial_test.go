package irc

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// request is what a SOCKS5 client asked for.
type request struct {
	user, password string
	addressType    byte // 1 IPv4, 3 domain name, 4 IPv6
	host           string
	port           uint16
}

// proxyServer is a SOCKS5 server that connects whatever is asked to one target.
// It asks for a name and password where the client offers them and wantAuth is
// set, as Tor does.
type proxyServer struct {
	t        *testing.T
	l        net.Listener
	target   string
	wantAuth bool
	requests chan request
	running  sync.WaitGroup
}

func startProxy(t *testing.T, target string, wantAuth bool) *proxyServer {
	t.Helper()
	p := &proxyServer{t: t, l: listen(t), target: target, wantAuth: wantAuth, requests: make(chan request, 10)}
	p.running.Go(func() {
		for {
			conn, err := p.l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() {
				defer conn.Close()
				if err := p.serve(conn); err != nil {
					p.t.Errorf("SOCKS5: %v", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		p.l.Close()
		p.running.Wait()
	})
	return p
}

func (p *proxyServer) serve(conn net.Conn) error {
	r := bufio.NewReader(conn)
	var req request
	text := func() string {
		n, err := r.ReadByte()
		if err != nil {
			return ""
		}
		b := make([]byte, n)
		io.ReadFull(r, b)
		return string(b)
	}
	if version, _ := r.ReadByte(); version != 5 {
		return fmt.Errorf("version %d", version)
	}
	methods := text()
	switch {
	case p.wantAuth && strings.Contains(methods, "\x02"):
		conn.Write([]byte{5, 2})
		r.ReadByte()
		req.user, req.password = text(), text()
		conn.Write([]byte{1, 0})
	case strings.Contains(methods, "\x00"):
		conn.Write([]byte{5, 0})
	default:
		return fmt.Errorf("methods %q", methods)
	}
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || head[1] != 1 {
		return fmt.Errorf("request %v: %w", head, err)
	}
	req.addressType = head[3]
	switch req.addressType {
	case 1:
		r.Discard(4)
	case 3:
		req.host = text()
	case 4:
		r.Discard(16)
	}
	var port [2]byte
	if _, err := io.ReadFull(r, port[:]); err != nil {
		return err
	}
	req.port = binary.BigEndian.Uint16(port[:])
	p.requests <- req
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return err
	}
	conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	p.running.Go(func() {
		io.Copy(server, r)
		server.Close()
	})
	io.Copy(conn, server)
	return nil
}

// TestN17SOCKS5: the proxy gets the host's name unresolved, with TLS inside the
// tunnel if that is asked for.
func TestN17SOCKS5(t *testing.T) {
	const onion = "ncwkrwxpq2ikcngxq3dy2xctuheniggtqeibvgofixpzvrwpa77tozqd.onion"
	cert, own, _ := certificate(t, onion)
	for _, secure := range []bool{false, true} {
		for _, wantAuth := range []bool{false, true} {
			t.Run(fmt.Sprintf("TLS %v, auth %v", secure, wantAuth), func(t *testing.T) {
				l := listen(t)
				target := l.Addr().String()
				if secure {
					l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}})
				}
				_, stop := serve(t, l)
				defer stop()
				proxy := startProxy(t, target, wantAuth)
				h := start(t, func(cfg *Config) {
					cfg.Host, cfg.Port, cfg.Dial = onion, 6697, nil
					cfg.SOCKS5 = proxy.l.Addr().String()
					cfg.TLS, cfg.TLSCA = secure, own
					cfg.LineInterval = -1
				})
				defer h.stop()
				h.want(channel.State{State: control.ChannelUp, HostID: "testnet0"})
				req := <-proxy.requests
				if req.addressType != 3 || req.host != onion || req.port != 6697 {
					t.Errorf("asked for %+v", req)
				}
				if wantAuth != (req.user != "") {
					t.Errorf("credentials %+v", req)
				}
			})
		}
	}
}

// TestN18Circuits: each nick asks the proxy for circuits of its own.
func TestN18Circuits(t *testing.T) {
	l := listen(t)
	_, stop := serve(t, l)
	defer stop()
	proxy := startProxy(t, l.Addr().String(), true)
	users := make(map[string]bool)
	for i := range 3 {
		h := start(t, func(cfg *Config) {
			cfg.Nick = stranger(i)
			cfg.Dial, cfg.SOCKS5, cfg.LineInterval = nil, proxy.l.Addr().String(), -1
		})
		h.wantState(control.ChannelUp)
		h.stop()
		req := <-proxy.requests
		users[req.user+req.password] = true
	}
	if len(users) != 3 {
		t.Errorf("%d pairs of credentials for three nicks", len(users))
	}
}

// TestN17NoDirectConnection: without its proxy a channel does not connect.
func TestN17NoDirectConnection(t *testing.T) {
	l := listen(t)
	defer l.Close()
	reached := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		reached <- err
	}()
	closed := listen(t)
	closed.Close()
	h := start(t, func(cfg *Config) {
		at(t, l.Addr().String())(cfg)
		cfg.SOCKS5 = closed.Addr().String()
	})
	if e := h.wantState(control.ChannelConnecting); !strings.Contains(e.Reason, "no Tor at ") {
		t.Errorf("reason %q", e.Reason)
	}
	h.stop()
	l.Close()
	if err := <-reached; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the server was reached: %v", err)
	}
}
