package jmdat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// The inputs of the worked examples.
var (
	exampleSalt = unhex("000102030405060708090a0b0c0d0e0f")
	exampleIV   = unhex("101112131415161718191a1b1c1d1e1f")
	exampleKey  = unhex("bbc127de2594ff48b37f7c8699015de305da418c04367d777c42fb6389767263")
)

func unhex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

func exampleDerive(secret.Text, []byte) []byte { return bytes.Clone(exampleKey) }

func noDerive(secret.Text, []byte) []byte { panic("the password was tried") }

// seal encrypts a text as the reference does; always makes it add padding as
// versions up to 0.9.10 did.
func seal(text, key, salt, iv []byte, always bool) []byte {
	text = append([]byte(plainMark), text...)
	if n := aes.BlockSize - len(text)%aes.BlockSize; n < aes.BlockSize || always {
		text = append(text, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	return append([]byte(sealedMark), encode(map[string]any{
		"data": string(text),
		"enc":  map[string]any{"iv": string(iv), "salt": string(salt)},
	})...)
}

// plaintext returns the text inside a file of the vectors.
func plaintext(t testing.TB, name string) []byte {
	t.Helper()
	v := vectorOf(t, name)
	text, err := hex.DecodeString(v.Plaintext)
	if err != nil || len(text) == 0 {
		t.Fatalf("no plain text of %s: %v", name, err)
	}
	return text
}

func TestDeriveKey(t *testing.T) {
	if got := deriveKey(secret.NewText("test password"), exampleSalt); !bytes.Equal(got, exampleKey) {
		t.Errorf("key %x", got)
	}
}

func TestPaddingExamples(t *testing.T) {
	for text, want := range map[string]string{
		"de":       "863a4d352892a630528d4228d11b3e70",
		"d1:a1:be": "4de5ec33032808df6175c4cf3ac4513a",
	} {
		c := container{salt: exampleSalt, iv: exampleIV, data: unhex(want)}
		got, err := c.decrypt(exampleKey)
		if err != nil || string(got) != text {
			t.Errorf("%s decrypts to %q, %v", want, got, err)
		}
	}
}

// TestExampleFile is the complete example of the specification, byte for byte.
func TestExampleFile(t *testing.T) {
	file := seal(encode(map[string]any{
		"addr_labels":   map[string]any{},
		"created":       "2024/01/02 03:04:05",
		"entropy":       string(make([]byte, 16)),
		"imported_keys": map[string]any{},
		"index_cache":   map[string]any{"0": map[string]any{}, "1": map[string]any{}},
		"network":       "mainnet",
		"utxo":          map[string]any{},
		"wallet_type":   5,
	}), exampleKey, exampleSalt, exampleIV, false)
	const want = "6aa6e89fe7e32d552aa60e3b20117bec39c4ad0abb29ccd20f2b44971d2a28b8"
	if sum := sha256.Sum256(file); len(file) != 251 || hex.EncodeToString(sum[:]) != want {
		t.Fatalf("the example has %d bytes, hash %x", len(file), sum)
	}
	w, err := Open(file, secret.NewText("test password"))
	if err != nil {
		t.Fatal(err)
	}
	phrase, err := w.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	if phrase.Reveal() != "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about" {
		t.Error("wrong phrase")
	}
	if w.Type != Bonds || !w.Encrypted || len(w.Next) != 2 || w.ID != "" || len(w.Warnings) != 0 ||
		!w.Created.Equal(time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("read %+v", w)
	}
	if id := deriverOf(t, w, &chaincfg.MainNetParams).id(); id != "654c02" {
		t.Errorf("wallet id %s", id)
	}
}

func TestPlainFileNeedsNoPassword(t *testing.T) {
	file := vectorOf(t, "p2wpkh-plain.jmdat").data(t)
	for _, password := range []string{"", "whatever"} {
		w, err := open(file, secret.NewText(password), noDerive)
		if err != nil || w.Encrypted {
			t.Errorf("password %q: %v", password, err)
		}
	}
}

// TestW10NoWorkForBadContainers: what cannot be a wallet is refused before the
// costly derivation of the key.
func TestW10NoWorkForBadContainers(t *testing.T) {
	enc := map[string]any{"iv": string(exampleIV), "salt": string(exampleSalt)}
	block := string(make([]byte, 16))
	sealed := func(v any) []byte { return append([]byte(sealedMark), encode(v)...) }
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":            {nil, ErrTruncated},
		"start of a mark":    {[]byte("JM"), ErrTruncated},
		"other mark":         {[]byte("JMWALLEX"), ErrNotWallet},
		"short and other":    {[]byte("PNG"), ErrNotWallet},
		"JSON":               {[]byte(`{"creator": "joinmarket project"}`), ErrJSON},
		"JSON after blanks":  {[]byte("\n  {\"creator\": 1}"), ErrJSON},
		"too large":          {make([]byte, MaxSize+1), ErrTooLarge},
		"list":               {sealed([]any{}), ErrMissing},
		"empty":              {sealed(map[string]any{}), ErrMissing},
		"enc is a text":      {sealed(map[string]any{"data": block, "enc": "x"}), ErrMissing},
		"data is an integer": {sealed(map[string]any{"data": 1, "enc": enc}), ErrMissing},
		"no salt":            {sealed(map[string]any{"data": block, "enc": map[string]any{"iv": block}}), ErrMissing},
		"long salt": {sealed(map[string]any{"data": block,
			"enc": map[string]any{"iv": block, "salt": block + "x"}}), ErrDamaged},
		"part of a block":  {sealed(map[string]any{"data": block + "x", "enc": enc}), ErrDamaged},
		"new part":         {sealed(map[string]any{"data": block, "enc": enc, "mac": block}), ErrUnknownVersion},
		"other parameters": {sealed(map[string]any{"data": block, "enc": map[string]any{"kdf": 1}}), ErrUnknownVersion},
	} {
		if w, err := open(c.file, secret.NewText("x"), noDerive); !errors.Is(err, c.want) || w != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestEveryCut: a file that ends anywhere too early is refused as such.
func TestEveryCut(t *testing.T) {
	file := vectorOf(t, "p2wpkh-fresh.jmdat").data(t)
	plain := vectorOf(t, "p2wpkh-plain.jmdat").data(t)
	for _, whole := range [][]byte{file, plain} {
		for n := range whole {
			if w, err := open(whole[:n], secret.NewText("x"), noDerive); !errors.Is(err, ErrTruncated) || w != nil {
				t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
			}
		}
	}
}

// TestW1Flips changes every byte of an encrypted file. The format has no check
// of integrity, so that some changes pass; those of the seed are noticed by the
// wallet id. None may panic, and a right password is never blamed unless the
// salt was hit.
func TestW1Flips(t *testing.T) {
	text := plaintext(t, "without-cache.jmdat")
	good, err := read(bytes.Clone(text))
	if err != nil {
		t.Fatal(err)
	}
	file := seal(text, exampleKey, exampleSalt, exampleIV, false)
	derive := func(_ secret.Text, salt []byte) []byte {
		if !bytes.Equal(salt, exampleSalt) {
			return make([]byte, keySize)
		}
		return bytes.Clone(exampleKey)
	}
	saltAt := bytes.Index(file, exampleSalt)
	passed := 0
	for i := range file {
		file[i] ^= 1 << (i % 8)
		w, err := open(file, secret.NewText("x"), derive)
		file[i] ^= 1 << (i % 8)
		if inSalt := i >= saltAt && i < saltAt+saltSize; errors.Is(err, ErrPassword) != inSalt {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if err != nil {
			continue
		}
		passed++
		if !reflect.DeepEqual(w.Entropy, good.Entropy) && deriverOf(t, w, &chaincfg.MainNetParams).id() == w.ID {
			t.Errorf("byte %d changed: another seed, the same id", i)
		}
	}
	if passed == 0 || passed == len(file) {
		t.Errorf("%d of %d changes passed", passed, len(file))
	}
}
