package jmdat

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/tyler-smith/go-bip39"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// coded fails unless an error is one of the package.
func coded(t *testing.T, err error) {
	t.Helper()
	for _, known := range []error{ErrNotWallet, ErrJSON, ErrTooLarge, ErrUnknownVersion, ErrPassword, ErrDamaged} {
		if errors.Is(err, known) {
			return
		}
	}
	t.Fatalf("unexpected error %v", err)
}

// FuzzRead: a text that is a wallet is the same wallet in every container, and
// what is taken out of it keeps the promises of Wallet.
func FuzzRead(f *testing.F) {
	seeds := 0
	for _, v := range vectors.Load[vector](f, "jmdat.json", 82) {
		if len(v.Plaintext) > 0 && len(v.Plaintext) < 20_000 {
			f.Add(unhex(v.Plaintext))
			seeds++
		}
	}
	if seeds < 20 {
		f.Fatalf("only %d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := read(bytes.Clone(text))
		if err != nil {
			coded(t, err)
			return
		}
		plain, err := Open(append([]byte(plainMark), text...), secret.Text{})
		if err != nil || !reflect.DeepEqual(plain, w) {
			t.Fatalf("without password it is another wallet: %v", err)
		}
		for _, always := range []bool{false, true} {
			sealed, err := open(seal(text, exampleKey, exampleSalt, exampleIV, always), secret.Text{}, exampleDerive)
			if err != nil || !sealed.Encrypted {
				t.Fatalf("encrypted: %v", err)
			}
			sealed.Encrypted = false
			if !reflect.DeepEqual(sealed, w) {
				t.Fatal("encrypted it is another wallet")
			}
		}
		checkPromises(t, w)
	})
}

func checkPromises(t *testing.T, w *Wallet) {
	if len(w.Next) < 1 || len(w.Next) > maxMixdepths || (w.XPub != "") != (w.Type == WatchOnly) {
		t.Fatalf("%d mixdepths, public key %q of %s", len(w.Next), w.XPub, w.Type)
	}
	for _, next := range w.Next {
		for _, index := range next {
			if index > hardened {
				t.Fatalf("index %d", index)
			}
		}
	}
	for _, c := range w.Coins {
		if !c.Value.Valid() || c.Height < 0 || c.Path.Index >= hardened || c.Path.Branch > Timelocked ||
			(c.Path.Locktime != 0) != (c.Path.Branch == Timelocked) {
			t.Fatalf("coin %+v", c)
		}
	}
	phrase, err := w.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	switch w.Type {
	case WatchOnly:
		if !phrase.Empty() {
			t.Fatal("a phrase without seed")
		}
	case Legacy:
		again, err := ParseLegacyPhrase(phrase)
		if err != nil || !bytes.Equal(again.Reveal(), w.Entropy.Reveal()) {
			t.Fatalf("the phrase is of another seed: %v", err)
		}
	default:
		again, err := bip39.EntropyFromMnemonic(phrase.Reveal())
		if err != nil || !bytes.Equal(again, w.Entropy.Reveal()) {
			t.Fatalf("the phrase is of another seed: %v", err)
		}
	}
}

// FuzzContainer: a container that is read writes back byte for byte, and
// whatever it holds is a wallet or a known error.
func FuzzContainer(f *testing.F) {
	for _, v := range vectors.Load[vector](f, "jmdat.json", 82) {
		if data := v.data(f); len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Add(seal([]byte("de"), exampleKey, exampleSalt, exampleIV, false))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := open(file, secret.NewText("x"), exampleDerive); err != nil {
			coded(t, err)
		}
		body, ok := bytes.CutPrefix(file, []byte(sealedMark))
		if !ok {
			return
		}
		c, err := readContainer(body)
		if err != nil {
			coded(t, err)
			return
		}
		again := encode(dict{"data": string(c.data), "enc": dict{"iv": string(c.iv), "salt": string(c.salt)}})
		if !bytes.Equal(again, body) {
			t.Fatalf("%q reads as %q", body, again)
		}
	})
}
