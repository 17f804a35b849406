package taker

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

// lock makes a bond of a maker and what it shows the taker; edit may spoil the
// proof.
func (p *pit) lock(m *maker, value sats.Amount, month string, edit func(*bond.Proof)) control.BondEntry {
	p.t.Helper()
	number, err := bond.ParseMonth(month)
	if err != nil {
		p.t.Fatal(err)
	}
	locktime, err := bond.Locktime(number)
	if err != nil {
		p.t.Fatal(err)
	}
	key, _ := p.newKey()
	pub := [33]byte(key.PubKey().SerializeCompressed())
	out := p.chain.Pay(bond.Script(bond.Redeem(locktime, pub)), value)
	p.chain.Mine(1)
	return p.show(m, key, pub, out, locktime, edit)
}

// show proves a bond for the taker.
func (p *pit) show(m *maker, key *btcec.PrivateKey, pub [33]byte, out wire.OutPoint, locktime uint32, edit func(*bond.Proof)) control.BondEntry {
	p.t.Helper()
	proof, err := bond.Certify(key, pub, bond.Expiry(p.chain.Height())).Prove(key, out, locktime, string(p.Nick()), string(m.nick))
	if err != nil {
		p.t.Fatal(err)
	}
	if edit != nil {
		edit(&proof)
	}
	text, err := proof.Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	e := control.BondEntry{Nick: m.nick, Taker: p.Nick(), Proof: text}
	p.bonds = append(p.bonds, e)
	return e
}

// TestT14BondsThatDoNotCount: a bond counts when its proof is for this maker and
// this taker and our own node knows the coin; otherwise it is worth nothing, and
// the offer stays.
func TestT14BondsThatDoNotCount(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(p *pit) func(*bond.Proof)
		entry func(p *pit, e *control.BondEntry)
		good  bool
	}{
		"good":          {good: true},
		"no such coin":  {edit: func(*pit) func(*bond.Proof) { return func(b *bond.Proof) { b.OutPoint.Index++ } }},
		"another month": {edit: func(*pit) func(*bond.Proof) { return func(b *bond.Proof) { b.Locktime++ } }},
		"a giant locktime": {edit: func(*pit) func(*bond.Proof) {
			return func(b *bond.Proof) { b.Locktime = math.MaxUint32 }
		}},
		"a coin of somebody else": {edit: func(p *pit) func(*bond.Proof) {
			return func(b *bond.Proof) { b.OutPoint = p.makers[1].coins[0].OutPoint }
		}},
		"of another maker":  {entry: func(p *pit, e *control.BondEntry) { e.Nick = p.makers[1].nick }},
		"for another taker": {entry: func(p *pit, e *control.BondEntry) { e.Taker = p.makers[1].nick }},
		"no proof":          {entry: func(p *pit, e *control.BondEntry) { e.Proof = "AAAA" }},
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 3, func(p *pit) {
				var edit func(*bond.Proof)
				if c.edit != nil {
					edit = c.edit(p)
				}
				p.lock(p.makers[0], btc, "2030-01", edit)
				if c.entry != nil {
					c.entry(p, &p.bonds[0])
				}
				cfg := p.config()
				o := p.run(cfg, payment(btc/5, 3, 3))
				p.wantJoin(o, 3)
				if bonded := o.quote.Crowd.Bonded; (bonded == 1) != c.good || bonded > 1 {
					t.Errorf("%d makers with a bond", bonded)
				}
				for _, m := range o.quote.Makers {
					if worth := m.Bond > 0; worth != (c.good && m.Nick == p.makers[0].nick) {
						t.Errorf("the bond of %s is worth %g", m.Nick, m.Bond)
					}
				}
			})
		})
	}
}

// TestT14SilentNode: a node that gives no answer makes no bond worthless, it
// ends the attempt.
func TestT14SilentNode(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		p.lock(p.makers[0], btc, "2030-01", nil)
		cfg := p.config()
		p.node.noTimes = true
		p.wantFailure(p.run(cfg, payment(btc/5, 3, 2)), StepChoose, protocol.ReasonChain)
	})
}

// TestT13OneBondOnePlace: of several nicks that show one bond the cheapest is a
// candidate, and no other.
func TestT13OneBondOnePlace(t *testing.T) {
	inPit(t, 5, func(p *pit) {
		p.lock(p.makers[1], btc, "2030-01", nil)
		first, err := bond.Parse(p.bonds[0].Proof)
		if err != nil {
			t.Fatal(err)
		}
		key, pub := btcec.PrivKeyFromBytes([]byte{byte(p.lastKey >> 8), byte(p.lastKey)})
		for _, m := range p.makers[2:4] {
			p.show(m, key, [33]byte(pub.SerializeCompressed()), first.OutPoint, first.Locktime, nil)
		}
		cfg := p.config()
		o := p.run(cfg, payment(btc/5, 3, 3))
		p.wantJoin(o, 3)
		if o.quote.Crowd.Makers != 3 || o.quote.Crowd.Bonded != 1 || len(o.quote.Reserve) != 0 {
			t.Errorf("drawn from %+v", o.quote.Crowd)
		}
		for _, part := range o.Parts[1:] {
			if part.Nick == p.makers[2].nick || part.Nick == p.makers[3].nick {
				t.Error("the operator has two places")
			}
		}
	})
}

// TestT13CrowdChance compares with the makers that are drawn.
func TestT13CrowdChance(t *testing.T) {
	candidates := func(bonds ...float64) (list []Candidate) {
		for i, b := range bonds {
			list = append(list, Candidate{Nick: protocol.Nick(rune('a' + i)), Fee: sats.Amount(100 * i), Bond: b})
		}
		return list
	}
	for name, c := range map[string]struct {
		list []Candidate
		n    int
		law  Chooser
		// bound says that the chance is only an upper bound.
		bound bool
	}{
		"nobody has a bond":   {candidates(0, 0, 0, 0), 2, BondWeighted(0.125), false},
		"everybody has one":   {candidates(1, 2, 3), 2, BondWeighted(0.125), false},
		"one has":             {candidates(0, 0, 5, 0), 3, BondWeighted(0.125), false},
		"some have":           {candidates(4, 0, 5, 0, 0, 1), 2, BondWeighted(0.5), false},
		"some have, three":    {candidates(4, 0, 5, 0, 0, 1, 0), 3, BondWeighted(0.3), false},
		"bonds do not matter": {candidates(4, 0, 5, 0, 0, 1), 3, RandomUnderMax, false},
		"by fee":              {candidates(4, 0, 5, 0, 0, 1), 2, Weighted, true},
		"cheapest":            {candidates(4, 0, 5, 0, 0, 1), 2, Cheapest, true},
	} {
		taker := chooserOf(t, "1", sats.Max, c.law)
		top := 0.0
		for _, candidate := range c.list {
			top = max(top, candidate.Bond)
		}
		const draws = 40_000
		hits := 0
		for range draws {
			chosen, _, _, err := taker.pick(c.list, c.n, c.n)
			if err != nil {
				t.Fatal(err)
			}
			one := true
			for _, m := range chosen {
				one = one && (m.Bond == 0 || m.Bond == top)
			}
			if one {
				hits++
			}
		}
		got, drawn := taker.crowdChance(c.list, c.n), float64(hits)/draws
		slack := 6 * math.Sqrt(0.25/draws)
		if got < drawn-slack || !c.bound && got > drawn+slack || got > 1+1e-9 {
			t.Errorf("%s: %.4f, of %d draws %.4f", name, got, draws, drawn)
		}
	}
}

// TestT14BondValueGrowsWithTheCoin: the value of a bond is a number, never
// negative, and does not fall when the coin or the time grows.
func TestT14BondValueGrowsWithTheCoin(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	inPit(t, 1, func(p *pit) {
		tip, err := p.wallet.Chain().Tip(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			value, locktime := sats.Amount(rng.Int64N(int64(sats.Max))), rng.Uint32()
			worth := func(v sats.Amount, l uint32) float64 {
				return bond.DefaultRates.Value(v, tip.MedianTime, l, tip.MedianTime)
			}
			a := worth(value, locktime)
			if math.IsNaN(a) || math.IsInf(a, 0) || a < 0 || worth(value/2, locktime) > a ||
				worth(value, locktime/2) > a {
				t.Fatalf("%d sat until %d are worth %g", value, locktime, a)
			}
		}
	})
}
