package taker

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// opened twists what a maker opens.
func opened(p *pit, bad int, edit func(e *control.IOAuthEvent)) func(string, *maker, []any) []any {
	return func(_ string, m *maker, answer []any) []any {
		for i := range answer {
			if e, ok := answer[i].(control.IOAuthEvent); ok && m == p.makers[bad] {
				edit(&e)
				answer[i] = e
			}
		}
		return answer
	}
}

// TestT1CoinSpentBeforeWeSign: a maker spends its coin elsewhere after it has
// signed. We do not sign, and know who it was.
func TestT1CoinSpentBeforeWeSign(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		p.twist = func(c string, m *maker, answer []any) []any {
			if c == "tx" && m == p.makers[1] {
				m.spendElsewhere()
			}
			return answer
		}
		o := p.run(p.config(), payment(btc/5, 3, 2))
		p.wantDropped(o, protocol.ReasonBadCoins, p.makers[1])
		if o.Tx != nil || ReasonOf(o.err) != protocol.ReasonBadCoins || p.leased() != 0 {
			t.Errorf("%v, transaction %v, %v set aside", o.err, o.Tx, p.leased())
		}
	})
}

// spendElsewhere sends the first coin that the maker opened to itself.
func (m *maker) spendElsewhere() {
	c := m.opened[0]
	_, script := m.p.newKey()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(c.Value)-10_000, script))
	m.signInput(tx, 0)
	if err := m.p.wallet.Chain().Broadcast(m.p.t.Context(), tx); err != nil {
		m.p.t.Fatal(err)
	}
}

// TestT1SpentBeforeTheAnswer: the coin is spent when the maker opens it.
func TestT1SpentBeforeTheAnswer(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		p.twist = func(c string, m *maker, answer []any) []any {
			if c == "auth" && m == p.makers[1] {
				m.spendElsewhere()
			}
			return answer
		}
		o := p.run(p.config(), payment(btc/5, 3, 2))
		p.wantDropped(o, protocol.ReasonBadCoins, p.makers[1])
		p.wantJoin(o, 2)
	})
}

func TestT2TwoClaimOneCoin(t *testing.T) {
	inPit(t, 4, func(p *pit) {
		var victim string
		p.twist = func(_ string, m *maker, answer []any) []any {
			for i := range answer {
				e, ok := answer[i].(control.IOAuthEvent)
				if ok && m == p.makers[0] {
					victim = e.UTXOs[0]
				} else if ok && m == p.makers[1] {
					e.UTXOs = append(e.UTXOs, victim)
					answer[i] = e
				}
			}
			return answer
		}
		// The one with the coin opens first, so that the liar can know it.
		cfg := p.config()
		cfg.Chooser = Cheapest
		o := p.run(cfg, payment(btc/5, 4, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonBadCoins, p.makers[0], p.makers[1])
	})
}

func TestT2ClaimsOurCoin(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		ours, err := p.wallet.Coins()
		if err != nil {
			t.Fatal(err)
		}
		p.twist = opened(p, 1, func(e *control.IOAuthEvent) {
			for _, c := range ours {
				e.UTXOs = append(e.UTXOs, c.OutPoint.String())
			}
		})
		o := p.run(p.config(), payment(btc/5, 3, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonBadCoins, p.makers[1])
	})
}

// TestT2RepeatedAnswer: the first answer of a maker counts; a second one with
// other coins changes nothing.
func TestT2RepeatedAnswer(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		p.twist = func(c string, m *maker, answer []any) []any {
			if c == "auth" && m == p.makers[0] {
				second := answer[0].(control.IOAuthEvent)
				second.CJAddress, second.ChangeAddress = second.ChangeAddress, second.CJAddress
				return append(answer, second)
			}
			return answer
		}
		o := p.run(p.config(), payment(btc/5, 3, 3))
		p.wantJoin(o, 3)
		for _, part := range o.Parts[1:] {
			if m := p.maker(part.Nick); !bytes.Equal(part.CJOut, m.cj) {
				t.Errorf("%s is paid to another address", m.nick)
			}
		}
	})
}

// TestT3ForeignTypes: a maker opens coins or names addresses of another type than
// its offer's, alone or among good ones. It is left out before it is shown a
// transaction, another takes its place, and no input stands out from the others.
func TestT3ForeignTypes(t *testing.T) {
	hash := func(n byte) []byte { return bytes.Repeat([]byte{n}, 20) }
	types := map[string][]byte{
		"legacy":  slices.Concat([]byte{0x76, 0xa9, 20}, hash(1), []byte{0x88, 0xac}),
		"nested":  slices.Concat([]byte{0xa9, 20}, hash(2), []byte{0x87}),
		"bond":    append([]byte{0, 32}, bytes.Repeat([]byte{3}, 32)...),
		"taproot": append([]byte{0x51, 32}, bytes.Repeat([]byte{4}, 32)...),
	}
	foreign := func(p *pit, script []byte) string { return p.chain.Pay(script, btc).String() }
	for name, script := range types {
		for what, edit := range map[string]func(p *pit, e *control.IOAuthEvent){
			"coin among good ones": func(p *pit, e *control.IOAuthEvent) { e.UTXOs = append(e.UTXOs, foreign(p, script)) },
			"coin first":           func(p *pit, e *control.IOAuthEvent) { e.UTXOs = append([]string{foreign(p, script)}, e.UTXOs...) },
			"coin alone":           func(p *pit, e *control.IOAuthEvent) { e.UTXOs = []string{foreign(p, script)} },
			"address":              func(p *pit, e *control.IOAuthEvent) { e.CJAddress = addressText(t, script) },
			"change":               func(p *pit, e *control.IOAuthEvent) { e.ChangeAddress = addressText(t, script) },
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				inPit(t, 5, func(p *pit) {
					p.twist = opened(p, 1, func(e *control.IOAuthEvent) {
						edit(p, e)
						p.chain.Mine(1)
					})
					cfg := p.config()
					cfg.Chooser = Cheapest // the bad one is among those asked first
					o := p.run(cfg, payment(btc/5, 4, 2))
					p.wantJoin(o, 4)
					reason := protocol.ReasonBadCoins
					if what == "address" || what == "change" {
						reason = protocol.ReasonBadAddress
					}
					p.wantDropped(o, reason, p.makers[1])
					if slices.Contains(p.asking("tx"), string(p.makers[1].nick)) {
						t.Error("it was shown the transaction")
					}
					for _, part := range o.Parts {
						for _, in := range part.Inputs {
							if kind, err := txbuild.TypeOf(in.Script); err != nil || kind != txbuild.P2WPKH {
								t.Errorf("an input of type %s, %v", kind, err)
							}
						}
					}
				})
			})
		}
	}
}

// TestT4ValuesAreOurs: a maker opens one small coin of its own; what it is worth
// our node tells.
func TestT4ValuesAreOurs(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		bad := p.makers[2]
		small := bad.earn(btc/5 + 27_300 - 1000 - 200 - 1)
		p.chain.Mine(1)
		p.sync()
		p.twist = opened(p, 2, func(e *control.IOAuthEvent) {
			e.UTXOs = []string{small.OutPoint.String()}
			e.AuthPubKey, e.Signature = bad.authorise(small, bad.key)
		})
		o := p.run(p.config(), payment(btc/5, 3, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonLowChange, bad)
	})
}

// TestT5ManyCoins: a maker brings as many coins as it may, at a high fee rate.
// It is left out rather than the quote exceeded, if enough others remain.
func TestT5ManyCoins(t *testing.T) {
	for honest, enough := range map[int]bool{2: true, 1: false} {
		inPit(t, honest, func(p *pit) {
			bad := p.join(protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: btc, CJFee: "0"},
				slices.Repeat([]sats.Amount{btc / 60}, maxMakerInputs)...)
			p.chain.SetFeeRate(50_000)
			p.sync()
			cfg := p.config()
			cfg.MaxFeeChange = "0.2"
			o := p.run(cfg, payment(btc/5, honest+1, 2))
			if enough {
				p.wantJoin(o, honest)
				p.wantDropped(o, protocol.ReasonFeeLimit, bad)
			} else {
				p.wantFailure(o, StepCollect, protocol.ReasonFeeLimit)
			}
		})
	}
}

// TestT18SweepWithAbsentMakers: the amount stays, so what absent makers are not
// paid goes to the miner; only up to what was quoted.
func TestT18SweepWithAbsentMakers(t *testing.T) {
	for fee, reason := range map[string]protocol.Reason{"300": "", "40000": protocol.ReasonFeeLimit} {
		inPit(t, 0, func(p *pit) {
			for range 4 {
				p.join(protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: 10 * btc, CJFee: fee}, 2*btc)
			}
			p.sync()
			p.twist = func(c string, m *maker, answer []any) []any {
				if c == "auth" && m == p.makers[0] {
					return nil
				}
				return answer
			}
			o := p.run(p.config(), payment(0, 4, 2))
			p.wantDropped(o, protocol.ReasonTimeoutAuth, p.makers[0]) // leaving out more would not help
			if reason == "" {
				p.wantJoin(o, 3)
			} else {
				p.wantFailure(o, StepCollect, reason)
			}
		})
	}
}

// TestT23AndFeesOfTheWholeTransaction asks affordable about transactions at the
// limits.
func TestT23AndFeesOfTheWholeTransaction(t *testing.T) {
	taker, err := New(Config{Limits: Limits{Rel: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	a := &attempt{Taker: taker}
	sized := func(inputs int) *wire.MsgTx {
		tx := wire.NewMsgTx(2)
		for range inputs {
			tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{}, nil, nil))
		}
		return tx
	}
	// 41 bytes an input and 10 around them, 12 with a count of three bytes.
	most := (protocol.MaxTx - 12) / 41
	contributing := []txbuild.Maker{{TxFee: 300}}
	for name, c := range map[string]struct {
		tx     txbuild.Tx
		sweep  bool
		makers []txbuild.Maker
		want   error
	}{
		"at the size limit":      {txbuild.Tx{Msg: sized(most), Fee: 1000, Needed: 1000}, false, nil, nil},
		"T23 beyond it":          {txbuild.Tx{Msg: sized(most + 1), Fee: 1000, Needed: 1000}, false, nil, errTooBig},
		"fee at the lower bound": {txbuild.Tx{Msg: sized(1), Fee: 200, Needed: 1000}, true, nil, nil},
		"fee below it":           {txbuild.Tx{Msg: sized(1), Fee: 199, Needed: 1000}, true, nil, errTooBig},
		"below what is relayed":  {txbuild.Tx{Msg: sized(1), Fee: 999, Needed: 1000, VSize: 1000}, true, nil, errTooBig},
		"as is relayed":          {txbuild.Tx{Msg: sized(1), Fee: 1000, Needed: 1000, VSize: 1000}, true, nil, nil},
		"share at the quote":     {txbuild.Tx{Msg: sized(1), Fee: 5300, Needed: 1000}, false, contributing, nil},
		"share above it":         {txbuild.Tx{Msg: sized(1), Fee: 5301, Needed: 1000}, false, contributing, errTooBig},
		"sweep above it":         {txbuild.Tx{Msg: sized(1), Fee: 5301, Needed: 1000}, true, contributing, errFeeLimit},
	} {
		const least = 1000 // sat/kvB
		c.tx.VSize = max(c.tx.VSize, 100)
		pl := &plan{Quote: Quote{MaxMinerFee: 5000, Sweep: c.sweep}}
		if err := a.affordable(pl, &c.tx, c.makers, least); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
