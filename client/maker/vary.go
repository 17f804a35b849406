package maker

import (
	"cmp"
	"math/big"
	"strconv"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

const (
	// feeDecimals is how many decimals a drawn relative fee has, as the
	// reference writes it; maxDecimals how many if it is so small that nothing
	// would be left.
	feeDecimals, maxDecimals = 6, 18
	// halvings is how often a contribution is halved that the fee does not pay,
	// before there is none.
	halvings = 20
)

var one = big.NewRat(1, 1)

// vary draws an offer around the one as configured, for a balance (spec:
// taker-maker.md 13.3, the privacy-enhanced generator). There is none if its
// sizes cross.
func (t Terms) vary(o protocol.Offer, balance sats.Amount) protocol.Offer {
	txFee := whole(around(decimal.Of(t.TxFee), t.TxFeeFactor))
	o.MinSize = max(protocol.MinOfferSize, whole(around(decimal.Of(t.MinSize), t.SizeFactor)))
	most := decimal.Of(coarse(balance - max(protocol.MinOfferSize, txFee)))
	o.MaxSize = whole(between(new(big.Rat).Mul(most, new(big.Rat).Sub(one, factor(t.SizeFactor))), most))
	if !o.Type.Relative() {
		o.TxFee = txFee
		o.CJFee = strconv.FormatInt(int64(whole(around(decimal.Of(t.CJFeeAbs), t.CJFeeFactor))+txFee), 10)
		return o
	}
	rate, _ := new(big.Rat).SetString(t.CJFeeRel) // Validate has read it
	o.CJFee = feeText(around(rate, t.CJFeeFactor))
	// What is published counts, so that no rounding makes a loss.
	rate, _ = new(big.Rat).SetString(o.CJFee)
	least := new(big.Rat).Mul(rate, decimal.Of(o.MinSize))
	for range halvings {
		if decimal.Of(txFee).Cmp(least) < 0 {
			break
		}
		txFee /= 2
	}
	if decimal.Of(txFee).Cmp(least) >= 0 {
		txFee = 0
	}
	o.TxFee = txFee
	return o
}

// factor reads one of the factors, which Validate has read before.
func factor(text string) *big.Rat {
	r, err := decimal.Parse(cmp.Or(text, "0"))
	if err != nil {
		return new(big.Rat)
	}
	return r
}

// around draws uniformly from r(1-f) to r(1+f).
func around(r *big.Rat, f string) *big.Rat {
	part := new(big.Rat).Mul(r, factor(f))
	return between(new(big.Rat).Sub(r, part), new(big.Rat).Add(r, part))
}

// between draws uniformly from low to high, in steps of 2^-53 of the distance.
func between(low, high *big.Rat) *big.Rat {
	const steps = 1 << 53
	at := big.NewRat(random.N[int64](steps+1), steps)
	at.Mul(at, new(big.Rat).Sub(high, low))
	return at.Add(at, low)
}

// whole cuts r, which is not negative, to whole satoshis.
func whole(r *big.Rat) sats.Amount {
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return sats.Max
	}
	return min(sats.Max, sats.Amount(n.Int64()))
}

// feeText writes a relative fee with six decimals, or as many as it takes not to
// be zero.
func feeText(rate *big.Rat) string {
	text := rate.FloatString(feeDecimals)
	for n := feeDecimals + 1; n <= maxDecimals && rate.Sign() > 0; n++ {
		if written, _ := new(big.Rat).SetString(text); written.Sign() > 0 {
			break
		}
		text = rate.FloatString(n)
	}
	return text
}
