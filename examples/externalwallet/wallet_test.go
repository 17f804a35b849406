package externalwallet_test

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channels"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircd"
	"github.com/joinmarket-go/joinmarket/examples/externalwallet"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

const deadline = time.Minute

// enter takes part in the market at an IRC server, with a daemon of its own.
func enter(t *testing.T, server net.Addr, role control.Role) *client.Session {
	t.Helper()
	host, port, _ := net.SplitHostPort(server.String())
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	d, err := inprocess.New(daemon.Config{NewChannel: channels.Factory(channels.Config{}), Commitments: filepath.Join(t.TempDir(), "commitmentlist")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	session, err := client.Connect(t.Context(), client.Config{
		Dial: d.Dial, Role: role, Network: "regtest", Software: "externalwallet",
		Channels: []control.ChannelConfig{{Name: "lab", Type: "irc", Host: host, Port: uint16(number), Room: "joinmarket-pit", LineInterval: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// offer runs a maker until the test ends and returns once its offer is there.
func offer(t *testing.T, c *wallettest.Chain, server net.Addr) {
	t.Helper()
	w := wallettest.New(t, c, []sats.Amount{1e8})
	announced := make(chan bool, 1)
	m, err := maker.New(maker.Config{
		Wallet: w, Node: w.Chain(),
		Connect: func(context.Context, maker.Prove) (maker.Daemon, error) {
			return enter(t, server, control.RoleMaker), nil
		},
		Terms:  maker.Terms{Types: []protocol.OfferType{protocol.SW0AbsOffer}, CJFeeAbs: 500, Basic: true},
		Record: filepath.Join(t.TempDir(), "accepted"),
		Notify: func(e maker.Event) {
			if _, ok := e.(maker.Announced); ok {
				announced <- true
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- w.Run(ctx) }()
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("a maker ended: %v", err)
			}
		}
	})
	select {
	case <-announced:
	case <-time.After(deadline):
		t.Fatal("a maker announced nothing")
	}
}

// TestExternalWallet pays half a bitcoin with two makers.
func TestExternalWallet(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- ircd.New(ircd.Config{Network: "jmlab"}).Serve(serving, listener) }()
	t.Cleanup(func() { // after the participants have left
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	for range 2 {
		offer(t, c, listener.Addr())
	}

	w := externalwallet.New(c.Params(), c.Backend())
	for _, value := range []sats.Amount{30_000_000, 40_000_000} {
		to, err := w.NextAddress(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		out := c.Pay(to.Script, value)
		c.Mine(6)
		tx, _ := c.Tx(out.Hash)
		w.Receive(tx, c.Height()-5)
	}
	session := enter(t, listener.Addr(), control.RoleTaker)
	defer session.Close()
	if err := session.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	store, err := commitments.Open(commitments.Config{Path: filepath.Join(t.TempDir(), "commitments.json"), Tries: 3, Age: 5, Percent: 20})
	if err != nil {
		t.Fatal(err)
	}
	pay, err := taker.New(taker.Config{
		Wallet: w, Daemon: session, Commitments: store, Broadcast: taker.Self,
		Limits:   taker.Limits{Abs: 1000, Rel: "0"},
		FeeRate:  feerate.Policy{TxFees: 2000, Factor: "0"},
		Timeouts: taker.Timeouts{Quiet: 300 * time.Millisecond, Answer: deadline},
	})
	if err != nil {
		t.Fatal(err)
	}
	destination, err := w.NextAddress(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	result, err := pay.Run(t.Context(), taker.Payment{Amount: 50_000_000, Destination: destination.Text, Makers: 2, MinMakers: 2},
		func(taker.Quote) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	equal := func(tx *wire.MsgTx) (n int) {
		for _, out := range tx.TxOut {
			if out.Value == 50_000_000 {
				n++
			}
		}
		return n
	}
	if n := equal(result.Tx); n != 3 {
		t.Errorf("%d equal outputs, want 3", n)
	}
	left, err := w.Coins()
	if err != nil || len(left) != 2 {
		t.Fatalf("%v, %v; want the payment and the change", left, err)
	}
	if cost := 70_000_000 - coins.Sum(left); cost < 1000 || cost > 1000+5000 {
		t.Errorf("it cost %v", cost)
	}
}
