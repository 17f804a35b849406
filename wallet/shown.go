package wallet

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// Bounds of what is remembered as shown; the oldest sets are forgotten first.
const (
	maxShown      = 200
	maxShownCoins = 2000 // in all sets
)

// Show hands out a new internal address of each of the mixdepths (see
// NextAddress), and remembers that somebody is shown these coins as those of one
// owner. Both are on the disk when it returns without error; otherwise neither
// may be shown.
func (w *Wallet) Show(set []coins.Coin, mixdepths ...int) ([]Address, error) {
	outs := make([]wire.OutPoint, len(set))
	for i, c := range set {
		outs[i] = c.OutPoint
	}
	slices.SortFunc(outs, func(x, y wire.OutPoint) int {
		return cmp.Or(bytes.Compare(x.Hash[:], y.Hash[:]), cmp.Compare(x.Index, y.Index))
	})
	v, err := w.current()
	if err != nil {
		return nil, err
	}
	return w.handOut(keys.Internal, func(s *state) { s.addShown(outs, v) }, mixdepths...)
}

// Shown lists the sets of coins that Show was told of, the oldest first, as far as
// they were unspent at the last call of it. They must not be changed.
func (w *Wallet) Shown() [][]wire.OutPoint {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return slices.Clone(w.state.shown)
}

// addShown remembers a set, each once, and forgets those with coins that the view
// does not know any more.
func (s *state) addShown(outs []wire.OutPoint, v *view) {
	if len(outs) == 0 {
		return
	}
	unspent := make(map[wire.OutPoint]bool, len(v.coins))
	for _, c := range v.coins {
		unspent[c.OutPoint] = true
	}
	s.shown = slices.DeleteFunc(s.shown, func(set []wire.OutPoint) bool {
		return slices.Equal(set, outs) || slices.ContainsFunc(set, func(out wire.OutPoint) bool { return !unspent[out] })
	})
	s.shown = append(s.shown, outs)
	count := 0
	for i := len(s.shown) - 1; i >= 0; i-- {
		count += len(s.shown[i])
		if len(s.shown)-i > maxShown || count > maxShownCoins && len(s.shown)-i > 1 {
			s.shown = slices.Delete(s.shown, 0, i+1)
			return
		}
	}
}

func encodeShown(sets [][]wire.OutPoint) (list [][]string) {
	for _, set := range sets {
		var texts []string
		for _, out := range set {
			texts = append(texts, out.String())
		}
		list = append(list, texts)
	}
	return list
}

func decodeShown(list [][]string) (sets [][]wire.OutPoint, err error) {
	if len(list) > maxShown {
		return nil, errors.New("too many sets of coins were shown")
	}
	for _, texts := range list {
		var set []wire.OutPoint
		for _, text := range texts {
			out, err := coins.ParseOutPoint(text)
			if err != nil {
				return nil, fmt.Errorf("a coin that was shown: %w", err)
			}
			set = append(set, out)
		}
		sets = append(sets, set)
	}
	return sets, nil
}
