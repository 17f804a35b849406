package maker

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// usual are the reference's defaults of the privacy-enhanced generator, with
// other fees where the defaults would hide a fault.
func usual(kind protocol.OfferType) Terms {
	return Terms{
		Types: []protocol.OfferType{kind}, CJFeeAbs: 500, CJFeeRel: "0.00200", TxFee: 100, MinSize: 100_000,
		CJFeeFactor: "0.1", TxFeeFactor: "0.3", SizeFactor: "0.1",
	}
}

// draws makes many offers and gives a number of each.
func draws(t *testing.T, terms Terms, balance sats.Amount, of func(protocol.Offer) float64) (all []float64) {
	t.Helper()
	if err := terms.Validate(); err != nil {
		t.Fatal(err)
	}
	for range 4_000 {
		offers := terms.Offers(balance)
		if len(offers) != 1 || offers[0].Validate() != nil {
			t.Fatalf("%+v", offers)
		}
		all = append(all, of(offers[0]))
	}
	return all
}

// TestP11DrawnOffers: every part of an offer is drawn uniformly from the range
// that the reference draws it from.
func TestP11DrawnOffers(t *testing.T) {
	rate := func(o protocol.Offer) float64 { r, _ := strconv.ParseFloat(o.CJFee, 64); return r }
	size := func(o protocol.Offer) float64 { return float64(o.MinSize) }
	for _, c := range []struct {
		name      string
		kind      protocol.OfferType
		change    func(*Terms)
		of        func(protocol.Offer) float64
		low, high float64
	}{
		{"relative fee", protocol.SW0RelOffer, func(*Terms) {}, rate, 0.0018, 0.0022},
		{"absolute fee", protocol.SW0AbsOffer, func(*Terms) {}, func(o protocol.Offer) float64 { return rate(o) - float64(o.TxFee) }, 450, 550},
		{"contribution", protocol.SW0AbsOffer, func(*Terms) {}, func(o protocol.Offer) float64 { return float64(o.TxFee) }, 70, 130},
		{"least size", protocol.SW0RelOffer, func(*Terms) {}, size, 90_000, 110_000},
		{"greatest size", protocol.SW0RelOffer, func(*Terms) {}, func(o protocol.Offer) float64 { return float64(o.MaxSize) }, 0.9 * 99e6, 99e6},
		{"no variation", protocol.SW0RelOffer, func(t *Terms) { t.SizeFactor = "0" }, size, 100_000, 100_000},
	} {
		terms := usual(c.kind)
		c.change(&terms)
		all := draws(t, terms, 100_000_000, c.of)
		low, high := slices.Min(all), slices.Max(all)
		sum := 0.0
		for _, v := range all {
			sum += v
		}
		mean, width := sum/float64(len(all)), c.high-c.low
		// Uniform: 4000 draws come near both ends, and their mean is within
		// seven standard deviations of the middle.
		slack := width / 100
		if width > 10 {
			slack++ // cut to whole satoshis
		}
		if low < c.low-1e-9 || high > c.high+1e-9 || low > c.low+slack || high < c.high-slack || mean < (c.low+c.high)/2-0.032*width-slack || mean > (c.low+c.high)/2+0.032*width {
			t.Errorf("%s: %v to %v, %v in the mean, want uniform from %v to %v", c.name, low, high, mean, c.low, c.high)
		}
	}
}

// TestP11FeeText: relative fees have six decimals, like those of the reference,
// and more only where it would write zero.
func TestP11FeeText(t *testing.T) {
	terms := usual(protocol.SW0RelOffer)
	terms.TxFee = 0
	for rate, form := range map[string]string{
		"0.00002":        `^0\.0000(18|19|20|21|22)$`,
		"0.003":          `^0\.00[23][0-9]{3}$`,
		"0.0000004":      `^0\.0000004$`,
		"0.000000000123": `^0\.0000000001$`,
		"0":              `^0\.000000$`,
	} {
		terms.CJFeeRel = rate
		for range 100 {
			if o := terms.Offers(100_000_000)[0]; !regexp.MustCompile(form).MatchString(o.CJFee) {
				t.Errorf("cjfee_r %s is announced as %s, want %s", rate, o.CJFee, form)
			}
		}
	}
}

// TestM16ContributionIsHalved: a contribution that the fee does not pay is
// halved until it does.
func TestM16ContributionIsHalved(t *testing.T) {
	terms := usual(protocol.SW0RelOffer)
	terms.TxFee, terms.TxFeeFactor, terms.SizeFactor, terms.CJFeeFactor = 1000, "0", "0", "0"
	for minSize, want := range map[sats.Amount]sats.Amount{
		600_000: 1000, // pays 1200
		500_000: 500,  // pays 1000, which is not more
		100_000: 125,  // pays 200
		27_300:  31,   // pays 54.6
	} {
		terms.MinSize = minSize
		if o := terms.Offers(100_000_000)[0]; o.TxFee != want {
			t.Errorf("from %v on: txfee %v, want %v", minSize, o.TxFee, want)
		}
	}
}

// TestM26CoarseSizes: whatever is announced, and however often, it tells no more
// of the balance than two digits: wallets that share these announce the same.
func TestM26CoarseSizes(t *testing.T) {
	for _, basic := range []bool{true, false} {
		terms := usual(protocol.SW0AbsOffer)
		terms.Basic = basic
		for _, balance := range []sats.Amount{123_456_789, 990_027_299, 1_027_400_000} {
			for range 200 {
				o := terms.Offers(balance)[0]
				most := coarse(balance - protocol.MinOfferSize)
				if o.MaxSize > most || basic && o.MaxSize != most {
					t.Errorf("basic %v: %v announced for a balance of %v, want at most %v", basic, o.MaxSize, balance, most)
				}
			}
		}
	}
	for a, want := range map[sats.Amount]sats.Amount{
		-5: 0, 0: 0, 7: 7, 99: 99, 100: 100, 109: 100, 123_456: 120_000, 99_999: 99_000, 1_000_000: 1_000_000, sats.Max: 2_000_000_000_000_000 + 100_000_000_000_000,
	} {
		if got := coarse(a); got != want {
			t.Errorf("coarse(%d) = %d, want %d", a, got, want)
		}
	}
}

func TestBetween(t *testing.T) {
	low, high := big.NewRat(1, 3), big.NewRat(2, 3)
	for range 1_000 {
		if r := between(low, high); r.Cmp(low) < 0 || r.Cmp(high) > 0 {
			t.Fatalf("%v", r)
		}
	}
	if r := between(low, low); r.Cmp(low) != 0 {
		t.Errorf("%v", r)
	}
}

// The examples of the specification, and what follows when a choice fails.
func TestMixdepthOrder(t *testing.T) {
	for _, c := range []struct {
		able  []int
		basic bool
		want  []int
	}{
		{[]int{1, 2, 4}, false, []int{1, 2, 4}},
		{[]int{0, 3}, false, []int{3, 0}},
		{[]int{0, 1, 3}, false, []int{0, 1, 3}},
		{[]int{0, 1, 2, 3, 4}, false, []int{0, 1, 2, 3, 4}},
		{[]int{2}, false, []int{2}},
		{nil, false, nil},
		{[]int{1, 2, 4}, true, []int{1, 2, 4}},
	} {
		balances := make([]sats.Amount, 5)
		for i := range balances {
			balances[i] = 99
			if slices.Contains(c.able, i) {
				balances[i] = 100
			}
		}
		if got := order(balances, 100, c.basic); !slices.Equal(got, c.want) {
			t.Errorf("%v, basic %v: %v, want %v", c.able, c.basic, got, c.want)
		}
	}
}
