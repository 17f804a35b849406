package taker

import "slices"

// crowd describes the candidates from whom n makers were drawn.
func (t *Taker) crowd(list []Candidate, n int) Crowd {
	c := Crowd{Makers: len(list), Chance: t.crowdChance(list, n)}
	for _, candidate := range list {
		if candidate.Bond > 0 {
			c.Bonded++
		}
	}
	return c
}

// crowdChance is the chance that one operator is the whole crowd: that all n
// makers drawn from the candidates are from those without a fidelity bond, of
// which one operator may run any number at no cost, and from at most one with a
// bond, the weightiest (attack T13). Where the law tells makers without bonds
// apart, by their fees, it is an upper bound. It is 0 when makers were picked by
// hand: then there is no law.
func (t *Taker) crowdChance(list []Candidate, n int) float64 {
	if n > len(list) || t.cfg.Pick != nil {
		return 0
	}
	best := -1
	for i, c := range list {
		if c.Bond > 0 && (best < 0 || c.Bond > list[best].Bond) {
			best = i
		}
	}
	// without and with are the chances that all draws so far were as told, and
	// that the weightiest bond is among them.
	without, with := 1.0, 0.0
	apart, joint := slices.Clone(list), slices.Clone(list)
	if best >= 0 {
		joint = slices.Delete(joint, best, best+1)
	}
	for drawn := range n {
		w := t.cfg.Chooser(apart, n)
		free, top := shares(apart, w, best)
		with *= freeShare(joint, t, n)
		with += without * top
		without *= free
		apart, best = dropLeast(apart, w, best)
		if drawn > 0 { // one draw less, that of the bond
			joint, _ = dropLeast(joint, t.weights(joint, n), -1)
		}
	}
	return without + with
}

// weights of an empty list are none.
func (t *Taker) weights(list []Candidate, n int) []float64 {
	if len(list) == 0 {
		return nil
	}
	return t.cfg.Chooser(list, n)
}

// freeShare is the chance that the next draw has no bond.
func freeShare(list []Candidate, t *Taker, n int) float64 {
	free, _ := shares(list, t.weights(list, n), -1)
	return free
}

// shares are the chances that the next draw has no bond, and that it is best.
func shares(list []Candidate, weights []float64, best int) (free, top float64) {
	total := 0.0
	for i, w := range weights {
		total += w
		if list[i].Bond <= 0 {
			free += w
		} else if i == best {
			top = w
		}
	}
	if total <= 0 {
		return 0, 0
	}
	return free / total, top / total
}

// dropLeast removes the least likely candidate without a bond, and returns
// where best is then.
func dropLeast(list []Candidate, weights []float64, best int) ([]Candidate, int) {
	least := -1
	for i, c := range list {
		if c.Bond <= 0 && (least < 0 || weights[i] < weights[least]) {
			least = i
		}
	}
	if least < 0 {
		return list, best
	}
	if least < best {
		best--
	}
	return slices.Delete(list, least, least+1), best
}
