package wallet_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestD6ClockADayOff: a machine whose clock is a day off sees the same bonds as
// any other, locked and unlocked by the chain's median time alone.
func TestD6ClockADayOff(t *testing.T) {
	for name, off := range map[string]time.Duration{"fast": 24 * time.Hour, "slow": -24 * time.Hour} {
		c := wallettest.NewChain(regtest) // by the true clock
		started := time.Now()
		month := nextMonth(t)
		end, err := bond.Locktime(month)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(end), 0)
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := func(at time.Time) { time.Sleep(time.Until(at.Add(off))) }
				clock(started)
				w := wallettest.New(t, c, []sats.Amount{10_000})
				out := c.Pay(bondAddress(t, w, month).Script, 500_000)
				c.Mine(1)
				// mineTo has the chain's median time pass a moment, and the clock
				// of the machine, as far off as ever.
				mineTo := func(moment time.Time) {
					for {
						sync(t, w)
						tip, _ := w.Synced()
						missing := moment.Sub(tip.MedianTime)
						if missing < 0 {
							break
						}
						c.Mine(int(missing/(10*time.Minute)) + 1)
					}
					clock(moment)
				}
				lease := func() error {
					lease, err := w.Lease("test", time.Minute, func(wallet.Choice) ([]coins.Coin, error) {
						return []coins.Coin{bonds(t, w)[0].Coin}, nil
					})
					if err == nil {
						lease.Release()
					}
					return err
				}

				mineTo(at.Add(-12 * time.Hour))
				if all := bonds(t, w); len(all) != 1 || all[0].Expired {
					t.Fatalf("12 hours before its end: %+v", all)
				}
				if err := w.Thaw(out); !errors.Is(err, wallet.ErrLocked) {
					t.Errorf("12 hours before its end, thawed: %v", err)
				}
				if err := lease(); !errors.Is(err, wallet.ErrLocked) {
					t.Errorf("12 hours before its end, leased: %v", err)
				}
				mineTo(at.Add(time.Second)) // what an nLockTime needs
				if all := bonds(t, w); len(all) != 1 || !all[0].Expired {
					t.Fatalf("after its end: %+v", all)
				}
				thaw(t, w, out)
				if err := lease(); err != nil {
					t.Errorf("after its end, leased: %v", err)
				}
				coin := bonds(t, w)[0].Coin
				if err := w.SignTx(release(coin, coin.LockTime()), []coins.Coin{coin}); err != nil {
					t.Errorf("after its end, spent: %v", err)
				}
			})
		})
	}
}

// TestD6PendingGoesByTheChain: two weeks without success are two weeks of blocks.
// A clock that is set forward gives up no transaction.
func TestD6PendingGoesByTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wallettest.NewChain(regtest)
		w := wallettest.New(t, c, []sats.Amount{100_000})
		coin := list(t, w)[0]
		tx := payment(1000, coin)
		if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
			t.Fatal(err)
		}
		if err := w.Publish(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		if !c.Evict(tx.TxHash()) {
			t.Fatal("it was not in the mempool")
		}
		time.Sleep(30 * 24 * time.Hour)
		sync(t, w)
		if n := len(w.Pending()); n != 1 {
			t.Fatalf("D6: %d are pending after the clock was set", n)
		}
		c.Mine(13 * 144)
		sync(t, w)
		if n := len(w.Pending()); n != 1 {
			t.Errorf("%d are pending after 13 days of blocks", n)
		}
		c.Mine(2 * 144)
		sync(t, w)
		if n := len(w.Pending()); n != 0 {
			t.Errorf("%d are pending after 15 days of blocks", n)
		}
	})
}
