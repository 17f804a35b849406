package wallet_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/ledger"
	"github.com/joinmarket-go/joinmarket/wallet/status"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func accounts(t testing.TB, w *wallet.Wallet) []wallet.Account {
	t.Helper()
	all, err := w.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// entry finds an address in the list.
func entry(t testing.TB, w *wallet.Wallet, address string) wallet.Entry {
	t.Helper()
	for _, a := range accounts(t, w) {
		for _, b := range a.Branches {
			for _, e := range b.Entries {
				if e.Address == address {
					return e
				}
			}
		}
	}
	t.Fatalf("%s is not listed", address)
	return wallet.Entry{}
}

func TestAccounts(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, _ := create(t, newSeed(t), c.Config())
	if _, err := w.Accounts(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("before the first synchronisation: %v", err)
	}
	if _, err := w.History(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("before the first synchronisation: %v", err)
	}
	var external, internal [4]wallet.Address
	for i := range external {
		external[i], internal[i] = next(t, w, 1, keys.External), next(t, w, 1, keys.Internal)
	}
	c.Pay(external[0].Script, 50_000)
	emptied := c.Pay(external[1].Script, 60_000)
	c.Pay(external[2].Script, 1000)
	c.Mine(1)
	c.Pay(external[2].Script, 2000)
	sync(t, w)
	// A payment with change, then a CoinJoin of the change with somebody.
	for _, coin := range list(t, w) {
		if coin.OutPoint == emptied {
			tx := payment(0, coin)
			tx.TxOut[0].Value = 9000
			tx.AddTxOut(wire.NewTxOut(50_000, internal[0].Script))
			send(t, c, w, tx, coin)
		}
	}
	c.Mine(1)
	sync(t, w)
	for _, coin := range list(t, w) {
		if coin.Value == 50_000 && coin.Branch == keys.Internal {
			tx := payment(0, coin)
			tx.TxOut[0].Value = 20_000
			tx.AddTxOut(wire.NewTxOut(20_000, internal[1].Script))
			tx.AddTxOut(wire.NewTxOut(8000, internal[2].Script))
			send(t, c, w, tx, coin)
		}
	}
	sync(t, w)
	if err := w.SetLabel(ref(t, external[0].Text), "rent"); err != nil {
		t.Fatal(err)
	}
	if err := w.Freeze(coins.ByUser, list(t, w)[0].OutPoint); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]wallet.Entry{
		external[0].Text: {Status: status.Deposit, Balance: wallet.Balance{Frozen: 50_000}, Coins: 1, Frozen: true, Label: "rent"},
		external[1].Text: {Status: status.Used},
		external[2].Text: {Status: status.Reused, Balance: wallet.Balance{Available: 1000, Frozen: 2000}, Coins: 2, Frozen: true},
		external[3].Text: {Status: status.New},
		internal[0].Text: {Status: status.Used},
		internal[1].Text: {Status: status.CJOut, Balance: wallet.Balance{Unconfirmed: 20_000}, Coins: 1, Pending: true},
		internal[2].Text: {Status: status.ChangeOut, Balance: wallet.Balance{Unconfirmed: 8000}, Coins: 1, Pending: true},
		internal[3].Text: {Status: status.Flagged},
	} {
		got := entry(t, w, address)
		want.Balance.Mixdepth, want.Address = 1, address
		want.Path, want.PathText = got.Path, w.PathText(got.Path)
		if got != want {
			t.Errorf("%+v, want\n%+v", got, want)
		}
	}
	a := accounts(t, w)[1]
	if len(a.Branches) != 2 || a.Branches[0].Path != "m/84'/1'/1'/0" || a.Branches[1].Path != "m/84'/1'/1'/1" ||
		!strings.HasPrefix(a.XPub, "tpub") || !strings.HasPrefix(a.Branches[0].XPub, "tpub") || a.XPub == a.Branches[0].XPub {
		t.Errorf("%+v", a)
	}
	l, err := w.History()
	if err != nil {
		t.Fatal(err)
	}
	kinds := []ledger.Kind{}
	for _, r := range l.Rows {
		kinds = append(kinds, r.Kind)
	}
	if len(kinds) != 5 || kinds[4] != ledger.Withdraw || l.Pending != 1 || l.PendingChange != -22_000 || l.Balance != 103_000 {
		t.Errorf("%v, %+v", kinds, l)
	}
	w.Close()
	if _, err := w.Accounts(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAccountsHaveBondsAndImportedKeys(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	other, err := keys.NewTree(newSeed(t), txbuild.P2WPKH, regtest)
	if err != nil {
		t.Fatal(err)
	}
	var imported [2]wallet.Address
	for i := range imported {
		wif, err := other.WIF(keys.Path{Index: uint32(i)})
		if err != nil {
			t.Fatal(err)
		}
		imported[i] = importKey(t, w, wif, 2)
	}
	month := nextMonth(t)
	a := bondAddress(t, w, month)
	bondAddress(t, w, month+1) // never paid, so not listed
	c.Pay(a.Script, 500_000)
	c.Pay(imported[1].Script, 7000)
	c.Mine(1)
	sync(t, w)
	end := time.Unix(int64(a.Path.Locktime), 0).UTC().Format("2006-01-02")
	for address, want := range map[string]wallet.Entry{
		a.Text:           {Status: status.Status(end + " [LOCKED]"), Balance: wallet.Balance{Bonds: 500_000}, Coins: 1, Frozen: true},
		imported[0].Text: {Status: status.Empty, Balance: wallet.Balance{Mixdepth: 2}},
		imported[1].Text: {Status: status.Used, Balance: wallet.Balance{Mixdepth: 2, Available: 7000}, Coins: 1},
	} {
		got := entry(t, w, address)
		want.Address, want.Path, want.PathText = address, got.Path, w.PathText(got.Path)
		if got != want {
			t.Errorf("%+v, want\n%+v", got, want)
		}
	}
	all := accounts(t, w)
	if n := len(all[0].Branches); n != 3 || all[0].Branches[2].Path != "m/84'/1'/0'/2" || len(all[0].Branches[2].Entries) != 1 {
		t.Errorf("%+v", all[0].Branches)
	}
	if b := all[2].Branches[2]; b.Number != keys.Imported || b.Path != "imported/2" || b.XPub != "" || len(b.Entries) != 2 {
		t.Errorf("%+v", b)
	}
}

// send signs and broadcasts a transaction of one coin.
func send(t testing.TB, c *wallettest.Chain, w *wallet.Wallet, tx *wire.MsgTx, coin coins.Coin) {
	t.Helper()
	if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
		t.Fatal(err)
	}
	if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
}

// TestAccountsAddUp: over random pasts, the list has every coin once, adds up
// to the balances, and names no address that was not handed out.
func TestAccountsAddUp(t *testing.T) {
	for range 15 {
		c := wallettest.NewChain(regtest)
		cfg := c.Config()
		cfg.Mixdepths = 3
		w := wallettest.NewWith(t, c, cfg)
		handed := make(map[string]bool)
		var out []wallet.Address
		for range 40 {
			switch rand.IntN(6) {
			case 0, 1:
				a := next(t, w, rand.IntN(3), uint32(rand.IntN(2)))
				handed[a.Text] = true
				out = append(out, a)
			case 2, 3:
				if len(out) > 0 {
					c.Pay(out[rand.IntN(len(out))].Script, 1000+rand.N[sats.Amount](100_000))
				}
			case 4:
				var script []byte
				if len(out) > 0 && rand.IntN(3) == 0 {
					script = out[rand.IntN(len(out))].Script
				}
				c.MineTo(script, 1)
				sync(t, w)
			case 5:
				sync(t, w)
				all := list(t, w)
				if len(all) == 0 {
					continue
				}
				coin := all[rand.IntN(len(all))]
				if coin.Frozen {
					if err := w.Thaw(coin.OutPoint); err != nil {
						t.Fatal(err)
					}
				} else if rand.IntN(2) == 0 && coin.Value > 1000 {
					spend(t, c, w, coin, 500)
				}
			}
		}
		sync(t, w)
		w.Reserve(wallet.Reservation{Target: 1, TTL: time.Minute}) // may find none
		paths := make(map[keys.Path]int)
		for _, coin := range list(t, w) {
			paths[keys.Path{Mixdepth: coin.Mixdepth, Branch: coin.Branch, Index: coin.Index}]++
		}
		want := balances(t, w)
		for i, a := range accounts(t, w) {
			var sum sats.Amount
			for _, b := range a.Branches {
				for _, e := range b.Entries {
					sum += e.Balance.Total()
					if !handed[e.Address] {
						t.Errorf("W: %s is listed and was not handed out", e.Address)
					}
					delete(handed, e.Address)
					if e.Balance.Immature == 0 && e.Coins != paths[e.Path] {
						t.Errorf("%s has %d coins, want %d", e.PathText, e.Coins, paths[e.Path])
					}
				}
			}
			if a.Balance != want[i] || sum != want[i].Total() {
				t.Errorf("mixdepth %d adds up to %+v, want %+v", i, a.Balance, want[i])
			}
		}
		if len(handed) > 0 {
			t.Errorf("%d addresses are not listed", len(handed))
		}
		l, err := w.History()
		if err != nil {
			t.Fatal(err)
		}
		var all sats.Amount
		for _, b := range want {
			all += b.Total()
		}
		if l.Balance+l.PendingChange != all {
			t.Errorf("the history ends with %v and %v pending, want %v", l.Balance, l.PendingChange, all)
		}
	}
}

// An address that was handed out a moment ago is listed before the node was
// asked again.
func TestAccountsHaveTheNewest(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	var last wallet.Address
	for range 200 {
		last = next(t, w, 0, keys.External)
	}
	if err := w.SetLabel(labels.Ref{Type: labels.Address, Text: last.Text}, "x"); err != nil {
		t.Errorf("its label: %v", err)
	}
	if e := entry(t, w, last.Text); e.Status != status.New || e.Path != last.Path || e.Label != "x" {
		t.Errorf("%+v", e)
	}
}
