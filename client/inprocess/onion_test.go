package inprocess_test

import (
	"testing"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon/directory"
	"github.com/joinmarket-go/joinmarket/daemon/directory/directorytest"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// directoryNode runs a directory until the test ends, or it is ended.
func directoryNode(t testing.TB) directorytest.Node {
	t.Helper()
	return directorytest.Start(t, directory.Config{Network: "regtest", Loopback: true})
}

// onionChannel is the onion channel in its testing mode.
func onionChannel(nodes ...directorytest.Node) control.ChannelConfig {
	ch := control.ChannelConfig{Name: "onion", Type: control.TypeOnion, Serving: "127.0.0.1:0", Loopback: true}
	for _, n := range nodes {
		ch.Directories = append(ch.Directories, n.Address)
	}
	return ch
}

// newOnionMarket is a market that meets at directories.
func newOnionMarket(t testing.TB, nodes ...directorytest.Node) *market {
	m := newMarket(t, "127.0.0.1:1")
	m.channel = onionChannel(nodes...)
	return m
}

// TestOnionCoinJoin: a CoinJoin over directories and direct connections.
func TestOnionCoinJoin(t *testing.T) {
	for name, broadcast := range map[string]taker.Broadcast{"two directories": taker.Self, "a maker broadcasts": taker.NotSelf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			coinJoin(newOnionMarket(t, directoryNode(t), directoryNode(t)), broadcast, 3)
		})
	}
}

// TestIRCAndOnionCoinJoin: both kinds of channels at once, as new installations
// have them.
func TestIRCAndOnionCoinJoin(t *testing.T) {
	t.Parallel()
	m := newMarket(t, ircServer(t))
	m.more = []control.ChannelConfig{onionChannel(directoryNode(t), directoryNode(t))}
	coinJoin(m, taker.Self, 3)
}

// TestN12JoinWithoutDirectories: both directories die after the order book was
// read, and the CoinJoin is made over direct connections.
func TestN12JoinWithoutDirectories(t *testing.T) {
	t.Parallel()
	one, two := directoryNode(t), directoryNode(t)
	m := newOnionMarket(t, one, two)
	m.maker(makerFee, 8_000_000)
	m.maker(makerFee, 9_000_000)
	address, err := txbuild.FormatAddress(p2wpkh(77), m.chain.Params())
	if err != nil {
		t.Fatal(err)
	}
	payer := m.taker(taker.Self, m.wallet(6_000_000))
	result, err := payer.Run(m.ctx, taker.Payment{Amount: amount, Destination: address, Makers: 2, MinMakers: 2},
		func(taker.Quote) error {
			one.End()
			two.End()
			return nil
		})
	if err != nil {
		t.Fatalf("%v (left out: %+v)", err, result.Dropped)
	}
	if tx, _ := m.chain.Tx(result.Tx.TxHash()); tx == nil {
		t.Error("the transaction is not on the chain")
	}
}

// BenchmarkOnionCoinJoin is BenchmarkCoinJoin over the onion channel: two
// directories, and direct connections, on loopback. The goal is below 2 s with 10
// makers.
func BenchmarkOnionCoinJoin(b *testing.B) {
	b.Run("10 makers", func(b *testing.B) {
		timed(b, newOnionMarket(b, directoryNode(b), directoryNode(b)), 10)
	})
}
