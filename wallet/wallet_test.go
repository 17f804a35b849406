package wallet_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

var regtest = &chaincfg.RegressionNetParams

func newSeed(t testing.TB) keys.Seed {
	t.Helper()
	seed, err := keys.NewSeed(secret.NewText("an extension"))
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// create makes a wallet in a new folder; the caller closes it.
func create(t testing.TB, seed keys.Seed, cfg wallet.Config) (*wallet.Wallet, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.jmw")
	w, err := wallet.Create(path, wallettest.Password, seed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

func reopen(t testing.TB, path string, cfg wallet.Config) *wallet.Wallet {
	t.Helper()
	w, err := wallet.Open(path, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func offline() wallet.Config {
	return wallet.Config{Params: regtest, KDF: wallettest.LightKDF}
}

func sync(t testing.TB, w *wallet.Wallet) {
	t.Helper()
	if err := w.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func next(t testing.TB, w *wallet.Wallet, mixdepth int, branch uint32) wallet.Address {
	t.Helper()
	a, err := w.NextAddress(mixdepth, branch)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func list(t testing.TB, w *wallet.Wallet) []coins.Coin {
	t.Helper()
	all, err := w.Coins()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// total is the value of all coins.
func total(t testing.TB, w *wallet.Wallet) sats.Amount {
	t.Helper()
	return coins.Sum(list(t, w))
}

func TestCreateAndOpen(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	phrase, err := wallettest.Seed(t, w).Phrase()
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.ID()
	if err != nil {
		t.Fatal(err)
	}
	birth := wallettest.Seed(t, w).Birth()
	var last [5]wallet.Address
	for m := range last {
		for range m + 1 {
			last[m] = next(t, w, m, keys.Internal)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	w = reopen(t, path, offline())
	if again, err := wallettest.Seed(t, w).Phrase(); err != nil || again.Reveal() != phrase.Reveal() || wallettest.Seed(t, w).Extension().Reveal() != "an extension" {
		t.Errorf("another seed: %v", err)
	}
	if again, err := w.ID(); err != nil || again != id {
		t.Errorf("id %s, %v; want %s", again, err, id)
	}
	if !wallettest.Seed(t, w).Birth().Equal(birth.Truncate(1e9)) {
		t.Errorf("birth %v, want %v", wallettest.Seed(t, w).Birth(), birth)
	}
	if w.Mixdepths() != 5 || w.Params() != regtest || w.Chain() != nil {
		t.Errorf("%d mixdepths on %s", w.Mixdepths(), w.Params().Name)
	}
	for m := range last {
		if a := next(t, w, m, keys.Internal); a.Path.Index != last[m].Path.Index+1 {
			t.Errorf("mixdepth %d goes on with index %d after %d", m, a.Path.Index, last[m].Path.Index)
		}
		if a := next(t, w, m, keys.External); a.Path.Index != 0 {
			t.Errorf("mixdepth %d starts at the external index %d", m, a.Path.Index)
		}
	}
}

func TestAddressesAreTheSeeds(t *testing.T) {
	seed, err := keys.ParsePhrase(secret.NewText("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"),
		secret.Text{}, newSeed(t).Birth())
	if err != nil {
		t.Fatal(err)
	}
	cfg := offline()
	cfg.Params = &chaincfg.MainNetParams
	w, _ := create(t, seed, cfg)
	defer w.Close()
	if a := next(t, w, 0, keys.External); a.Text != "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu" {
		t.Errorf("first address %s", a.Text)
	}
}

func TestOpenRefuses(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	if _, err := wallet.Open(path, wallettest.Password, offline()); !errors.Is(err, store.ErrLocked) {
		t.Errorf("while open: %v", err)
	}
	w.Close()
	if _, err := wallet.Open(path, secret.NewText("wrong"), offline()); !errors.Is(err, store.ErrPassword) {
		t.Errorf("wrong password: %v", err)
	}
	cfg := offline()
	cfg.Params = &chaincfg.MainNetParams
	if _, err := wallet.Open(path, wallettest.Password, cfg); !errors.Is(err, wallet.ErrNetwork) {
		t.Errorf("wrong network: %v", err)
	}
	for _, spoil := range []func(*wallet.Config){
		func(c *wallet.Config) { c.Params = nil },
		func(c *wallet.Config) { c.GapLimit = -1 },
		func(c *wallet.Config) { c.InternalGapLimit = 1e9 },
		func(c *wallet.Config) { c.Selection = "best" },
	} {
		cfg := offline()
		spoil(&cfg)
		if _, err := wallet.Open(path, wallettest.Password, cfg); err == nil {
			t.Errorf("opened with %+v", cfg)
		}
	}
	// None of the refusals keeps the lock.
	reopen(t, path, offline())

	for _, n := range []int{-1, wallet.MaxMixdepths + 1} {
		cfg := offline()
		cfg.Mixdepths = n
		if _, err := wallet.Create(filepath.Join(t.TempDir(), "w"), wallettest.Password, newSeed(t), cfg); err == nil {
			t.Errorf("created with %d mixdepths", n)
		}
	}
}

func TestOffline(t *testing.T) {
	w, _ := create(t, newSeed(t), offline())
	defer w.Close()
	if err := w.Sync(t.Context()); !errors.Is(err, wallet.ErrOffline) {
		t.Errorf("Sync: %v", err)
	}
	if err := w.Run(t.Context()); !errors.Is(err, wallet.ErrOffline) {
		t.Errorf("Run: %v", err)
	}
	if _, err := w.Coins(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("D5: Coins before the first answer of a node: %v", err)
	}
	if _, err := w.Balances(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("D5: Balances before the first answer of a node: %v", err)
	}
	if tip, ok := w.Synced(); ok || tip.Height != 0 {
		t.Errorf("synchronised to %v", tip)
	}
	for _, c := range []struct {
		mixdepth int
		branch   uint32
	}{{-1, 0}, {5, 0}, {0, 2}} {
		if _, err := w.NextAddress(c.mixdepth, c.branch); !errors.Is(err, wallet.ErrMixdepth) {
			t.Errorf("NextAddress(%d, %d): %v", c.mixdepth, c.branch, err)
		}
	}
}

func TestClosed(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{50_000})
	coin := list(t, w)[0]
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !wallettest.Seed(t, w).Entropy().Empty() {
		t.Error("the seed is still in memory")
	}
	if _, err := w.NextAddress(0, keys.External); !errors.Is(err, store.ErrClosed) {
		t.Errorf("NextAddress: %v", err)
	}
	if _, _, err := w.SignMessage(coin, "text"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("SignMessage: %v", err)
	}
	if err := w.Freeze(coins.ByUser, coin.OutPoint); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Freeze: %v", err)
	}
	if err := w.Close(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
}
