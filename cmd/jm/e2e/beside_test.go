package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// makerState is what jm yieldgenerator status prints.
type makerState struct {
	Running  bool
	Signed   int
	Requests []struct{ Taker, Outcome, Reason string }
}

func (p *participant) maker() (s makerState) {
	p.t.Helper()
	decode(p.t, p.jm("yieldgenerator", "status", "--offline"), &s)
	return s
}

// fundAt pays a coin to each of these mixdepths.
func (m *market) fundAt(p *participant, amount sats.Amount, mixdepths ...string) {
	m.t.Helper()
	var outputs []*wire.TxOut
	for _, mixdepth := range mixdepths {
		var answer struct{ Address string }
		decode(m.t, p.jm("wallet", "address", "-m", mixdepth), &answer)
		script, err := txbuild.ParseAddress(answer.Address, regtest.Params)
		if err != nil {
			m.t.Fatal(err)
		}
		outputs = append(outputs, wire.NewTxOut(int64(amount), script))
	}
	if _, err := m.node.Fund(m.ctx, outputs...); err != nil {
		m.t.Fatal(err)
	}
}

// cheapest makes a participant's offers the cheapest, and lets them follow its
// coins at once.
func (p *participant) cheapest() {
	p.change("ordertype = both", "ordertype = absoffer\ncjfee_a = 0\nreannounce_sec = 1")
}

// TestM25TumblerWithMaker: a wallet is tumbled and offered at once. Customers join
// with it, and it never joins with itself, though nobody is cheaper; in the end
// every coin is where it should be.
func TestM25TumblerWithMaker(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.BTCD)
	p, customer := m.join("tumbler", false), m.join("customer", false)
	p.cheapest()
	m.fundAt(p, btc/4, "0", "0", "1", "2")
	m.fundAt(customer, btc/10, slices.Repeat([]string{"0"}, 8)...)
	for _, name := range []string{"alice", "bob", "carol"} {
		maker := m.join(name, false)
		m.fund(maker, 2*btc, 2*btc, 2*btc)
		m.mine(1)
		start(t, maker.command("yieldgenerator")).line(`"event":"announced"`)
	}
	m.mine(6)
	defer m.blocks()()

	args := append([]string{"tumbler", "--yes", "--maker", "-C", "--makercountrange", "2,0", "--minmakercount", "2", "--timelambda", "0.02",
		"--txcountparams", "1,0", "--mintxcount", "1", "--addrcount", "1"}, strangers[1])
	ctx, stop := context.WithCancel(m.ctx)
	joins, ended := 0, make(chan struct{})
	go func() { // customers come while it lasts
		defer close(ended)
		for ctx.Err() == nil {
			if customer.command("sendpayment", "0.01", strangers[0], "-N", "3", "-C", "--yes").Run() == nil {
				joins++
			}
		}
	}()
	var state tumble
	out, talk, code := p.try(args...)
	stop()
	<-ended
	if code != 0 {
		t.Fatalf("exit status %d\n%s", code, talk)
	}
	if decode(t, out, &state); !state.Done {
		t.Fatalf("it is not done: %+v\n%s", state, talk)
	}
	m.mine(1)
	var left struct{ Total sats.Amount }
	decode(t, p.jm("wallet", "show"), &left)
	if left.Total != 0 {
		t.Errorf("%v are left", left.Total)
	}
	maker := p.maker()
	t.Logf("%d payments; %d of customers, of which %d with the maker", len(state.Payments), joins, maker.Signed)
	if maker.Signed == 0 {
		t.Errorf("nobody joined with its maker: %+v\n%s", maker, talk)
	}
	// It would have been refused as the owner of the coin.
	for _, r := range maker.Requests {
		if r.Reason == "taker-coin" {
			t.Errorf("the tumbler asked its own maker: %+v", r)
		}
	}
	if !strings.Contains(talk, "1 maker of your own left out") {
		t.Errorf("its own maker was never seen:\n%s", talk)
	}
	for _, payment := range state.Payments {
		if strings.Contains(talk, payment.TxID+" signed for") {
			t.Errorf("payment %s is with itself", payment.TxID)
		}
	}
	if maker.Running {
		t.Error("the maker is said to run still")
	}
}

// TestPaymentWithMaker: a payment, and a maker on the same wallet that goes on
// after it; another program is told why it cannot have the wallet.
func TestPaymentWithMaker(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.BTCD)
	p, customer := m.join("payer", false), m.join("customer", false)
	p.cheapest()
	m.fundAt(p, btc/4, "0", "1")
	m.fund(customer, btc/4)
	for _, name := range []string{"alice", "bob"} {
		maker := m.join(name, false)
		m.fund(maker, 2*btc)
		m.mine(1)
		start(t, maker.command("yieldgenerator")).line(`"event":"announced"`)
	}
	m.mine(6)
	payer := start(t, p.command("sendpayment", "0.05", strangers[0], "-N", "2", "-C", "--yes", "--maker=stay"))
	payer.line(`"txid"`)
	m.mine(1)
	if _, talk, code := p.try("yieldgenerator"); code != 4 || !strings.Contains(talk, "--maker=stay") {
		t.Errorf("a second program ends with %d: %s", code, talk)
	}
	// Three are wanted: with alice and bob it is the payer's.
	var result struct{ TxID string }
	decode(t, customer.jm("sendpayment", "0.02", strangers[2], "-N", "3", "--yes"), &result)
	if s := p.maker(); !s.Running || s.Signed != 1 {
		t.Errorf("%+v", s)
	}
	if code := payer.stop(); code != 0 {
		t.Errorf("it ends with status %d\n%s", code, payer.talk)
	}
	if talk := payer.talk.String(); !strings.Contains(talk, result.TxID+" signed for") || !strings.Contains(talk, "the maker goes on") {
		t.Errorf("it said\n%s", talk)
	}
}

// TestSchedule: the payments of a file, one after the other; what cannot be one is
// refused before anything is sent.
func TestSchedule(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.BTCD)
	p := m.join("payer", false)
	m.fund(p, btc/2, btc/4)
	for _, name := range []string{"alice", "bob"} {
		maker := m.join(name, false)
		m.fund(maker, 2*btc, 2*btc)
		m.mine(1)
		start(t, maker.command("yieldgenerator")).line(`"event":"announced"`)
	}
	m.mine(6)
	defer m.blocks()()
	file := filepath.Join(p.dir, "schedule.txt")
	p.write("schedule.txt", "# two payments\n0,20000000,2,INTERNAL,0,16,0\n1,0,2,mgkHvCe29EbCRvZPH77dUjBHBgNQUTHh2x\n")
	if _, talk, code := p.try("sendpayment", "-S", file, "--yes"); code != 2 || !strings.Contains(talk, "line 3") {
		t.Errorf("a wrong line ends with %d: %s", code, talk)
	}
	p.write("schedule.txt", "# two payments\n0,20000000,2,INTERNAL,0.01,16,0\n1,0,2,"+strangers[1]+",0,16,0\n")
	var state tumble
	decode(t, p.jm("sendpayment", "-S", file, "--yes"), &state)
	if !state.Done || len(state.Payments) != 2 || !state.Payments[1].Done {
		t.Fatalf("%+v", state)
	}
	var shown struct {
		Mixdepths []struct{ Available sats.Amount }
	}
	decode(t, p.jm("wallet", "show"), &shown)
	if shown.Mixdepths[1].Available != 0 || shown.Mixdepths[0].Available <= btc/2 {
		t.Errorf("the wallet has %+v", shown.Mixdepths)
	}
	// It is done: another one may begin, and there is nothing to go on with.
	if out, _, code := p.try("tumbler", "--restart"); code != 0 {
		t.Errorf("going on with a plan that is done ends with %d: %s", code, out)
	}
}
