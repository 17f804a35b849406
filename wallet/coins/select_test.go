package coins

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

type vector struct {
	Kind      string
	Values    []sats.Amount
	Target    sats.Amount
	Algorithm Algorithm
	Valid     bool
	Note      string
	Should    string

	ChosenValues    []sats.Amount `json:"chosen_values"`
	ChosenPositions []int         `json:"chosen_positions"`

	Coins []struct {
		ID       int
		Mixdepth int
		Value    sats.Amount
		Height   *int32
		Frozen   bool
	}
	Mixdepth           int
	Exclude            []int
	MaxHeight          *int32 `json:"max_height"`
	RequireAuthorising bool   `json:"require_authorising"`
	ChosenIDs          []int  `json:"chosen_ids"`
}

// coinsOf makes a coin of each value, numbered by OutPoint.Index.
func coinsOf(values []sats.Amount) (out []Coin) {
	for i, v := range values {
		out = append(out, Coin{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: v})
	}
	return out
}

func ids(coins []Coin) (out []int) {
	for _, c := range coins {
		out = append(out, int(c.OutPoint.Index))
	}
	slices.Sort(out)
	return out
}

func TestSelectAsReference(t *testing.T) {
	for _, v := range vectors.Kind[vector](t, "coin_selection.json", "select", 160) {
		name := fmt.Sprintf("%s %d of %v", v.Algorithm, v.Target, v.Values)
		chosen, err := v.Algorithm.Select(coinsOf(v.Values), v.Target)
		if v.Target <= 0 { // no one asks for nothing; we refuse, the reference varies
			if !errors.Is(err, sats.ErrRange) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !v.Valid {
			if !errors.Is(err, ErrFunds) {
				t.Errorf("%s: %v, %v, want ErrFunds", name, ids(chosen), err)
			}
			continue
		}
		// The reference may return one coin twice; a selection is a set.
		positions := slices.Clone(v.ChosenPositions)
		slices.Sort(positions)
		positions = slices.Compact(positions)
		var got, want []sats.Amount
		for _, c := range chosen {
			got = append(got, c.Value)
		}
		for _, p := range positions {
			want = append(want, v.Values[p])
		}
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want values %v", name, got, err, want)
		}
		if n := ids(chosen); len(slices.Compact(n)) != len(chosen) {
			t.Errorf("%s: a coin twice in %v", name, n)
		}
	}
}

// TestCandidatesAsReference runs filter and algorithm together. The cases that
// demand an input of another script type do not arise: every coin of ours can
// authorise.
func TestCandidatesAsReference(t *testing.T) {
	ran := 0
	for _, v := range vectors.Kind[vector](t, "coin_selection.json", "wallet", 13) {
		if v.RequireAuthorising {
			continue
		}
		ran++
		var all []Coin
		for _, c := range v.Coins {
			coin := Coin{OutPoint: wire.OutPoint{Index: uint32(c.ID)}, Mixdepth: c.Mixdepth, Value: c.Value, Frozen: c.Frozen}
			if c.Height != nil {
				coin.Height = *c.Height
			}
			all = append(all, coin)
		}
		const tip = 300
		f := Filter{Mixdepth: v.Mixdepth, Tip: tip, Exclude: func(out wire.OutPoint) bool {
			return slices.Contains(v.Exclude, int(out.Index))
		}}
		if v.MaxHeight != nil {
			f.MinConf = tip - *v.MaxHeight + 1
		}
		want := slices.Clone(v.ChosenIDs)
		slices.Sort(want)
		if v.Should == "keep the exclusion" {
			want = []int{4}
		}
		chosen, err := v.Algorithm.Select(f.Apply(all), v.Target)
		if !v.Valid && v.Should == "" {
			if !errors.Is(err, ErrFunds) {
				t.Errorf("%s: %v, %v, want ErrFunds", v.Note, ids(chosen), err)
			}
		} else if err != nil || !slices.Equal(ids(chosen), want) {
			t.Errorf("%s: %v, %v, want %v", v.Note, ids(chosen), err, want)
		}
	}
	if ran < 11 {
		t.Errorf("%d cases ran", ran)
	}
}

func TestSelectUnknownAlgorithm(t *testing.T) {
	if _, err := Algorithm("Default").Select(coinsOf([]sats.Amount{5}), 1); !errors.Is(err, ErrAlgorithm) {
		t.Error(err)
	}
	if got, err := Algorithm("").Select(coinsOf([]sats.Amount{5, 3}), 1); err != nil || !slices.Equal(ids(got), []int{1}) {
		t.Errorf("empty algorithm: %v, %v", got, err)
	}
}

// FuzzSelect checks what holds for every algorithm: the selection is a subset
// that reaches the target, and fails only when everything together does not.
func FuzzSelect(f *testing.F) {
	f.Add([]byte{1, 2, 3, 10}, uint16(12))
	f.Fuzz(func(t *testing.T, raw []byte, target uint16) {
		if target == 0 || len(raw) > 50 {
			return
		}
		var values []sats.Amount
		for _, b := range raw {
			values = append(values, sats.Amount(b)*sats.Amount(b)+1)
		}
		all := coinsOf(values)
		for _, a := range []Algorithm{Default, Gradual, Greedy, Greediest} {
			got, err := a.Select(all, sats.Amount(target))
			if enough := Sum(all) >= sats.Amount(target); (err == nil) != enough {
				t.Errorf("%s: %v with %v for %d", a, err, values, target)
			}
			n := ids(got)
			if err == nil && (Sum(got) < sats.Amount(target) || len(slices.Compact(n)) != len(got)) {
				t.Errorf("%s: %v of %v for %d", a, n, values, target)
			}
			for _, c := range got {
				if all[c.OutPoint.Index].Value != c.Value {
					t.Errorf("%s: invented coin %v", a, c)
				}
			}
		}
	})
}

func BenchmarkSelect10000(b *testing.B) {
	var values []sats.Amount
	for i := range 10_000 {
		values = append(values, sats.Amount(i*i%9973+1))
	}
	all := coinsOf(values)
	target := Sum(all) / 2
	for _, a := range []Algorithm{Default, Gradual, Greedy, Greediest} {
		b.Run(string(a), func(b *testing.B) {
			for b.Loop() {
				if _, err := a.Select(all, target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
