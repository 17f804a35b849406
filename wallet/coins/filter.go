package coins

import "github.com/btcsuite/btcd/wire/v2"

// Filter says which coins may be spent now.
type Filter struct {
	Mixdepth int   // coins of other mixdepths are left out
	MinConf  int32 // confirmations needed; 0 takes unconfirmed coins too
	Tip      int32 // height of the chain's end, by which MinConf is counted
	// Exclude, if not nil, says which coins are left out for another reason,
	// such as a lease.
	Exclude func(wire.OutPoint) bool
}

// Apply returns the coins that pass every condition, in the order given; frozen
// ones never do, nor fidelity bonds: whoever learns of one knows its owner
// (attack P6), so that bonds are spent alone and by their name. All conditions hold at once (the reference forgets the
// exclusions when confirmations are asked for).
func (f Filter) Apply(all []Coin) []Coin {
	var out []Coin
	for _, c := range all {
		if c.Mixdepth != f.Mixdepth || c.Frozen || c.Locktime != 0 || c.Confirmations(f.Tip) < f.MinConf {
			continue
		}
		if f.Exclude != nil && f.Exclude(c.OutPoint) {
			continue
		}
		out = append(out, c)
	}
	return out
}
