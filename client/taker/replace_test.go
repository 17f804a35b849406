package taker

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// committed is how many commitments were used up.
func (p *pit) committed() int {
	p.t.Helper()
	data, err := os.ReadFile(p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	var file struct{ Used []string }
	if err := json.Unmarshal(data, &file); err != nil {
		p.t.Fatal(err)
	}
	return len(file.Used)
}

// asking lists the makers that were sent a command, in order.
func (p *pit) asking(command string) (nicks []string) {
	for _, line := range p.asked {
		if nick, ok := strings.CutPrefix(line, command+" "); ok {
			nicks = append(nicks, nick)
		}
	}
	return nicks
}

// stop makes the first makers that are sent a command fail at it: they are
// silent, the daemon gives them up, or they lie.
func (p *pit) stop(command string, count int, how string) map[*maker]bool {
	stopped := map[*maker]bool{}
	p.twist = func(c string, m *maker, answer []any) []any {
		if c != command || !stopped[m] && len(stopped) == count {
			return answer
		}
		stopped[m] = true
		switch how {
		case "silent":
			return nil
		case "told":
			return []any{control.FailedEvent{Attempt: p.attempt, Maker: m.nick, Reason: protocol.ReasonRefused}}
		}
		switch e := answer[0].(type) {
		case control.PubKeyEvent:
			e.PubKey = "no key"
			return []any{e}
		case control.IOAuthEvent:
			e.UTXOs = []string{strings.Repeat("ab", 32) + ":0"}
			return []any{e}
		}
		return nil
	}
	return stopped
}

// TestT11Replaced: up to the transaction others take the place of makers that
// fail, for one commitment, and as many take part as were wanted.
func TestT11Replaced(t *testing.T) {
	for _, command := range []string{"fill", "auth"} {
		for _, how := range []string{"silent", "told", "lie"} {
			t.Run(command+" "+how, func(t *testing.T) {
				inPit(t, 9, func(p *pit) {
					stopped := p.stop(command, 2, how)
					began := time.Now()
					o := p.run(p.config(), payment(btc/5, 4, 2))
					p.wantJoin(o, 4)
					for _, part := range o.Parts[1:] {
						if stopped[p.maker(part.Nick)] {
							t.Errorf("%s takes part", part.Nick)
						}
					}
					if n := p.committed(); n != 1 {
						t.Errorf("%d commitments were used", n)
					}
					if took := time.Since(began); took > 45*time.Second {
						t.Errorf("took %v", took)
					}
					if opened := p.asking("auth"); command == "fill" && len(opened) != 4 {
						t.Errorf("the commitment was opened to %d makers", len(opened))
					}
				})
			})
		}
	}
}

// TestT11SpoilersAreAvoided: who is to be avoided is asked for nothing, not even
// as one in reserve, while twice as many others as are wanted are there; with
// fewer all are drawn from, so that whoever spoils the makers of others does not
// choose the crowd.
func TestT11SpoilersAreAvoided(t *testing.T) {
	for _, amount := range []sats.Amount{btc / 5, 0} {
		for avoided, kept := range map[int]bool{5: true, 6: true, 7: false} {
			inPit(t, 12, func(p *pit) {
				for _, m := range p.makers {
					m.earn(2 * btc)
				}
				p.chain.Mine(1)
				p.sync()
				pay := payment(amount, 3, 2)
				for _, m := range p.makers[:avoided] {
					pay.Avoid = append(pay.Avoid, m.nick)
				}
				o := p.run(p.config(), pay)
				p.wantJoin(o, 3)
				quoted := slices.Concat(o.quote.Makers, o.quote.Reserve)
				away := !slices.ContainsFunc(quoted, func(m QuotedMaker) bool { return slices.Contains(pay.Avoid, m.Nick) })
				if away != kept || !kept && len(quoted) != 12 {
					t.Errorf("%d of 12 are to be avoided; quoted are %d, none of them: %v", avoided, len(quoted), away)
				}
			})
		}
	}
}

// TestStandIns: who takes the place of others is the next in the order of the
// quote, if it may cost so much; in a sweep it is who leaves least to the miner,
// as long as every place is taken.
func TestStandIns(t *testing.T) {
	quoted := func(fees ...sats.Amount) (makers []QuotedMaker) {
		for _, fee := range fees {
			makers = append(makers, QuotedMaker{Nick: protocol.Nick(fmt.Sprint(int64(fee))), Fee: fee})
		}
		return makers
	}
	for _, c := range []struct {
		sweep bool
		ready []sats.Amount
		n     int
		room  sats.Amount
		want  string
	}{
		{false, []sats.Amount{1000, 50, 150, 90}, 2, 250, "50 150"},
		{false, []sats.Amount{50, 150, 90}, 2, 120, "50"},
		{true, []sats.Amount{1000, 50, 150, 90}, 3, 1250, "1000 150 90"},
		{true, []sats.Amount{50, 150, 90}, 2, 250, "150 90"},
		{true, []sats.Amount{50, 150, 90}, 2, 160, "90 50"},
		{true, []sats.Amount{50, 150, 90}, 1, 160, "150"},
		{true, []sats.Amount{50, 150, 90}, 2, 139, "90"}, // two would cost 140
		{true, []sats.Amount{50, 150, 90}, 3, 100, "90"},
		{true, []sats.Amount{50}, 2, 40, ""},
		{true, nil, 2, 40, ""},
	} {
		pl := &plan{Quote: Quote{Sweep: c.sweep, Makers: quoted(1000), Reserve: quoted(50, 150, 90)}}
		ready, room := quoted(c.ready...), c.room
		var got []string
		for n := c.n; n > 0; n-- {
			i := pl.standIn(ready, n, room)
			if i < 0 {
				break
			}
			got = append(got, string(ready[i].Nick))
			room -= ready[i].Fee
			ready = slices.Delete(ready, i, i+1)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %q are asked", c, got)
		}
	}
}

// TestOldDaemon knows no refill: the makers that answer go on.
func TestOldDaemon(t *testing.T) {
	inPit(t, 9, func(p *pit) {
		p.old = true
		p.stop("fill", 3, "silent")
		o := p.run(p.config(), payment(btc/5, 4, 2))
		p.wantJoin(o, 3)
		if n := len(p.asking("fill")); n != 6 {
			t.Errorf("%d makers were asked", n)
		}
	})
}

// TestT11HonestRetry: when a signature is missing, another attempt is made with
// those that signed, and with nobody else.
func TestT11HonestRetry(t *testing.T) {
	for _, amount := range []string{"payment", "sweep"} {
		t.Run(amount, func(t *testing.T) {
			inPit(t, 9, func(p *pit) {
				for _, m := range p.makers {
					m.earn(2 * btc)
				}
				p.chain.Mine(6)
				p.sync()
				stopped := p.stop("tx", 1, "silent")
				cfg := p.config()
				cfg.Retries = 2
				pay := payment(btc/5, 4, 2)
				if amount == "sweep" {
					pay.Amount = 0
				}
				o := p.run(cfg, pay)
				p.wantJoin(o, 3)
				if len(o.Earlier) != 1 || o.Earlier[0].Failed != StepSign || o.Earlier[0].Reason != protocol.ReasonFewMakers {
					t.Errorf("earlier attempts: %+v", o.Earlier)
				}
				if n := p.committed(); n != 2 {
					t.Errorf("%d commitments were used", n)
				}
				signed := p.asking("tx")
				if len(signed) != 7 {
					t.Fatalf("transactions went to %v", signed)
				}
				for _, nick := range signed[4:] {
					if !slices.Contains(signed[:4], nick) || stopped[p.maker(protocol.Nick(nick))] {
						t.Errorf("the second transaction went to %s", nick)
					}
				}
				first := 6
				if amount == "sweep" {
					first = 8
				}
				if fills := p.asking("fill"); len(fills) != first+3 {
					t.Errorf("%d makers were asked, want %d and then 3", len(fills), first)
				}
			})
		})
	}
}

// TestP10RetriesAreFew: makers that never sign cost a bounded number of
// attempts, and are not asked again.
func TestP10RetriesAreFew(t *testing.T) {
	inPit(t, 12, func(p *pit) {
		p.stop("tx", 12, "told")
		cfg := p.config()
		cfg.Retries = 1
		o := p.run(cfg, payment(btc/5, 3, 2))
		p.wantFailure(o, StepSign, protocol.ReasonFewMakers)
		if len(o.Earlier) != 1 || p.committed() != 2 {
			t.Errorf("%d attempts before, %d commitments", len(o.Earlier), p.committed())
		}
		nicks := p.asking("tx")
		slices.Sort(nicks)
		if twice := len(nicks) - len(slices.Compact(nicks)); twice != 0 || len(nicks) != 6 {
			t.Errorf("transactions went to %d makers, %d twice", len(nicks), twice)
		}
	})
}

// TestT12UnopenedCommitmentServesAgain: an attempt that opened its commitment to
// nobody has not cost one.
func TestT12UnopenedCommitmentServesAgain(t *testing.T) {
	inPit(t, 12, func(p *pit) {
		p.stop("fill", 10, "told")
		cfg := p.config()
		cfg.Retries = 1
		o := p.run(cfg, payment(btc/5, 3, 3))
		p.wantFailure(o, StepFill, protocol.ReasonFewMakers)
		if n := p.committed(); n != 1 {
			t.Errorf("%d commitments were used", n)
		}
		if opened := p.asking("auth"); len(opened) != 0 {
			t.Errorf("it was opened to %v", opened)
		}
	})
}

// TestT7AddressOfAnEarlierAttempt: a maker that names the addresses of an
// attempt that failed is left out of the next.
func TestT7AddressOfAnEarlierAttempt(t *testing.T) {
	inPit(t, 5, func(p *pit) {
		first := map[protocol.Nick]control.IOAuthEvent{}
		var silent, again *maker
		p.twist = func(c string, m *maker, answer []any) []any {
			if c == "tx" && p.attempt == 1 {
				if silent == nil {
					silent = m
				} else if again == nil {
					again = m
				}
				if m == silent {
					return nil
				}
			}
			if e, ok := answer[0].(control.IOAuthEvent); ok {
				if p.attempt == 1 {
					first[m.nick] = e
				} else if m == again {
					e.CJAddress = first[m.nick].CJAddress
					return []any{e}
				}
			}
			return answer
		}
		cfg := p.config()
		cfg.Retries = 1
		o := p.run(cfg, payment(btc/5, 4, 2))
		p.wantJoin(o, 2)
		p.wantDropped(o, protocol.ReasonBadAddress, again)
	})
}

// TestT19DearerMakersAreQuoted: the quote says what it costs if the dearest of
// those in reserve take part; with too few coins for that they do not.
func TestT19DearerMakersAreQuoted(t *testing.T) {
	for _, scarce := range []bool{false, true} {
		inPit(t, 9, func(p *pit) {
			cfg := p.config()
			cfg.Chooser = Cheapest
			if scarce {
				p.wallet = p.newWallet(btc/5 + 8500)
				p.chain.Mine(6)
				p.sync()
				cfg = p.config()
				cfg.Chooser = Cheapest
			}
			p.stop("auth", 1, "told")
			o := p.run(cfg, payment(btc/5, 4, 2))
			if scarce {
				p.wantJoin(o, 3)
				if o.quote.MaxCJFee != 4600 || len(o.quote.Reserve) != 0 {
					t.Errorf("at most %v with %d in reserve", o.quote.MaxCJFee, len(o.quote.Reserve))
				}
				return
			}
			p.wantJoin(o, 4)
			if o.quote.CJFee != 1000+1100+1200+1300 || o.quote.MaxCJFee != 1800+1700+1600+1500 {
				t.Errorf("fees %v, at most %v", o.quote.CJFee, o.quote.MaxCJFee)
			}
		})
	}
}

// TestT12BudgetIsTold: the quote says how many attempts the coins are good for.
func TestT12BudgetIsTold(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		o := p.run(p.config(), payment(btc/5, 3, 2))
		if o.quote.Tries != 9 || o.quote.NextTry != 0 {
			t.Errorf("%d tries left, the next at block %d", o.quote.Tries, o.quote.NextTry)
		}
	})
	inPit(t, 3, func(p *pit) {
		p.wallet = p.newWallet(btc / 2)
		address, err := p.wallet.NextAddress(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.chain.Pay(address.Script, btc)
		p.chain.Mine(2)
		p.sync()
		o := p.run(p.config(), payment(btc/5, 3, 2))
		if o.quote.Tries != 3 || o.quote.NextTry != p.chain.Height()+3 {
			t.Errorf("%d tries left, the next at block %d of %d", o.quote.Tries, o.quote.NextTry, p.chain.Height())
		}
	})
}
