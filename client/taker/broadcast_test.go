package taker

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// TestT21BroadcastPolicies: whoever is asked to broadcast and does not, others
// are asked in its place as far as the policy allows, until our node shows the
// transaction; and all of them get the same one.
func TestT21BroadcastPolicies(t *testing.T) {
	withhold := func(c string, _ *maker, answer []any) []any {
		if c == "push" {
			return withheld
		}
		return answer
	}
	pushes := func(p *pit) int { return strings.Count(strings.Join(p.asked, "\n"), "push") }

	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		cfg.Broadcast = NotSelf
		p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
		if pushes(p) != 1 {
			t.Errorf("not-self: %d makers were asked", pushes(p))
		}
	})
	t.Run("several at once", func(t *testing.T) {
		for _, withheldBy := range []int{0, 2, 3} {
			inPit(t, 5, func(p *pit) {
				cfg := p.config()
				cfg.Broadcast = MultiplePeers
				p.twist = func(c string, m *maker, answer []any) []any {
					if pushes(p) <= withheldBy {
						return withhold(c, m, answer)
					}
					return answer
				}
				p.wantJoin(p.run(cfg, payment(btc/5, 5, 2)), 5)
				if pushes(p) != 3 {
					t.Errorf("%d makers were asked, %d of them withheld", pushes(p), withheldBy)
				}
			})
		}
	})
	t.Run("withheld by the first", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			cfg := p.config()
			cfg.Broadcast = NotSelf
			p.twist = func(c string, m *maker, answer []any) []any {
				if pushes(p) == 1 {
					return withhold(c, m, answer)
				}
				return answer
			}
			p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
			if pushes(p) != 2 {
				t.Errorf("%d makers were asked", pushes(p))
			}
		})
	})
	t.Run("withheld by all", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			cfg := p.config()
			cfg.Broadcast = NotSelf
			p.twist = func(c string, m *maker, answer []any) []any {
				if kept := p.wallet.Pending(); c == "push" && (len(kept) != 1 || !kept[0].Others) {
					t.Errorf("D3: a maker is given the transaction, and the wallet has written down %+v", kept)
				}
				return withhold(c, m, answer)
			}
			o := p.run(cfg, payment(btc/5, 3, 2))
			if ReasonOf(o.err) != protocol.ReasonUnseen || o.Tx == nil || pushes(p) != 3 {
				t.Errorf("%v, %d makers asked", o.err, pushes(p))
			}
			for i, id := range p.pushed {
				if id.String() != o.TxID() {
					t.Errorf("maker %d was given %v, the result is %s", i, id, o.TxID())
				}
			}
			if txs := p.chain.Mempool(); len(txs) != 0 {
				t.Errorf("not-self: %d transactions left our node", len(txs))
			}
			if p.leased() == 0 {
				t.Error("coins are free although makers have the signed transaction (attack D4)")
			}
		})
	})
	t.Run("random-peer falls back", func(t *testing.T) {
		asked := 0
		for tries := 0; asked == 0 && tries < 40; tries++ { // until it was a maker's turn
			inPit(t, 3, func(p *pit) {
				cfg := p.config()
				cfg.Broadcast = RandomPeer
				p.twist = withhold
				p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
				asked += pushes(p)
			})
		}
		if asked != 1 {
			t.Errorf("%d makers were asked", asked)
		}
	})
	t.Run("session over before the push", func(t *testing.T) {
		inPit(t, 3, func(p *pit) {
			cfg := p.config()
			cfg.Broadcast = RandomPeer
			p.twist = func(c string, m *maker, answer []any) []any {
				if c == "push" {
					p.gone = errors.New("connection reset")
					return withheld
				}
				return answer
			}
			p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
		})
	})
}

// TestT21SendersAreDrawn: our node is asked no more often than each maker, so
// that who broadcasts tells nothing of who pays.
func TestT21SendersAreDrawn(t *testing.T) {
	makers := []party{{nick: "a"}, {nick: "b"}, {nick: "c"}}
	counts := map[string]int{}
	const draws = 40_000
	for range draws {
		counts[fmt.Sprintf("%q", RandomPeer.senders(makers))]++
		counts[fmt.Sprintf("%q", NotSelf.senders(makers))]++
	}
	for senders, share := range map[string]int{`[[]]`: 4, `[["a"] []]`: 4, `[["b"] []]`: 4, `[["c"] []]`: 4,
		`[["a"] ["b"] ["c"]]`: 6, `[["a"] ["c"] ["b"]]`: 6, `[["b"] ["a"] ["c"]]`: 6, `[["b"] ["c"] ["a"]]`: 6,
		`[["c"] ["a"] ["b"]]`: 6, `[["c"] ["b"] ["a"]]`: 6} {
		if n := counts[senders]; n < draws/share-700 || n > draws/share+700 { // eight deviations
			t.Errorf("%s in %d of %d draws", senders, n, draws)
		}
	}
	if len(counts) != 10 || fmt.Sprintf("%q", Self.senders(makers)) != `[[]]` {
		t.Errorf("%d ways to send", len(counts))
	}
	if several := MultiplePeers.senders(makers[:2]); len(several) != 2 || len(several[0]) != 2 || several[1] != nil {
		t.Errorf("several: %q", several)
	}
}

func TestOwnNodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		reason protocol.Reason
		kept   bool
	}{
		"rejected":    {chain.ErrRejected, protocol.ReasonRejected, false},
		"unreachable": {chain.ErrUnreachable, protocol.ReasonChain, true}, // it may have the transaction
	} {
		t.Run(name, func(t *testing.T) {
			inPit(t, 3, func(p *pit) {
				cfg := p.config()
				p.node.err = c.err
				o := p.run(cfg, payment(btc/5, 3, 2))
				if ReasonOf(o.err) != c.reason || o.Tx == nil || (p.leased() != 0) != c.kept {
					t.Errorf("%v, %v set aside", o.err, p.leased())
				}
				if kept := p.wallet.Pending(); (len(kept) == 1) != c.kept {
					t.Errorf("D3: pending are %+v", kept)
				}
			})
		})
	}
}

// TestT21RefusedButThere: the node has the transaction although it says no.
func TestT21RefusedButThere(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		p.node.err, p.node.effect = chain.ErrRejected, true
		p.wantJoin(p.run(cfg, payment(btc/5, 3, 2)), 3)
		if p.leased() == 0 {
			t.Error("the coins are free although they are spent")
		}
		if len(p.wallet.Pending()) != 1 {
			t.Error("D3: it is not watched")
		}
	})
}

// unwritten is a wallet whose disk is full when the transaction is there.
type unwritten struct{ Wallet }

func (unwritten) Keep(*wire.MsgTx) error { return syscall.ENOSPC }

// TestD7NothingIsGivenUnwritten: a transaction that cannot be written down is
// given to no maker, and the coins are free again.
func TestD7NothingIsGivenUnwritten(t *testing.T) {
	inPit(t, 3, func(p *pit) {
		cfg := p.config()
		cfg.Broadcast, cfg.Wallet = NotSelf, unwritten{p.wallet}
		o := p.run(cfg, payment(btc/5, 3, 2))
		if !errors.Is(o.err, syscall.ENOSPC) || strings.Contains(strings.Join(p.asked, "\n"), "push") {
			t.Errorf("%v; asked were %q", o.err, p.asked)
		}
		if n, txs := p.leased(), p.chain.Mempool(); n != 0 || len(txs) != 0 {
			t.Errorf("%v set aside, %d transactions sent", n, len(txs))
		}
	})
}
