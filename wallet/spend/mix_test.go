package spend

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// TestP5MixdepthsStayApart: coins that are chosen come from one mixdepth,
// however much is missing there; named ones of several need the user's word, and
// the quote tells what they are.
func TestP5MixdepthsStayApart(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000, 60_000}, []sats.Amount{50_000, 900_000})
	for _, algorithm := range []coins.Algorithm{coins.Default, coins.Gradual, coins.Greedy, coins.Greediest} {
		cfg := b.cfg
		cfg.Selection = algorithm
		_, err := Pay(t.Context(), cfg, Payment{Outputs: []txbuild.Output{to(1, 170_000)}, Mix: true}, yes)
		if !errors.Is(err, coins.ErrFunds) {
			t.Errorf("%s takes coins of another mixdepth: %v", algorithm, err)
		}
		_, q, err := Unsigned(t.Context(), cfg, Payment{Outputs: []txbuild.Output{to(1, 150_000)}}, yes)
		if err != nil || !slices.Equal(q.Mixdepths(), []int{0}) {
			t.Errorf("%s: %+v, %v", algorithm, q, err)
		}
	}
	_, q, err := Unsigned(t.Context(), b.cfg, Payment{Mixdepth: 1, Outputs: []txbuild.Output{to(1, 0)}, Sweep: true, Mix: true}, yes)
	if err != nil || !slices.Equal(q.Mixdepths(), []int{1}) {
		t.Errorf("sweep: %+v, %v", q, err)
	}

	named := []wire.OutPoint{b.coin(60_000).OutPoint, b.coin(50_000).OutPoint}
	for what, p := range map[string]Payment{
		"two mixdepths":    {Mixdepth: OfCoins, Coins: named},
		"change elsewhere": {Mixdepth: 0, Coins: named[1:]},
	} {
		p.Outputs = []txbuild.Output{to(1, 30_000)}
		if _, err := Pay(t.Context(), b.cfg, p, yes); !errors.Is(err, ErrMix) || !strings.HasSuffix(err.Error(), ": 0 and 1") {
			t.Errorf("%s: %v, want ErrMix", what, err)
		}
	}
	r := b.pay(Payment{Mixdepth: OfCoins, Coins: named, Mix: true, Outputs: []txbuild.Output{to(1, 0)}, Sweep: true})
	if !slices.Equal(r.Quote.Mixdepths(), []int{0, 1}) {
		t.Errorf("%+v", r.Quote)
	}
}

func TestEnumerate(t *testing.T) {
	for want, numbers := range map[string][]int{"": nil, "4": {4}, "0 and 1": {0, 1}, "0, 1 and 3": {0, 1, 3}} {
		if got := enumerate(numbers); got != want {
			t.Errorf("%v is %q, want %q", numbers, got, want)
		}
	}
}
