package keys

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

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
	tree, err := NewTree(seed, txbuild.P2WPKH, params)
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
	for _, p := range []Path{{Mixdepth: -1}, {Mixdepth: int(big)}, {Branch: 3}, {Branch: 1<<31 - 1}, {Branch: 1 << 31}, {Index: 1 << 31}} {
		if _, err := tr.Script(p); !errors.Is(err, ErrPath) {
			t.Errorf("Script(%v): %v", p, err)
		}
		if _, err := tr.PrivateKey(p); !errors.Is(err, ErrPath) {
			t.Errorf("PrivateKey(%v): %v", p, err)
		}
	}
	if _, err := tr.Script(Path{Mixdepth: 1<<31 - 1, Branch: Internal, Index: 1<<31 - 1}); err != nil {
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

// What is derived in one go is what is derived step by step, whatever comes
// together.
func TestScripts(t *testing.T) {
	tr := tree(t, "", &chaincfg.MainNetParams)
	key := ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{7}, 32))}
	if err := tr.Import(3, 0, key); err != nil {
		t.Fatal(err)
	}
	var paths []Path
	for i := range 2*uint32(chunk) + 3 {
		paths = append(paths, Path{Mixdepth: 1, Index: 5 + i}, Path{Mixdepth: int(i % 3), Branch: Internal, Index: i})
	}
	for n := range bond.Locktimes {
		p, err := BondPath(n)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p, Path{Branch: Timelocked, Locktime: p.Locktime})
	}
	paths = append(paths, Path{Index: MaxIndex}, Path{Mixdepth: 3, Branch: Imported})
	scripts, err := tr.Scripts(paths)
	if err != nil || len(scripts) != len(paths) {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for i, p := range paths {
		if want := slowScript(t, tr, p); string(scripts[i]) != string(want) {
			t.Fatalf("%+v: %x, want %x", p, scripts[i], want)
		}
	}
	for _, p := range []Path{{Index: MaxIndex + 1}, {Branch: Timelocked}, {Branch: Imported}} {
		if _, err := tr.Scripts(append(slices.Clip(paths), p)); !errors.Is(err, ErrPath) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if scripts, err := tr.Scripts(nil); err != nil || len(scripts) != 0 {
		t.Errorf("of no paths: %x, %v", scripts, err)
	}
}

// slowScript derives the key as the library for BIP32 does.
func slowScript(t *testing.T, tr *Tree, p Path) []byte {
	t.Helper()
	if p.Branch == Imported {
		k, err := tr.importedKey(p)
		if err != nil {
			t.Fatal(err)
		}
		return txbuild.Program(k.public())
	}
	b, err := tr.branch(p.Mixdepth, p.Branch)
	if err != nil {
		t.Fatal(err)
	}
	child, err := b.public.Derive(p.Index)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := child.ECPubKey()
	if err != nil {
		t.Fatal(err)
	}
	if p.Branch == Timelocked {
		return bond.Script(bond.Redeem(p.Locktime, [33]byte(pub.SerializeCompressed())))
	}
	return txbuild.Program(pub.SerializeCompressed())
}

func BenchmarkScripts1000(b *testing.B) {
	tr := tree(b, "", &chaincfg.MainNetParams)
	paths := make([]Path, 1000)
	for i := range paths {
		paths[i].Index = uint32(i)
	}
	for b.Loop() {
		if _, err := tr.Scripts(paths); err != nil {
			b.Fatal(err)
		}
	}
}
