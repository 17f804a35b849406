package neutrino_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
)

// boaster is a peer that claims to have a very long chain, and gives nothing.
type boaster struct {
	addr  string
	asked chan struct{} // closed when somebody wants the chain
}

func newBoaster(t *testing.T) *boaster {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &boaster{addr: listener.Addr().String(), asked: make(chan struct{})}
	var first sync.Once
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer conn.Close()
				b.boast(conn, func() { first.Do(func() { close(b.asked) }) })
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		done.Wait()
	})
	return b
}

func (b *boaster) boast(conn net.Conn, asked func()) {
	version := wire.NewMsgVersion(&wire.NetAddress{}, &wire.NetAddress{}, uint64(time.Now().UnixNano()), 2_000_000)
	version.Services = wire.SFNodeNetwork | wire.SFNodeWitness | wire.SFNodeCF
	for _, m := range []wire.Message{version, wire.NewMsgVerAck()} {
		if wire.WriteMessage(conn, m, wire.ProtocolVersion, regtest.Params.Net) != nil {
			return
		}
	}
	for {
		m, _, err := wire.ReadMessage(conn, wire.ProtocolVersion, regtest.Params.Net)
		if err != nil && !errors.Is(err, wire.ErrUnknownMessage) {
			return
		}
		if _, asks := m.(*wire.MsgGetHeaders); asks {
			asked()
		}
	}
}

// A peer that boasts is chosen to download from. It cannot keep the wallet from
// the chain that others have.
func TestBoaster(t *testing.T) {
	t.Parallel()
	node := startNode(t)
	liar := newBoaster(t)
	honest := newRelay(t, node, func(wire.Message) bool {
		<-liar.asked // the liar comes first
		return false
	})
	var log lines
	cfg := config(t, honest.addr())
	cfg.Peers = append(cfg.Peers, liar.addr)
	cfg.Patience = patience
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	began := time.Now()
	_, update := watching(t, cfg, newAccount())
	if update.Tip.BlockID != nodeTip(t, node) {
		t.Errorf("tip %v, want %v", update.Tip.BlockID, nodeTip(t, node))
	}
	if time.Since(began) < stallTime {
		t.Errorf("the liar was dropped after %s: a slow peer would be too", time.Since(began))
	}
	if text := log.text(); !strings.Contains(text, "claims=2000000") {
		t.Errorf("the liar was not dropped: %s", text)
	}
}

// lines is what was logged.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String()
}
