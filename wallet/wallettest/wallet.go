package wallettest

import (
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// Password opens the wallets of this package.
var Password = secret.NewText("wallettest")

// LightKDF makes opening a wallet quick, for tests only.
var LightKDF = store.KDF{Memory: 8, Passes: 1, Lanes: 1}

// Confirmations is the age of the coins that New makes.
const Confirmations = 6

// Config is for wallets on the chain: it has a Backend of its own, LightKDF and
// small gaps, so that tests are quick.
func (c *Chain) Config() wallet.Config {
	return wallet.Config{
		Params:           c.params,
		Chain:            c.Backend(),
		GapLimit:         6,
		InternalGapLimit: 10,
		KDF:              LightKDF,
	}
}

// New returns a synchronised wallet with a new seed that has, in mixdepth i,
// one coin of each of the amounts[i], Confirmations deep. It is closed when the
// test ends; to have it follow the chain, start its Run or call its Sync.
func New(t testing.TB, c *Chain, amounts ...[]sats.Amount) *wallet.Wallet {
	t.Helper()
	return NewWith(t, c, c.Config(), amounts...)
}

// NewWith is New with a changed Config.
func NewWith(t testing.TB, c *Chain, cfg wallet.Config, amounts ...[]sats.Amount) *wallet.Wallet {
	t.Helper()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Create(filepath.Join(t.TempDir(), "test.jmw"), Password, seed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	for mixdepth, values := range amounts {
		for _, value := range values {
			a, err := w.NextAddress(mixdepth, keys.External)
			if err != nil {
				t.Fatal(err)
			}
			c.Pay(a.Script, value)
		}
	}
	if len(amounts) > 0 {
		c.Mine(Confirmations)
	}
	if err := w.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// Seed is that of a wallet that is open for its owner.
func Seed(t testing.TB, w *wallet.Wallet) keys.Seed {
	t.Helper()
	seed, err := w.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}
