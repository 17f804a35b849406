package taker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestM25OwnMakers: own makers are the cheapest, and are asked by no attempt, not
// even in the place of others that fail.
func TestM25OwnMakers(t *testing.T) {
	for name, own := range map[string]func(*pit, *maker) func() Own{
		"nicks, which change": func(p *pit, m *maker) func() Own {
			asked := 0
			return func() Own {
				asked++
				if asked == 1 {
					return Own{Nicks: []protocol.Nick{"J5former11111111", m.nick}}
				}
				return Own{Nicks: []protocol.Nick{"J5former11111111", m.nick, p.makers[1].nick}}
			}
		},
		"a bond of another wallet of ours": func(p *pit, m *maker) func() Own {
			p.lock(m, btc, "2030-01", nil)
			proof, err := bond.Parse(p.bonds[0].Proof)
			if err != nil {
				p.t.Fatal(err)
			}
			return func() Own { return Own{Bonds: []wire.OutPoint{proof.OutPoint}} }
		},
		"a bond of the wallet": func(p *pit, m *maker) func() Own {
			ours, err := p.wallet.Coins()
			if err != nil {
				p.t.Fatal(err)
			}
			p.lock(m, btc, "2030-01", func(proof *bond.Proof) { proof.OutPoint = ours[0].OutPoint })
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 4, func(p *pit) {
				m := p.join(protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: 10 * btc, CJFee: "0"}, btc)
				cfg := p.config()
				cfg.Chooser, cfg.Own = Cheapest, own(p, m)
				p.sync()
				p.twist = func(c string, silent *maker, answer []any) []any {
					if c == "fill" && silent == p.makers[0] {
						return nil
					}
					return answer
				}
				o := p.run(cfg, payment(btc/5, 3, 2))
				p.wantJoin(o, 3)
				for _, text := range p.asked {
					if text == "fill "+string(m.nick) {
						t.Error("our own maker was asked")
					}
				}
				if o.quote.Crowd.Makers != 4 {
					t.Errorf("drawn from %+v", o.quote.Crowd)
				}
			})
		})
	}
}

// TestM25OwnMakerAlone: there is nobody but ourselves.
func TestM25OwnMakerAlone(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		cfg.Own = func() (own Own) {
			for _, m := range p.makers[:2] {
				own.Nicks = append(own.Nicks, m.nick)
			}
			return own
		}
		p.wantFailure(p.run(cfg, payment(btc/5, 2, 2)), StepChoose, protocol.ReasonFewOffers)
	})
}

// TestM25OwnCoinAtIOAuth: somebody whom neither nick nor bond gave away names a
// coin of our wallet, one that does not take part. He is replaced.
func TestM25OwnCoinAtIOAuth(t *testing.T) {
	inPit(t, 4, func(p *pit) {
		p.twist = opened(p, 0, func(e *control.IOAuthEvent) {
			ours, err := p.wallet.Coins()
			if err != nil {
				t.Fatal(err)
			}
			unused := slices.IndexFunc(ours, func(c coins.Coin) bool { return c.Value == btc*3/10 })
			e.UTXOs = append(e.UTXOs, ours[unused].OutPoint.String())
		})
		cfg := p.config()
		cfg.Chooser = Cheapest
		o := p.run(cfg, payment(btc/5, 3, 2))
		p.wantJoin(o, 3)
		p.wantDropped(o, protocol.ReasonBadCoins, p.makers[0])
	})
}

// TestT5HeavyMakerIsReplaced: a maker with many coins would make the transaction
// dearer than was approved. Another takes its place before there is one.
func TestT5HeavyMakerIsReplaced(t *testing.T) {
	for _, amount := range []sats.Amount{btc / 5, 0} {
		t.Run(fmt.Sprint(amount), func(t *testing.T) {
			inPit(t, 3, func(p *pit) {
				value := sats.Amount(btc / 10)
				if amount > 0 {
					value = btc / 60
				}
				bad := p.join(protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: 10 * btc, CJFee: "1000"},
					slices.Repeat([]sats.Amount{value}, maxMakerInputs)...)
				p.makers = append([]*maker{bad}, p.makers[:3]...) // the first of the cheapest
				for _, m := range p.makers {
					m.offer.CJFee = "1000"
				}
				p.chain.SetFeeRate(50_000)
				p.sync()
				cfg := p.config()
				cfg.MaxFeeChange, cfg.Chooser = "0.1", Cheapest
				o := p.run(cfg, payment(amount, 2, 2))
				p.wantJoin(o, 2)
				p.wantDropped(o, protocol.ReasonFeeLimit, bad)
				if o.Dropped[0].Step != StepCollect {
					t.Errorf("dropped %+v", o.Dropped)
				}
			})
		})
	}
}
