package inprocess_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// plateau is what a process has while nobody asks for anything.
type plateau struct {
	goroutines, files int
	heap              int64 // bytes
}

// rest returns it, once what has ended is gone.
func rest(t *testing.T) plateau {
	t.Helper()
	for range 3 { // what finalizers free is gone after the next one
		runtime.GC()
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return plateau{runtime.NumGoroutine(), len(open), int64(m.HeapAlloc)}
}

// In each third of the month.
const (
	visits   = 700 // clients that look at the order book and leave
	quotes   = 100 // payments that are declined
	payments = 15
	looks    = 1000 // at the wallet, with coins taken and given back

	// No more than that may be left of any of them.
	leak = 400 // bytes
)

// TestD10Plateau: a daemon, a maker and a wallet live in one process for a month,
// through thousands of sessions, payments and commands. Goroutines and open files
// are as many at the end as near the beginning, and memory grows by less than
// the least that a session could leave behind.
func TestD10Plateau(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pit := daemontest.NewPit("lab", "jmlab")
		d, err := inprocess.New(daemon.Config{
			NewChannel: func(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
				return pit.Join(nick), nil
			},
			Commitments: filepath.Join(t.TempDir(), "commitmentlist"),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		m := &market{
			t: t, ctx: ctx, chain: wallettest.NewChain(&chaincfg.RegressionNetParams), disk: durabletest.Hasty(durable.OS),
			channel: control.ChannelConfig{Name: "lab", Type: "irc", Host: "nowhere", Port: 1, Room: "joinmarket-pit"},
			dialer:  func() dialFunc { return d.Dial },
		}
		y := m.maker(makerFee, 50_000_000, 40_000_000, 30_000_000, 20_000_000)
		go func() { // the maker's events are for nobody
			for {
				select {
				case <-y.events:
				case <-ctx.Done():
					return
				}
			}
		}()
		payer := m.wallet(3_000_000, 3_000_000, 3_000_000, 3_000_000, 3_000_000, 3_000_000)
		used, err := commitments.Open(commitments.Config{Path: filepath.Join(t.TempDir(), "used.json"), Tries: 3, Age: 5, Percent: 20})
		if err != nil {
			t.Fatal(err)
		}
		to, err := txbuild.FormatAddress(p2wpkh(77), m.chain.Params())
		if err != nil {
			t.Fatal(err)
		}
		l := &life{m, d, used, payer, pit, to}

		l.third()
		at := rest(t)
		for range 2 {
			l.pay(payments) // the wallets' past grows, as it should
			before := rest(t)
			l.third()
			after := rest(t)
			if after.goroutines != at.goroutines || after.files != at.files {
				t.Errorf("%+v, before %+v", after, at)
			}
			if grown := after.heap - before.heap; grown > leak*(visits+quotes) {
				t.Errorf("%d bytes more", grown)
			}
			t.Logf("%+v, then %+v", before, after)
		}
		cancel()
	})
}

// life is what uses the process.
type life struct {
	*market
	daemon *inprocess.Daemon
	used   *commitments.Store
	payer  *wallet.Wallet
	pit    *daemontest.Pit
	to     string // an address of somebody else
}

// third is ten days, with all but payments.
func (l *life) third() {
	l.t.Helper()
	for range visits {
		session := l.session()
		if _, err := taker.Book(l.ctx, session, taker.BookWait{Quiet: 300 * time.Millisecond, Limit: time.Minute}); err != nil {
			l.t.Fatal(err)
		}
		session.Close()
	}
	errNo := errors.New("no")
	for range quotes {
		if _, err := l.attempt(errNo); !errors.Is(err, errNo) {
			l.t.Fatal(err)
		}
	}
	for range looks {
		if _, err := l.payer.Balances(); err != nil {
			l.t.Fatal(err)
		}
		lease, err := l.payer.Reserve(wallet.Reservation{Target: 1_000_000, TTL: time.Minute})
		if err != nil {
			l.t.Fatal(err)
		}
		lease.Release()
	}
	time.Sleep(10 * 24 * time.Hour)
	l.pit.Forget()
	synctest.Wait()
}

func (l *life) session() *client.Session {
	l.t.Helper()
	s, err := l.connect(l.daemon.Dial, control.RoleTaker)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := s.Ready(l.ctx); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// attempt is a payment that ends at the quote with that error.
func (l *life) attempt(answer error) (taker.Result, error) {
	l.t.Helper()
	session := l.session()
	defer session.Close()
	t, err := taker.New(taker.Config{
		Wallet: l.payer, Daemon: session, Commitments: l.used,
		Limits: taker.Limits{Abs: 10_000, Rel: "0.001"}, FeeRate: feerate.Policy{TxFees: 2_000, Factor: "0"},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return t.Run(l.ctx, taker.Payment{Amount: 300_000, Destination: l.to, Makers: 1, MinMakers: 1}, func(taker.Quote) error { return answer })
}

// pay makes CoinJoins.
func (l *life) pay(count int) {
	l.t.Helper()
	for range count {
		if r, err := l.attempt(nil); err != nil {
			l.t.Fatalf("%v (left out: %+v)", err, r.Dropped)
		}
		l.chain.Mine(6)
		synctest.Wait()
	}
}

// TestD10Connections: hundreds of clients come to one daemon over its socket, to
// go at once, to stay until they are ready, or to break off in the middle of a
// word. They leave nothing open.
func TestD10Connections(t *testing.T) {
	m := newMarket(t, ircServer(t))
	dial := m.sharedDaemon()
	visit := func(i int) {
		t.Helper()
		if i%3 == 0 {
			nc, _, err := dial(m.ctx)
			if err != nil {
				t.Fatal(err)
			}
			nc.Write([]byte{0, 0, 1})
			nc.Close()
			return
		}
		session, err := m.connect(dial, control.RoleTaker)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if i%3 == 1 {
			if err := session.Ready(m.ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 6 {
		visit(i)
	}
	at := settled(t, func(plateau) bool { return true })
	for i := range 300 {
		visit(i)
	}
	settled(t, func(now plateau) bool { return now.goroutines <= at.goroutines && now.files <= at.files })
}

// settled waits until what runs and is open does not change any more, and is
// right.
func settled(t *testing.T, right func(plateau) bool) plateau {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(deadline)
	for before := rest(t); ; {
		select {
		case <-tick.C:
		case <-timeout:
			stacks := make([]byte, 1<<20)
			t.Fatalf("%+v at the end:\n%s", before, stacks[:runtime.Stack(stacks, true)])
		}
		now := rest(t)
		if now.goroutines == before.goroutines && now.files == before.files && right(now) {
			return now
		}
		before = now
	}
}
