package neutrino_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// tor is a SOCKS5 server that resolves names as Tor does: all that end with a
// suffix are this machine.
type tor struct {
	listener net.Listener
	done     sync.WaitGroup

	mu     sync.Mutex // protects the fields below
	names  []string   // that were looked up
	dialed []string
	logins []string
	conns  []net.Conn
	told   bytes.Buffer // to the peers, from all connections
}

const suffix = ".invalid"

func newTor(t *testing.T) *tor {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tor{listener: listener}
	s.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.done.Go(func() {
				defer conn.Close()
				s.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.mu.Lock()
		for _, conn := range s.conns {
			conn.Close()
		}
		s.mu.Unlock()
		s.done.Wait()
	})
	return s
}

// serve speaks SOCKS5 (RFC 1928, RFC 1929) with one client.
func (s *tor) serve(conn net.Conn) {
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	methods := read(int(read(2)[1]))
	if slices.Contains(methods, 2) {
		conn.Write([]byte{5, 2})
		user := read(int(read(2)[1]))
		password := read(int(read(1)[0]))
		s.mu.Lock()
		s.logins = append(s.logins, string(user)+":"+string(password))
		s.mu.Unlock()
		conn.Write([]byte{1, 0})
	} else {
		conn.Write([]byte{5, 0})
	}
	request := read(4)
	var host string
	switch request[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	}
	port := binary.BigEndian.Uint16(read(2))
	s.mu.Lock()
	defer s.mu.Unlock()
	if request[1] == 0xF0 {
		s.names = append(s.names, host)
		if len(host) > len(suffix) && host[len(host)-len(suffix):] == suffix {
			conn.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
		} else {
			conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		}
		return
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	s.dialed = append(s.dialed, address)
	node, err := net.Dial("tcp", address)
	if err != nil {
		conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	conn.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
	s.conns = append(s.conns, node)
	s.done.Go(func() { io.Copy(conn, node) })
	s.mu.Unlock()
	io.Copy(io.MultiWriter(node, listener{s}), conn)
	node.Close()
	s.mu.Lock()
}

// listener writes down what the peers are told.
type listener struct{ *tor }

func (l listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.Write(b)
}

// TestP7NoPeerIsToldAnAddress: the wallet's coins are found, and confirmed, and
// its coin is looked at, without a word to the peers of which they are: in all
// the bytes that they are sent is no script of the wallet and no transaction
// that pays it.
func TestP7NoPeerIsToldAnAddress(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	_, port, _ := net.SplitHostPort(node.PeerAddr())
	s := newTor(t)
	cfg := config(t, net.JoinHostPort("node"+suffix, port))
	cfg.Proxy = s.listener.Addr().String()
	a := newAccount()
	paid := fund(t, node, a.script(3))
	mine(t, node, 2)
	b, update := watching(t, cfg, a)
	if len(update.Txs) != 1 || update.Txs[0].Msg.TxHash() != paid.TxHash() {
		t.Fatalf("found %+v", update.Txs)
	}
	again := fund(t, node, a.script(4))
	mine(t, node, 1)
	await(t, b, update.Tip.BlockID, "the second payment", func(u chain.Update) bool { return len(u.Txs) == 1 })
	closeNow(t, b)

	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.told.Bytes()
	for i := range uint32(10) {
		if program := a.script(i)[2:]; bytes.Contains(told, program) {
			t.Errorf("the peers were told script %d", i)
		}
	}
	for _, tx := range []*wire.MsgTx{paid, again} {
		if hash := tx.TxHash(); bytes.Contains(told, hash[:]) {
			t.Error("the peers were asked for a transaction of ours")
		}
	}
	if tip := nodeTip(t, node); !bytes.Contains(told, []byte("getcfilters")) || !bytes.Contains(told, tip.Hash[:]) {
		t.Error("what the peers are told was not heard: no filters, or not the last block")
	}
}

// TestP7EverythingGoesThroughTheProxy: with a proxy names and connections are
// its business, under a login of its own for each run.
func TestP7EverythingGoesThroughTheProxy(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	_, port, _ := net.SplitHostPort(node.PeerAddr())
	s := newTor(t)
	cfg := config(t, net.JoinHostPort("node"+suffix, port))
	cfg.Proxy = s.listener.Addr().String()
	for range 2 {
		b, update := watching(t, cfg, newAccount())
		if update.Tip.BlockID != nodeTip(t, node) {
			t.Errorf("tip %v, want %v", update.Tip.BlockID, nodeTip(t, node))
		}
		closeNow(t, b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.names {
		if name != "node"+suffix {
			t.Errorf("looked up %q", name)
		}
	}
	if len(s.names) == 0 || !slices.Contains(s.dialed, node.PeerAddr()) {
		t.Errorf("looked up %q and connected to %q", s.names, s.dialed)
	}
	if logins := slices.Compact(slices.Sorted(slices.Values(s.logins))); len(logins) != 2 {
		t.Errorf("%d logins, want one for each run: circuits of their own", len(logins))
	}
}

// TestP7SeedsThroughTheProxy: without peers, those of the network are looked for,
// through the proxy as well.
func TestP7SeedsThroughTheProxy(t *testing.T) {
	t.Parallel()
	s := newTor(t)
	cfg := config(t, "")
	cfg.Params, cfg.Peers, cfg.Proxy, cfg.Patience = &chaincfg.MainNetParams, nil, s.listener.Addr().String(), time.Second
	b := open(t, cfg)
	if _, err := b.Tip(timed(t)); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
	closeNow(t, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seed := range chaincfg.MainNetParams.DNSSeeds {
		name := seed.Host
		if seed.HasFiltering {
			name = "x49." + name // nodes with blocks, witnesses and filters
		}
		if !slices.Contains(s.names, name) {
			t.Errorf("%s was not looked up through the proxy", name)
		}
	}
	if len(s.dialed) != 0 {
		t.Errorf("connected to %q", s.dialed)
	}
}
