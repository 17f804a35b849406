package message

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

type corpus struct {
	Hashes     []struct{ Text, Hash string }
	Signatures []struct{ PrivKey, PubKey, Text, Hash, Signature string }
}

func loadCorpus(t testing.TB) (c corpus) {
	t.Helper()
	vectors.Read(t, "message.json", &c)
	if len(c.Hashes) < 10 || len(c.Signatures) < 25 {
		t.Fatalf("corpus of %d hashes and %d signatures is not the one recorded", len(c.Hashes), len(c.Signatures))
	}
	return c
}

func TestHashAsReference(t *testing.T) {
	c := loadCorpus(t)
	for _, v := range c.Hashes {
		if h := Hash(v.Text); hex.EncodeToString(h[:]) != v.Hash {
			t.Errorf("Hash(%.40q) = %x, want %s", v.Text, h[:], v.Hash)
		}
	}
}

func TestW11SignAsReference(t *testing.T) {
	c := loadCorpus(t)
	for _, v := range c.Signatures {
		key, pub := btcec.PrivKeyFromBytes(vectors.Hex(t, v.PrivKey))
		if got := hex.EncodeToString(pub.SerializeCompressed()); got != v.PubKey {
			t.Fatalf("public key %s, want %s", got, v.PubKey)
		}
		if h := Hash(v.Text); hex.EncodeToString(h[:]) != v.Hash {
			t.Errorf("Hash(%.40q) = %x, want %s", v.Text, h[:], v.Hash)
		}
		der := Sign(key, v.Text)
		if got := EncodeSignature(der); got != v.Signature {
			t.Errorf("Sign(%.40q) = %s, want %s", v.Text, got, v.Signature)
		}
		if err := Verify(pub.SerializeCompressed(), v.Text, der); err != nil {
			t.Errorf("Verify(%.40q): %v", v.Text, err)
		}
		if err := Verify(pub.SerializeCompressed(), v.Text+" ", der); !errors.Is(err, ErrSignature) {
			t.Errorf("Verify of another text: %v", err)
		}
	}
}

// highS returns the same signature with the other of its two S values, written
// by hand because the library only writes the low one.
func highS(t *testing.T, der []byte) []byte {
	t.Helper()
	sig, err := ecdsa.ParseDERSignature(der)
	if err != nil {
		t.Fatal(err)
	}
	r, s := sig.R(), sig.S()
	s.Negate()
	integer := func(b [32]byte) []byte {
		out := b[:]
		for len(out) > 1 && out[0] == 0 && out[1] < 0x80 {
			out = out[1:]
		}
		if out[0] >= 0x80 {
			out = append([]byte{0}, out...)
		}
		return append([]byte{2, byte(len(out))}, out...)
	}
	body := append(integer(r.Bytes()), integer(s.Bytes())...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestVerifyEncodings(t *testing.T) {
	v := loadCorpus(t).Signatures[0]
	key, pub := btcec.PrivKeyFromBytes(vectors.Hex(t, v.PrivKey))
	der := Sign(key, v.Text)
	if err := Verify(pub.SerializeCompressed(), v.Text, highS(t, der)); err != nil {
		t.Errorf("high S: %v", err)
	}

	padded := append([]byte{0x30, der[1] + 1, 2, der[3] + 1, 0}, der[4:]...)
	for name, bad := range map[string][]byte{
		"empty":          {},
		"trailing byte":  append(append([]byte{}, der...), 0),
		"hash type":      append(append([]byte{}, der...), 1),
		"cut":            der[:len(der)-1],
		"wrong tag":      append([]byte{0x31}, der[1:]...),
		"padded integer": padded,
		"compact":        ecdsa.SignCompact(key, make([]byte, 32), true),
		"zero r":         vectors.Hex(t, "3006020100020101"),
		"zero s":         vectors.Hex(t, "3006020101020100"),
	} {
		if err := Verify(pub.SerializeCompressed(), v.Text, bad); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: %v, want ErrEncoding", name, err)
		}
	}
	hybrid := pub.SerializeUncompressed()
	hybrid[0] = 6 | hybrid[64]&1
	for name, bad := range map[string][]byte{
		"none":         nil,
		"uncompressed": pub.SerializeUncompressed(),
		"hybrid":       hybrid,
		"off curve":    append([]byte{2}, append(make([]byte, 31), 5)...),
		"prefix 5":     append([]byte{5}, pub.SerializeCompressed()[1:]...),
	} {
		if err := Verify(bad, v.Text, der); !errors.Is(err, ErrKey) {
			t.Errorf("key %s: %v, want ErrKey", name, err)
		}
	}
}

func TestDecodeSignatureStrict(t *testing.T) {
	for _, v := range loadCorpus(t).Signatures {
		der, err := DecodeSignature(v.Signature)
		if err != nil || EncodeSignature(der) != v.Signature {
			t.Errorf("DecodeSignature(%s) = %x, %v", v.Signature, der, err)
		}
		for _, bad := range []string{v.Signature + "\n", v.Signature + "=", " " + v.Signature, v.Signature[1:],
			strings.Repeat("A", 100)} {
			if der, err := DecodeSignature(bad); !errors.Is(err, ErrEncoding) {
				t.Errorf("DecodeSignature(%q) = %x, %v", bad, der, err)
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	v := loadCorpus(f).Signatures[0]
	key, pub := btcec.PrivKeyFromBytes(vectors.Hex(f, v.PrivKey))
	good := Sign(key, v.Text)
	f.Add(good)
	f.Add(append(good, 0))
	f.Fuzz(func(t *testing.T, der []byte) {
		if Verify(pub.SerializeCompressed(), v.Text, der) != nil {
			return
		}
		// Only the two forms of the one signature we made are known to us.
		sig, err := ecdsa.ParseDERSignature(der)
		if err != nil || string(sig.Serialize()) != string(good) {
			t.Errorf("accepted %x", der)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	v := loadCorpus(b).Signatures[0]
	key, _ := btcec.PrivKeyFromBytes(vectors.Hex(b, v.PrivKey))
	for b.Loop() {
		Sign(key, v.Text)
	}
}

func BenchmarkVerify(b *testing.B) {
	v := loadCorpus(b).Signatures[0]
	key, pub := btcec.PrivKeyFromBytes(vectors.Hex(b, v.PrivKey))
	der := Sign(key, v.Text)
	for b.Loop() {
		if err := Verify(pub.SerializeCompressed(), v.Text, der); err != nil {
			b.Fatal(err)
		}
	}
}
