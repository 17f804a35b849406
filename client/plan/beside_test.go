package plan

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/client/tumbler"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
)

func TestClosed(t *testing.T) {
	closed := func(mixdepths int, done int, of ...int) []int {
		p := &Plan{}
		for i, m := range of {
			p.Steps = append(p.Steps, Step{Entry: schedule.Entry{Mixdepth: m, Done: i < done}})
		}
		var all []int
		for m, is := range p.Closed(mixdepths) {
			if is {
				all = append(all, m)
			}
		}
		return all
	}
	for _, c := range []struct {
		done int
		of   []int
		want []int
	}{
		{0, []int{2}, []int{1, 2}},
		{1, []int{2}, nil},
		{0, []int{0}, []int{0, 4}},
		{0, []int{0, 0, 1}, []int{0, 1, 4}}, // from 1 coins would go to 2 and stay
		{0, []int{0, 1, 2, 3}, []int{0, 3, 4}},
		{2, []int{0, 1, 2, 3}, []int{1, 2, 3}},
		// The first sweeps of a tumble, and what follows.
		{0, []int{4, 3, 2, 1, 0, 1, 1, 2, 2, 3, 3, 4}, []int{3, 4}},
		{1, []int{4, 3, 2, 1, 0, 1, 1, 2, 2, 3, 3, 4}, []int{2, 3}},
		{5, []int{4, 3, 2, 1, 0, 1, 1, 2, 2, 3, 3, 4}, []int{0, 1, 4}},
	} {
		if got := closed(5, c.done, c.of...); !slices.Equal(got, c.want) {
			t.Errorf("%v, %d done: closed are %v, want %v", c.of, c.done, got, c.want)
		}
	}
}

// maker is what a maker does to the wallet: it sets coins aside, signs, and has
// the transaction mined. It leaves closed mixdepths alone.
type maker struct {
	b      *bench
	closed atomic.Pointer[[]bool]
	joins  int
}

func (m *maker) close(closed []bool) { m.closed.Store(&closed) }

// join takes part with everything in a mixdepth: the amount goes to the next, the
// rest stays. keep is how long the coins are set aside before that.
func (m *maker) join(ctx context.Context, mixdepth int, keep time.Duration) {
	all, err := m.b.wallet.Coins()
	if err != nil {
		m.b.t.Error(err)
	}
	next, there := (mixdepth+1)%m.b.wallet.Mixdepths(), 0
	for _, c := range all {
		if c.Mixdepth == next {
			there++
		}
	}
	// What a payment here pays the miners does for some coins only.
	if (*m.closed.Load())[mixdepth] || there > 5 {
		return
	}
	lease, err := m.b.wallet.Reserve(wallet.Reservation{Mixdepth: mixdepth, Sweep: true, MinConf: 1, Purpose: "offer to J5", TTL: time.Hour})
	if err != nil {
		return
	}
	defer lease.Release()
	select {
	case <-time.After(keep):
	case <-ctx.Done():
		return
	}
	own, err := m.b.wallet.Show(nil, next, mixdepth)
	if err != nil {
		m.b.t.Error(err)
		return
	}
	tx, total := wire.NewMsgTx(2), sats.Amount(0)
	for _, c := range lease.Coins {
		tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
		total += c.Value
	}
	tx.AddTxOut(wire.NewTxOut(int64(total/2), own[0].Script))
	tx.AddTxOut(wire.NewTxOut(int64(total-total/2-fee), own[1].Script))
	if err := m.b.wallet.Hold(lease, 5*time.Minute, wallet.Deal{Tx: tx, Amount: total / 2}); err != nil {
		m.b.t.Error(err)
		return
	}
	if err := m.b.wallet.SignTx(tx, lease.Coins); err != nil {
		m.b.t.Error(err)
		return
	}
	m.b.late(tx)
	m.joins++
	synctest.Wait() // the wallet has seen it
}

// TestM25TumblerBesideMaker: whatever a maker does on the same wallet, a tumble
// takes all coins along, and no coin is in two transactions.
func TestM25TumblerBesideMaker(t *testing.T) {
	for seed := range 5 {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, []sats.Amount{1e8, 2e7}, []sats.Amount{5e7, 1e7}, []sats.Amount{3e7}, []sats.Amount{1e7})
			drawn := tumbler.Defaults()
			drawn.Addresses, drawn.Makers.Least = addresses, 2
			drawn.Mixdepths = 5
			drawn.Wait, drawn.FirstWait = 20*time.Minute, 40*time.Minute
			all, err := b.wallet.Balances()
			if err != nil {
				t.Fatal(err)
			}
			balances := make([]sats.Amount, len(all))
			for i, a := range all {
				balances[i] = a.Available
			}
			entries, err := tumbler.Plan(drawn, balances)
			if err != nil {
				t.Fatal(err)
			}
			m := &maker{b: b}
			m.close(b.begin(true, schedule.Format(entries)).Closed(b.wallet.Mixdepths()))
			stop := b.alive(t.Context())
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for n := seed; ctx.Err() == nil; n++ {
					m.join(ctx, n%5, time.Duration(n%7)*time.Minute)
					select {
					case <-time.After(3 * time.Minute):
					case <-ctx.Done():
					}
				}
			}()
			cfg := b.config(publish)
			cfg.Closed = m.close
			err = Run(t.Context(), cfg)
			cancel()
			<-ended
			stop()
			if err != nil {
				t.Fatal(err)
			}
			if err := b.wallet.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			left, err := b.wallet.Balances()
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range left {
				if l.Total() != 0 {
					t.Errorf("%v are left: %+v", l.Total(), l)
				}
			}
			for _, a := range addresses {
				if paid := b.paid(a); len(paid) != 1 {
					t.Errorf("%s was paid %v", a, paid)
				}
			}
			if m.joins < 5 {
				t.Errorf("the maker took part %d times", m.joins)
			}
		})
	}
}

// TestSweepWaitsForOthers: a sweep takes everything, so it waits for what another
// session has set aside; no try is counted, and nobody is asked meanwhile.
func TestSweepWaitsForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{1e8, 2e7})
		b.begin(false, "0,0,3,"+addresses[0]+",0,16,0")
		defer b.alive(t.Context())()
		if _, err := b.wallet.Reserve(wallet.Reservation{Target: 1, MinConf: 1, Purpose: "offer to J5", TTL: 45 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		attempts, began := 0, time.Now()
		err := Run(t.Context(), b.config(func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			attempts++
			return publish(ctx, w, p)
		}))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.paid(addresses[0]); len(got) != 1 || got[0] != 120_000_000-fee {
			t.Errorf("paid %v", got)
		}
		if attempts != 1 || time.Since(began) < 45*time.Minute {
			t.Errorf("%d attempts in %v", attempts, time.Since(began))
		}
		if !strings.Contains(strings.Join(b.said, "\n"), "payment 1 of 1 waits for coins that others on this wallet") {
			t.Errorf("what it waits for is not said: %q", b.said)
		}
	})
}
