package inprocess_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

const (
	amount   sats.Amount = 5_000_000
	makerFee sats.Amount = 700
)

// TestCoinJoin: a taker and some makers make a CoinJoin over a real IRC
// connection, and everybody has in the end what was agreed.
func TestCoinJoin(t *testing.T) {
	for _, c := range []struct {
		name      string
		server    func(testing.TB) string
		daemon    func(*market) func() dialFunc
		broadcast taker.Broadcast
		makers    int
	}{
		{"own daemons", ircServer, nil, taker.Self, 3},
		{"own daemons, a maker broadcasts", ircServer, nil, taker.NotSelf, 3},
		{"one daemon on a socket", ircServer, func(m *market) func() dialFunc {
			dial := m.sharedDaemon()
			return func() dialFunc { return dial }
		}, taker.Self, 3},
		// Flood control that cannot be switched off, and clients that are let in
		// slowly, cost seconds.
		{"over ngircd", onServer(ircserver.NgIRCd), nil, taker.Self, 2},
		{"over inspircd", onServer(ircserver.InspIRCd), nil, taker.Self, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMarket(t, c.server(t))
			if c.daemon != nil {
				m.dialer = c.daemon(m)
			}
			coinJoin(m, c.broadcast, c.makers)
		})
	}
}

// onServer is where a real server is found.
func onServer(run func(testing.TB, ircserver.Options) ircserver.Server) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		return run(t, ircserver.Options{}).Address
	}
}

func coinJoin(m *market, broadcast taker.Broadcast, count int) {
	t := m.t
	t.Helper()
	coins := [][]sats.Amount{{8_000_000}, {3_000_000, 4_000_000}, {20_000_000, 1_000_000}}
	var makers []*yielder
	for _, values := range coins[:count] {
		makers = append(makers, m.maker(makerFee, values...))
	}
	payer := m.wallet(6_000_000, 2_000_000)
	before := make([]sats.Amount, len(makers))
	for i, y := range makers {
		before[i] = total(m, y.Wallet)
	}
	had := total(m, payer)
	destination := p2wpkh(77)
	address, err := txbuild.FormatAddress(destination, m.chain.Params())
	if err != nil {
		t.Fatal(err)
	}

	var quote taker.Quote
	result, err := m.taker(broadcast, payer).Run(m.ctx, taker.Payment{Amount: amount, Destination: address, Makers: count, MinMakers: count},
		func(q taker.Quote) error { quote = q; return nil })
	if err != nil {
		t.Fatalf("%v (left out: %+v)", err, result.Dropped)
	}
	if quote.CJFee != sats.Amount(count)*makerFee || result.Cost() > quote.MaxCost() {
		t.Errorf("cost %v; the quote said %v to makers and at most %v", result.Cost(), quote.CJFee, quote.MaxCost())
	}
	for i, y := range makers {
		if e := until[maker.Seen](m, y); e.TxID != result.Tx.TxHash() {
			t.Errorf("maker %d saw %v", i, e.TxID)
		}
	}
	tx, _ := m.chain.Tx(result.Tx.TxHash())
	if tx == nil {
		t.Fatal("the transaction is not on the chain")
	}
	equal, paid := 0, 0
	for _, out := range tx.TxOut {
		if out.Value == int64(amount) {
			equal++
		}
		if bytes.Equal(out.PkScript, destination) && out.Value == int64(amount) {
			paid++
		}
	}
	if equal != count+1 || paid != 1 || len(tx.TxOut) != 2*count+2 {
		t.Errorf("%d equal outputs of %d, %d of them to the destination", equal, len(tx.TxOut), paid)
	}

	m.chain.Mine(1)
	for i, y := range makers {
		if e := until[maker.Earned](m, y); e.Earning != makerFee || e.Amount != amount {
			t.Errorf("maker %d: %+v", i, e)
		}
		if now := total(m, y.Wallet); now != before[i]+makerFee {
			t.Errorf("maker %d had %v and has %v", i, before[i], now)
		}
		balances, err := y.Balances()
		if err != nil || balances[1].Available != amount {
			t.Errorf("maker %d has %+v in mixdepth 1 (%v)", i, balances[1], err)
		}
	}
	if err := payer.Sync(m.ctx); err != nil {
		t.Fatal(err)
	}
	if now := total(m, payer); now != had-amount-result.Cost() {
		t.Errorf("the taker had %v, paid %v at a cost of %v and has %v", had, amount, result.Cost(), now)
	}
}

func total(m *market, w *wallet.Wallet) (sum sats.Amount) {
	m.t.Helper()
	balances, err := w.Balances()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, b := range balances {
		sum += b.Total()
	}
	return sum
}

func p2wpkh(n byte) []byte { return append([]byte{0, 20}, bytes.Repeat([]byte{n}, 20)...) }

// TestTwoCoinJoins: makers serve again with what they earned, and no address
// occurs twice on the chain.
func TestTwoCoinJoins(t *testing.T) {
	m := newMarket(t, ircServer(t))
	makers := []*yielder{m.maker(makerFee, 8_000_000), m.maker(makerFee, 9_000_000)}
	payer := m.wallet(9_000_000, 8_000_000)
	used := make(map[string]bool)
	for round := range byte(2) {
		address, err := txbuild.FormatAddress(p2wpkh(70+round), m.chain.Params())
		if err != nil {
			t.Fatal(err)
		}
		result, err := m.taker(taker.Self, payer).Run(m.ctx, taker.Payment{Amount: 2_000_000, Destination: address, Makers: 2, MinMakers: 2},
			func(taker.Quote) error { return nil })
		if err != nil {
			t.Fatalf("%v (left out: %+v)", err, result.Dropped)
		}
		for _, out := range result.Tx.TxOut {
			if used[string(out.PkScript)] {
				t.Errorf("round %d: an address is used again", round)
			}
			used[string(out.PkScript)] = true
		}
		m.chain.Mine(6)
		for _, y := range makers {
			until[maker.Earned](m, y)
		}
		if err := payer.Sync(m.ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClose: Close ends the sessions, waits for them, and dialling fails.
func TestClose(t *testing.T) {
	pit := daemontest.NewPit("pit", "jmlab")
	d, err := inprocess.New(daemon.Config{
		NewChannel: func(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
			return pit.Join(nick), nil
		},
		Secret: "sesame",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := &market{t: t, ctx: t.Context(), channel: control.ChannelConfig{Name: "pit", Type: "irc", Host: "nowhere", Port: 1, Room: "pit"}}
	session, err := m.connect(d.Dial, control.RoleTaker)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if nicks := pit.Nicks(); len(nicks) != 1 || nicks[0] != session.Nick() {
		t.Errorf("on the pit: %v", nicks)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if nicks := pit.Nicks(); len(nicks) != 0 {
		t.Errorf("on the pit after Close: %v", nicks)
	}
	select {
	case <-session.Done():
	case <-time.After(deadline):
		t.Error("the session goes on without its daemon")
	}
	if _, _, err := d.Dial(t.Context()); !errors.Is(err, daemon.ErrClosed) {
		t.Errorf("dialling after Close: %v, want %v", err, daemon.ErrClosed)
	}
}

// BenchmarkCoinJoin measures from the first !fill to the broadcast, over IRC on
// loopback without its line interval: wallets, proofs, signatures and disks of
// all participants share this machine. The goal is below 1 s with 4 makers, below
// 2 s with 10, and below 4 s with 20.
func BenchmarkCoinJoin(b *testing.B) {
	b.Run("4 makers", func(b *testing.B) { timed(b, newMarket(b, ircServer(b)), 4) })
	b.Run("10 makers", func(b *testing.B) { timed(b, newMarket(b, ircServer(b)), 10) })
}

// BenchmarkCoinJoin20Makers is BenchmarkCoinJoin with the most makers that takers
// usually ask.
func BenchmarkCoinJoin20Makers(b *testing.B) { timed(b, newMarket(b, ircServer(b)), 20) }

// timed makes one CoinJoin after the other in a market.
func timed(b *testing.B, m *market, count int) {
	m.disk = durable.OS
	var makers []*yielder
	for range count {
		makers = append(makers, m.maker(makerFee, 1_000_000_000, 1_000_000_000))
	}
	address, err := txbuild.FormatAddress(p2wpkh(1), m.chain.Params())
	if err != nil {
		b.Fatal(err)
	}
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		payer := m.taker(taker.Self, m.wallet(10_000_000))
		b.StartTimer()
		result, err := payer.Run(m.ctx, taker.Payment{Amount: amount, Destination: address, Makers: count, MinMakers: count},
			func(taker.Quote) error { return nil })
		if err != nil {
			b.Fatalf("%v (left out: %+v)", err, result.Dropped)
		}
		b.StopTimer()
		m.chain.Mine(1)
		for _, y := range makers { // who serve again when they have
			until[maker.Earned](m, y)
		}
		b.StartTimer()
		for _, step := range result.Steps {
			if step.Step != taker.StepChoose && step.Step != taker.StepApprove {
				spent += step.Took
			}
		}
	}
	b.ReportMetric(spent.Seconds()/float64(b.N), "s/coinjoin")
	b.ReportMetric(0, "ns/op")
}
