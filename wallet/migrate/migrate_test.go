package migrate_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/migrate"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// answers are the known answers of the reference for its files.
const answers = "../jmdat/testdata"

type vector struct {
	File, Network string
	Password      *string
	SHA256        string
	Valid         bool
	Should        string
	TypeID        *int   `json:"type_id"`
	WalletID      string `json:"wallet_id"`
	Imported      []struct {
		Removed      bool
		Mixdepth     int
		WIF, Address string
	} `json:"imported_keys"`
	Coins []struct {
		Path, Address string
	}
	Meta []struct {
		TxID     string
		Index    uint32
		Disabled bool
	}
	Labels map[string]string
	Next   []struct {
		Mixdepth int
		Branch   uint32
		Index    uint32
		Address  string
	} `json:"next_addresses"`
}

func (v vector) password() secret.Text {
	if v.Password == nil {
		return secret.Text{}
	}
	return secret.NewText(*v.Password)
}

var networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams, "regtest": &chaincfg.RegressionNetParams, "signet": &chaincfg.SigNetParams,
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(answers, "jmdat.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 82 {
		t.Fatalf("%d cases, want 82", len(file.Cases))
	}
	return file.Cases
}

// plan opens a file of the answers and plans its migration; it checks that the
// file stays as it was.
func plan(t *testing.T, v vector) (*migrate.Plan, error) {
	t.Helper()
	path := filepath.Join(answers, v.File)
	old, err := jmdat.OpenFile(path, v.password())
	if err != nil {
		return nil, err
	}
	p, err := migrate.New(old, networks[v.Network], time.Time{})
	data, readErr := os.ReadFile(path)
	if sum := sha256.Sum256(data); readErr != nil || hex.EncodeToString(sum[:]) != v.SHA256 {
		t.Errorf("%s was changed (%v)", v.File, readErr)
	}
	return p, err
}

// TestAnswers: every file that the reference opens gives a plan with the
// addresses, keys, frozen coins and labels that the reference knows. Of the
// others only the one of another network comes as far as this package: package
// jmdat refuses the rest, and its tests show that.
func TestAnswers(t *testing.T) {
	valid := 0
	for _, v := range vectors(t) {
		name := filepath.Base(v.File)
		if !v.Valid && name != "wrong-network.jmdat" {
			continue
		}
		valid++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := plan(t, v)
			switch {
			case !v.Valid && !errors.Is(err, migrate.ErrNetwork):
				t.Fatalf("%v, want ErrNetwork", err)
			case !v.Valid:
			case v.Should == "either" && (errors.Is(err, jmdat.ErrDamaged) || errors.Is(err, migrate.ErrOtherSeed)):
			case err != nil:
				t.Fatal(err)
			case v.TypeID != nil: // else its content has no known answer
				compare(t, v, p)
				restore(t, v, p)
			}
		})
	}
	if valid != 31 {
		t.Errorf("%d files, want 31", valid)
	}
}

func compare(t *testing.T, v vector, p *migrate.Plan) {
	params := networks[v.Network]
	if v.WalletID != "" && p.ID != v.WalletID {
		t.Errorf("id %s, want %s", p.ID, v.WalletID)
	}
	tree, err := keys.NewTree(p.Seed, p.Type, params)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range p.Imported {
		if err := tree.Import(k.Path.Mixdepth, k.Path.Index, k.Key); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range v.Next {
		if got := p.Next[want.Mixdepth][want.Branch]; got != want.Index {
			t.Errorf("next of %d/%d is %d, want %d", want.Mixdepth, want.Branch, got, want.Index)
		}
		got, err := tree.Address(keys.Path{Mixdepth: want.Mixdepth, Branch: want.Branch, Index: want.Index})
		if err != nil || got != want.Address {
			t.Errorf("%d/%d/%d is %s (%v), want %s", want.Mixdepth, want.Branch, want.Index, got, err, want.Address)
		}
	}
	var imported []string
	for _, k := range v.Imported {
		if !k.Removed {
			imported = append(imported, k.Address+" "+k.WIF)
		}
	}
	if len(imported) != len(p.Imported) {
		t.Fatalf("%d imported keys, want %d", len(p.Imported), len(imported))
	}
	for i, k := range p.Imported {
		wif, err := tree.WIF(k.Path)
		if got := k.Address + " " + wif.Reveal(); err != nil || got != imported[i] {
			t.Errorf("imported key %d is %s (%v), want %s", i, got, err, imported[i])
		}
	}
	for _, coin := range v.Coins {
		if strings.HasPrefix(coin.Path, "imported") {
			continue // numbered anew; compared above
		}
		path, err := tree.ParsePath(coin.Path)
		if err != nil {
			t.Fatalf("%s: %v", coin.Path, err)
		}
		if got, err := tree.Address(path); err != nil || got != coin.Address {
			t.Errorf("%s is %s (%v), want %s", coin.Path, got, err, coin.Address)
		}
	}
	frozen := make(map[string]bool)
	for _, out := range p.Frozen {
		frozen[out.String()] = true
	}
	for _, m := range v.Meta {
		ref, err := labels.ParseRef(fmt.Sprintf("%s:%d", m.TxID, m.Index))
		if err != nil || frozen[ref.Text] != m.Disabled {
			t.Errorf("%s: frozen %v, want %v (%v)", ref.Text, frozen[ref.Text], m.Disabled, err)
		}
	}
	if p.Labels.Len() != len(v.Labels) {
		t.Errorf("%d labels, want %d", p.Labels.Len(), len(v.Labels))
	}
	for address, want := range v.Labels {
		if got := p.Labels.Get(labels.Ref{Type: labels.Address, Text: address}); got != want {
			t.Errorf("label of %s is %q, want %q", address, got, want)
		}
	}
}

// restore makes a wallet file of the plan and compares what it hands out.
func restore(t *testing.T, v vector, p *migrate.Plan) {
	path := filepath.Join(t.TempDir(), "w.jmwallet")
	cfg := wallet.Config{Params: networks[v.Network], KDF: wallettest.LightKDF}
	o := wallet.Origin{
		Seed: p.Seed, Type: p.Type, Next: p.Next, Frozen: p.Frozen, Labels: p.Labels,
	}
	for _, k := range p.Imported {
		o.Imported = append(o.Imported, wallet.Import{Mixdepth: k.Path.Mixdepth, Key: k.Key})
	}
	if err := wallet.Restore(path, wallettest.Password, o, cfg); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Open(path, wallettest.Password, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	err = w.WithKeys(func(tree *keys.Tree) error {
		for _, k := range p.Imported {
			if got, err := tree.Address(k.Path); got != k.Address || err != nil {
				t.Errorf("imported key %+v has the address %s, %v, want %s", k.Path, got, err, k.Address)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range v.Next {
		got, err := w.NextAddress(want.Mixdepth, want.Branch)
		if err != nil || got.Text != want.Address || got.Path.Index != want.Index {
			t.Errorf("the next address of %d/%d is %s at %d (%v), want %s at %d",
				want.Mixdepth, want.Branch, got.Text, got.Path.Index, err, want.Address, want.Index)
		}
	}
	kept := w.ExportLabels()
	if len(kept) != p.Labels.Len()+len(p.Frozen) {
		t.Errorf("%d labels and frozen coins, want %d and %d", len(kept), p.Labels.Len(), len(p.Frozen))
	}
	for _, r := range kept {
		if r.Type == labels.Address && r.Label != v.Labels[r.Text] || r.Type == labels.Output && r.Spend != labels.Frozen {
			t.Errorf("it kept %+v", r)
		}
	}
}

// sound returns the content of a sound file.
func sound(t *testing.T, name string) *jmdat.Wallet {
	t.Helper()
	for _, v := range vectors(t) {
		if filepath.Base(v.File) == name {
			old, err := jmdat.OpenFile(filepath.Join(answers, v.File), v.password())
			if err != nil {
				t.Fatal(err)
			}
			return old
		}
	}
	t.Fatalf("no case for %s", name)
	return nil
}

// A seed, extension or type that gives another wallet is noticed, by the wallet
// id, or without one by the scripts that the file remembers.
func TestOtherSeed(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		change func(*jmdat.Wallet)
	}{
		"one bit of the seed": {"p2wpkh.jmdat", func(w *jmdat.Wallet) { w.Entropy.Reveal()[3] ^= 1 }},
		"the extension":       {"p2sh-p2wpkh.jmdat", func(w *jmdat.Wallet) { w.Extension = secret.NewText("TREZOr") }},
		"the type":            {"p2wpkh.jmdat", func(w *jmdat.Wallet) { w.Type = jmdat.Bonds }},
		"no id":               {"p2wpkh.jmdat", func(w *jmdat.Wallet) { w.ID = ""; w.Entropy.Reveal()[0] ^= 0x80 }},
		"scripts only": {"p2wpkh.jmdat", func(w *jmdat.Wallet) {
			for _, k := range w.Known {
				k.Script[5] ^= 1
			}
		}},
	} {
		old := sound(t, c.file)
		if len(old.Known) == 0 || old.ID == "" {
			t.Fatalf("%s has nothing to compare with", c.file)
		}
		c.change(old)
		if _, err := migrate.New(old, &chaincfg.MainNetParams, time.Time{}); !errors.Is(err, migrate.ErrOtherSeed) {
			t.Errorf("%s: %v, want ErrOtherSeed", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*jmdat.Wallet)
		params *chaincfg.Params
		want   error
	}{
		"network":      {func(*jmdat.Wallet) {}, &chaincfg.SigNetParams, migrate.ErrNetwork},
		"type of key":  {func(w *jmdat.Wallet) { w.Imported[0].Type = jmdat.Legacy }, &chaincfg.MainNetParams, migrate.ErrKeyType},
		"mixdepth":     {func(w *jmdat.Wallet) { w.Imported[0].Path.Mixdepth = 900 }, &chaincfg.MainNetParams, jmdat.ErrDamaged},
		"key too long": {func(w *jmdat.Wallet) { w.Imported[0].Key = secret.NewBytes(make([]byte, 33)) }, &chaincfg.MainNetParams, keys.ErrWIF},
		"extension":    {func(w *jmdat.Wallet) { w.Extension = secret.NewText(strings.Repeat("x", 2000)) }, &chaincfg.MainNetParams, keys.ErrExtension},
	} {
		old := sound(t, "p2wpkh.jmdat")
		c.change(old)
		if _, err := migrate.New(old, c.params, time.Time{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What is left out or damaged without harm is told.
func TestNotes(t *testing.T) {
	for want, change := range map[string]func(*jmdat.Wallet){
		"not those of the seed (1 of": func(w *jmdat.Wallet) {
			for _, k := range w.Known {
				if !k.Path.Imported {
					k.Script[7] ^= 1
					return
				}
			}
			t.Fatal("no script of the seed")
		},
		"not those of the imported keys (1)": func(w *jmdat.Wallet) { w.Imported[0].Key.Reveal()[9] ^= 1 },
		"whether its seed is undamaged":      func(w *jmdat.Wallet) { w.ID, w.Known = "", nil },
		"other networks than mainnet":        func(w *jmdat.Wallet) { w.Labels["tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"] = "x" },
		"became blanks (1)":                  func(w *jmdat.Wallet) { w.Labels["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"] = "\x1b[31mred" },
		"burnt coins are not taken over (1)": func(w *jmdat.Wallet) { w.Burns = make([]jmdat.BurntCoin, 1) },
		`are "zz"`:                           func(w *jmdat.Wallet) { w.Unknown = []string{`"zz"`} },
	} {
		old := sound(t, "p2wpkh.jmdat")
		change(old)
		p, err := migrate.New(old, &chaincfg.MainNetParams, time.Time{})
		if err != nil {
			t.Errorf("%q: %v", want, err)
			continue
		}
		if !strings.Contains(strings.Join(p.Notes, "\n"), want) {
			t.Errorf("no note has %q: %q", want, p.Notes)
		}
	}
}

// The date in the file is not taken for the birth of its seed.
func TestBirth(t *testing.T) {
	old := sound(t, "p2wpkh.jmdat")
	if old.Created.IsZero() {
		t.Fatal("the file has no date")
	}
	p, err := migrate.New(old, &chaincfg.MainNetParams, time.Time{})
	if err != nil || !p.Seed.Birth().IsZero() || p.Seed.Fresh() {
		t.Errorf("birth %v, %v", p.Seed.Birth(), err)
	}
}
