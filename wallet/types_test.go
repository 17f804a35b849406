package wallet_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

var allTypes = []txbuild.ScriptType{txbuild.P2PKH, txbuild.P2SH, txbuild.P2WPKH}

// bareSeed has no extension, which legacy wallets do not know.
func bareSeed(t testing.TB) keys.Seed {
	t.Helper()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// TestTypes receives and spends with wallets of every type, over a restart.
func TestTypes(t *testing.T) {
	for _, kind := range append([]txbuild.ScriptType{""}, allTypes...) {
		t.Run(cmp.Or(string(kind), "default"), func(t *testing.T) {
			c := wallettest.NewChain(regtest)
			cfg := c.Config()
			cfg.Type = kind
			w, path := create(t, bareSeed(t), cfg)
			want := cmp.Or(kind, txbuild.P2WPKH)
			for _, branch := range []uint32{keys.External, keys.Internal} {
				a := next(t, w, 3, branch)
				if got, err := txbuild.TypeOf(a.Script); got != want || w.Type() != want || err != nil {
					t.Fatalf("a %s address in a wallet of type %s, %v", got, w.Type(), err)
				}
				c.Pay(a.Script, 50_000)
			}
			id, err := w.ID()
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			w = reopen(t, path, c.Config())
			if again, err := w.ID(); again != id || err != nil || w.Type() != want {
				t.Errorf("reopened as %s of type %s, %v", again, w.Type(), err)
			}
			sync(t, w)
			all := list(t, w)
			if len(all) != 2 {
				t.Fatalf("coins %+v", all)
			}
			tx := payment(2000, all...)
			if err := w.SignTx(tx, all); err != nil {
				t.Fatal(err)
			}
			if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
				t.Error(err)
			}
		})
	}
	cfg := offline()
	for _, kind := range []txbuild.ScriptType{txbuild.P2WSH, txbuild.P2TR, "P2WPKH"} {
		cfg.Type = kind
		if _, err := wallet.Create(t.TempDir()+"/w", wallettest.Password, bareSeed(t), cfg); !errors.Is(err, keys.ErrType) {
			t.Errorf("type %q: %v", kind, err)
		}
	}
}

func wifOf(t testing.TB, number byte, compressed bool) secret.Text {
	t.Helper()
	key, _ := btcec.PrivKeyFromBytes([]byte{number})
	w, err := btcutil.NewWIF(key, regtest, compressed)
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewText(w.String())
}

func importKey(t testing.TB, w *wallet.Wallet, wif secret.Text, mixdepth int) wallet.Address {
	t.Helper()
	a, err := importOne(w, wif, mixdepth)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func importOne(w *wallet.Wallet, wif secret.Text, mixdepth int) (wallet.Address, error) {
	done, err := w.ImportKeys(mixdepth, wif)
	if err != nil {
		return wallet.Address{}, err
	}
	return done[0].Address, done[0].Err
}

// TestW9ImportedKeys: coins from before and after the import are found, spent,
// and found again after a restart.
func TestW9ImportedKeys(t *testing.T) {
	for _, kind := range allTypes {
		t.Run(string(kind), func(t *testing.T) {
			c := wallettest.NewChain(regtest)
			cfg := c.Config()
			cfg.Type = kind
			w, path := create(t, bareSeed(t), cfg)
			sync(t, w)
			key, _ := btcec.PrivKeyFromBytes([]byte{1})
			script, err := kind.Script(key.PubKey().SerializeCompressed())
			if err != nil {
				t.Fatal(err)
			}
			c.Pay(script, 10_000)
			c.Mine(3)
			sync(t, w)

			a := importKey(t, w, wifOf(t, 1, true), 2)
			if !bytes.Equal(a.Script, script) || w.PathText(a.Path) != "imported/2/0" {
				t.Errorf("imported as %s: %x", w.PathText(a.Path), a.Script)
			}
			b := importKey(t, w, wifOf(t, 2, true), 0)
			second := importKey(t, w, wifOf(t, 3, kind != txbuild.P2PKH), 2)
			if w.PathText(b.Path) != "imported/0/0" || w.PathText(second.Path) != "imported/2/1" {
				t.Errorf("imported as %s and %s", w.PathText(b.Path), w.PathText(second.Path))
			}
			c.Pay(b.Script, 20_000)
			c.Pay(second.Script, 30_000)
			c.Mine(1)
			for round := range 2 {
				sync(t, w)
				if got := balances(t, w); got[2].Available != 40_000 || got[0].Available != 20_000 {
					t.Fatalf("round %d: balances %+v", round, got)
				}
				w.Close()
				w = reopen(t, path, c.Config())
			}
			sync(t, w)
			all := list(t, w)
			tx := payment(3000, all...)
			if err := w.SignTx(tx, all); err != nil {
				t.Fatal(err)
			}
			if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestImportKeyRefuses(t *testing.T) {
	c := wallettest.NewChain(regtest)
	disk := &flakyDisk{System: durable.OS}
	cfg := c.Config()
	cfg.Files = disk
	w, path := create(t, newSeed(t), cfg)
	sync(t, w)
	var own secret.Text
	err := w.WithKeys(func(tree *keys.Tree) (err error) { own, err = tree.WIF(keys.Path{Mixdepth: 1}); return err })
	if err != nil {
		t.Fatal(err)
	}
	importKey(t, w, wifOf(t, 1, true), 0)
	for name, test := range map[string]struct {
		wif      secret.Text
		mixdepth int
		want     error
	}{
		"twice":                   {wifOf(t, 1, true), 0, wallet.ErrKnownKey},
		"twice, another mixdepth": {wifOf(t, 1, true), 1, wallet.ErrKnownKey},
		"of the seed":             {own, 0, wallet.ErrKnownKey},
		"uncompressed":            {wifOf(t, 2, false), 0, keys.ErrWIF},
		"no key":                  {secret.NewText("no key"), 0, keys.ErrWIF},
		"mixdepth 5":              {wifOf(t, 2, true), 5, wallet.ErrMixdepth},
		"mixdepth -1":             {wifOf(t, 2, true), -1, wallet.ErrMixdepth},
	} {
		if a, err := importOne(w, test.wif, test.mixdepth); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	disk.failAt = disk.count + 1
	if _, err := importOne(w, wifOf(t, 2, true), 0); !errors.Is(err, errDisk) {
		t.Errorf("D7: full disk: %v", err)
	}
	a := importKey(t, w, wifOf(t, 2, true), 0)
	if w.PathText(a.Path) != "imported/0/1" {
		t.Errorf("imported as %s", w.PathText(a.Path))
	}
	w.Close()
	w = reopen(t, path, c.Config())
	err = w.WithKeys(func(tree *keys.Tree) error {
		wif, err := tree.WIF(a.Path)
		if err == nil && wif.Reveal() != wifOf(t, 2, true).Reveal() {
			return fmt.Errorf("another key at %+v", a.Path)
		}
		return err
	})
	if err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if _, err := importOne(w, wifOf(t, 1, true), 0); !errors.Is(err, wallet.ErrKnownKey) {
		t.Errorf("D7: imported again after a restart: %v", err)
	}
}

// TestW8RandomWallets: what is recovered from the words, and from what a user
// copied of the rest, is the original: same coins, same states, none twice, and
// the next addresses are unused in both.
func TestW8RandomWallets(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomWallet(t, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func randomWallet(t *testing.T, r *rand.Rand) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Type = allTypes[r.IntN(len(allTypes))]
	cfg.Mixdepths = 1 + r.IntN(5)
	origin := bareSeed(t)
	original, _ := create(t, origin, cfg)
	defer original.Close()
	var paid sats.Amount
	pay := func(script []byte) {
		value := sats.Amount(1000 + r.Int64N(1e8))
		paid += value
		c.Pay(script, value)
	}
	imported := make(map[byte]int)
	for range 5 + r.IntN(30) {
		m := r.IntN(cfg.Mixdepths)
		switch r.IntN(10) {
		case 0:
			number := byte(1 + r.IntN(200))
			if _, twice := imported[number]; !twice {
				imported[number] = m
				pay(importKey(t, original, wifOf(t, number, true), m).Script)
			}
		case 1, 2:
			if original.Type() == txbuild.P2WPKH {
				pay(bondAddress(t, original, r.IntN(bond.Locktimes)).Script)
			}
		case 3:
			c.Mine(1 + r.IntN(5))
		case 4:
			next(t, original, m, keys.Internal) // promised to somebody, never paid
		default:
			pay(next(t, original, m, r.Uint32N(2)).Script)
		}
	}
	sync(t, original)

	phrase, err := origin.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.ParsePhrase(phrase, secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	recovered, _ := create(t, again, cfg)
	defer recovered.Close()
	for number, m := range imported {
		importKey(t, recovered, wifOf(t, number, true), m)
	}
	sync(t, recovered)

	got, want := sorted(list(t, recovered)), sorted(list(t, original))
	if len(got) != len(want) || coins.Sum(got) != paid {
		t.Fatalf("%d coins of %v recovered, want %d of %v", len(got), coins.Sum(got), len(want), paid)
	}
	for i, c := range got {
		w := want[i]
		if c.Branch == keys.Imported { // their order is the user's
			c.Index = w.Index
		}
		if c.OutPoint != w.OutPoint || c.Value != w.Value || c.Path() != w.Path() || c.Height != w.Height || c.Frozen != w.Frozen {
			t.Errorf("recovered %+v, want %+v", c, w)
		}
		if i > 0 && got[i-1].OutPoint == c.OutPoint {
			t.Errorf("a coin twice: %+v", c)
		}
	}
	if got, want := balances(t, recovered), balances(t, original); !slices.Equal(got, want) {
		t.Errorf("balances %+v, want %+v", got, want)
	}
	for _, w := range []*wallet.Wallet{original, recovered} {
		for m := range w.Mixdepths() {
			for _, branch := range []uint32{keys.External, keys.Internal} {
				a := next(t, w, m, branch)
				if slices.ContainsFunc(want, func(c coins.Coin) bool { return bytes.Equal(c.Script, a.Script) }) {
					t.Errorf("a used address is handed out: %s", w.PathText(a.Path))
				}
			}
		}
	}
}

func sorted(all []coins.Coin) []coins.Coin {
	slices.SortFunc(all, func(a, b coins.Coin) int { return cmp.Compare(a.OutPoint.String(), b.OutPoint.String()) })
	return all
}
