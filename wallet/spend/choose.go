package spend

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// choice is the choosing of coins for a payment.
type choice struct {
	Config
	Payment
	direct txbuild.Direct // without inputs
	from   wallet.Choice
}

// coins returns the coins to spend and the mixdepth that gets the change.
func (c choice) coins() ([]coins.Coin, int, error) {
	if len(c.Coins) > 0 {
		return c.named()
	}
	candidates := c.filter().Apply(c.from.Coins)
	if c.Sweep {
		if len(candidates) == 0 {
			return nil, 0, c.errFunds(0)
		}
		return candidates, c.Mixdepth, nil
	}
	chosen, err := c.choose(candidates, c.direct.Change)
	if errors.Is(err, coins.ErrFunds) {
		chosen, err = c.choose(candidates, nil) // perhaps it fits without change
	}
	if errors.Is(err, coins.ErrFunds) {
		total, err := c.total()
		if err != nil {
			return nil, 0, err
		}
		return nil, 0, c.errFunds(total)
	}
	return chosen, c.Mixdepth, err
}

func (c choice) filter() coins.Filter {
	return coins.Filter{Mixdepth: c.Mixdepth, MinConf: c.MinConf, Tip: c.from.Tip.Height, Exclude: c.from.InUse}
}

// named returns the coins that the user named.
func (c choice) named() (chosen []coins.Coin, mixdepth int, err error) {
	all := make(map[wire.OutPoint]coins.Coin, len(c.from.Coins))
	for _, coin := range c.from.Coins {
		all[coin.OutPoint] = coin
	}
	mixdepths := make(map[int]bool)
	for _, out := range c.Coins {
		coin, known := all[out]
		locked := wallet.CheckLock(coin, c.from.Tip.MedianTime)
		delete(all, out)
		switch {
		case slices.ContainsFunc(chosen, func(other coins.Coin) bool { return other.OutPoint == out }):
			return nil, 0, fmt.Errorf("%w: %v is named twice", ErrCoin, out)
		case !known:
			return nil, 0, fmt.Errorf("%w: %v: %w", ErrCoin, out, wallet.ErrNotOurs)
		case locked != nil:
			return nil, 0, fmt.Errorf("%w: %v: %w", ErrCoin, out, locked)
		case coin.Frozen && !(c.Release && coin.Cause == coins.ByBond):
			return nil, 0, fmt.Errorf("%w: %v: %w", ErrCoin, out, wallet.ErrFrozen)
		case c.from.InUse(out):
			return nil, 0, fmt.Errorf("%w: %v: %w", ErrCoin, out, coins.ErrLeased)
		}
		chosen = append(chosen, coin)
		mixdepths[coin.Mixdepth] = true
	}
	bond := slices.ContainsFunc(chosen, func(coin coins.Coin) bool { return coin.Locktime != 0 })
	if bond && len(chosen) > 1 && !c.Mix {
		return nil, 0, fmt.Errorf("%w: a fidelity bond, whose owner everybody knows, with other coins", ErrMix)
	}
	if mixdepth = c.Mixdepth; mixdepth == OfCoins {
		mixdepth = chosen[0].Mixdepth
	}
	if mixdepths[mixdepth] = true; len(mixdepths) > 1 && !c.Mix {
		return nil, 0, fmt.Errorf("%w: %s", ErrMix, enumerate(sortedKeys(mixdepths)))
	}
	return chosen, mixdepth, nil
}

// choose selects coins that pay for themselves besides the payment, the fee and,
// if there is one, a change output. What a coin is worth is its value less what
// it costs to spend it, so that one choice is enough, and none is taken that
// costs more than it brings.
func (c choice) choose(candidates []coins.Coin, change []byte) ([]coins.Coin, error) {
	outputs := c.Outputs
	if change != nil {
		outputs = append(slices.Clone(outputs), txbuild.Output{Script: change})
	}
	byOutPoint := make(map[wire.OutPoint]coins.Coin)
	var worth []coins.Coin
	for _, coin := range candidates {
		kind, err := txbuild.TypeOf(coin.Script)
		if err != nil {
			return nil, err
		}
		cost, err := txbuild.InputFee(kind, c.direct.Rate)
		if err != nil {
			return nil, err
		}
		if coin.Value <= cost {
			continue
		}
		byOutPoint[coin.OutPoint] = coin
		coin.Value -= cost
		worth = append(worth, coin)
	}
	target, err := c.need(nil, outputs)
	if err != nil {
		return nil, err
	}
	for {
		selected, err := c.Selection.Select(worth, target)
		if err != nil {
			return nil, err
		}
		chosen := make([]coins.Coin, len(selected))
		for i, coin := range selected {
			chosen[i] = byOutPoint[coin.OutPoint]
		}
		need, err := c.need(chosen, outputs)
		if err != nil {
			return nil, err
		}
		// Rounding, and the count of more than 252 inputs, may be missing: a few
		// satoshis.
		missing := need - coins.Sum(chosen)
		if missing <= 0 {
			return chosen, nil
		}
		target += missing
	}
}

// need is what inputs must be worth: the payments and the fee.
func (c choice) need(from []coins.Coin, outputs []txbuild.Output) (sats.Amount, error) {
	size, err := txbuild.Size(inputs(from), outputs)
	if err != nil {
		return 0, err
	}
	fee, err := txbuild.FeeAt(size, c.direct.Rate)
	if err != nil {
		return 0, err
	}
	total, err := c.total()
	if err != nil {
		return 0, err
	}
	return sats.Sum(total, fee)
}

// total is the sum of the payments.
func (c choice) total() (sats.Amount, error) {
	var values []sats.Amount
	for _, out := range c.Outputs {
		values = append(values, out.Value)
	}
	return sats.Sum(values...)
}

// errFunds says what the mixdepth has and why not all of it can be spent.
func (c choice) errFunds(total sats.Amount) error {
	var free, frozen, inUse, young sats.Amount
	filter := c.filter()
	for _, coin := range c.from.Coins {
		switch {
		case coin.Mixdepth != c.Mixdepth:
		case coin.Frozen:
			frozen += coin.Value
		case c.from.InUse(coin.OutPoint):
			inUse += coin.Value
		case coin.Confirmations(c.from.Tip.Height) < c.MinConf:
			young += coin.Value
		default:
			free += coins.Sum(filter.Apply([]coins.Coin{coin}))
		}
	}
	text := fmt.Sprintf("mixdepth %d has %v that can be spent now", c.Mixdepth, free)
	for _, part := range []struct {
		value sats.Amount
		why   string
	}{{young, "not confirmed often enough"}, {frozen, "frozen"}, {inUse, "in use"}} {
		if part.value > 0 {
			text += fmt.Sprintf(", %v %s", part.value, part.why)
		}
	}
	if total == 0 {
		return fmt.Errorf("%w: %s", coins.ErrFunds, text)
	}
	return fmt.Errorf("%w for %v and the fee: %s", coins.ErrFunds, total, text)
}

func sortedKeys(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }

// enumerate writes numbers as people do: 0, 1 and 3.
func enumerate(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		switch {
		case i > 0 && i == len(numbers)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}
