package seal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
)

type boxCase struct {
	Kind         string
	TakerSecret  string `json:"taker_secret"`
	TakerPublic  string `json:"taker_public"`
	MakerSecret  string `json:"maker_secret"`
	MakerPublic  string `json:"maker_public"`
	OwnSecret    string `json:"own_secret"`
	SharedKey    string `json:"shared_key"`
	Text         string
	From         string
	Nonce        string
	Plaintext    string
	Ciphertext   string
	Valid        bool
	Should       string
	Reason, Note string
}

func key(t testing.TB, secret string) *Key {
	t.Helper()
	b, err := hex.DecodeString(secret)
	if err != nil || len(b) != keySize {
		t.Fatalf("secret %q: %v", secret, err)
	}
	k, err := KeyFromSecret([keySize]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// boxes are the receiving and the sending side of a case.
func boxes(t *testing.T, c boxCase) (receiver, sender *Box) {
	t.Helper()
	taker, maker := key(t, c.TakerSecret), key(t, c.MakerSecret)
	atTaker, err := taker.With(c.MakerPublic)
	if err != nil {
		t.Fatal(err)
	}
	atMaker, err := maker.With(c.TakerPublic)
	if err != nil {
		t.Fatal(err)
	}
	if c.From == "taker" {
		return atMaker, atTaker
	}
	return atTaker, atMaker
}

func TestVectorsSealed(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[boxCase](t, "box.json", 67) {
		if c.Kind != "encrypt" {
			continue
		}
		seen++
		if taker, maker := key(t, c.TakerSecret), key(t, c.MakerSecret); taker.Public() != c.TakerPublic ||
			maker.Public() != c.MakerPublic {
			t.Errorf("public keys %s and %s, want %s and %s", taker.Public(), maker.Public(), c.TakerPublic, c.MakerPublic)
		}
		receiver, sender := boxes(t, c)
		if got := hex.EncodeToString(sender.shared()[:]); got != c.SharedKey {
			t.Errorf("shared key %s, want %s", got, c.SharedKey)
		}
		nonce, err := hex.DecodeString(c.Nonce)
		if err != nil {
			t.Fatal(err)
		}
		if got := sender.seal((*[nonceSize]byte)(nonce), c.Plaintext); got != c.Ciphertext {
			t.Errorf("sealed %q, want %q", got, c.Ciphertext)
		}
		got, err := receiver.Open(c.Ciphertext)
		if c.Plaintext == "" {
			// Nonce and tag alone are no box, neither here nor in the reference.
			if err == nil {
				t.Errorf("a box of nothing opens to %q", got)
			}
			continue
		}
		if err != nil || got != c.Plaintext {
			t.Errorf("opened %q, %v; want %q", got, err, c.Plaintext)
		}
	}
	if seen == 0 {
		t.Error("no vectors of sealing")
	}
}

func TestN22DamagedBoxes(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[boxCase](t, "box.json", 67) {
		if c.Kind != "decrypt" {
			continue
		}
		seen++
		receiver, sender := boxes(t, c)
		if strings.HasPrefix(c.Note, "reflected to its sender") {
			receiver = sender
		}
		got, err := receiver.Open(c.Ciphertext)
		switch {
		case c.Should == "either": // control characters: no peer sends any
			if !errors.Is(err, ErrText) {
				t.Errorf("%s: opened %q, %v", c.Note, got, err)
			}
		case c.Valid:
			if err != nil || got != c.Plaintext {
				t.Errorf("%s: opened %q, %v; want %q", c.Note, got, err, c.Plaintext)
			}
		case !errors.Is(err, ErrOpen) && !errors.Is(err, ErrText):
			t.Errorf("%s: opened %q, %v", c.Reason, got, err)
		}
	}
	if seen == 0 {
		t.Error("no vectors of opening")
	}
}

func TestN22UnusableKeys(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[boxCase](t, "box.json", 67) {
		if c.Kind != "public_key" {
			continue
		}
		seen++
		b, err := key(t, c.OwnSecret).With(c.Text)
		if !c.Valid || c.Should == "either" { // upper case: signed over as text, so it has one spelling
			if !errors.Is(err, ErrKey) {
				t.Errorf("key %q is accepted (%s%s)", c.Text, c.Reason, c.Note)
			}
			continue
		}
		if err != nil {
			t.Errorf("key %q: %v (%s)", c.Text, err, c.Note)
		} else if got := hex.EncodeToString(b.shared()[:]); c.SharedKey != "" && got != c.SharedKey {
			t.Errorf("key %q: shared key %s, want %s", c.Text, got, c.SharedKey)
		}
	}
	if seen == 0 {
		t.Error("no vectors of keys")
	}
}

func pair(t testing.TB) (a, b *Box) {
	t.Helper()
	ours, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = ours.With(theirs.Public()); err != nil {
		t.Fatal(err)
	}
	if b, err = theirs.With(ours.Public()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestSealIsOpenedByThePeerAlone(t *testing.T) {
	a, b := pair(t)
	stranger, _ := pair(t)
	for _, text := range []string{"x", " ", "a b|c~", strings.Repeat("A", 29_000)} {
		sealed, err := a.Seal(text)
		if err != nil {
			t.Fatal(err)
		}
		if want := (len(text) + 40 + 2) / 3 * 4; len(sealed) != want {
			t.Errorf("%d characters, want %d", len(sealed), want)
		}
		if got, err := b.Open(sealed); err != nil || got != text {
			t.Errorf("opened %.40q, %v", got, err)
		}
		if got, err := stranger.Open(sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("a stranger opened %.40q, %v", got, err)
		}
	}
}

func TestSealRefusesWhatNoPeerReads(t *testing.T) {
	a, _ := pair(t)
	for _, text := range []string{"", "a\nb", "\x00", "é", "\x7f"} {
		if sealed, err := a.Seal(text); !errors.Is(err, ErrText) {
			t.Errorf("Seal(%q) = %q, %v", text, sealed, err)
		}
	}
}

func TestN22NoncesDoNotRepeat(t *testing.T) {
	a, _ := pair(t)
	seen := make(map[string]bool)
	for range 10_000 {
		sealed, err := a.Seal("same text")
		if err != nil {
			t.Fatal(err)
		}
		nonce := sealed[:nonceSize/3*4]
		if seen[nonce] {
			t.Fatalf("nonce %s twice", nonce)
		}
		seen[nonce] = true
	}
}

func TestN22EveryBitCounts(t *testing.T) {
	a, b := pair(t)
	sealed, err := a.Seal("x y")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b64.Decode(sealed, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		if got, err := b.Open(b64.Encode(raw)); !errors.Is(err, ErrOpen) {
			t.Errorf("bit %d changed: opened %q, %v", bit, got, err)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for n := range raw {
		if got, err := b.Open(b64.Encode(raw[:n])); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d bytes: opened %q, %v", n, got, err)
		}
	}
}

func TestOpenRefusesWhatNoMessageCarries(t *testing.T) {
	a, b := pair(t)
	sealed, err := a.Seal(strings.Repeat("A", protocol.MaxMessage))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("%d characters open: %v", len(sealed), err)
	}
}

func TestD9SecretsPrintAsStars(t *testing.T) {
	secret := strings.Repeat("5a", keySize)
	k := key(t, secret)
	b, err := k.With(key(t, strings.Repeat("77", keySize)).Public())
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		Key *Key
		Box *Box
		k   Key
		b   Box
	}
	// The forms in which formatting would show 32 bytes of 0x5a, and those of
	// the shared key.
	forms := []string{secret, "90 90 90", "0x5a", "ZZZ", "WlpaWlpa"}
	for _, shared := range []string{"%x", "% x", "%v", "%d", "%#v"} {
		forms = append(forms, strings.Trim(fmt.Sprintf(shared, b.shared()[:3]), "[]{}byte"))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U"} {
		for _, value := range []any{k, *k, b, *b, holder{k, b, *k, *b}, &holder{k, b, *k, *b}, []any{k, b}} {
			got := fmt.Sprintf(verb, value)
			for _, form := range forms {
				if strings.Contains(strings.ToLower(got), strings.ToLower(form)) {
					t.Errorf("%s of %T shows %q: %s", verb, value, form, got)
				}
			}
		}
	}
	if got := fmt.Sprint(k); !strings.Contains(got, "***") || !strings.Contains(got, k.Public()) {
		t.Errorf("key prints as %q", got)
	}
}
