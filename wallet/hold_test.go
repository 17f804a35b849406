package wallet_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// held makes a wallet with a coin of 1000 sat that is held for an hour, and
// closes it.
func held(t *testing.T, c *wallettest.Chain) (path string, coin coins.Coin) {
	return heldAfter(t, c, 0)
}

// heldAfter is held when the clock has gone on from when the wallet was made.
func heldAfter(t *testing.T, c *wallettest.Chain, wait time.Duration) (path string, coin coins.Coin) {
	t.Helper()
	w, path := create(t, newSeed(t), c.Config())
	defer w.Close()
	c.Pay(next(t, w, 0, keys.External).Script, 1000)
	c.Mine(1)
	sync(t, w)
	time.Sleep(wait)
	lease := reserve(t, w, wallet.Reservation{Target: 1})
	if err := w.Hold(lease, time.Hour, dealOf(lease)); err != nil {
		t.Fatal(err)
	}
	return path, lease.Coins[0]
}

// dealOf is a CoinJoin that spends the coins of a lease.
func dealOf(l *coins.Lease) wallet.Deal {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 7}, nil, nil)) // a stranger's
	for _, c := range l.Coins {
		tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	}
	tx.AddTxOut(wire.NewTxOut(900, []byte{0x51}))
	return wallet.Deal{Tx: tx, Amount: 900, Earning: 10}
}

func leased(t *testing.T, w *wallet.Wallet) sats.Amount {
	t.Helper()
	sync(t, w)
	return balances(t, w)[0].Leased
}

// TestD3HoldOutlivesTheProcess: a coin that somebody has a signature for is not
// given to anybody else after a restart, until the time is over.
func TestD3HoldOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wallettest.NewChain(regtest)
		path, coin := held(t, c)
		for restart := range 3 {
			w, err := wallet.Open(path, wallettest.Password, c.Config())
			if err != nil {
				t.Fatal(err)
			}
			if got := leased(t, w); got != 1000 {
				t.Errorf("restart %d: %v set aside", restart, got)
			}
			if _, err := w.Reserve(wallet.Reservation{Target: 1, TTL: time.Minute}); !errors.Is(err, coins.ErrFunds) {
				t.Errorf("restart %d: Reserve: %v", restart, err)
			}
			_, err = w.Lease("by name", time.Minute, func(wallet.Choice) ([]coins.Coin, error) { return []coins.Coin{coin}, nil })
			if !errors.Is(err, coins.ErrLeased) {
				t.Errorf("restart %d: Lease: %v", restart, err)
			}
			w.Close()
			time.Sleep(20*time.Minute - time.Second)
		}
		w := reopen(t, path, c.Config())
		if got := leased(t, w); got != 1000 {
			t.Errorf("before the end: %v set aside", got)
		}
		time.Sleep(5 * time.Second)
		if got := leased(t, w); got != 0 {
			t.Errorf("after the end: %v set aside", got)
		}
		w.Close()
		if got := leased(t, reopen(t, path, c.Config())); got != 0 {
			t.Errorf("after the end and a restart: %v set aside", got)
		}
	})
}

// TestD3HoldEndsByTheChain: once the coin is spent, by the transaction that it
// was signed for or by another one, it is gone, and nothing is left set aside.
func TestD3HoldEndsByTheChain(t *testing.T) {
	c := wallettest.NewChain(regtest)
	path, coin := held(t, c)
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&coin.OutPoint, nil, nil))
	tx.AddTxOut(wire.NewTxOut(900, []byte{0x51}))
	c.Confirm(tx)
	w := reopen(t, path, c.Config())
	if got := leased(t, w); got != 0 || len(list(t, w)) != 0 {
		t.Errorf("%v set aside, coins %v", got, list(t, w))
	}
}

// TestD3HoldIsBounded: no coin is held for longer than a day.
func TestD3HoldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wallettest.NewChain(regtest)
		w, path := create(t, newSeed(t), c.Config())
		c.Pay(next(t, w, 0, keys.External).Script, 1000)
		c.Mine(1)
		sync(t, w)
		lease := reserve(t, w, wallet.Reservation{Target: 1})
		if err := w.Hold(lease, 10_000*time.Hour, dealOf(lease)); err != nil {
			t.Fatal(err)
		}
		w.Close()
		w = reopen(t, path, c.Config())
		time.Sleep(24*time.Hour - time.Second)
		if got := leased(t, w); got != 1000 {
			t.Errorf("within the day: %v set aside", got)
		}
		time.Sleep(3 * time.Second)
		if got := leased(t, w); got != 0 {
			t.Errorf("after a day: %v set aside", got)
		}
	})
}

// TestD3NotHeldUnlessWritten: when the disk fails, the caller must not sign.
func TestD3NotHeldUnlessWritten(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	disk := &flakyDisk{System: durable.OS}
	cfg.Files = disk
	w := wallettest.NewWith(t, c, cfg, []sats.Amount{1000})
	lease := reserve(t, w, wallet.Reservation{Target: 1})
	disk.failAt = disk.count + 1
	if err := w.Hold(lease, time.Hour, dealOf(lease)); !errors.Is(err, errDisk) {
		t.Errorf("Hold on a failing disk: %v", err)
	}
	lease.Release()
	if err := w.Hold(lease, time.Hour, dealOf(lease)); !errors.Is(err, coins.ErrLeased) {
		t.Errorf("Hold of a lease that ended: %v", err)
	}
}

// TestD6HoldUnderAWrongClock: what was held by a clock that was years ahead of the
// present one ends in a day, although the wallet is opened again and again.
func TestD6HoldUnderAWrongClock(t *testing.T) {
	var c *wallettest.Chain
	var file []byte
	synctest.Test(t, func(t *testing.T) {
		c = wallettest.NewChain(regtest)
		path, _ := heldAfter(t, c, 10*365*24*time.Hour)
		var err error
		if file, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // whose clock begins where that of the first one did
		path := filepath.Join(t.TempDir(), "w.jmwallet")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		for opened := range 3 {
			w := openOnce(t, path, c.Config())
			if got := leased(t, w); got != 1000 {
				t.Errorf("opened %d times: %v set aside", opened, got)
			}
			w.Close()
			time.Sleep(8*time.Hour - time.Minute)
		}
		time.Sleep(time.Hour)
		if got := leased(t, reopen(t, path, c.Config())); got != 0 {
			t.Errorf("after a day: %v set aside", got)
		}
	})
}

// TestD6HoldFollowsTheChain: a clock that was set back behind the chain neither
// holds longer nor, when it is right again, forgets.
func TestD6HoldFollowsTheChain(t *testing.T) {
	c := wallettest.NewChain(regtest)     // at the present time
	synctest.Test(t, func(t *testing.T) { // in the year 2000
		path, _ := held(t, c)
		w := openOnce(t, path, c.Config())
		if got := leased(t, w); got != 1000 {
			t.Errorf("at first %v set aside", got)
		}
		c.Mine(20) // 200 minutes
		sync(t, w)
		w.Close()
		if got := leased(t, reopen(t, path, c.Config())); got != 0 {
			t.Errorf("hours later by the chain: %v set aside", got)
		}
	})
}
