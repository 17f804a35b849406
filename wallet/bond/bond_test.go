package bond

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

func TestSize(t *testing.T) {
	if Size != 252 {
		t.Errorf("a proof has %d bytes, the protocol says 252", Size)
	}
}

func TestEveryMonth(t *testing.T) {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range Locktimes {
		locktime, err := Locktime(n)
		if err != nil || int64(locktime) != at.Unix() {
			t.Fatalf("Locktime(%d) = %d, %v, want %s", n, locktime, err, at)
		}
		if back, err := Timenumber(locktime); back != n || err != nil {
			t.Fatalf("Timenumber(%d) = %d, %v", locktime, back, err)
		}
		if back, err := ParseMonth(at.Format("2006-01")); back != n || err != nil {
			t.Fatalf("ParseMonth(%s) = %d, %v", at.Format("2006-01"), back, err)
		}
		for _, off := range []uint32{locktime - 1, locktime + 1, locktime + 86400} {
			if back, err := Timenumber(off); !errors.Is(err, ErrMonth) {
				t.Fatalf("Timenumber(%d) = %d, %v", off, back, err)
			}
		}
		at = at.AddDate(0, 1, 0)
	}
	for _, bad := range []string{"", "2019-12", "2100-01", "2027", "2027-13", "2027-1", "2027-01-01", "1969-01", "9999-01", " 2027-01", "-2027-01"} {
		if n, err := ParseMonth(bad); !errors.Is(err, ErrMonth) {
			t.Errorf("ParseMonth(%q) = %d, %v", bad, n, err)
		}
	}
}

func TestParseRedeemRefuses(t *testing.T) {
	pubKey := [33]byte(btcec.Generator().SerializeCompressed())
	good := Redeem(1_577_836_800, pubKey)
	for name, edit := range map[string]func([]byte) []byte{
		"empty":               func([]byte) []byte { return nil },
		"cut":                 func(s []byte) []byte { return s[:len(s)-1] },
		"longer":              func(s []byte) []byte { return append(s, 0xac) },
		"no push":             func(s []byte) []byte { return append([]byte{0x76}, s[5:]...) },
		"negative":            func(s []byte) []byte { return append([]byte{0x4f}, s[5:]...) },
		"not minimal":         func(s []byte) []byte { return slices.Concat([]byte{5}, s[1:5], []byte{0}, s[5:]) },
		"sequence lock":       func(s []byte) []byte { s[5] = 0xb2; return s },
		"key of 32 bytes":     func(s []byte) []byte { s[7] = 32; return append(s[:40], 0xac) },
		"beyond 32 bits":      func(s []byte) []byte { return append([]byte{5, 0, 0, 0, 0, 1}, s[5:]...) },
		"push by OP_PUSHDATA": func(s []byte) []byte { return append([]byte{0x4c, 4}, s[1:]...) },
	} {
		if _, _, err := ParseRedeem(edit(bytes.Clone(good))); !errors.Is(err, ErrScript) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, locktime := range []uint32{0, 1, 16, 17, 127, 128, 255, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		if back, key, err := ParseRedeem(Redeem(locktime, pubKey)); back != locktime || key != pubKey || err != nil {
			t.Errorf("locktime %d: %d, %x, %v", locktime, back, key, err)
		}
	}
}

func TestExpiry(t *testing.T) {
	for height, want := range map[int32]uint16{-5: 1, 0: 1, 2013: 1, 2014: 2, 840_000: 417, 250_000: 125, 856_795: 425, 856_798: 426, math.MaxInt32: math.MaxUint16} {
		if got := Expiry(height); got != want {
			t.Errorf("Expiry(%d) = %d, want %d", height, got, want)
		}
	}
	for height := range int32(10_000) {
		c := Certificate{Expiry: Expiry(height)}
		if c.Expired(height+safety-1) || !c.Expired(height+Period+safety+1) {
			t.Fatalf("made at %d: expiry %d", height, c.Expiry)
		}
	}
	last := Certificate{Expiry: math.MaxUint16}
	if last.Expired(math.MaxUint16*Period) || !last.Expired(math.MaxUint16*Period+1) {
		t.Error("the last expiry")
	}
}

func TestProveWithAnotherKey(t *testing.T) {
	bondKey, _ := btcec.PrivKeyFromBytes([]byte{1})
	certKey, certPub := btcec.PrivKeyFromBytes([]byte{2})
	c := Certify(bondKey, [33]byte(certPub.SerializeCompressed()), 9)
	if _, err := c.Prove(bondKey, outPoint, 0, "t", "m"); !errors.Is(err, ErrKey) {
		t.Errorf("with the key of the bond: %v", err)
	}
	p, err := c.Prove(certKey, outPoint, 0, "t", "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, {}, {0x31}, bytes.Repeat([]byte{0x30}, 73)} {
		q := p
		q.Signature = bad
		if text, err := q.Encode(); !errors.Is(err, ErrProof) {
			t.Errorf("signature %x: encoded %q, %v", bad, text, err)
		}
	}
}

var outPoint = wire.OutPoint{Index: 1}

// TestT14ValueIsMonotonous: no bond is worth less for more money, an earlier
// confirmation or a later end, and none more for waiting; whatever the numbers
// are, the value is one.
func TestT14ValueIsMonotonous(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		rates := Rates{r.Float64(), 10 * (1 - r.Float64())}
		if r.IntN(2) == 0 {
			rates = DefaultRates
		}
		if err := rates.Check(); err != nil {
			t.Fatalf("%+v: %v", rates, err)
		}
		amount := sats.Amount(r.Int64N(int64(sats.Max)))
		confirmed, now := time.Unix(r.Int64N(1<<32), 0), time.Unix(r.Int64N(1<<32), 0)
		locktime := r.Uint32()
		if r.IntN(10) == 0 {
			now = time.Unix(math.MaxInt64/2, 0)
		}
		value := rates.Value(amount, confirmed, locktime, now)
		if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
			t.Fatalf("%+v: value %v", rates, value)
		}
		if least := rates.Amount(value, confirmed, locktime, now); value > 1e-9 && (least > amount+amount/1e9+1 || rates.Value(least, confirmed, locktime, now) < value*(1-1e-9)) {
			t.Fatalf("%+v: %v is worth %v, for which %v do", rates, amount, value, least)
		}
		for what, more := range map[string]float64{
			"a larger amount":         rates.Value(min(sats.Max, amount+1+amount/3), confirmed, locktime, now),
			"an earlier confirmation": rates.Value(amount, confirmed.Add(-time.Hour*time.Duration(r.IntN(1e5))), locktime, now),
			"a later end":             rates.Value(amount, confirmed, locktime+min(r.Uint32(), math.MaxUint32-locktime), now),
			"an earlier view":         rates.Value(amount, confirmed, locktime, now.Add(-time.Hour*time.Duration(r.IntN(1e5)))),
		} {
			if more < value*(1-1e-12) {
				t.Fatalf("%+v, %v from %v to %d at %v is worth %v, with %s %v", rates, amount, confirmed, locktime, now, value, what, more)
			}
		}
	}
}

func TestT14ValueOfNonsense(t *testing.T) {
	now := time.Unix(1_750_000_000, 0)
	for _, amount := range []sats.Amount{0, -1, math.MinInt64, sats.Max + 1, math.MaxInt64} {
		if v := DefaultRates.Value(amount, now, math.MaxUint32, now); v != 0 {
			t.Errorf("value of %d sat: %v", amount, v)
		}
	}
	for value, end := range map[float64]uint32{1e30: math.MaxUint32, math.Inf(1): math.MaxUint32, math.NaN(): math.MaxUint32, 1: 0} {
		if least := DefaultRates.Amount(value, now, end, now); least != 0 {
			t.Errorf("a bond of %v until %d has a value of %v", least, end, value)
		}
	}
	if v := DefaultRates.Value(sats.Max, time.Time{}, math.MaxUint32, time.Time{}); math.IsInf(v, 0) || v <= 0 {
		t.Errorf("from the beginning of time: %v", v)
	}
	for _, r := range []Rates{{math.NaN(), 1}, {0.1, math.NaN()}, {math.Inf(1), 1}, {-0.1, 1}, {1.1, 1}, {0.1, 0}, {0.1, -1}, {0.1, 11}, {0.1, math.Inf(1)}} {
		if err := r.Check(); !errors.Is(err, ErrRates) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if err := DefaultRates.Check(); err != nil {
		t.Error(err)
	}
}

// FuzzParse: what parses is written back as it was, and verifying it does not
// panic.
func FuzzParse(f *testing.F) {
	for _, c := range vectors.Kind[vector](f, "bond_proof.json", "verify", 52) {
		f.Add(c.Proof)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if back, err := p.Encode(); back != text || err != nil {
			t.Fatalf("%s is written back %s, %v", text, back, err)
		}
		p.Verify("taker", "maker")
		p.CheckCoin(Coin{}, 0)
	})
}

// FuzzParseRedeem: what parses is written back byte for byte.
func FuzzParseRedeem(f *testing.F) {
	for _, c := range vectors.Kind[vector](f, "bond_proof.json", "create", 13) {
		f.Add(vectors.Hex(f, c.RedeemScript))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		locktime, pubKey, err := ParseRedeem(script)
		if err == nil && !bytes.Equal(Redeem(locktime, pubKey), script) {
			t.Fatalf("%x is written back %x", script, Redeem(locktime, pubKey))
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	c := vectors.Kind[vector](b, "bond_proof.json", "create", 13)[0]
	for b.Loop() {
		p, err := Parse(c.Proof)
		if err == nil {
			err = p.Verify(c.TakerNick, c.MakerNick)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
