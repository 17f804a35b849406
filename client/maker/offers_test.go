package maker

import (
	"errors"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

func bothTerms() Terms {
	return Terms{
		Types:    []protocol.OfferType{protocol.SW0AbsOffer, protocol.SW0RelOffer},
		CJFeeAbs: 500,
		CJFeeRel: "0.00002",
		TxFee:    100,
		MinSize:  100_000,
		Basic:    true,
	}
}

func TestOffers(t *testing.T) {
	abs := protocol.Offer{Type: protocol.SW0AbsOffer, ID: 0, MinSize: 100_000, MaxSize: 99_000_000, TxFee: 100, CJFee: "600"}
	// 1.5 * 100 / 0.00002
	rel := protocol.Offer{Type: protocol.SW0RelOffer, ID: 1, MinSize: 7_500_000, MaxSize: 99_000_000, TxFee: 100, CJFee: "0.00002"}
	free := func(t *Terms) { t.TxFee, t.CJFeeAbs, t.CJFeeRel, t.MinSize = 0, 0, "0", 0 }
	for _, c := range []struct {
		name    string
		change  func(*Terms)
		balance sats.Amount
		want    []protocol.Offer
	}{
		{"both", func(*Terms) {}, 100_000_000, []protocol.Offer{abs, rel}},
		{"no coins", func(*Terms) {}, 0, nil},
		{"too few coins", func(*Terms) {}, 127_299, nil},
		{"just enough for the absolute one", func(*Terms) {}, 127_300,
			[]protocol.Offer{{Type: abs.Type, MinSize: 100_000, MaxSize: 100_000, TxFee: 100, CJFee: "600"}}},
		{"large contribution is kept back", func(t *Terms) { t.Types = t.Types[:1]; t.TxFee = 50_000 }, 1_000_000,
			[]protocol.Offer{{Type: abs.Type, MinSize: 100_000, MaxSize: 950_000, TxFee: 50_000, CJFee: "50500"}}},
		{"least size has a floor", free, 55_300, []protocol.Offer{
			{Type: abs.Type, ID: 0, MinSize: 27_300, MaxSize: 28_000, CJFee: "0"},
			{Type: rel.Type, ID: 1, MinSize: 27_300, MaxSize: 28_000, CJFee: "0"}}},
	} {
		terms := bothTerms()
		c.change(&terms)
		if err := terms.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := terms.Offers(c.balance); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestM16Terms(t *testing.T) {
	for name, change := range map[string]func(*Terms){
		"no type":              func(t *Terms) { t.Types = nil },
		"unknown type":         func(t *Terms) { t.Types = []protocol.OfferType{"sw1reloffer"} },
		"same type twice":      func(t *Terms) { t.Types[1] = t.Types[0] },
		"other script type":    func(t *Terms) { t.Types[1] = protocol.SWRelOffer },
		"three types":          func(t *Terms) { t.Types = append(t.Types, protocol.SWRelOffer) },
		"negative fee":         func(t *Terms) { t.CJFeeAbs = -1 },
		"fee beyond all money": func(t *Terms) { t.CJFeeAbs = sats.Max },
		"negative txfee":       func(t *Terms) { t.TxFee = -1 },
		"negative size":        func(t *Terms) { t.MinSize = -1 },
		"relative fee of one":  func(t *Terms) { t.CJFeeRel = "1" },
		"relative fee missing": func(t *Terms) { t.CJFeeRel = "" },
		"NaN":                  func(t *Terms) { t.CJFeeRel = "NaN" },
		"exponent":             func(t *Terms) { t.CJFeeRel = "2e-5" },
		"exponent bomb":        func(t *Terms) { t.CJFeeRel = "1e-999999999" },
		"never covers":         func(t *Terms) { t.CJFeeRel = "0.0000000000000000001" },
		"zero never covers":    func(t *Terms) { t.CJFeeRel = "0.000" },
		"factor above one":     func(t *Terms) { t.SizeFactor = "1.01" },
		"negative factor":      func(t *Terms) { t.CJFeeFactor = "-0.1" },
		"factor of words":      func(t *Terms) { t.TxFeeFactor = "ten" },
		"drawn fee of one":     func(t *Terms) { t.Basic, t.CJFeeRel, t.CJFeeFactor = false, "0.95", "0.1" },
	} {
		terms := bothTerms()
		terms.Types = slices.Clone(terms.Types)
		change(&terms)
		if err := terms.Validate(); !errors.Is(err, ErrTerms) {
			t.Errorf("%s: %v, want %v", name, err, ErrTerms)
		}
	}
}

// share is a factor as users write one.
func share(r *rand.Rand) string { return []string{"", "0", "0.1", "0.35", "1"}[r.Intn(5)] }

// Whatever the terms, no offer can be filled at a loss.
func TestM16NeverALoss(t *testing.T) {
	seed := rand.Int63()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewSource(seed))
	offers := 0
	for range 2_000 {
		terms := Terms{
			Types:    []protocol.OfferType{protocol.SW0RelOffer, protocol.SW0AbsOffer},
			CJFeeAbs: sats.Amount(r.Int63n(10_000)),
			CJFeeRel: "0." + strings.Repeat("0", r.Intn(8)) + strconv.Itoa(r.Intn(1000)),
			TxFee:    sats.Amount(r.Int63n(5_000)) * sats.Amount(r.Intn(2)),
			MinSize:  sats.Amount(r.Int63n(1_000_000)),
			Basic:    r.Intn(2) == 0,

			CJFeeFactor: share(r), TxFeeFactor: share(r), SizeFactor: share(r),
		}
		if terms.Validate() != nil {
			continue
		}
		for _, o := range terms.Offers(sats.Amount(r.Int63n(int64(sats.Max)))) {
			offers++
			for _, amount := range []sats.Amount{o.MinSize, o.MinSize + 1, o.MinSize + (o.MaxSize-o.MinSize)/2, o.MaxSize} {
				earning, err := Agreement{Offer: o, Amount: amount}.Earning()
				if err != nil || earning < 0 {
					t.Fatalf("%+v filled with %d earns %d, %v", o, amount, earning, err)
				}
			}
		}
	}
	if offers < 1_000 {
		t.Errorf("only %d offers were tried", offers)
	}
}
