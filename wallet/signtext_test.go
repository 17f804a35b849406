package wallet_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestD1SignedAddressesAreHandedOut: an address that a signature names goes to
// nobody else, whatever crashes.
func TestD1SignedAddressesAreHandedOut(t *testing.T) {
	cfg := wallet.Config{Params: &chaincfg.MainNetParams, KDF: wallettest.LightKDF}
	w, path := create(t, newSeed(t), cfg)
	signed := make(map[string]bool)
	for _, p := range []keys.Path{{}, {Index: 3}, {Index: 1}, {Mixdepth: 1, Branch: keys.Internal, Index: 99}} {
		a, signature, err := w.SignText(p, "text")
		if err != nil {
			t.Fatal(err)
		}
		signed[a.Text] = true
		if err := message.VerifyText(a.Text, "text", signature, cfg.Params); err != nil || a.Path != p {
			t.Errorf("%+v: %v", a.Path, err)
		}
	}
	for p, want := range map[keys.Path]error{
		{Index: 4 + wallet.DefaultRecoveryGap/2}:                                   wallet.ErrFar,
		{Mixdepth: 2, Branch: keys.Internal, Index: wallet.DefaultRecoveryGap / 2}: wallet.ErrFar,
		{Mixdepth: 5}:           wallet.ErrMixdepth,
		{Branch: keys.Imported}: keys.ErrPath,
		{Branch: 3}:             keys.ErrPath,
		{Branch: keys.Timelocked, Locktime: 1577836800}: wallet.ErrBond,
	} {
		if a, signature, err := w.SignText(p, "text"); !errors.Is(err, want) || signature != "" {
			t.Errorf("%+v: %v, %v, want %v", p, a, err, want)
		}
	}
	if _, _, err := w.SignText(keys.Path{Mixdepth: 3}, ""); !errors.Is(err, message.ErrText) {
		t.Errorf("no text: %v", err)
	}
	w.Close() // nothing is written by that
	w = reopen(t, path, cfg)
	for m, first := range []uint32{4, 0, 0, 0} {
		if a := next(t, w, m, keys.External); a.Path.Index != first || signed[a.Text] {
			t.Errorf("mixdepth %d goes on at %d", m, a.Path.Index)
		}
	}
	if a := next(t, w, 1, keys.Internal); a.Path.Index != 100 || signed[a.Text] {
		t.Errorf("the internal branch goes on at %d", a.Path.Index)
	}
}

// TestSignTextUncompressed: no signature is given that proves nothing.
func TestSignTextUncompressed(t *testing.T) {
	params := &chaincfg.MainNetParams
	w, _ := create(t, legacySeed(t), wallet.Config{Params: params, KDF: wallettest.LightKDF, Type: txbuild.P2PKH})
	defer w.Close()
	const wif = "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss" // the number that all know
	done, err := w.ImportKeys(0, secret.NewText(wif))
	if err != nil || done[0].Err != nil {
		t.Fatal(err, done)
	}
	if _, signature, err := w.SignText(done[0].Address.Path, "text"); !errors.Is(err, message.ErrSignature) {
		t.Errorf("%s, %v", signature, err)
	}
}

func legacySeed(t *testing.T) keys.Seed {
	t.Helper()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func TestFind(t *testing.T) {
	w, _ := create(t, newSeed(t), offline())
	defer w.Close()
	used := next(t, w, 4, keys.Internal)
	key := importKey(t, w, wifOf(t, 9, true), 3)
	bond, err := w.BondAddress(7)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []wallet.Address{used, key, bond} {
		if p, err := w.Find(a.Text); err != nil || p != a.Path {
			t.Errorf("%+v, %v; want %+v", p, err, a.Path)
		}
	}
	other, _ := create(t, newSeed(t), offline())
	defer other.Close()
	if p, err := w.Find(next(t, other, 0, keys.External).Text); !errors.Is(err, wallet.ErrNoSuch) {
		t.Errorf("that of another wallet: %+v, %v", p, err)
	}
	if _, err := w.Find("bc1nothing"); !errors.Is(err, txbuild.ErrAddress) {
		t.Errorf("no address: %v", err)
	}
}

// TestW7Identity: what is shown before a wallet is made is what it is then, and
// the address that was shown is not handed out.
func TestW7Identity(t *testing.T) {
	seed := newSeed(t)
	i, err := wallet.Identify(seed, txbuild.P2WPKH, regtest)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.jmw")
	origin := wallet.Origin{Seed: seed, Type: txbuild.P2WPKH, Next: [][2]uint32{{1, 0}}}
	if err := wallet.Restore(path, wallettest.Password, origin, offline()); err != nil {
		t.Fatal(err)
	}
	w := reopen(t, path, offline())
	if id, err := w.ID(); err != nil || id != i.ID || w.Fingerprint() != i.Fingerprint || len(i.Fingerprint) != 8 {
		t.Errorf("%s %s, %v; want %+v", id, w.Fingerprint(), err, i)
	}
	if a := next(t, w, 0, keys.External); a.Text == i.First || a.Path.Index != 1 {
		t.Errorf("%+v goes out, after %s was shown", a, i.First)
	}
	if p, err := w.Find(i.First); err != nil || p != (keys.Path{}) {
		t.Errorf("the first address is at %+v, %v", p, err)
	}
}

// TestImportKeysTogether: one bad key does not keep the others out, and a list of
// keys costs one backup, so that it does not drive out the older ones.
func TestImportKeysTogether(t *testing.T) {
	w, path := create(t, newSeed(t), offline())
	var own secret.Text
	err := w.WithKeys(func(tree *keys.Tree) (err error) { own, err = tree.WIF(keys.Path{Mixdepth: 1}); return err })
	if err != nil {
		t.Fatal(err)
	}
	done, err := w.ImportKeys(1, wifOf(t, 1, true), secret.NewText("no key"), wifOf(t, 1, true), own, wifOf(t, 2, true))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, keys.ErrWIF, wallet.ErrKnownKey, wallet.ErrKnownKey, nil} {
		if !errors.Is(done[i].Err, want) || (want == nil) != (done[i].Address.Text != "") {
			t.Errorf("key %d: %+v, want %v", i, done[i], want)
		}
	}
	copies, err := filepath.Glob(filepath.Join(filepath.Dir(path), "backups", "*"))
	if err != nil || len(copies) != 1 {
		t.Errorf("%d backups, %v", len(copies), err)
	}
	w.Close()
	w = reopen(t, path, offline())
	for i, want := range map[int]string{0: "imported/1/0", 4: "imported/1/1"} {
		if p, err := w.Find(done[i].Address.Text); err != nil || w.PathText(p) != want {
			t.Errorf("key %d: %s, %v", i, w.PathText(p), err)
		}
	}
}
