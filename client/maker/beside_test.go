package maker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestBesidePayment: what a payment on the same wallet has set aside is neither
// offered nor shown; what takers were shown is offered on.
func TestBesidePayment(t *testing.T) {
	c := vectors.Load[authCase](t, "ioauth_maker.json", 45)[0]
	w := c.wallet(t)
	m, e := c.maker(t, w)
	m.cfg.AmountShare = 1
	offered := func() sats.Amount {
		t.Helper()
		balance, err := m.offered()
		if err != nil {
			t.Fatal(err)
		}
		return balance
	}
	before, richest := offered(), 0
	balances, _ := m.balances()
	for mixdepth, b := range balances {
		if b == before {
			richest = mixdepth
		}
	}
	d := &notes{}
	e.Conversation, e.Amount = 1, before/2
	m.event(t.Context(), d, e)
	if answer := last[control.IOAuthRequest](t, d); len(answer.UTXOs) == 0 || offered() != before {
		t.Fatalf("shown %v; %v is offered, %v before", answer.UTXOs, offered(), before)
	}
	m.event(t.Context(), d, control.EndedEvent{Conversation: 1, Taker: e.Taker})

	payment, err := w.Reserve(wallet.Reservation{Mixdepth: richest, Target: before, MinConf: 1, Purpose: "coinjoin", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if offered() >= before {
		t.Errorf("%v is offered beside a payment of it", offered())
	}
	clear(m.accepted.set)
	e.Conversation = 2
	m.event(t.Context(), d, e)
	if r := last[control.RefuseRequest](t, d); r.Reason != protocol.ReasonNoFunds {
		t.Errorf("refused because of %s", r.Reason)
	}
	payment.Release()

	// As a plan says that it needs the mixdepth, also coins that were shown.
	m.cfg.Closed = func(mixdepth int) bool { return mixdepth == richest }
	if offered() >= before {
		t.Errorf("%v is offered of mixdepths that are open", offered())
	}
	e.Conversation = 3
	m.event(t.Context(), d, e)
	if r := last[control.RefuseRequest](t, d); r.Reason != protocol.ReasonNoFunds {
		t.Errorf("refused because of %s", r.Reason)
	}
	m.cfg.Closed = nil
	e.Conversation = 4
	m.event(t.Context(), d, e)
	if answer := last[control.IOAuthRequest](t, d); answer.Conversation != 4 {
		t.Errorf("%+v", answer)
	}
}

// TestM26OffersFollowLeases: offers follow a payment's coins, after the usual
// wait, when they are set aside and when they come back.
func TestM26OffersFollowLeases(t *testing.T) {
	x := newMarket(t, nil, []sats.Amount{700_000}, []sats.Amount{300_000})
	d := within[*stage](x, x.sessions)
	if offers := within[[]protocol.Offer](x, d.told); offers[0].MaxSize != 670_000 {
		t.Errorf("%+v", offers)
	}
	lease, err := x.maker.Reserve(wallet.Reservation{Target: 700_000, MinConf: 1, Purpose: "coinjoin", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	until[Due](x)
	if offers := within[[]protocol.Offer](x, d.told); offers[0].MaxSize != 270_000 {
		t.Errorf("beside a payment %+v", offers)
	}
	lease.Release()
	if offers := within[[]protocol.Offer](x, d.told); offers[0].MaxSize != 670_000 {
		t.Errorf("after it %+v", offers)
	}
}

// TestD2ManySessionsOneWallet: makers and payments on one wallet, all at once;
// no coin is in two of their transactions, and whoever comes too late hears why.
func TestD2ManySessionsOneWallet(t *testing.T) {
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	var values []sats.Amount
	for i := range 12 {
		values = append(values, 100_000+sats.Amount(i))
	}
	w := wallettest.New(t, chain, values, values)
	var mu sync.Mutex
	signed := make(map[wire.OutPoint]string) // by whom
	sign := func(who string, lease *coins.Lease) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range lease.Coins {
			if other, twice := signed[c.OutPoint]; twice {
				t.Errorf("%v is signed for %s and for %s", c.OutPoint, other, who)
			}
			signed[c.OutPoint] = who
		}
	}
	var lacking, late atomic.Int64
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			who := fmt.Sprintf("payment %d", n)
			for try := range 20 {
				r := wallet.Reservation{Mixdepth: try % 2, Target: 150_000, MinConf: 1, Purpose: who, TTL: time.Hour}
				if n == 0 && try > 15 {
					r.Sweep = true
				}
				lease, err := w.Reserve(r)
				switch {
				case errors.Is(err, coins.ErrFunds):
					lacking.Add(1)
					if !errors.Is(err, coins.ErrLeased) {
						t.Errorf("%s: %v", who, err)
					}
				case err != nil:
					t.Errorf("%s: %v", who, err)
				case rand.N(3) == 0:
					sign(who, lease) // and keeps it
				default:
					lease.Release()
				}
			}
		})
	}
	for n := range 3 {
		m := &Maker{cfg: Config{Wallet: w, Node: w.Chain(), Terms: bothTerms()}}
		m.talks = make(map[uint64]*talk)
		all.Go(func() {
			for range 20 {
				lease, err := m.reserve("J5taker111111111", Agreement{Offer: protocol.Offer{CJFee: "0", Type: protocol.SW0AbsOffer}, Amount: 60_000})
				switch {
				case err != nil && reasonOf(err) != protocol.ReasonNoFunds:
					t.Errorf("maker %d: %v", n, err)
				case err != nil:
					late.Add(1)
				case rand.N(3) == 0:
					sign(fmt.Sprintf("maker %d", n), lease)
				default:
					lease.Release()
				}
			}
		})
	}
	all.Wait()
	if lacking.Load() == 0 || late.Load() == 0 || len(signed) < 20 {
		t.Errorf("%d payments and %d takers came too late, %d coins are signed for: nobody met anybody", lacking.Load(), late.Load(), len(signed))
	}
}
