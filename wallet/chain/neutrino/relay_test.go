package neutrino_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
)

// relay stands between a light client and its peer, and sees what is asked.
type relay struct {
	listener net.Listener
	node     string
	hold     func(wire.Message) bool // messages from this one on do not reach the node
	done     sync.WaitGroup

	mu    sync.Mutex // protects the fields below
	asked []wire.Message
	conns []net.Conn
}

// newRelay runs until the test ends.
func newRelay(t *testing.T, node *regtest.Node, hold func(wire.Message) bool) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, node: node.PeerAddr(), hold: hold}
	r.done.Go(r.run)
	t.Cleanup(func() {
		listener.Close()
		r.cut()
		r.done.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

func (r *relay) run() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		node, err := net.Dial("tcp", r.node)
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, node)
		r.mu.Unlock()
		r.done.Go(func() { r.pass(client, node) })
		r.done.Go(func() {
			io.Copy(client, node)
			client.Close()
		})
	}
}

// pass takes messages from the client to the node.
func (r *relay) pass(client, node net.Conn) {
	defer node.Close()
	for held := false; ; {
		var raw buffer
		message, _, err := wire.ReadMessage(io.TeeReader(client, &raw), wire.AddrV2Version, regtest.Params.Net)
		if err != nil && !errors.Is(err, wire.ErrUnknownMessage) {
			return
		}
		if message != nil {
			r.mu.Lock()
			r.asked = append(r.asked, message)
			r.mu.Unlock()
			held = held || r.hold != nil && r.hold(message)
		}
		if !held {
			node.Write(raw)
		}
	}
}

// cut ends all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		conn.Close()
	}
}

// forget returns what was asked since the last time.
func (r *relay) forget() []wire.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
