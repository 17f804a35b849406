package inprocess_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/commitments"
	daemons "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channels"
	listener "github.com/joinmarket-go/joinmarket/daemon/control"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// deadline bounds every wait of these tests.
const deadline = 60 * time.Second

// dialFunc reaches a daemon.
type dialFunc = func(context.Context) (net.Conn, control.Secret, error)

// market is a block chain in memory and an IRC server, with makers and takers
// that know of each other only what these two tell them.
type market struct {
	t       testing.TB
	ctx     context.Context
	chain   *wallettest.Chain
	channel control.ChannelConfig
	more    []control.ChannelConfig // channels beside it
	running sync.WaitGroup
	disk    durable.System // of the wallet files
	// dialer returns how the next participant reaches its daemon.
	dialer func() dialFunc
}

// newMarket makes a market at an IRC server. Each participant has a daemon in
// its process unless dialer is changed.
func newMarket(t testing.TB, server string) *market {
	t.Helper()
	host, text, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	m := &market{
		t:     t,
		chain: wallettest.NewChain(&chaincfg.RegressionNetParams),
		disk:  durabletest.Hasty(durable.OS),
		channel: control.ChannelConfig{
			Name: "lab", Type: "irc", Host: host, Port: uint16(port), Room: "joinmarket-pit", LineInterval: -1,
		},
	}
	m.dialer = m.ownDaemon
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	m.ctx = ctx
	t.Cleanup(func() { cancel(); m.running.Wait() })
	return m
}

// ircServer serves IRC on a loopback port until the test ends.
func ircServer(t testing.TB) (address string) {
	t.Helper()
	address, _ = ircserver.Own(t, "jmlab")
	return address
}

// ownDaemon is a daemon inside the process.
func (m *market) ownDaemon() dialFunc {
	m.t.Helper()
	d, err := inprocess.New(daemon.Config{NewChannel: channels.Factory(channels.Config{}), Commitments: filepath.Join(m.t.TempDir(), "commitmentlist")})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		if err := d.Close(); err != nil {
			m.t.Errorf("closing a daemon: %v", err)
		}
	})
	return d.Dial
}

// sharedDaemon makes one daemon on a Unix socket, for all participants.
func (m *market) sharedDaemon() dialFunc {
	m.t.Helper()
	// A socket's path has little room, so this is not t.TempDir.
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { os.RemoveAll(dir) })
	d, err := daemon.New(daemon.Config{NewChannel: channels.Factory(channels.Config{}), Commitments: filepath.Join(dir, "commitmentlist")})
	if err != nil {
		m.t.Fatal(err)
	}
	l, err := listener.Listen(listener.Config{Address: "unix:" + filepath.Join(dir, "socket")})
	if err != nil {
		m.t.Fatal(err)
	}
	m.running.Go(func() {
		defer d.Close()
		if err := l.Serve(m.ctx, func(ctx context.Context, nc net.Conn) { d.Serve(ctx, nc) }); err != nil {
			m.t.Errorf("the listener ended: %v", err)
		}
	})
	return func(ctx context.Context) (net.Conn, control.Secret, error) {
		return daemons.Dial(ctx, daemons.Config{Address: l.Address()})
	}
}

// wallet makes a wallet that follows the chain, with these coins in mixdepth 0.
func (m *market) wallet(values ...sats.Amount) *wallet.Wallet {
	m.t.Helper()
	cfg := m.chain.Config()
	cfg.Files = m.disk
	w := wallettest.NewWith(m.t, m.chain, cfg, values)
	ctx, cancel := context.WithCancel(m.ctx)
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	m.t.Cleanup(func() { cancel(); running.Wait() })
	return w
}

func (m *market) connect(dial dialFunc, role control.Role) (*client.Session, error) {
	return m.connectWith(dial, role, nil)
}

func (m *market) connectWith(dial dialFunc, role control.Role, prove maker.Prove) (*client.Session, error) {
	return client.Connect(m.ctx, client.Config{
		Dial: dial, Role: role, Bond: prove, Network: "regtest", Channels: append([]control.ChannelConfig{m.channel}, m.more...), Software: "test",
	})
}

// yielder is a running maker.
type yielder struct {
	*wallet.Wallet
	events <-chan maker.Event
}

// maker starts a maker and returns when its offers are in force.
func (m *market) maker(fee sats.Amount, values ...sats.Amount) *yielder {
	m.t.Helper()
	w := m.wallet(values...)
	dial := m.dialer()
	events := make(chan maker.Event, 100)
	y, err := maker.New(maker.Config{
		Wallet: w, Node: w.Chain(),
		Connect: func(_ context.Context, prove maker.Prove) (maker.Daemon, error) {
			return m.connectWith(dial, control.RoleMaker, prove)
		},
		Terms: maker.Terms{
			Types:    []protocol.OfferType{protocol.SW0AbsOffer, protocol.SW0RelOffer},
			CJFeeAbs: fee, CJFeeRel: "0.3", // the relative offer is never the cheaper one
			Basic: true,
		},
		Record:     filepath.Join(m.t.TempDir(), "accepted"),
		Reannounce: time.Nanosecond,
		Notify:     func(e maker.Event) { events <- e },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(m.ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := y.Run(ctx); err != nil {
			m.t.Errorf("a maker ended: %v", err)
		}
	})
	m.t.Cleanup(func() { cancel(); running.Wait() })
	started := &yielder{w, events}
	if e := until[maker.Announced](m, started); len(e.Offers) != 2 {
		m.t.Fatalf("a maker offers %+v", e.Offers)
	}
	return started
}

// until takes events of a maker up to the first E.
func until[E maker.Event](m *market, y *yielder) E {
	m.t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case e := <-y.events:
			if found, ok := e.(E); ok {
				return found
			}
			if refused, ok := e.(maker.Refused); ok {
				m.t.Errorf("a maker refused: %s: %v", refused.Reason, refused.Err)
			}
		case <-timeout:
			m.t.Fatalf("no %T within %v", *new(E), deadline)
		}
	}
}

// taker makes a taker with a new session, which is ready.
func (m *market) taker(broadcast taker.Broadcast, w *wallet.Wallet) *taker.Taker {
	m.t.Helper()
	session, err := m.connect(m.dialer(), control.RoleTaker)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(session.Close)
	if err := session.Ready(m.ctx); err != nil {
		m.t.Fatal(err)
	}
	store, err := commitments.Open(commitments.Config{
		Path: filepath.Join(m.t.TempDir(), "commitments.json"), Tries: 3, Age: 5, Percent: 20,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	t, err := taker.New(taker.Config{
		Wallet: w, Daemon: session, Commitments: store,
		Limits:    taker.Limits{Abs: 10_000, Rel: "0.001"},
		FeeRate:   feerate.Policy{TxFees: 2_000, Factor: "0"},
		Broadcast: broadcast,
		Timeouts:  taker.Timeouts{Quiet: 300 * time.Millisecond, Answer: deadline},
		Progress:  func(step taker.Step, text string) { m.t.Logf("%s: %s", step, text) },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return t
}
