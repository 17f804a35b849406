package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Addresses of nobody, on regtest.
var strangers = []string{"bcrt1qn4azn66akqsptluqvv4shn5jweeessgl6emzcy", "mgkHvCe29EbCRvZPH77dUjBHBgNQUTHh2x", "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc"}

// tumble is what jm tumbler prints.
type tumble struct {
	Done     bool
	Checksum string
	Payments []struct {
		Destination, TxID string
		Mixdepth          int
		Done              bool
	}
}

// blocks mines until stop is called: the coins of a payment are old enough for
// the next soon.
func (m *market) blocks() (stop func()) {
	ctx, cancel := context.WithCancel(m.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(300 * time.Millisecond); ; {
			select {
			case <-tick.C:
				if _, err := m.node.Mine(ctx, 1); err != nil && ctx.Err() == nil {
					m.t.Error(err)
					return
				}
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// next is the number of the first payment that is not done.
func (u tumble) next() int {
	for i, payment := range u.Payments {
		if !payment.Done {
			return i
		}
	}
	return len(u.Payments)
}

// TestT24TumblerKilled: a tumble of eight payments and more over four mixdepths is
// killed at random moments and goes on, until every address is paid, once. No
// payment is killed a third time: makers take three commitments to a coin.
func TestT24TumblerKilled(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.BTCD)
	p := m.join("tumbler", false)
	m.fund(p, btc/4, btc/4)
	for _, name := range []string{"alice", "bob", "carol"} {
		maker := m.join(name, false)
		m.fund(maker, 2*btc, 2*btc, 2*btc)
		m.mine(1)
		start(t, maker.command("yieldgenerator")).line(`"event":"announced"`)
	}
	m.mine(6)
	defer m.blocks()()

	args := append([]string{"tumbler", "--yes", "--makercountrange", "2,0", "--minmakercount", "2", "--timelambda", "0.005",
		"--txcountparams", "2,0"}, strangers...)
	var seal string
	var state tumble
	kills := make(map[int]int) // by payment
	for began := time.Now(); !state.Done; {
		if time.Since(began) > 2*deadline {
			t.Fatalf("it is not done: %+v", state)
		}
		var talk bytes.Buffer
		cmd := p.command(args...)
		cmd.Stderr = &talk
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var kill *time.Timer
		if kills[state.next()] < 2 {
			kill = time.AfterFunc(time.Second+rand.N(9*time.Second), func() { cmd.Process.Kill() })
		}
		cmd.Wait()
		if kill != nil {
			kill.Stop()
		}
		code := cmd.ProcessState.ExitCode()
		if code > 0 && code != 6 {
			t.Fatalf("exit status %d\n%s", code, talk.String())
		}
		if _, err := os.Stat(filepath.Join(p.dir, "plans", "default.json")); err != nil {
			continue // killed before it had a plan
		}
		state = tumble{}
		decode(t, p.jm("tumbler", "--show"), &state)
		if seal == "" {
			seal = state.Checksum
		}
		if state.Checksum != seal {
			t.Fatalf("the destinations had the checksum %s, now they have %s", seal, state.Checksum)
		}
		args = []string{"tumbler", "--restart"}
		if code < 0 {
			kills[state.next()]++
		}
	}
	t.Logf("%d payments, killed at %v", len(state.Payments), kills)
	if len(kills) == 0 {
		t.Error("it was never killed")
	}
	depths := make(map[int]bool)
	for _, payment := range state.Payments {
		depths[payment.Mixdepth] = true
	}
	if len(state.Payments) < 8 || len(depths) < 3 {
		t.Errorf("%d payments over %d mixdepths", len(state.Payments), len(depths))
	}
	var left struct{ Total sats.Amount }
	decode(t, p.jm("wallet", "show"), &left)
	if left.Total != 0 {
		t.Errorf("%v are left", left.Total)
	}
	m.paidOnce(p)
}

// paidOnce checks in the history of a wallet that it paid each of the strangers
// with one transaction.
func (m *market) paidOnce(p *participant) {
	m.t.Helper()
	var book struct {
		Transactions []struct {
			Type string
		}
	}
	raw := p.jm("wallet", "history")
	decode(m.t, raw, &book)
	paid := 0
	for _, tx := range book.Transactions {
		if tx.Type == "cj withdraw" || tx.Type == "cj sweepout" {
			paid++
		}
	}
	if paid != len(strangers) {
		pretty := new(bytes.Buffer)
		if err := json.Indent(pretty, raw, "", " "); err != nil {
			m.t.Fatal(err)
		}
		m.t.Errorf("%d payments to others, want %d:\n%s", paid, len(strangers), pretty)
	}
}
