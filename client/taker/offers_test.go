package taker

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// rawOffer is an offer as the corpora have it; some have fields that no parser
// of ours lets through.
type rawOffer struct {
	Counterparty protocol.Nick
	OID          json.RawMessage
	OrderType    protocol.OfferType
	MinSize      json.RawMessage
	MaxSize      json.RawMessage
	TxFee        json.RawMessage
	CJFee        json.RawMessage
	Bond         float64 `json:"fidelity_bond_value"`
}

// entry reads an offer the way the order book would; ok is false for what the
// parser of offers refuses.
func (r rawOffer) entry() (e control.OfferEntry, ok bool) {
	number := func(raw json.RawMessage) int64 {
		n, isNumber := protocol.ParseNumber(string(raw), math.MaxInt64)
		ok = ok && isNumber
		return n
	}
	ok = true
	e.Nick = r.Counterparty
	e.Offer = protocol.Offer{Type: r.OrderType, ID: protocol.OfferID(number(r.OID)), MinSize: sats.Amount(number(r.MinSize)),
		MaxSize: sats.Amount(number(r.MaxSize)), TxFee: sats.Amount(number(r.TxFee)),
		CJFee: strings.Trim(string(r.CJFee), `"`)}
	return e, ok && e.Offer.Validate() == nil
}

func book(offers []rawOffer) (out []control.OfferEntry) {
	for _, o := range offers {
		if e, ok := o.entry(); ok {
			out = append(out, e)
		}
	}
	return out
}

// chooserOf is a taker that only chooses.
func chooserOf(t testing.TB, rel json.Number, abs sats.Amount, c Chooser) *Taker {
	t.Helper()
	taker, err := New(Config{Limits: Limits{Abs: abs, Rel: rel.String()}, Chooser: c})
	if err != nil {
		t.Fatal(err)
	}
	return taker
}

type choiceCase struct {
	Kind, Chooser  string
	Offers         []rawOffer
	Amount         sats.Amount
	Makers         int
	MaxCJFeeRel    json.Number `json:"max_cj_fee_rel"`
	MaxCJFeeAbs    sats.Amount `json:"max_cj_fee_abs"`
	Ignored        []protocol.Nick
	WalletType     string `json:"wallet_type"`
	Valid          bool
	Should         string
	Reason, Note   string
	Candidates     [][3]json.RawMessage
	Chosen         [][2]json.RawMessage
	TotalNetFee    json.Number `json:"total_net_fee"`
	Draws          int
	FirstPickCount map[protocol.Nick]int `json:"first_pick_counts"`
	PickedCounts   map[protocol.Nick]int `json:"picked_counts"`
	Bondless       float64               `json:"bondless_makers_allowance"`
}

// bonds are those of the offers, of a coin each.
func (c choiceCase) bonds() map[protocol.Nick]ProvenBond {
	out := map[protocol.Nick]ProvenBond{}
	for i, o := range c.Offers {
		if o.Bond > 0 {
			out[o.Counterparty] = ProvenBond{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: o.Bond}
		}
	}
	return out
}

func TestCheapestAsReference(t *testing.T) {
	compared := 0
	for _, v := range vectors.Load[choiceCase](t, "order_choice.json", 61) {
		if v.Kind != "deterministic" || v.WalletType != "p2wpkh" {
			continue // only P2WPKH wallets exist here
		}
		compared++
		taker := chooserOf(t, v.MaxCJFeeRel, v.MaxCJFeeAbs, Cheapest)
		list := taker.candidates(book(v.Offers), filter{amount: v.Amount, below: v.Amount, above: v.Amount, exclude: v.Ignored})
		chosen, _, ok, _ := taker.pick(list, v.Makers, v.Makers)

		if strings.HasPrefix(v.Should, "ignore") { // a bad offer spoils or wins the reference's choice
			if want := len(v.Offers) - 1; len(list) != want || !ok {
				t.Errorf("%s%s: %d candidates, want %d", v.Reason, v.Note, len(list), want)
			}
			continue
		}
		if ok != v.Valid {
			t.Errorf("%s%s: chosen %v, want success %v", v.Reason, v.Note, chosen, v.Valid)
		}
		if !v.Valid {
			continue
		}
		// Of several cheapest offers of one maker, and of makers with equal fees,
		// any may be taken.
		var total sats.Amount
		var fees, wantFees []sats.Amount
		for _, c := range chosen {
			total += c.Fee
			fees = append(fees, c.Fee)
		}
		if want, _ := v.TotalNetFee.Int64(); total != sats.Amount(want) {
			t.Errorf("%s%s: net fees %d, want %d", v.Reason, v.Note, total, want)
		}
		for _, c := range v.Candidates {
			var fee sats.Amount
			if err := json.Unmarshal(c[2], &fee); err != nil {
				t.Fatal(err)
			}
			wantFees = append(wantFees, fee)
		}
		if v.Candidates != nil && (len(list) != len(wantFees) || !slices.Equal(fees, wantFees[:len(fees)])) {
			t.Errorf("%s%s: %d candidates, fees %v, want %v", v.Reason, v.Note, len(list), fees, wantFees)
		}
		nicks := map[protocol.Nick]bool{}
		for _, c := range chosen {
			nicks[c.Nick] = true
		}
		if len(nicks) != len(chosen) {
			t.Errorf("%s%s: a maker twice in %v", v.Reason, v.Note, chosen)
		}
		if v.Should == "" {
			for i, c := range v.Chosen {
				if want := strings.Trim(string(c[0]), `"`); string(chosen[i].Nick) != want {
					t.Errorf("%s%s: maker %d is %s, want %s", v.Reason, v.Note, i, chosen[i].Nick, want)
				}
			}
		}
	}
	if compared < 40 {
		t.Errorf("%d cases compared", compared)
	}
}

// TestRandomChoosersAsReference draws as often as the reference did and
// compares how often each maker came first and came at all.
func TestRandomChoosersAsReference(t *testing.T) {
	compared := 0
	for _, v := range vectors.Load[choiceCase](t, "order_choice.json", 61) {
		if v.Kind != "random" {
			continue
		}
		compared++
		choosers := map[string]Chooser{"weighted": Weighted, "random_under_max": RandomUnderMax,
			"fidelity_bond_weighted": BondWeighted(v.Bondless)}
		taker := chooserOf(t, "1", sats.Max, choosers[v.Chooser])
		list := taker.candidates(book(v.Offers), filter{amount: v.Amount, below: v.Amount, above: v.Amount, bonds: v.bonds()})
		first, picked := map[protocol.Nick]int{}, map[protocol.Nick]int{}
		for range v.Draws {
			chosen, _, ok, _ := taker.pick(list, v.Makers, v.Makers)
			if !ok {
				t.Fatal("too few candidates")
			}
			first[chosen[0].Nick]++
			for _, c := range chosen {
				picked[c.Nick]++
			}
		}
		for _, c := range list {
			for name, pair := range map[string][2]int{"first": {first[c.Nick], v.FirstPickCount[c.Nick]}, "picked": {picked[c.Nick], v.PickedCounts[c.Nick]}} {
				// The difference of two such counts has a deviation of at most
				// sqrt(2 * draws * p(1-p)) <= sqrt(draws / 2).
				if limit := 6 * math.Sqrt(float64(v.Draws)/2); math.Abs(float64(pair[0]-pair[1])) > limit {
					t.Errorf("%s %q: %s %s %d times, the reference %d of %d", v.Chooser, v.Note, c.Nick, name, pair[0], pair[1], v.Draws)
				}
			}
		}
	}
	if compared < 14 {
		t.Errorf("%d cases compared", compared)
	}
}

func TestSweepAsReference(t *testing.T) {
	type sweepCase struct {
		TotalInput   sats.Amount `json:"total_input"`
		MinerFee     sats.Amount `json:"miner_fee"`
		Offers       []rawOffer
		Makers       int
		MaxCJFeeRel  json.Number `json:"max_cj_fee_rel"`
		MaxCJFeeAbs  sats.Amount `json:"max_cj_fee_abs"`
		Valid        bool
		Reason, Note string
		CJAmount     sats.Amount                   `json:"cj_amount"`
		MakerFees    map[protocol.Nick]sats.Amount `json:"maker_fees"`
	}
	for _, v := range vectors.Load[sweepCase](t, "sweep.json", 20) {
		taker := chooserOf(t, v.MaxCJFeeRel, v.MaxCJFeeAbs, Cheapest)
		list := taker.candidates(book(v.Offers), filter{amount: v.TotalInput, below: v.TotalInput,
			above: v.TotalInput - v.MinerFee, gross: true})
		chosen, _, amount, ok, _ := taker.chooseSweep(list, v.Makers, v.TotalInput, v.MinerFee)
		if ok != v.Valid || amount != v.CJAmount {
			t.Errorf("%s%s: %d, %v, want %d, %v", v.Note, v.Reason, amount, ok, v.CJAmount, v.Valid)
			continue
		}
		if len(chosen) != len(v.MakerFees) {
			t.Errorf("%s: %d makers, want %d", v.Note, len(chosen), len(v.MakerFees))
		}
		for _, c := range chosen {
			if fee, err := c.Offer.Fee(amount); err != nil || fee != v.MakerFees[c.Nick] {
				t.Errorf("%s: fee of %s %d, %v, want %d", v.Note, c.Nick, fee, err, v.MakerFees[c.Nick])
			}
		}
	}
}

func TestSweepOfNothing(t *testing.T) {
	offer := Candidate{"J5a", protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: sats.Max, CJFee: "500"}, 500, 0}
	for _, total := range []sats.Amount{0, 1, 1499, 1500} {
		if amount, ok := solveSweep([]Candidate{offer}, total, 1000); ok {
			t.Errorf("sweep of %d sends %d", total, amount)
		}
	}
	if amount, ok := solveSweep([]Candidate{offer}, 1501, 1000); amount != 1 || !ok {
		t.Errorf("amount %d, %v", amount, ok)
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	good := Config{Limits: Limits{Abs: 1000, Rel: "0.003"}}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Config){
		"no relative limit":  func(c *Config) { c.Limits.Rel = "" },
		"negative limit":     func(c *Config) { c.Limits.Abs = -1 },
		"exponent":           func(c *Config) { c.Limits.Rel = "1e-3" },
		"fee change of one":  func(c *Config) { c.MaxFeeChange = "1" },
		"unknown broadcast":  func(c *Config) { c.Broadcast = "everybody" },
		"an hour's patience": func(c *Config) { c.Timeouts.Answer = 3600e9 },
	} {
		bad := good
		edit(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestReasonsAreStable(t *testing.T) {
	none := &commitments.NoneError{}
	if r := ReasonOf(&Error{Reason: protocol.ReasonUnseen, Err: none}); r != protocol.ReasonUnseen {
		t.Error(r)
	}
	if r := ReasonOf(none); r != protocol.ReasonNoCommitment {
		t.Error(r)
	}
	if r := ReasonOf(because(protocol.ReasonDeclined, none)); r != protocol.ReasonDeclined {
		t.Error(r)
	}
	if r := ReasonOf(os.ErrClosed); r != protocol.ReasonInternal {
		t.Error(r)
	}
}

// BenchmarkChoose picks ten makers from ten thousand offers.
func BenchmarkChoose(b *testing.B) {
	var all []control.OfferEntry
	for i := range 10_000 {
		all = append(all, control.OfferEntry{Nick: protocol.Nick("J5" + strings.Repeat("a", 8) + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676)) + "aaa"),
			Offer: protocol.Offer{Type: protocol.SW0RelOffer, MaxSize: sats.Max, CJFee: "0.0000" + string(rune('1'+i%9))}})
	}
	taker := chooserOf(b, "0.01", 10_000, Weighted)
	for b.Loop() {
		list := taker.candidates(all, filter{amount: 1_000_000, below: 1_000_000, above: 1_000_000})
		if _, _, ok, _ := taker.pick(list, 10, 10); !ok {
			b.Fatal("too few")
		}
	}
}
