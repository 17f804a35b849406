package daemon

import (
	"context"
	"strings"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// Limits of the questions for bonds. They leave the client room for verdicts and
// signatures (maxVerdicts, maxSignatures).
const (
	maxBonds        = 4  // questions at a time
	maxBondsWaiting = 64 // takers that wait; more get the offers alone
)

// bonds has the client prove its fidelity bond to takers, for each of whom the
// proof is another one.
type bonds struct {
	asking  int
	waiting []asker
}

// asker is a nick that asked for the order book, and where.
type asker struct {
	nick protocol.Nick
	on   *link
}

// prove has the bond proved to a taker, and then sends it the offers.
func (k *maker) prove(a asker) {
	if len(k.bonds.waiting) >= maxBondsWaiting {
		k.s.d.counts.Inc(count.LimitBonds)
		k.sendOffers(a, "")
		return
	}
	k.bonds.waiting = append(k.bonds.waiting, a)
	k.askBonds()
}

func (k *maker) askBonds() {
	for k.bonds.asking < maxBonds && len(k.bonds.waiting) > 0 {
		a := k.bonds.waiting[0]
		k.bonds.waiting = k.bonds.waiting[1:]
		k.bonds.asking++
		k.s.ask(func(ctx context.Context) event {
			var answer control.BondAnswer
			err := k.s.endpoint.ask(ctx, control.QuestionBond, control.BondRequest{Taker: a.nick}, &answer)
			return proved{k, a, answer.Proof, err}
		})
	}
}

// proved is the client's answer to a bond question.
type proved struct {
	by    *maker
	to    asker
	proof string
	err   error
}

func (e proved) happen(s *session) {
	e.by.bonds.asking--
	if e.err != nil {
		s.log.Debug("no bond shown", "nick", e.to.nick, "err", e.err)
		e.proof = ""
	}
	e.by.sendOffers(e.to, e.proof)
	e.by.askBonds()
}

// sendOffers sends all offers privately on the channel where they were asked
// for, with a proof of the bond unless it is empty.
func (k *maker) sendOffers(to asker, proof string) {
	if len(k.offers) == 0 {
		return
	}
	msg := line.Fields(line.Offer{Offer: k.offers[0]})
	msg += strings.Join(k.market[1:], "")
	if proof != "" {
		msg += group(line.TBond{Proof: proof})
	}
	k.s.send(&outgoing{to: to.nick, command: protocol.Command(k.offers[0].Type), msg: msg, via: to.on.name})
}
