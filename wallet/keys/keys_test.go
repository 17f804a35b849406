package keys

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

type vectorCase struct {
	Kind       string
	Valid      bool
	Reason     string
	Network    string
	WalletID   string `json:"wallet_id"`
	Mnemonic   string
	Extension  string
	Entropy    string
	Bip39Seed  string `json:"bip39_seed"`
	Phrase     string
	WalletType string `json:"wallet_type"`
	Mixdepths  []struct {
		Mixdepth int
		XPub     string
		Branches []struct {
			Branch    uint32
			XPub      string
			Path      string
			Addresses []struct {
				Index        uint32
				Path         string
				Address      string
				ScriptPubkey string `json:"script_pubkey"`
				Pubkey       string
				WIF          string
			}
		}
	}
}

// vectors returns the known answers of one kind and fails unless there are as
// many as the reference gave.
func vectors(t *testing.T, kind string, count int) []vectorCase {
	t.Helper()
	data, err := os.ReadFile("testdata/hd.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vectorCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var cases []vectorCase
	for _, c := range file.Cases {
		if c.Kind == kind {
			cases = append(cases, c)
		}
	}
	if len(cases) != count {
		t.Fatalf("%d cases of kind %s, want %d", len(cases), kind, count)
	}
	return cases
}

var networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams,
	"regtest": &chaincfg.RegressionNetParams,
}

func TestW8WalletsOfTheReference(t *testing.T) {
	for _, c := range vectors(t, "wallet", 8) {
		t.Run(c.Network+" "+c.WalletID, func(t *testing.T) {
			if c.WalletType != "p2wpkh" || !c.Valid || len(c.Mixdepths) != DefaultMixdepths {
				t.Fatalf("unexpected case: %s, valid %v, %d mixdepths", c.WalletType, c.Valid, len(c.Mixdepths))
			}
			seed, err := ParsePhrase(secret.NewText(c.Mnemonic), secret.NewText(c.Extension), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			raw, err := seed.bip39Seed()
			if got := hex.EncodeToString(raw.Reveal()); err != nil || got != c.Bip39Seed {
				t.Errorf("BIP39 seed %s, %v; want %s", got, err, c.Bip39Seed)
			}
			if got := hex.EncodeToString(seed.Entropy().Reveal()); got != c.Entropy {
				t.Errorf("entropy %s, want %s", got, c.Entropy)
			}
			tree, err := NewTree(seed, networks[c.Network])
			if err != nil {
				t.Fatal(err)
			}
			if id, err := tree.ID(); err != nil || id != c.WalletID {
				t.Errorf("id %s, %v; want %s", id, err, c.WalletID)
			}
			checkWallet(t, tree, c)
		})
	}
}

func checkWallet(t *testing.T, tree *Tree, c vectorCase) {
	addresses := 0
	for _, m := range c.Mixdepths {
		if got, err := tree.AccountXPub(m.Mixdepth); err != nil || got != m.XPub {
			t.Errorf("mixdepth %d: xpub %s, %v; want %s", m.Mixdepth, got, err, m.XPub)
		}
		for _, b := range m.Branches {
			if got, err := tree.BranchXPub(m.Mixdepth, b.Branch); err != nil || got != b.XPub {
				t.Errorf("%s: xpub %s, %v; want %s", b.Path, got, err, b.XPub)
			}
			for _, a := range b.Addresses {
				addresses++
				path := Path{m.Mixdepth, b.Branch, a.Index}
				if got := tree.PathText(path); got != a.Path {
					t.Errorf("path %s, want %s", got, a.Path)
				}
				if got, err := tree.Address(path); err != nil || got != a.Address {
					t.Errorf("%s: address %s, %v; want %s", a.Path, got, err, a.Address)
				}
				if a.ScriptPubkey == "" {
					continue // the reference gives the rest for the first index only
				}
				script, err := tree.Script(path)
				if got := hex.EncodeToString(script); err != nil || got != a.ScriptPubkey {
					t.Errorf("%s: script %s, %v; want %s", a.Path, got, err, a.ScriptPubkey)
				}
				pub, err := tree.PublicKey(path)
				if got := hex.EncodeToString(pub); err != nil || got != a.Pubkey {
					t.Errorf("%s: public key %s, %v; want %s", a.Path, got, err, a.Pubkey)
				}
				if wif, err := tree.WIF(path); err != nil || wif.Reveal() != a.WIF {
					t.Errorf("%s: private key differs, %v", a.Path, err)
				}
			}
		}
	}
	if addresses != 50 {
		t.Errorf("%d addresses compared, want 50", addresses)
	}
}

func TestW7Phrases(t *testing.T) {
	for _, c := range vectors(t, "phrase", 12) {
		seed, err := ParsePhrase(secret.NewText(c.Phrase), secret.Text{}, time.Time{})
		if !c.Valid {
			if !errors.Is(err, ErrPhrase) {
				t.Errorf("%s: %v, want ErrPhrase", c.Reason, err)
			}
			if (c.Reason == "checksum" || c.Reason == "reversed order") && !errors.Is(err, ErrChecksum) {
				t.Errorf("%s: %v, want ErrChecksum", c.Reason, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.Phrase, err)
			continue
		}
		if got := hex.EncodeToString(seed.Entropy().Reveal()); got != c.Entropy {
			t.Errorf("%q: entropy %s, want %s", c.Phrase, got, c.Entropy)
		}
		phrase, err := seed.Phrase()
		if want := strings.Join(strings.Fields(strings.ToLower(c.Phrase)), " "); err != nil || phrase.Reveal() != want {
			t.Errorf("phrase %q, %v; want %q", phrase.Reveal(), err, want)
		}
	}
}

func TestW7PhraseErrorsExplain(t *testing.T) {
	words := strings.Fields("during length object coyote sentence exhaust comic story bring much hard tree")
	words[3] = "coyotee"
	_, err := ParsePhrase(secret.NewText(strings.Join(words, " ")), secret.Text{}, time.Time{})
	if err == nil || !strings.Contains(err.Error(), "word 4 ") {
		t.Errorf("unknown word: %v", err)
	}
	for _, w := range words {
		if strings.Contains(err.Error(), " "+w) {
			t.Errorf("D9: the error repeats a word of the phrase: %v", err)
		}
	}
	if _, err := ParsePhrase(secret.NewText("tree tree"), secret.Text{}, time.Time{}); err == nil || !strings.Contains(err.Error(), "2 words") {
		t.Errorf("two words: %v", err)
	}
	if _, err := ParsePhrase(secret.NewText(strings.Repeat("tree ", 1000)), secret.Text{}, time.Time{}); !errors.Is(err, ErrPhrase) {
		t.Errorf("giant phrase: %v", err)
	}
	valid := secret.NewText("during length object coyote sentence exhaust comic story bring much hard tree")
	for _, ext := range []string{"\xff", strings.Repeat("x", maxExtension+1)} {
		if _, err := ParsePhrase(valid, secret.NewText(ext), time.Time{}); !errors.Is(err, ErrExtension) {
			t.Errorf("extension of %d bytes: %v", len(ext), err)
		}
	}
}

func TestEntropySizes(t *testing.T) {
	for n := range 40 {
		seed, err := SeedOf(secret.NewBytes(make([]byte, n)), secret.Text{}, time.Time{})
		if ok := n >= 16 && n <= 32 && n%4 == 0; ok != (err == nil) {
			t.Errorf("%d bytes: %v", n, err)
			continue
		} else if !ok {
			continue
		}
		phrase, err := seed.Phrase()
		if err != nil {
			t.Fatal(err)
		}
		if words := len(strings.Fields(phrase.Reveal())); words != n*3/4 {
			t.Errorf("%d bytes: %d words", n, words)
		}
		back, err := ParsePhrase(phrase, secret.Text{}, time.Time{})
		if err != nil || string(back.Entropy().Reveal()) != string(seed.Entropy().Reveal()) {
			t.Errorf("%d bytes: phrase does not read back: %v", n, err)
		}
	}
}

// zeroPhrase encodes 16 zero bytes. The ids below are known answers too.
const zeroPhrase = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"

func tree(t testing.TB, extension string, params *chaincfg.Params) *Tree {
	t.Helper()
	seed, err := ParsePhrase(secret.NewText(zeroPhrase), secret.NewText(extension), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := NewTree(seed, params)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestWalletID(t *testing.T) {
	for _, c := range []struct {
		extension string
		params    *chaincfg.Params
		want      string
	}{
		{"", &chaincfg.MainNetParams, "2b4ed7"},
		{"TREZOR", &chaincfg.MainNetParams, "4bcd40"},
		{"", &chaincfg.SigNetParams, "4adbc7"},
	} {
		if id, err := tree(t, c.extension, c.params).ID(); err != nil || id != c.want {
			t.Errorf("%s with extension %q: id %s, %v; want %s", c.params.Name, c.extension, id, err, c.want)
		}
	}
}

func TestDescriptor(t *testing.T) {
	// 73c5da0a is the well-known fingerprint of this phrase.
	want := "wpkh([73c5da0a/84h/0h/0h]xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V/1/*)"
	if got, err := tree(t, "", &chaincfg.MainNetParams).Descriptor(0, Internal); err != nil || got != want {
		t.Errorf("descriptor %s, %v; want %s", got, err, want)
	}
	got, err := tree(t, "", &chaincfg.RegressionNetParams).Descriptor(3, External)
	if err != nil || !strings.HasPrefix(got, "wpkh([73c5da0a/84h/1h/3h]tpub") || !strings.HasSuffix(got, "/0/*)") {
		t.Errorf("descriptor %s, %v", got, err)
	}
}

func TestPathOutOfRange(t *testing.T) {
	tr := tree(t, "", &chaincfg.MainNetParams)
	big := int64(1 << 31) // negative as an int of 32 bits
	for _, p := range []Path{{Mixdepth: -1}, {Mixdepth: int(big)}, {Branch: 1 << 31}, {Index: 1 << 31}} {
		if _, err := tr.Script(p); !errors.Is(err, ErrPath) {
			t.Errorf("Script(%v): %v", p, err)
		}
		if _, err := tr.PrivateKey(p); !errors.Is(err, ErrPath) {
			t.Errorf("PrivateKey(%v): %v", p, err)
		}
	}
	if _, err := tr.Script(Path{Mixdepth: 1<<31 - 1, Branch: 1<<31 - 1, Index: 1<<31 - 1}); err != nil {
		t.Errorf("the last path: %v", err)
	}
}

func TestNewSeed(t *testing.T) {
	before := time.Now()
	a, err := NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := NewSeed(secret.Text{})
	if string(a.Entropy().Reveal()) == string(b.Entropy().Reveal()) {
		t.Error("two new seeds are equal")
	}
	if phrase, err := a.Phrase(); err != nil || len(strings.Fields(phrase.Reveal())) != 12 {
		t.Errorf("a new seed is not of 12 words: %v", err)
	}
	if a.Birth().Before(before) || a.Birth().After(time.Now()) {
		t.Errorf("born at %v", a.Birth())
	}
	if out := fmt.Sprintf("%v %+v %#v", a, a, &a); strings.Contains(out, fmt.Sprint(a.Entropy().Reveal()[0], a.Entropy().Reveal()[1])) || !strings.Contains(out, "0x") {
		t.Errorf("D9: a seed prints as %s", out)
	}
	a.Wipe()
	if !a.Entropy().Empty() {
		t.Error("Wipe left the entropy")
	}
}

func TestConcurrentDerivation(t *testing.T) {
	tr := tree(t, "", &chaincfg.MainNetParams)
	want, err := tree(t, "", &chaincfg.MainNetParams).Address(Path{Index: 3})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if got, err := tr.Address(Path{Index: 3}); err != nil || got != want {
				t.Errorf("address %s, %v", got, err)
			}
			key, err := tr.PrivateKey(Path{Mixdepth: i % 4, Branch: Internal, Index: uint32(i)})
			if err != nil {
				t.Error(err)
				return
			}
			pub, err := tr.PublicKey(Path{Mixdepth: i % 4, Branch: Internal, Index: uint32(i)})
			if err != nil || string(pub) != string(key.PubKey().SerializeCompressed()) {
				t.Errorf("private and public key differ: %v", err)
			}
		})
	}
	wg.Wait()
}

func FuzzParsePhrase(f *testing.F) {
	f.Add(zeroPhrase)
	f.Add("  DURING length object coyote sentence exhaust comic story bring much hard tree\n")
	f.Add("ａbandon")
	f.Fuzz(func(t *testing.T, text string) {
		seed, err := ParsePhrase(secret.NewText(text), secret.Text{}, time.Time{})
		if err != nil {
			return
		}
		phrase, err := seed.Phrase()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParsePhrase(phrase, secret.Text{}, time.Time{})
		if err != nil || string(back.Entropy().Reveal()) != string(seed.Entropy().Reveal()) {
			t.Fatalf("%q does not read back: %v", phrase.Reveal(), err)
		}
	})
}

func BenchmarkScript(b *testing.B) {
	tr := tree(b, "", &chaincfg.MainNetParams)
	for i := 0; b.Loop(); i++ {
		if _, err := tr.Script(Path{Index: uint32(i)}); err != nil {
			b.Fatal(err)
		}
	}
}
