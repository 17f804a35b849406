package taker

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Own is what is the payer's own in the market, beside the coins of the wallet.
// Nobody hides among himself, so none of it is joined with (attack M25).
type Own struct {
	// Nicks of own makers. Those of sessions that ended belong to them: their
	// offers may still be in somebody's order book.
	Nicks []protocol.Nick
	// Bonds that own makers show and that are not in the wallet that pays.
	Bonds []wire.OutPoint
}

// apart takes what is ours out of an order book, and tells how many nicks that
// were. Whoever names a bond of ours, proven or not, is not joined with: either
// it is our maker, or a liar.
func (a *attempt) apart(book control.OrderbookAnswer) (_ control.OrderbookAnswer, own int, err error) {
	var ours Own
	if a.cfg.Own != nil {
		ours = a.cfg.Own()
	}
	coins, err := a.cfg.Wallet.Coins()
	if err != nil {
		return book, 0, err
	}
	bonds := map[wire.OutPoint]bool{}
	for _, out := range ours.Bonds {
		bonds[out] = true
	}
	for _, c := range coins {
		bonds[c.OutPoint] = true
	}
	nicks := map[protocol.Nick]bool{}
	for _, nick := range ours.Nicks {
		nicks[nick] = true
	}
	for _, e := range book.Bonds {
		if proof, err := bond.Parse(e.Proof); err == nil && bonds[proof.OutPoint] {
			nicks[e.Nick] = true
		}
	}
	left := map[protocol.Nick]bool{}
	book.Offers = slices.DeleteFunc(slices.Clone(book.Offers), func(o control.OfferEntry) bool {
		left[o.Nick] = left[o.Nick] || nicks[o.Nick]
		return nicks[o.Nick]
	})
	for _, gone := range left {
		if gone {
			own++
		}
	}
	if own > 0 {
		a.progress("%s of your own left out", count(own, "maker"))
	}
	return book, own, nil
}

// notOurs refuses a maker that brings a coin of the wallet: it is our own, or
// lies (attacks M25, T2).
func (a *attempt) notOurs(inputs []txbuild.Input) error {
	coins, err := a.cfg.Wallet.Coins()
	if err != nil {
		return err
	}
	for _, c := range coins {
		if slices.ContainsFunc(inputs, func(in txbuild.Input) bool { return in.OutPoint == c.OutPoint }) {
			return refuse(protocol.ReasonBadCoins, "a coin of our own wallet")
		}
	}
	return nil
}

// count writes a number of things: "1 maker", "2 makers".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
