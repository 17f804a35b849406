package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// usualMakers is the mean of how many makers a taker draws by default.
const usualMakers = 9

// marketView is the document of `jm orderbook --json`.
type marketView struct {
	control.OrderbookAnswer
	// Unverified is why bonds count for nothing here; empty: our node has
	// verified those in FidelityBonds.
	Unverified    string     `json:"bonds_unverified,omitempty"`
	Wanted        int        `json:"makercount"`
	Makers        []standing `json:"makers"`
	FidelityBonds []bookBond `json:"fidelitybonds"`
}

// standing is how a maker fares with takers.
type standing struct {
	Nick   protocol.Nick `json:"nick"`
	Value  float64       `json:"bond_value"`
	Twin   bool          `json:"twin,omitempty"` // another nick has the same bond, and the place of both
	Share  float64       `json:"share"`
	Chance float64       `json:"chance"`
}

// bookBond is a verified bond, with the names that the reference exports.
type bookBond struct {
	Nick      protocol.Nick `json:"counterparty"`
	Coin      bookCoin      `json:"utxo"`
	Value     float64       `json:"bond_value"`
	Locktime  uint32        `json:"locktime"`
	Amount    sats.Amount   `json:"amount"`
	Confirmed int64         `json:"utxo_confirmation_timestamp"`
	Expiry    int64         `json:"cert_expiry"` // in periods of 2016 blocks
}

type bookCoin struct {
	TxID string `json:"txid"`
	VOut uint32 `json:"vout"`
}

var errNoChannel = fmt.Errorf("no message channel is up after %v; jm status says why, and docs/irc.md what to do", channelsWait)

// lookAtMarket asks all makers for their offers, and our node for their bonds.
// Without a node that answers, no bond counts.
func (a *app) lookAtMarket(ctx context.Context, wait time.Duration, wanted int) (*marketView, error) {
	if wanted < 1 || wanted > protocol.MaxMakers {
		return nil, usagef("-N %d: want 1 to %d makers", wanted, protocol.MaxMakers)
	}
	switch {
	case wait < 0:
		return nil, usagef("--wait %v: want a time to wait, such as 30s", wait)
	case wait == 0:
		wait = a.cfg.Timeout.Maker
	}
	bondless, err := bondlessAllowance(a.cfg.Policy)
	if err != nil {
		return nil, err
	}
	reach, cancel := context.WithTimeoutCause(ctx, channelsWait, errNoChannel)
	defer cancel()
	session, hangUp, err := a.connect(reach, control.RoleWatcher)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	book, err := taker.Book(ctx, session, taker.BookWait{
		Quiet: a.quiet(), Limit: wait, Enough: 1,
		Progress: func(offers, makers int) {
			a.term.waiting(fmt.Sprintf("waiting for offers: %d so far, of %d makers", offers, makers))
		},
	})
	a.term.waiting("")
	if err != nil {
		return nil, err
	}
	v := &marketView{OrderbookAnswer: book, Wanted: wanted, Makers: []standing{}, FidelityBonds: []bookBond{}}
	proven, err := a.provenBonds(ctx, session.Nick(), book.Bonds)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		v.Unverified = oneLine(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	v.rank(taker.Survey(book.Offers, proven, wanted, bondless))
	return v, nil
}

// provenBonds has our node look at the bonds that were shown to nick.
func (a *app) provenBonds(ctx context.Context, nick protocol.Nick, entries []control.BondEntry) (map[protocol.Nick]taker.ProvenBond, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	rates, err := bondRates(a.cfg.Policy)
	if err != nil {
		return nil, err
	}
	if a.light() {
		return nil, chain.ErrCannotVerify
	}
	backend, err := a.openChain(ctx)
	if err != nil {
		return nil, err
	}
	defer backend.Close()
	a.term.waiting("asking the node about fidelity bonds")
	defer a.term.waiting("")
	return taker.BondCheck{Nick: nick, Chain: backend, Rates: rates}.Proven(ctx, entries)
}

// rank takes over how makers fare.
func (v *marketView) rank(all []taker.Standing) {
	for _, s := range all {
		v.Makers = append(v.Makers, standing{s.Nick, s.Value(), s.Twin, s.Share, s.Chance})
		if b := s.Bond; b != nil {
			v.FidelityBonds = append(v.FidelityBonds, bookBond{
				Nick: s.Nick, Coin: bookCoin{b.OutPoint.Hash.String(), b.OutPoint.Index}, Value: b.Value,
				Locktime: b.Locktime, Amount: b.Amount, Confirmed: b.Confirmed.Unix(), Expiry: b.Until / bond.Period,
			})
		}
	}
}

// standingsText is the table of makers, the greatest bond first.
func (v *marketView) standingsText() string {
	if len(v.Makers) == 0 {
		return ""
	}
	bonds := make(map[protocol.Nick]bookBond)
	for _, b := range v.FidelityBonds {
		bonds[b.Nick] = b
	}
	shown := make(map[protocol.Nick]bool)
	for _, b := range v.Bonds {
		shown[b.Nick] = true
	}
	var t strings.Builder
	fmt.Fprintf(&t, "\n%-16s  %18s  %14s  %10s  %7s  %11s\n", "maker", "bond value", "locked (BTC)", "until", "share", fmt.Sprintf("chance of %d", v.Wanted))
	for _, m := range v.Makers {
		value, locked, until := "-", "", ""
		if b, has := bonds[m.Nick]; has {
			value, locked, until = bondValueText(b.Value), b.Amount.BTC(), unixUTC(b.Locktime).Format(time.DateOnly)
		} else if shown[m.Nick] {
			value = "not counted"
			if v.Unverified != "" {
				value = "UNVERIFIED"
			}
		}
		if m.Twin {
			fmt.Fprintf(&t, "%-16s  %18s  %14s  %10s  the same bond as above: both have one place\n", m.Nick, value, locked, until)
			continue
		}
		fmt.Fprintf(&t, "%-16s  %18s  %14s  %10s  %7s  %11s\n", m.Nick, value, locked, until, percent(m.Share), percent(m.Chance))
	}
	t.WriteString("\n" + v.bondsText())
	return t.String()
}

// bondsText says what the bonds are worth here, and what the columns mean.
func (v *marketView) bondsText() string {
	var text string
	switch {
	case v.Unverified != "":
		text = fmt.Sprintf("Bonds are UNVERIFIED, and worth nothing here: %s.\n", strings.TrimSuffix(v.Unverified, "."))
	case len(v.Bonds) == 0:
		text = "No maker shows a fidelity bond.\n"
	default:
		text = fmt.Sprintf("Fidelity bonds: %d shown, %d verified by your node.\n", len(v.Bonds), len(v.FidelityBonds))
	}
	return text + fmt.Sprintf("Share: of a single draw by jm sendpayment, before amount and fee limits. Chance: to be among %d makers drawn.\n", v.Wanted)
}
