package podle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

type vector struct {
	Kind             string
	PrivKey          string
	UTXO             string
	Index            int
	Nonce            string
	P, P2, Sig, E    string
	Commitment       string
	Revelation       string
	Tries            int
	Valid            bool
	Should           string
	Reason, Note     string
	ReferenceAccepts bool `json:"reference_accepts"`
}

func TestGeneratorsAsReference(t *testing.T) {
	var want []string
	vectors.Read(t, "nums.json", &want)
	if len(want) != Points {
		t.Fatalf("%d points", len(want))
	}
	digest := sha256.New()
	for i, j := range generators() {
		got := compress(&j)
		digest.Write(got[:])
		if hex.EncodeToString(got[:]) != want[i] {
			t.Errorf("J(%d) = %x, want %s", i, got, want[i])
		}
	}
	const whole = "94eb5f3a2aabb7ec31fe9240c7ce8592aaeec26c9da6d7927017af3be9af0a8c"
	if got := hex.EncodeToString(digest.Sum(nil)); got != whole {
		t.Errorf("digest of all points %s, want %s", got, whole)
	}
}

func TestGenerateAsReference(t *testing.T) {
	for _, v := range vectors.Kind[vector](t, "podle.json", "generate", 11) {
		key, _ := btcec.PrivKeyFromBytes(vectors.Hex(t, v.PrivKey))
		utxo, err := coins.ParseOutPoint(v.UTXO)
		if err != nil {
			t.Fatal(err)
		}
		var k btcec.ModNScalar
		k.SetByteSlice(vectors.Hex(t, v.Nonce))
		proof := generate(key, utxo, v.Index, &k)
		if proof.String() != v.Revelation {
			t.Errorf("index %d: %s\nwant %s", v.Index, proof, v.Revelation)
		}
		if c := proof.Commitment(); hex.EncodeToString(c[:]) != v.Commitment {
			t.Errorf("index %d: commitment %x, want %s", v.Index, c, v.Commitment)
		}

		fresh, err := Generate(key, utxo, v.Index)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := Generate(key, utxo, v.Index)
		if fresh.S == again.S {
			t.Error("two proofs share a nonce")
		}
		if fresh.Commitment() != proof.Commitment() {
			t.Error("the commitment depends on the nonce")
		}
		if i, err := fresh.Verify(proof.Commitment(), v.Index+1); i != v.Index || err != nil {
			t.Errorf("Verify = %d, %v, want %d", i, err, v.Index)
		}
	}
}

// check parses and verifies as a maker does.
func check(revelation, commitment string, tries int) error {
	proof, err := ParseRevelation(revelation)
	if err != nil {
		return err
	}
	c, err := hex.DecodeString(commitment)
	if err != nil || len(c) != 32 {
		return errors.New("commitment of the case is not 32 bytes")
	}
	_, err = proof.Verify([32]byte(c), tries)
	return err
}

func TestM5VerifyAsReference(t *testing.T) {
	// Where the reference may go either way, we take one spelling only.
	refusedByUs := map[string]bool{
		"upper-case hex in the revelation": true,
		"upper-case transaction id":        true,
		"leading zero in the output index": true,
	}
	for _, v := range vectors.Kind[vector](t, "podle.json", "verify", 82) {
		err := check(v.Revelation, v.Commitment, v.Tries)
		want := v.Valid && !refusedByUs[v.Note]
		if v.Should == "reject" && want {
			t.Fatalf("case %q is inconsistent", v.Reason)
		}
		if (err == nil) != want {
			t.Errorf("%s%s: %v, want accepted %v", v.Note, v.Reason, err, want)
		}
	}
}

func sample(t testing.TB) Proof {
	t.Helper()
	proof, err := ParseRevelation(vectors.Kind[vector](t, "podle.json", "generate", 11)[0].Revelation)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// The proofs below are wrong at the edges of the number ranges and of the
// curve, each opening its own commitment so that nothing but the proof itself
// can refuse it.
func TestM5EdgePoints(t *testing.T) {
	order := vectors.Hex(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	field := vectors.Hex(t, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	ones := vectors.Hex(t, strings.Repeat("ff", 32))
	point := func(prefix byte, x []byte) [33]byte { return [33]byte(append([]byte{prefix}, x...)) }
	zero := make([]byte, 32)

	for name, spoil := range map[string]func(*Proof){
		"zero value":         func(p *Proof) { *p = Proof{} },
		"s zero":             func(p *Proof) { p.S = [32]byte{} },
		"s the order":        func(p *Proof) { p.S = [32]byte(order) },
		"s all ones":         func(p *Proof) { p.S = [32]byte(ones) },
		"e zero":             func(p *Proof) { p.E = [32]byte{} },
		"e the order":        func(p *Proof) { p.E = [32]byte(order) },
		"e all ones":         func(p *Proof) { p.E = [32]byte(ones) },
		"P x zero":           func(p *Proof) { p.P = point(2, zero) },
		"P x field prime":    func(p *Proof) { p.P = point(2, field) },
		"P x all ones":       func(p *Proof) { p.P = point(3, ones) },
		"P prefix 0":         func(p *Proof) { p.P[0] = 0 },
		"P prefix 4":         func(p *Proof) { p.P[0] = 4 },
		"P prefix 6":         func(p *Proof) { p.P[0] = 6 },
		"P negated":          func(p *Proof) { p.P[0] ^= 1 },
		"P2 x zero":          func(p *Proof) { p.P2 = point(2, zero) },
		"P2 x field prime":   func(p *Proof) { p.P2 = point(2, field) },
		"P2 prefix 6":        func(p *Proof) { p.P2[0] = 6 },
		"P2 negated":         func(p *Proof) { p.P2[0] ^= 1 },
		"P2 generator":       func(p *Proof) { p.P2 = [33]byte(btcec.Generator().SerializeCompressed()) },
		"P2 equal to P":      func(p *Proof) { p.P2 = p.P },
		"P and P2 exchanged": func(p *Proof) { p.P, p.P2 = p.P2, p.P },
		// sG - eP is the point at infinity for s = e*x, here x = 1.
		"nonce point at infinity": func(p *Proof) {
			p.P, p.S = [33]byte(btcec.Generator().SerializeCompressed()), p.E
		},
		"both nonce points at infinity": func(p *Proof) {
			p.P, p.S = [33]byte(btcec.Generator().SerializeCompressed()), p.E
			p.P2 = compress(&generators()[0])
		},
	} {
		p := sample(t)
		spoil(&p)
		if i, err := p.Verify(p.Commitment(), 3); !errors.Is(err, ErrProof) {
			t.Errorf("%s: index %d, %v, want ErrProof", name, i, err)
		}
	}
}

func TestM5IndexBounds(t *testing.T) {
	key, _ := btcec.PrivKeyFromBytes([]byte{1})
	for _, index := range []int{-1, Points, Points + 1, 1000} {
		if _, err := Generate(key, wire.OutPoint{}, index); !errors.Is(err, ErrIndex) {
			t.Errorf("Generate with index %d: %v", index, err)
		}
	}
	p := sample(t)
	for _, tries := range []int{-1, 0, Points + 1} {
		if _, err := p.Verify(p.Commitment(), tries); !errors.Is(err, ErrIndex) {
			t.Errorf("Verify with %d tries: %v", tries, err)
		}
	}
	last, err := Generate(key, wire.OutPoint{}, Points-1)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := last.Verify(last.Commitment(), Points); i != Points-1 || err != nil {
		t.Errorf("Verify = %d, %v", i, err)
	}
	if _, err := last.Verify(last.Commitment(), Points-1); !errors.Is(err, ErrProof) {
		t.Errorf("index beyond the tries: %v", err)
	}
}

func TestExtendedCoin(t *testing.T) {
	plain := sample(t)
	rest := strings.TrimPrefix(plain.String(), plain.UTXO.String())
	text := plain.UTXO.String() + ":0014389cd03877f6cacb9fb4fb5301219a8a9bec7a3e:800000" + rest
	if got, err := ParseRevelation(text); got != plain || err != nil {
		t.Errorf("ParseRevelation(%q) = %v, %v", text, got, err)
	}
	for _, bad := range []string{":001:800000", "::800000", ":0014:", ":0014:-1", ":0014:1:2", ":0014", ":00G4:1",
		":" + strings.Repeat("00", 101) + ":1"} {
		if _, err := ParseRevelation(plain.UTXO.String() + bad + rest); !errors.Is(err, ErrRevelation) {
			t.Errorf("coin extended by %q: %v", bad, err)
		}
	}
}

func FuzzParseRevelation(f *testing.F) {
	for _, v := range vectors.Kind[vector](f, "podle.json", "verify", 82) {
		f.Add(v.Revelation)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseRevelation(text)
		if err != nil {
			return
		}
		coin, rest, _ := strings.Cut(text, "|")
		if parts := strings.Split(coin, ":"); len(parts) == 4 {
			text = parts[0] + ":" + parts[1] + "|" + rest
		}
		if p.String() != text {
			t.Errorf("%q is written back as %q", text, p)
		}
		p.Verify(p.Commitment(), 3)
	})
}

func BenchmarkGenerate(b *testing.B) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	generators()
	for b.Loop() {
		if _, err := Generate(key, wire.OutPoint{}, 2); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	key, _ := btcec.PrivKeyFromBytes([]byte{7})
	proof, _ := Generate(key, wire.OutPoint{}, 2)
	for b.Loop() { // the worst case of the usual three tries
		if _, err := proof.Verify(proof.Commitment(), 3); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDeriveGenerators(b *testing.B) {
	for b.Loop() {
		deriveGenerators()
	}
}
