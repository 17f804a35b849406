package keys

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// allTypes are those of wallets.
var allTypes = []txbuild.ScriptType{txbuild.P2PKH, txbuild.P2SH, txbuild.P2WPKH}

// typed is tree for another type.
func typed(t testing.TB, kind txbuild.ScriptType, params *chaincfg.Params) *Tree {
	t.Helper()
	seed, err := ParsePhrase(secret.NewText(zeroPhrase), secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := NewTree(seed, kind, params)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestW8SpecWallets has the worked examples of the wallet document.
func TestW8SpecWallets(t *testing.T) {
	for _, c := range []struct {
		kind          txbuild.ScriptType
		params        *chaincfg.Params
		id, path      string
		address, bond string
	}{
		{txbuild.P2PKH, &chaincfg.MainNetParams, "", "m/0/0/0/0", "14Q2BeFpzsDTLxYuGnEuzZMfeeSaFc3f2Q", ""},
		{txbuild.P2PKH, &chaincfg.MainNetParams, "21c397", "m/0/1/1/0", "1M3d3eSwu8CBx4U87V55WtBWXeefXYX4dU", ""},
		{txbuild.P2SH, &chaincfg.MainNetParams, "f0219b", "m/49'/0'/0'/0/0", "37VucYSaXLCAsxYyAPfbSi9eh4iEcbShgf", ""},
		{txbuild.P2SH, &chaincfg.MainNetParams, "f0219b", "m/49'/0'/0'/1/0", "34K56kSjgUCUSD8GTtuF7c9Zzwokbs6uZ7", ""},
		{txbuild.P2WPKH, &chaincfg.MainNetParams, "2b4ed7", "m/84'/0'/4'/0/0", "bc1q8nxmfxqj5wkyssjd430twsh44sgg3chnzrey92", "654c02"},
		{txbuild.P2WPKH, &chaincfg.TestNet3Params, "", "m/84'/1'/0'/0/0", "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl", "54faf1"},
		{txbuild.P2WPKH, &chaincfg.TestNet3Params, "", "m/84'/1'/0'/2/66:1751328000", "tb1qkyrmt9mle6u3xyrexenwswe5u545l9gkl78lj0fkkvd35hvpx6fscmzmtr", "54faf1"},
	} {
		tr := typed(t, c.kind, c.params)
		path, err := tr.ParsePath(c.path)
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		if got, err := tr.Address(path); got != c.address || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.path, got, err, c.address)
		}
		if id, err := tr.ID(); c.id != "" && id != c.id || err != nil {
			t.Errorf("%s: id %s, %v, want %s", c.kind, id, err, c.id)
		}
		if id, err := tr.BondsID(); c.bond != "" && id != c.bond || err != nil {
			t.Errorf("%s: id with bonds %s, %v, want %s", c.kind, id, err, c.bond)
		}
	}
}

func TestTypesRefused(t *testing.T) {
	seed, err := NewSeed(secret.NewText("extension"))
	if err != nil {
		t.Fatal(err)
	}
	long, err := SeedOf(secret.NewBytes(make([]byte, 32)), secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	watching, err := ParseMaster(masterOf(t), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		seed Seed
		kind txbuild.ScriptType
	}{
		{"none", seed, ""}, {"P2WSH", seed, txbuild.P2WSH}, {"P2TR", seed, txbuild.P2TR},
		{"legacy with an extension", seed, txbuild.P2PKH}, {"legacy of 24 words", long, txbuild.P2PKH},
		{"watch-only nested", watching, txbuild.P2SH}, {"watch-only legacy", watching, txbuild.P2PKH},
	} {
		if _, err := NewTree(c.seed, c.kind, &chaincfg.MainNetParams); !errors.Is(err, ErrType) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDescriptorsOfTypes(t *testing.T) {
	for kind, want := range map[txbuild.ScriptType][2]string{
		txbuild.P2PKH:  {"pkh([", "/0/3]tpub"},
		txbuild.P2SH:   {"sh(wpkh([", "/49h/1h/3h]tpub"},
		txbuild.P2WPKH: {"wpkh([", "/84h/1h/3h]tpub"},
	} {
		tr := typed(t, kind, &chaincfg.RegressionNetParams)
		got, err := tr.Descriptor(3, Internal)
		if err != nil || !strings.HasPrefix(got, want[0]+tr.Fingerprint()+want[1]) || !strings.Contains(got, "/1/*)") {
			t.Errorf("%s: %s, %v", kind, got, err)
		}
		for _, branch := range []uint32{Timelocked, 3, Imported} {
			if got, err := tr.Descriptor(0, branch); !errors.Is(err, ErrPath) {
				t.Errorf("%s: branch %d: %s, %v", kind, branch, got, err)
			}
		}
	}
	watching := watch(t)
	got, err := watching.Descriptor(0, External)
	if xpub := strings.TrimPrefix(masterOf(t), masterPrefix); got != "wpkh("+xpub+"/0/*)" || err != nil {
		t.Errorf("watch-only: %s, %v", got, err)
	}
}

func masterOf(t testing.TB) string {
	t.Helper()
	text, err := tree(t, "", &chaincfg.MainNetParams).Master()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func watch(t testing.TB) *Tree {
	t.Helper()
	seed, err := ParseMaster(masterOf(t), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTree(seed, txbuild.P2WPKH, &chaincfg.MainNetParams)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestWatchOnlyHasNoSecrets(t *testing.T) {
	seed, err := ParseMaster(masterOf(t), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if !seed.WatchOnly() || seed.Master().Reveal() != masterOf(t) || !seed.Entropy().Empty() {
		t.Error("the seed is another one")
	}
	if _, err := seed.Phrase(); !errors.Is(err, ErrWatchOnly) {
		t.Errorf("phrase: %v", err)
	}
	if out := fmt.Sprintf("%v %+v %#v", seed, seed, &seed); strings.Contains(out, "xpub") {
		t.Errorf("a watch-only seed prints its key: %s", out)
	}
	tr := watch(t)
	if _, err := tr.ID(); !errors.Is(err, ErrWatchOnly) {
		t.Errorf("id: %v", err)
	}
	if _, err := tr.Script(Path{Mixdepth: 1}); !errors.Is(err, ErrPath) {
		t.Errorf("mixdepth 1: %v", err)
	}
	if _, err := tr.WIF(Path{}); !errors.Is(err, ErrWatchOnly) {
		t.Errorf("private key: %v", err)
	}
	tr.Wipe()
	if _, err := NewTree(seed, txbuild.P2WPKH, &chaincfg.RegressionNetParams); !errors.Is(err, ErrMaster) {
		t.Errorf("on another network: %v", err)
	}
	seed.Wipe()
	if seed.WatchOnly() {
		t.Error("Wipe left the key")
	}
}

func TestParseMasterRefuses(t *testing.T) {
	good := masterOf(t)
	xpub := strings.TrimPrefix(good, masterPrefix)
	tr := tree(t, "", &chaincfg.MainNetParams)
	other, err := tr.AccountXPub(1)
	if err != nil {
		t.Fatal(err)
	}
	branch, err := tr.BranchXPub(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	private, err := hdkeychain.NewMaster(make([]byte, 32), &chaincfg.MainNetParams)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"of another mixdepth": masterPrefix + other,
		"of a branch":         masterPrefix + branch,
		"private":             masterPrefix + private.String(),
		"typing mistake":      good[:len(good)-1] + "x",
		"cut":                 good[:len(good)-1],
		"blank behind":        good + " ",
		"twice":               masterPrefix + good,
		"giant":               masterPrefix + strings.Repeat("x", 1e6),
		"only the key":        xpub,
	} {
		if _, err := ParseMaster(text, time.Time{}); !errors.Is(err, ErrMaster) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "xpub") {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
	}
}

func wif(t testing.TB, key *btcec.PrivateKey, params *chaincfg.Params, compressed bool) secret.Text {
	t.Helper()
	w, err := btcutil.NewWIF(key, params, compressed)
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewText(w.String())
}

func TestImport(t *testing.T) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	for _, kind := range allTypes {
		for _, compressed := range []bool{true, false} {
			text := wif(t, key, &chaincfg.MainNetParams, compressed)
			k, err := ParseWIF(text, kind, &chaincfg.MainNetParams)
			if ok := compressed || kind == txbuild.P2PKH; !ok {
				if !errors.Is(err, ErrWIF) {
					t.Errorf("%s, uncompressed: %v", kind, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			tr := typed(t, kind, &chaincfg.MainNetParams)
			path := Path{Mixdepth: 3, Branch: Imported, Index: 0}
			if _, err := tr.Script(path); !errors.Is(err, ErrPath) {
				t.Errorf("before: %v", err)
			}
			if err := tr.Import(3, 0, k); err != nil {
				t.Fatal(err)
			}
			pub := key.PubKey().SerializeCompressed()
			if !compressed {
				pub = key.PubKey().SerializeUncompressed()
			}
			want, err := kind.Script(pub)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tr.Script(path); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: script %x, %v, want %x", kind, got, err, want)
			}
			if got, err := tr.WIF(path); err != nil || got.Reveal() != text.Reveal() {
				t.Errorf("%s: private key differs, %v", kind, err)
			}
			if back, err := tr.ParsePath(tr.PathText(path)); back != path || err != nil || tr.PathText(path) != "imported/3/0" {
				t.Errorf("path %s is read as %+v, %v", tr.PathText(path), back, err)
			}
			tr.Wipe()
			if !k.Key.Empty() {
				t.Error("Wipe left an imported key")
			}
		}
	}
}

func TestImportRefuses(t *testing.T) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	good := wif(t, key, &chaincfg.MainNetParams, true).Reveal()
	for name, text := range map[string]string{
		"another network": wif(t, key, &chaincfg.TestNet3Params, true).Reveal(),
		"typing mistake":  good[:20] + "2" + good[21:],
		"cut":             good[:51],
		"empty":           "",
		"longer":          good + "1",
		"giant":           strings.Repeat("K", 1e6),
	} {
		if _, err := ParseWIF(secret.NewText(text), txbuild.P2WPKH, &chaincfg.MainNetParams); !errors.Is(err, ErrWIF) {
			t.Errorf("%s: %v", name, err)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("D9: %s: the error repeats the key", name)
		}
	}
	tr := tree(t, "", &chaincfg.MainNetParams)
	for name, raw := range map[string][]byte{
		"zero": make([]byte, 32), "short": {1}, "none": nil,
		"beyond the group": slices.Repeat([]byte{0xff}, 32),
	} {
		if err := tr.Import(0, 0, ImportedKey{Key: secret.NewBytes(raw)}); !errors.Is(err, ErrWIF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := ImportedKey{Key: secret.NewBytes(slices.Repeat([]byte{1}, 32))}
	if err := tr.Import(-1, 0, k); !errors.Is(err, ErrPath) {
		t.Errorf("mixdepth -1: %v", err)
	}
	if out := fmt.Sprintf("%v %+v %#v", k, k, &k); strings.Contains(out, "1, 1") || strings.Contains(out, "0x1, 0x1") {
		t.Errorf("D9: an imported key prints as %s", out)
	}
}

// randomPath is one of a wallet of the type.
func randomPath(r *rand.Rand, kind txbuild.ScriptType) Path {
	p := Path{Mixdepth: r.IntN(5), Branch: r.Uint32N(2), Index: r.Uint32N(1 << 31)}
	if kind == txbuild.P2WPKH && r.IntN(2) == 0 {
		p, _ = BondPath(r.IntN(bond.Locktimes))
		if r.IntN(2) == 0 {
			p.Index = 0
		}
	}
	return p
}

// TestW8RandomWallets: what is recovered from the phrase is the wallet, every
// path reads back, the private key is that of the script, and the watch-only
// wallet has the same addresses.
func TestW8RandomWallets(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		kind := allTypes[r.IntN(len(allTypes))]
		params := []*chaincfg.Params{&chaincfg.MainNetParams, &chaincfg.RegressionNetParams}[r.IntN(2)]
		seed, err := NewSeed(secret.Text{})
		if err != nil {
			t.Fatal(err)
		}
		original, err := NewTree(seed, kind, params)
		if err != nil {
			t.Fatal(err)
		}
		phrase, err := seed.Phrase()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePhrase(phrase, secret.Text{}, time.Time{})
		if err != nil || again.Fresh() || !seed.Fresh() {
			t.Fatalf("recovered: fresh %v, %v", again.Fresh(), err)
		}
		recovered, err := NewTree(again, kind, params)
		if err != nil {
			t.Fatal(err)
		}
		master, err := original.Master()
		if err != nil {
			t.Fatal(err)
		}
		var watching *Tree
		if kind == txbuild.P2WPKH {
			public, err := ParseMaster(master, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if watching, err = NewTree(public, kind, params); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			p := randomPath(r, kind)
			want, err := original.Address(p)
			if err != nil {
				t.Fatalf("%+v: %v", p, err)
			}
			if got, err := recovered.Address(p); got != want || err != nil {
				t.Fatalf("%s: %s, %v, want %s", original.PathText(p), got, err, want)
			}
			if back, err := recovered.ParsePath(original.PathText(p)); back != p || err != nil {
				t.Fatalf("%s is read as %+v, %v", original.PathText(p), back, err)
			}
			if watching != nil && p.Mixdepth == 0 {
				if got, err := watching.Address(p); got != want || err != nil {
					t.Fatalf("%s: watching %s, %v, want %s", original.PathText(p), got, err, want)
				}
			}
			key, err := original.PrivateKey(p)
			if err != nil {
				t.Fatal(err)
			}
			if pub, err := original.PublicKey(p); err != nil || !slices.Equal(pub, key.PubKey().SerializeCompressed()) {
				t.Fatalf("%s: private and public key differ, %v", original.PathText(p), err)
			}
		}
	}
}

// FuzzParsePath: what parses is written back as it was.
func FuzzParsePath(f *testing.F) {
	for _, text := range []string{"m/84'/0'/0'/0/0", "m/84'/0'/0'/2/66:1751328000", "imported/0/1", "m/0/1/1/0", "m/49'/0'/0'/1/7"} {
		f.Add(text)
	}
	var trees []*Tree
	for _, kind := range allTypes {
		trees = append(trees, typed(f, kind, &chaincfg.MainNetParams))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tr := range trees {
			p, err := tr.ParsePath(text)
			if err == nil && tr.PathText(p) != text {
				t.Fatalf("%q is read as %+v, written back %q", text, p, tr.PathText(p))
			}
		}
	})
}

// FuzzParseMaster: what parses is written back as it was.
func FuzzParseMaster(f *testing.F) {
	f.Add(masterOf(f))
	f.Fuzz(func(t *testing.T, text string) {
		seed, err := ParseMaster(text, time.Time{})
		if err == nil && seed.Master().Reveal() != text {
			t.Fatalf("%q is written back %q", text, seed.Master().Reveal())
		}
	})
}

// BenchmarkBonds derives the scripts of all fidelity bonds of the first scheme.
func BenchmarkBonds(b *testing.B) {
	tr := tree(b, "", &chaincfg.MainNetParams)
	var paths []Path
	for n := range bond.Locktimes {
		path, err := BondPath(n)
		if err != nil {
			b.Fatal(err)
		}
		paths = append(paths, path)
	}
	for b.Loop() {
		if _, err := tr.Scripts(paths); err != nil {
			b.Fatal(err)
		}
	}
}
