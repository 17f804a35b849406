package taker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// outcome is what a run came to.
type outcome struct {
	Result
	quote Quote
	err   error
}

// run makes an attempt with consent to every quote.
func (p *pit) run(cfg Config, pay Payment) (o outcome) {
	p.t.Helper()
	return p.decide(cfg, pay, func(Quote) error { return nil })
}

// decide makes an attempt of which approve is asked.
func (p *pit) decide(cfg Config, pay Payment, approve func(Quote) error) (o outcome) {
	p.t.Helper()
	taker, err := New(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	o.Result, o.err = taker.Run(p.t.Context(), pay, func(q Quote) error {
		o.quote = q
		return approve(q)
	})
	return o
}

// leased is how many satoshis of the taker are set aside.
func (p *pit) leased() (sum sats.Amount) {
	p.t.Helper()
	balances, err := p.wallet.Balances()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, b := range balances {
		sum += b.Leased
	}
	return sum
}

// wantFailure checks that an attempt failed for a reason, with all coins free
// and nothing sent to the network.
func (p *pit) wantFailure(o outcome, step Step, reason protocol.Reason) {
	p.t.Helper()
	var e *Error
	if !errors.As(o.err, &e) || e.Step != step || e.Reason != reason {
		p.t.Errorf("ended with %v, want %s in step %s", o.err, reason, step)
	}
	if n := p.leased(); n != 0 {
		p.t.Errorf("%v are still set aside after the failure", n)
	}
	if txs := p.chain.Mempool(); len(txs) != 0 {
		p.t.Errorf("%d transactions were sent", len(txs))
	}
}

// wantDropped checks that exactly these makers were left out, for a reason.
func (p *pit) wantDropped(o outcome, reason protocol.Reason, makers ...*maker) {
	p.t.Helper()
	got := map[protocol.Nick]protocol.Reason{}
	for _, d := range o.Dropped {
		got[d.Nick] = d.Reason
	}
	for _, m := range makers {
		if got[m.nick] != reason {
			p.t.Errorf("%s was left out for %q, want %q", m.nick, got[m.nick], reason)
		}
	}
	if len(o.Dropped) != len(makers) {
		p.t.Errorf("left out: %v, want %d makers", o.Dropped, len(makers))
	}
}

// wantJoin checks a transaction that succeeded against the chain, the quote and
// the invariants: all values add up, everybody has what was agreed, and nobody
// overpays.
func (p *pit) wantJoin(o outcome, makers int) {
	p.t.Helper()
	if o.err != nil {
		p.t.Fatalf("%v; left out: %v", o.err, o.Dropped)
	}
	tx, _ := p.chain.Tx(o.Tx.TxHash())
	if tx == nil {
		p.t.Fatal("the network does not show the transaction")
	}
	if len(o.Parts) != makers+1 {
		p.t.Fatalf("%d parts, want %d", len(o.Parts), makers+1)
	}
	paid := map[string]sats.Amount{}
	var in, out sats.Amount
	for _, o := range tx.TxOut {
		paid[string(o.PkScript)] += sats.Amount(o.Value)
		out += sats.Amount(o.Value)
	}
	inputs := 0
	for _, part := range o.Parts {
		for _, i := range part.Inputs {
			in += i.Value
			inputs++
		}
		if paid[string(part.CJOut)] != o.Amount || paid[string(part.Change.Script)] != part.Change.Value {
			p.t.Errorf("%q receives %d and %d, want %d and %d", part.Nick, paid[string(part.CJOut)],
				paid[string(part.Change.Script)], o.Amount, part.Change.Value)
		}
	}
	if in != out+o.MinerFee || inputs != len(tx.TxIn) || o.MinerFee <= 0 {
		p.t.Errorf("in %d from %d of %d coins, out %d, miner fee %d", in, inputs, len(tx.TxIn), out, o.MinerFee)
	}
	own := o.Parts[0]
	var spent sats.Amount
	for _, i := range own.Inputs {
		spent += i.Value
	}
	if cost := spent - own.Change.Value - o.Amount; cost != o.Cost() || cost > o.quote.MaxCost() {
		p.t.Errorf("the taker pays %d, the result says %d, the quote at most %d", cost, o.Cost(), o.quote.MaxCost())
	}
	if o.Amount < o.quote.Amount || o.Amount > o.quote.Amount && (len(o.Earlier) == 0 || !o.quote.Sweep) {
		p.t.Errorf("amount %d, quoted %d", o.Amount, o.quote.Amount)
	}
	if tx.Version != 2 || tx.LockTime == 0 || int32(tx.LockTime) > p.chain.Height() || tx.TxIn[0].Sequence != 0xfffffffe {
		p.t.Errorf("version %d, locktime %d, sequence %x", tx.Version, tx.LockTime, tx.TxIn[0].Sequence)
	}
}

// logged collects log lines.
func logged(cfg *Config) *strings.Builder {
	var b strings.Builder
	cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &b
}

// failingChain is a backend whose Broadcast fails, with or without effect, once
// err is set.
type failingChain struct {
	chain.Backend
	err    error
	effect bool

	noTimes bool         // it has no answer about blocks
	asked   atomic.Int64 // how often for an output
}

func (c *failingChain) TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error) {
	c.asked.Add(1)
	return c.Backend.TxOut(ctx, out)
}

func (c *failingChain) BlockTime(ctx context.Context, height int32) (time.Time, error) {
	if c.noTimes {
		return time.Time{}, chain.ErrUnreachable
	}
	return c.Backend.(chain.BlockTimes).BlockTime(ctx, height)
}

func (c *failingChain) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	if c.effect || c.err == nil {
		return errors.Join(c.Backend.Broadcast(ctx, tx), c.err)
	}
	return c.err
}

// addressText is the address of a script on the test network.
func addressText(t *testing.T, script []byte) string {
	t.Helper()
	text, err := txbuild.FormatAddress(script, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
