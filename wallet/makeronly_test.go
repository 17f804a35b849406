package wallet_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// makerOnly is a wallet that is open for a maker only.
func makerOnly(t *testing.T, c *wallettest.Chain, amounts ...sats.Amount) *wallet.Wallet {
	cfg := c.Config()
	cfg.MakerOnly = true
	return wallettest.NewWith(t, c, cfg, amounts)
}

// TestMakerOnlyRefuses: whatever shows or uses a key for something else than a
// maker's work is refused. Each method of a wallet is either one of these, or
// named as one that makers may call.
func TestMakerOnlyRefuses(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := makerOnly(t, c, 100_000)
	coin := list(t, w)[0]
	spend := wire.NewMsgTx(2)
	spend.AddTxIn(wire.NewTxIn(&coin.OutPoint, nil, nil))
	spend.AddTxOut(wire.NewTxOut(90_000, coin.Script))
	refused := map[string]func() error{
		"Seed":            func() error { _, err := w.Seed(); return err },
		"WithKeys":        func() error { return w.WithKeys(func(*keys.Tree) error { t.Error("keys are shown"); return nil }) },
		"SignText":        func() error { _, _, err := w.SignText(coin.Path(), "I own it"); return err },
		"Commit":          func() error { _, err := w.Commit(coin, 0); return err },
		"PSBTSigner":      func() error { _, err := w.PSBTSigner(); return err },
		"SignTx":          func() error { return w.SignTx(spend, []coins.Coin{coin}) },
		"SignReplacement": func() error { return w.SignReplacement(spend, []coins.Coin{coin}, coin.OutPoint.Hash) },
		"SignMessage":     func() error { _, _, err := w.SignMessage(coin, "I own it"); return err },
		"Publish":         func() error { return w.Publish(t.Context(), spend) },
		"Keep":            func() error { return w.Keep(spend) },
		"ImportKeys":      func() error { _, err := w.ImportKeys(0, secret.NewText("")); return err },
		"ChangePassword":  func() error { return w.ChangePassword(secret.NewText("another")) },
		"CertifyBond": func() error {
			path, err := keys.BondPath(nextMonth(t))
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.CertifyBond(path, [33]byte{2}, bond.Expiry(c.Height())+2)
			return err
		},
	}
	for name, try := range refused {
		if err := try(); !errors.Is(err, wallet.ErrMakerOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if spend.TxIn[0].Witness != nil {
		t.Error("a payment is signed")
	}
	allowed := strings.Fields(`Accounts Backup Balances BondAddress BondSources Bonds Chain Close Coins Descriptors
		ExportLabels Find Fingerprint Forget Freeze History Hold ID ImportLabels InUse Label Lease MakerOnly Mixdepths
		NextAddress Params PathText Pending Record Recovery Resend Reserve Run SetLabel Settled Show Shown Signed
		Subscribe Sync Synced Thaw Tx Type WatchOnly`)
	methods := reflect.TypeFor[*wallet.Wallet]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if (refused[name] != nil) == slices.Contains(allowed, name) {
			t.Errorf("it is to be decided whether makers may call %s", name)
		}
	}
}

// TestMakerOnlySigns: makers can do their work, and nothing that costs the wallet
// anything, even if they agreed to it.
func TestMakerOnlySigns(t *testing.T) {
	const amount, value = 50_000, 100_000
	for name, c := range map[string]struct {
		change func(w *wallet.Wallet, d *wallet.Deal, cj, change *wire.TxOut)
		hold   bool
		want   error
	}{
		"a CoinJoin":           {nil, true, nil},
		"not agreed on":        {nil, false, wallet.ErrMakerOnly},
		"a satoshi too little": {func(_ *wallet.Wallet, _ *wallet.Deal, _, change *wire.TxOut) { change.Value-- }, true, wallet.ErrMakerOnly},
		"a negative earning":   {func(_ *wallet.Wallet, d *wallet.Deal, _, change *wire.TxOut) { d.Earning = -500; change.Value -= 500 }, true, wallet.ErrMakerOnly},
		"no equal output":      {func(_ *wallet.Wallet, d *wallet.Deal, _, _ *wire.TxOut) { d.Tx.TxOut[0].Value++ }, true, wallet.ErrMakerOnly},
		"to an address for deposits": {func(w *wallet.Wallet, _ *wallet.Deal, cj, _ *wire.TxOut) {
			cj.PkScript = next(t, w, 1, keys.External).Script
		}, true, wallet.ErrMakerOnly},
		"nobody else": {func(_ *wallet.Wallet, d *wallet.Deal, _, _ *wire.TxOut) { d.Tx.TxIn = d.Tx.TxIn[1:] }, true, wallet.ErrMakerOnly},
	} {
		t.Run(name, func(t *testing.T) {
			chain := wallettest.NewChain(regtest)
			w := makerOnly(t, chain, value)
			lease := reserve(t, w, wallet.Reservation{Target: value, TTL: time.Hour})
			own, err := w.Show(nil, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			d := dealOf(lease)
			d.Amount, d.Earning = amount, 300
			cj, change := wire.NewTxOut(amount, own[0].Script), wire.NewTxOut(value-amount+300, own[1].Script)
			d.Tx.TxOut = []*wire.TxOut{wire.NewTxOut(amount, []byte{0x51}), cj, change}
			if c.change != nil {
				c.change(w, &d, cj, change)
			}
			if c.hold {
				if err := w.Hold(lease, time.Minute, d); err != nil {
					t.Fatal(err)
				}
			}
			tx := d.Tx.Copy()
			err = w.SignTx(tx, lease.Coins)
			if !errors.Is(err, c.want) || err == nil && tx.TxIn[1].Witness == nil {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	chain := wallettest.NewChain(regtest)
	w := makerOnly(t, chain, value)
	if _, der, err := w.SignMessage(list(t, w)[0], strings.Repeat("0f", 32)); err != nil || der == nil {
		t.Errorf("the key of a session: %v", err)
	}
	chain.Pay(bondAddress(t, w, nextMonth(t)).Script, value)
	chain.Mine(1)
	sync(t, w)
	locked := bonds(t, w)[0]
	if _, err := w.CertifyBond(locked.Path(), [33]byte{2}, bond.Expiry(chain.Height())); err != nil {
		t.Errorf("the certificate of a bond: %v", err)
	}
	if !w.MakerOnly() {
		t.Error("it does not say so")
	}
}

// A bond whose time has come is not spent by a maker either, deal or not.
func TestMakerOnlyKeepsBonds(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := makerOnly(t, c, 100_000)
	past, err := bond.ParseMonth("2020-03")
	if err != nil {
		t.Fatal(err)
	}
	c.Pay(bondAddress(t, w, past).Script, 100_000)
	c.Mine(1)
	sync(t, w)
	b := bonds(t, w)[0]
	if err := w.Thaw(b.OutPoint); err != nil {
		t.Fatal(err)
	}
	lease, err := w.Lease("bond", time.Hour, func(wallet.Choice) ([]coins.Coin, error) { return []coins.Coin{b.Coin}, nil })
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.Show(nil, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := dealOf(lease)
	d.Amount = 50_000
	d.Tx.TxOut = []*wire.TxOut{wire.NewTxOut(50_000, []byte{0x51}), wire.NewTxOut(50_000, own[0].Script), wire.NewTxOut(60_000, own[1].Script)}
	if err := w.Hold(lease, time.Minute, d); err != nil {
		t.Fatal(err)
	}
	if err := w.SignTx(d.Tx.Copy(), lease.Coins); !errors.Is(err, wallet.ErrMakerOnly) {
		t.Error(err)
	}
}
