package protocol

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

type feeCase struct {
	OrderType OfferType
	CJFee     string
	Amount    sats.Amount
	Valid     bool
	Fee       any
	Reason    string
	Note      string
}

// atLeastOne and tooLong are vectors the reference accepts and we refuse by the
// bounds of attack M16: a fee below one, in at most 30 characters.
var (
	atLeastOne = map[string]bool{"1": true, "1.50000000000000000000000000001": true}
	tooLong    = map[string]bool{
		"0.123456789012345678901234567890":   true,
		"0.3333333333333333333333333333333":  true,
		"0.49999999999999999999999999999999": true,
		"0.50000000000000000000000000001":    true,
	}
)

func TestFeeVectors(t *testing.T) {
	for _, c := range vectors.Load[feeCase](t, "fees.json", 74) {
		o := Offer{Type: c.OrderType, MaxSize: sats.Max, CJFee: c.CJFee}
		got, err := o.Fee(c.Amount)
		if !c.Valid || atLeastOne[c.CJFee] || tooLong[c.CJFee] {
			if err == nil {
				t.Errorf("fee %q of %s is accepted (%s)", c.CJFee, c.OrderType, c.Reason)
			}
			continue
		}
		if err != nil || got != sats.Amount(c.Fee.(float64)) {
			t.Errorf("%s %s of %d = %d, %v; want %v %s", c.OrderType, c.CJFee, c.Amount, got, err, c.Fee, c.Note)
		}
	}
}

// The arithmetic agrees with the reference also where the text is longer than
// an offer may have.
func TestFeeArithmeticBeyondTheTextLimit(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[feeCase](t, "fees.json", 74) {
		if !c.Valid || !atLeastOne[c.CJFee] && !tooLong[c.CJFee] {
			continue
		}
		seen++
		whole, digits, _ := strings.Cut(c.CJFee, ".")
		got := decimal{whole + digits, len(digits)}.times(c.Amount)
		if want := sats.Amount(c.Fee.(float64)); got != want {
			t.Errorf("%s of %d = %d, want %d %s", c.CJFee, c.Amount, got, want, c.Note)
		}
	}
	if want := len(atLeastOne) + len(tooLong); seen != want {
		t.Errorf("%d of %d vectors found", seen, want)
	}
}

func TestM16OfferBounds(t *testing.T) {
	good := Offer{Type: SW0RelOffer, ID: 0, MinSize: 27_300, MaxSize: 100_000_000, TxFee: 0, CJFee: "0.00002"}
	for _, c := range []struct {
		name   string
		change func(*Offer)
		want   error
	}{
		{"untouched", func(o *Offer) {}, nil},
		{"unknown type", func(o *Offer) { o.Type = "sw1reloffer" }, ErrOfferType},
		{"negative id", func(o *Offer) { o.ID = -1 }, ErrOfferID},
		{"negative minsize", func(o *Offer) { o.MinSize = -1 }, ErrOfferSize},
		{"maxsize above all coins", func(o *Offer) { o.MaxSize = sats.Max + 1 }, ErrOfferSize},
		{"sizes crossed", func(o *Offer) { o.MinSize = o.MaxSize + 1 }, ErrOfferSize},
		{"negative txfee", func(o *Offer) { o.TxFee = -1 }, ErrOfferFee},
		{"txfee above all coins", func(o *Offer) { o.TxFee = sats.Max + 1 }, ErrOfferFee},
		{"all coins as absolute fee", func(o *Offer) { o.Type, o.CJFee = SW0AbsOffer, "2100000000000000" }, nil},
		{"more than all coins", func(o *Offer) { o.Type, o.CJFee = SW0AbsOffer, "2100000000000001" }, ErrOfferFee},
		{"fraction as absolute fee", func(o *Offer) { o.Type, o.CJFee = SW0AbsOffer, "0.1" }, ErrOfferFee},
		{"exponent as absolute fee", func(o *Offer) { o.Type, o.CJFee = SW0AbsOffer, "1e-1" }, ErrOfferFee},
	} {
		o := good
		c.change(&o)
		if err := o.Validate(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestT16RelativeFeeTexts(t *testing.T) {
	accepted := []string{
		"0", "0.0", "0.1", "0.000020", "0.99999999999999", "0." + strings.Repeat("1", 28),
		"1e-5", "1e-05", "1E-05", "9.99e-1", "2.5e-18", "0e-1", "1." + strings.Repeat("1", 24) + "e-05",
	}
	refused := []string{
		"", ".", "1", "1.0", "2", "10", "00", "00.1", "01e-5", ".5", "5.", "0.", "-0", "-0.1", "+0.1", " 0.1", "0.1 ",
		"0,1", "0x1", "0_1", "0.0_1", "0..1", "0.1.1", "1e5", "1e+5", "1e-", "1e", "e-5", "1e-0", "1e-00", "1e-19",
		"1e-005", "1e--5", "1e-5e-5", ".1e-5", "1.e-5", "10e-5", "1e999999", "NaN", "sNaN", "Infinity", "-inf", "nan",
		"0." + strings.Repeat("1", 29), "1." + strings.Repeat("1", 25) + "e-05", "٠.١", "0.1\n", "0.1\x00",
	}
	for _, text := range accepted {
		if err := (Offer{Type: SW0RelOffer, CJFee: text}).Validate(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range refused {
		if err := (Offer{Type: SW0RelOffer, CJFee: text}).Validate(); !errors.Is(err, ErrOfferFee) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFeeRefusesAmountsOutOfRange(t *testing.T) {
	for _, amount := range []sats.Amount{-1, sats.Max + 1} {
		for _, o := range []Offer{{Type: SW0RelOffer, CJFee: "0.1"}, {Type: SW0AbsOffer, CJFee: "1"}} {
			if fee, err := o.Fee(amount); !errors.Is(err, sats.ErrRange) {
				t.Errorf("%s of %d sat: %d, %v", o.CJFee, amount, fee, err)
			}
		}
	}
}

// A fee text that validates gives a fee within the amount, and exactly the
// product rounded half to even wherever that needs no more than 28 digits.
func FuzzRelativeFee(f *testing.F) {
	for _, text := range []string{"0", "0.00002", "0.5", "1e-05", "9.99e-1", "0.1111111111111111111111111111", "1", ".5"} {
		f.Add(text, int64(125_000))
		f.Add(text, int64(sats.Max))
	}
	f.Fuzz(func(t *testing.T, text string, n int64) {
		o, amount := Offer{Type: SW0RelOffer, MaxSize: sats.Max, CJFee: text}, sats.Amount(n)
		if o.Validate() != nil {
			return
		}
		if len(text) > MaxFeeText || !Printable(text) {
			t.Fatalf("%q validates", text)
		}
		fee, err := o.Fee(amount)
		if !amount.Valid() {
			if err == nil {
				t.Fatalf("fee of %d sat: %d", n, fee)
			}
			return
		}
		if err != nil || fee < 0 || fee > amount {
			t.Fatalf("%s of %d = %d, %v", text, amount, fee, err)
		}
		rate, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q validates, but is no number", text)
		}
		exact := rate.Mul(rate, new(big.Rat).SetInt64(n))
		if err := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(fee))); err.Abs(err).Cmp(tolerance(exact)) > 0 {
			t.Fatalf("%s of %d = %d, which is %s off", text, amount, fee, err.FloatString(30))
		}
	})
}

// tolerance is one half; with more than 28 digits the first rounding adds at
// most a unit of the twelfth decimal.
func tolerance(exact *big.Rat) *big.Rat {
	half := big.NewRat(1, 2)
	if exact.IsInt() || new(big.Rat).Mul(exact, big.NewRat(1e12, 1)).IsInt() {
		return half
	}
	return half.Add(half, big.NewRat(1, 1e12))
}

func BenchmarkOfferValidate(b *testing.B) {
	o := Offer{Type: SW0RelOffer, MinSize: 27_300, MaxSize: 100_000_000, CJFee: "0.000020"}
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOfferFee(b *testing.B) {
	o := Offer{Type: SW0RelOffer, MinSize: 27_300, MaxSize: 100_000_000, CJFee: "0.000020"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Fee(50_000_000); err != nil {
			b.Fatal(err)
		}
	}
}
