package taker

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestT6ManInTheMiddle: somebody between maker and taker has a session with
// each, and passes on what the maker signed for another key.
func TestT6ManInTheMiddle(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		honest := p.makers[1].key
		p.twist = func(c string, m *maker, answer []any) []any {
			if m != p.makers[1] {
				return answer
			}
			switch e := answer[0].(type) {
			case control.PubKeyEvent:
				e.PubKey = strings.Repeat("ee", 32) // the key of the one between
				answer[0] = e
			case control.IOAuthEvent:
				if m.key != honest {
					t.Error("the maker's key changed")
				}
				e.PubKey = strings.Repeat("ee", 32)
				answer[0] = e
			}
			return answer
		}
		o := p.run(p.config(), payment(btc/5, 3, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonBadSignature, p.makers[1])
	})
}

func TestT7AddressesOfOthers(t *testing.T) {
	for name, edit := range map[string]func(p *pit, e *control.IOAuthEvent){
		"our destination":        func(p *pit, e *control.IOAuthEvent) { e.CJAddress = payment(1, 1, 1).Destination },
		"an address of our coin": func(p *pit, e *control.IOAuthEvent) { e.ChangeAddress = p.ownAddress() },
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 3, func(p *pit) {
				p.twist = opened(p, 0, func(e *control.IOAuthEvent) { edit(p, e) })
				o := p.run(p.config(), payment(btc, 3, 2)) // takes all our coins
				p.wantJoin(o, 2)
				p.wantDropped(o, protocol.ReasonBadCoins, p.makers[0])
			})
		})
	}
	t.Run("another maker's", func(t *testing.T) {
		inPit(t, 4, func(p *pit) {
			p.twist = opened(p, 1, func(e *control.IOAuthEvent) { e.CJAddress = addressText(t, p.makers[0].cj) })
			cfg := p.config()
			cfg.Chooser = Cheapest // and so asked in the order of the pit
			o := p.run(cfg, payment(btc/5, 4, 2))
			p.wantJoin(o, 2)
			p.wantDropped(o, protocol.ReasonBadCoins, p.makers[0], p.makers[1])
		})
	})
}

// ownAddress is the address of one of the taker's coins.
func (p *pit) ownAddress() string {
	p.t.Helper()
	all, err := p.wallet.Coins()
	if err != nil {
		p.t.Fatal(err)
	}
	return addressText(p.t, all[0].Script)
}

// TestT8Signatures: wrong signatures are ignored and the right ones found among
// them, in any order, as long as there are not too many. The node is asked for
// nothing on account of a signature, only once for each coin when all are there.
func TestT8Signatures(t *testing.T) {
	sigs := func(n int, sig string, e control.SigEvent) (out []any) {
		for range n {
			e.Sig = sig
			out = append(out, e)
		}
		return out
	}
	for name, c := range map[string]struct {
		edit   func(right []any) []any
		reason protocol.Reason // "" for success
	}{
		"reversed": {func(right []any) []any { slices.Reverse(right); return right }, ""},
		"doubled":  {func(right []any) []any { return append([]any{right[0]}, right...) }, ""},
		"two wrong first": {func(right []any) []any {
			return append(sigs(spareSigs, "AAAA", right[0].(control.SigEvent)), right...)
		}, ""},
		"three wrong first": {func(right []any) []any {
			return append(sigs(spareSigs+1, "AAAA", right[0].(control.SigEvent)), right...)
		}, protocol.ReasonTooManySigs},
		"flood": {func(right []any) []any {
			return sigs(900, right[0].(control.SigEvent).Sig, right[0].(control.SigEvent))
		},
			protocol.ReasonTooManySigs},
		"one missing": {func(right []any) []any { return right[:1] }, protocol.ReasonTimeoutTx},
		"one replaced by nothing valid": {func(right []any) []any {
			return append(right[:1], sigs(1, "not base64 at all!", right[0].(control.SigEvent))...)
		}, protocol.ReasonTimeoutTx},
		"another hash type": {func(right []any) []any {
			e := right[0].(control.SigEvent)
			raw, err := base64.StdEncoding.DecodeString(e.Sig)
			if err != nil {
				t.Fatal(err)
			}
			raw[int(raw[0])] = 0x81 // SIGHASH_ALL | ANYONECANPAY
			e.Sig = base64.StdEncoding.EncodeToString(raw)
			return append([]any{e}, right[1:]...)
		}, protocol.ReasonTimeoutTx},
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 2, func(p *pit) {
				bad := p.join(protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: btc, CJFee: "0"}, btc/8, btc/8)
				p.sync()
				p.twist = func(command string, m *maker, answer []any) []any {
					if command == "tx" {
						p.node.asked.Store(0)
					}
					if command == "tx" && m == bad {
						if len(answer) != 2 {
							t.Fatalf("%d signatures", len(answer))
						}
						return c.edit(answer)
					}
					return answer
				}
				o := p.run(p.config(), payment(btc/5, 3, 2))
				if c.reason == "" {
					p.wantJoin(o, 3)
					if most := int64(len(o.Tx.TxIn) + 1); p.node.asked.Load() > most { // and once whether the network shows it
						t.Errorf("the node was asked %d times, want %d", p.node.asked.Load(), most)
					}
				} else {
					if p.node.asked.Load() != 0 {
						t.Errorf("the node was asked %d times", p.node.asked.Load())
					}
					p.wantFailure(o, StepSign, protocol.ReasonFewMakers)
					p.wantDropped(o, c.reason, bad)
				}
			})
		})
	}
}

// TestT8SignatureOfAnother: a maker sends, in its own name, the signatures of
// another maker's inputs too. They count for nobody.
func TestT8SignatureOfAnother(t *testing.T) {
	inPit(t, 2, func(p *pit) {
		var stolen []any
		p.twist = func(command string, m *maker, answer []any) []any {
			switch {
			case command != "tx":
				return answer
			case m == p.makers[0]: // asked first
				for _, a := range answer {
					e := a.(control.SigEvent)
					e.Maker = p.makers[1].nick
					stolen = append(stolen, e)
				}
				return nil
			}
			return append(stolen, answer...)
		}
		cfg := p.config()
		cfg.Chooser = Cheapest
		o := p.run(cfg, payment(btc/5, 2, 2))
		p.wantFailure(o, StepSign, protocol.ReasonFewMakers)
		p.wantDropped(o, protocol.ReasonTimeoutTx, p.makers[0])
		if len(stolen) == 0 {
			t.Error("nothing was stolen")
		}
	})
}

// TestT9FirstKeyWins: a maker sends another session key half-way, and then
// opens its coins for that one.
func TestT9FirstKeyWins(t *testing.T) {
	later := strings.Repeat("99", 32)
	t.Run("ignored", func(t *testing.T) {
		inPit(t, 2, func(p *pit) {
			p.twist = func(command string, m *maker, answer []any) []any {
				if command == "fill" && m == p.makers[0] {
					return append(answer, control.PubKeyEvent{Attempt: p.attempt, Maker: m.nick, PubKey: later})
				}
				if command == "auth" && m == p.makers[0] {
					return append([]any{control.PubKeyEvent{Attempt: p.attempt, Maker: m.nick, PubKey: later}}, answer...)
				}
				return answer
			}
			p.wantJoin(p.run(p.config(), payment(btc/5, 2, 2)), 2)
		})
	})
	t.Run("opened for the later key", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			p.twist = opened(p, 0, func(e *control.IOAuthEvent) {
				e.PubKey = later
				_, e.Signature = p.makers[0].authorise(p.makers[0].opened[0], later)
			})
			o := p.run(p.config(), payment(btc/5, 3, 2))
			p.wantJoin(o, 2)
			p.wantDropped(o, protocol.ReasonBadKey, p.makers[0])
		})
	})
}

// TestT10AnswersOfStrangers: events of other attempts, of makers that were not
// asked and out of turn change nothing.
func TestT10AnswersOfStrangers(t *testing.T) {
	inPit(t, 4, func(p *pit) {
		pay := payment(btc/5, 3, 3)
		pay.Exclude = []protocol.Nick{p.makers[3].nick}
		stranger := p.makers[3].nick
		p.twist = func(command string, m *maker, answer []any) []any {
			var noise []any
			for _, attempt := range []uint64{0, p.attempt - 1, p.attempt + 1} {
				noise = append(noise,
					control.PubKeyEvent{Attempt: attempt, Maker: m.nick, PubKey: strings.Repeat("11", 32)},
					control.IOAuthEvent{Attempt: attempt, Maker: m.nick},
					control.SigEvent{Attempt: attempt, Maker: m.nick, Sig: "AAAA"},
					control.FailedEvent{Attempt: attempt, Maker: m.nick, Reason: protocol.ReasonRefused})
			}
			noise = append(noise,
				control.PubKeyEvent{Attempt: p.attempt, Maker: stranger, PubKey: strings.Repeat("11", 32)},
				control.IOAuthEvent{Attempt: p.attempt, Maker: stranger},
				control.SigEvent{Attempt: p.attempt, Maker: stranger, Sig: "AAAA"},
				control.FailedEvent{Attempt: p.attempt, Maker: stranger, Reason: protocol.ReasonRefused},
				control.ErrorEvent{Nick: m.nick, Text: "boo"},
				control.AuthEvent{Conversation: 1, Taker: m.nick},
				control.ChannelEvent{Channel: "x"})
			if command != "auth" {
				noise = append(noise, control.IOAuthEvent{Attempt: p.attempt, Maker: m.nick})
			}
			return append(noise, answer...)
		}
		o := p.run(p.config(), pay)
		p.wantJoin(o, 3)
		p.wantDropped(o, "")
	})
}
