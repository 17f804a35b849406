package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/client/tumbler"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

func TestPlanIsCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{5e7, 5e7}, []sats.Amount{1e8})
		b.begin(false,
			"0,0,3,INTERNAL,60.0,16,0",
			"1,0.5,3,"+addresses[0]+",5.0,2,0",
			"1,30000000,3,"+addresses[1]+",0.0,16,0",
			"1,0,3,addrask,0.0,16,0")
		defer b.alive(t.Context())()
		cfg := b.config(publish)
		cfg.Ask = func(_ context.Context, i int) (string, error) {
			if i != 3 {
				t.Errorf("asked for payment %d", i)
			}
			return addresses[2], nil
		}
		started := time.Now()
		if err := Run(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		took := time.Since(started)
		if took < 65*time.Minute || took > 4*time.Hour {
			t.Errorf("took %v, with pauses of 65 minutes and four blocks", took)
		}
		// 2 BTC less a fee, the half rounded to two figures.
		for i, want := range []sats.Amount{100_000_000, 30_000_000, 2e8 - fee - 100_000_000 - fee - 30_000_000 - fee - fee} {
			if got := b.paid(addresses[i]); len(got) != 1 || got[0] != want {
				t.Errorf("address %d was paid %v, want %v", i, got, want)
			}
		}
		done, err := b.keeper.Load()
		if err != nil {
			t.Fatal(err)
		}
		if _, more := done.Next(); more {
			t.Error("something is left")
		}
		for i, s := range done.Steps {
			if len(s.TxID) != 64 {
				t.Errorf("payment %d has the id %q", i, s.TxID)
			}
		}
		if err := Run(t.Context(), cfg); err != nil {
			t.Errorf("again, with everything done: %v", err)
		}
		if said := strings.Join(b.said, "\n"); !strings.Contains(said, "waiting for a block with payment 1 of 4") || !strings.Contains(said, "before payment 2 of 4") {
			t.Errorf("what it waits for is not said:\n%s", said)
		}
	})
}

// TestT24EveryAddressIsPaidOnce tumbles random wallets while attempts fail at any
// point, makers keep transactions to themselves, others overtake them, the disk
// fails, and the program is ended and started again at any time.
func TestT24EveryAddressIsPaidOnce(t *testing.T) {
	for seed := range 6 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tumble(t) })
		})
	}
}

func tumble(t *testing.T) {
	b := newBench(t, []sats.Amount{5e7, 5e7}, []sats.Amount{1e8}, nil, []sats.Amount{3e7})
	p := tumbler.Defaults()
	p.Addresses = addresses
	entries, err := tumbler.Plan(p, []sats.Amount{1e8, 1e8, 0, 3e7, 0})
	if err != nil {
		t.Fatal(err)
	}
	plan := b.begin(true, schedule.Format(entries))
	seal := plan.Seal()
	defer b.alive(t.Context())()

	attempt := func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
		luck := random.N(8)
		if luck == 0 {
			return taker.Result{}, &taker.Error{Step: taker.StepFill, Reason: protocol.ReasonFewMakers, Err: errLuck}
		}
		maker := b.chain.Pay([]byte{0x51}, 10_000)
		b.chain.Mine(1)
		return taker.Result{}, pay(w, p, &maker, func(tx *wire.MsgTx) error {
			failed := &taker.Error{Step: taker.StepBroadcast, Reason: protocol.ReasonUnseen, Err: errLuck}
			overtake := wire.NewMsgTx(2)
			overtake.AddTxIn(wire.NewTxIn(&maker, nil, nil))
			overtake.AddTxOut(wire.NewTxOut(9_000, []byte{0x51}))
			switch luck {
			case 1: // makers have it and do nothing, until one of them spends his coin
				if err := w.Keep(tx); err != nil {
					return err
				}
				time.AfterFunc(random.N(6*time.Hour), func() { b.late(overtake) })
				return failed
			case 2, 3: // it comes to the network late
				if err := w.Keep(tx); err != nil {
					return err
				}
				time.AfterFunc(random.N(6*time.Hour), func() { b.late(tx) })
				return failed
			case 4: // sent, and then the connection fails
				return errors.Join(w.Publish(ctx, tx), errLuck)
			case 5:
				return &taker.Error{Step: taker.StepSign, Reason: protocol.ReasonFewMakers, Err: errLuck}
			case 6: // sent, and evicted
				err := w.Publish(ctx, tx)
				b.chain.Evict(tx.TxHash())
				return err
			}
			return w.Publish(ctx, tx)
		})
	}
	runs := 0
	for {
		if runs++; runs > 1000 {
			t.Fatalf("no end: %v", b.said[len(b.said)-10:])
		}
		// Ended after a while, or with the disk failing at some write.
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(1+random.N(10*int64(time.Hour))))
		fault := durabletest.Fault{}
		if random.N(2) == 0 {
			fault = durabletest.Fault{At: 1 + random.N(40), Err: durabletest.ErrPower}
		}
		b.open(durabletest.New(fault))
		err := Run(ctx, b.config(attempt))
		stop()
		if err == nil {
			break
		}
		var paused *Paused
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, durabletest.ErrPower) && !errors.As(err, &paused) {
			t.Fatal(err)
		}
	}
	b.open(durable.OS)
	plan, err = b.keeper.Load()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Seal() != seal {
		t.Error("the destinations changed")
	}
	for i, address := range addresses {
		if got := b.paid(address); len(got) != 1 {
			t.Errorf("address %d was paid %v", i, got)
		}
	}
	t.Logf("%d runs, %d payments, %d blocks", runs, len(plan.Steps), b.chain.Height())
}

func TestPauses(t *testing.T) {
	fails := func(step taker.Step, reason protocol.Reason, err error) Attempt {
		return func(context.Context, taker.Wallet, taker.Payment) (taker.Result, error) {
			return taker.Result{}, &taker.Error{Step: step, Reason: reason, Err: err}
		}
	}
	for name, c := range map[string]struct {
		line    string
		attempt Attempt
		reason  protocol.Reason
		least   time.Duration // how long it was tried
	}{
		"no makers": {"0,0,3,INTERNAL,0.0,16,0", fails(taker.StepFill, protocol.ReasonFewMakers, errLuck), protocol.ReasonFewMakers, 2 * time.Hour},
		"no coins":  {"2,50000000,3,INTERNAL,0.0,16,0", publish, protocol.ReasonNoFunds, 0},
		"commitments used up": {"0,0,3,INTERNAL,0.0,16,0", fails(taker.StepFill, protocol.ReasonNoCommitment, &commitments.NoneError{Used: 1}),
			protocol.ReasonNoCommitment, 0},
		"no address": {"0,0,3,addrask,0.0,16,0", publish, protocol.ReasonBadAddress, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, []sats.Amount{1e8})
				b.begin(false, c.line)
				defer b.alive(t.Context())()
				started := time.Now()
				err := Run(t.Context(), b.config(c.attempt))
				var paused *Paused
				if !errors.As(err, &paused) || paused.Reason != c.reason || paused.Payment != 0 {
					t.Fatalf("%v, want a pause because of %s", err, c.reason)
				}
				if took := time.Since(started); took < c.least || took > 12*time.Hour {
					t.Errorf("after %v", took)
				}
			})
		})
	}
}

// TestManyTries: the pause between tries stops growing, however many are allowed.
func TestManyTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{1e8})
		b.begin(false, "0,0,3,INTERNAL,0.0,16,0")
		defer b.alive(t.Context())()
		cfg, tries := b.config(nil), 0
		cfg.Tries = 100
		cfg.Attempt = func(context.Context, taker.Wallet, taker.Payment) (taker.Result, error) {
			tries++
			return taker.Result{}, &taker.Error{Step: taker.StepFill, Reason: protocol.ReasonFewMakers, Err: errLuck}
		}
		started := time.Now()
		var paused *Paused
		if err := Run(t.Context(), cfg); !errors.As(err, &paused) || tries != cfg.Tries {
			t.Fatalf("%d tries, %v", tries, err)
		}
		if took := time.Since(started); took < 40*time.Hour || took > 160*time.Hour {
			t.Errorf("took %v", took)
		}
	})
}

// TestWaitsForCoinsToAge repeats what fails for the age of coins only with each
// new block, and does not count that as a failure.
func TestWaitsForCoinsToAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{1e8})
		b.begin(false, "0,0,3,"+addresses[0]+",0.0,16,0")
		defer b.alive(t.Context())()
		var at []int32
		err := Run(t.Context(), b.config(func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			at = append(at, b.chain.Height())
			if len(at) < 20 {
				return taker.Result{}, &taker.Error{Step: taker.StepFill, Reason: protocol.ReasonNoCommitment,
					Err: &commitments.NoneError{TooNew: 1, Age: 5}}
			}
			return publish(ctx, w, p)
		}))
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(at); i++ {
			if at[i] != at[i-1]+1 {
				t.Fatalf("tried at the heights %v", at)
			}
		}
	})
}

// TestFreshAddressOnceSeen takes a new address only when makers may have seen
// the last.
func TestFreshAddressOnceSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{1e8})
		b.begin(false, "0,0,3,INTERNAL,0.0,16,0")
		defer b.alive(t.Context())()
		steps := []taker.Step{taker.StepChoose, taker.StepFill, taker.StepCollect, taker.StepSign, taker.StepCollect}
		var to []string
		err := Run(t.Context(), b.config(func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			to = append(to, p.Destination)
			if len(to) <= len(steps) {
				return taker.Result{}, &taker.Error{Step: steps[len(to)-1], Reason: protocol.ReasonFewMakers, Err: errLuck}
			}
			return publish(ctx, w, p)
		}))
		if err != nil {
			t.Fatal(err)
		}
		if to[0] != to[3] || to[3] == to[4] || to[4] != to[5] {
			t.Errorf("paid to %v", to)
		}
	})
}

// TestT24OnlyThePaymentLeaves gives an attempt's transaction other outputs.
func TestT24OnlyThePaymentLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{1e8, 1e8})
		b.begin(false, "0,30000000,3,"+addresses[0]+",0.0,16,0")
		defer b.alive(t.Context())()
		cfg := b.config(func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			for _, change := range []func(*taker.Payment){
				func(p *taker.Payment) { p.Destination = addresses[1] },
				func(p *taker.Payment) { p.Amount++ },
			} {
				other := p
				change(&other)
				for _, send := range []func(*wire.MsgTx) error{w.Keep, func(tx *wire.MsgTx) error { return w.Publish(ctx, tx) }} {
					if err := pay(w, other, nil, send); !errors.Is(err, errOther) {
						t.Errorf("%+v instead of %+v: %v", other, p, err)
					}
				}
			}
			result, err := publish(ctx, w, p)
			if err := pay(w, p, nil, w.Keep); !errors.Is(err, errAlready) {
				t.Errorf("a second transaction: %v", err)
			}
			return result, err
		})
		if err := Run(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if got := b.paid(addresses[0]); len(got) != 1 {
			t.Errorf("paid %v", got)
		}
	})
}

// TestT24ForgottenTransaction has the user forget a transaction that makers may
// still send: the next one cannot be mined beside it.
func TestT24ForgottenTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, []sats.Amount{5e7, 1e7})
		b.begin(false, "0,5000000,3,"+addresses[0]+",0.0,16,0")
		defer b.alive(t.Context())()
		var first, second *wire.MsgTx
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		err := Run(ctx, b.config(func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			err := pay(w, p, nil, func(tx *wire.MsgTx) error {
				first = tx
				return w.Keep(tx)
			})
			return taker.Result{}, errors.Join(err, errLuck)
		}))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := b.wallet.Forget(first.TxHash()); err != nil {
			t.Fatal(err)
		}
		// A coin that would be chosen this time.
		address, err := b.wallet.NextAddress(0, keys.External)
		if err != nil {
			t.Fatal(err)
		}
		b.chain.Pay(address.Script, 5_000_000+fee)
		b.chain.Mine(1)
		synctest.Wait()
		err = Run(t.Context(), b.config(func(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
			err := pay(w, p, nil, func(tx *wire.MsgTx) error {
				second = tx
				return w.Publish(ctx, tx)
			})
			return taker.Result{}, err
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.chain.Backend().Broadcast(t.Context(), first); err == nil || second.TxHash() == first.TxHash() {
			t.Errorf("both can be mined: %v", err)
		}
		if got := b.paid(addresses[0]); len(got) != 1 {
			t.Errorf("paid %v", got)
		}
	})
}
