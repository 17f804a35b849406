package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/protocol"
)

func newYieldGenerator(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "yieldgenerator [WALLET]",
		Short: "Offer your coins for CoinJoins and earn fees",
		Long: `Offer your coins for CoinJoins and earn fees, until you interrupt it.

What you announce is drawn at random around what you ask for, as the reference's
privacy-enhanced yield generator does; --basic announces it as it is. When your
coins change, offers follow after a while: at once they would tie you to them.

jm tells what happens: offers announced, requests refused and why, transactions
signed, fees earned. With --json each of these is one line of JSON on standard
output.`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	var y config.YieldGenerator
	f.StringVarP(&y.OrderType, "ordertype", "o", "", "`type` of the offers: reloffer, absoffer or both (default: ordertype)")
	f.StringVarP(&y.CJFeeRel, "cjfee-r", "r", "", "relative fee, a `fraction` of the amount (default: cjfee_r)")
	f.Int64VarP((*int64)(&y.CJFeeAbs), "cjfee-a", "a", 0, "absolute fee in `sat` (default: cjfee_a)")
	f.Int64VarP((*int64)(&y.TxFee), "txfee-contribution", "t", 0, "what you add to the miner fee, in `sat` (default: txfee_contribution)")
	f.Int64VarP((*int64)(&y.MinSize), "minsize", "s", 0, "the smallest CoinJoin to take part in, in `sat` (default: minsize)")
	f.StringVarP(&y.CJFeeFactor, "cjfee-factor", "j", "", "how far the fee varies, a `fraction` of it (default: cjfee_factor)")
	f.StringVarP(&y.TxFeeFactor, "txfee-contribution-factor", "f", "", "how far the contribution varies, a `fraction` of it (default: txfee_contribution_factor)")
	f.StringVarP(&y.SizeFactor, "size-factor", "z", "", "how far the sizes vary, a `fraction` of them (default: size_factor)")
	f.BoolVar(&y.Basic, "basic", false, "announce all as it is configured (default: generator)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := a.load(); err != nil {
			return err
		}
		to := &a.cfg.Yield
		for flag, set := range map[string]func(){
			"ordertype":                 func() { to.OrderType = y.OrderType },
			"cjfee-r":                   func() { to.CJFeeRel = y.CJFeeRel },
			"cjfee-a":                   func() { to.CJFeeAbs = y.CJFeeAbs },
			"txfee-contribution":        func() { to.TxFee = y.TxFee },
			"minsize":                   func() { to.MinSize = y.MinSize },
			"cjfee-factor":              func() { to.CJFeeFactor = y.CJFeeFactor },
			"txfee-contribution-factor": func() { to.TxFeeFactor = y.TxFeeFactor },
			"size-factor":               func() { to.SizeFactor = y.SizeFactor },
			"basic":                     func() { to.Basic = y.Basic },
		} {
			if f.Changed(flag) {
				set()
			}
		}
		return a.yieldGenerator(cmd.Context(), one(args))
	}
	cmd.AddCommand(newMakerStatus(a))
	return cmd
}

// terms are the configured offers of a native segwit wallet.
func (a *app) terms() (maker.Terms, error) {
	types := map[string][]protocol.OfferType{
		"reloffer": {protocol.SW0RelOffer},
		"absoffer": {protocol.SW0AbsOffer},
		"both":     {protocol.SW0RelOffer, protocol.SW0AbsOffer},
	}[a.cfg.Yield.OrderType]
	if types == nil {
		return maker.Terms{}, usagef("ordertype %q: want reloffer, absoffer or both", a.cfg.Yield.OrderType)
	}
	y := a.cfg.Yield
	terms := maker.Terms{Types: types, CJFeeAbs: y.CJFeeAbs, CJFeeRel: y.CJFeeRel, TxFee: y.TxFee, MinSize: y.MinSize,
		Basic: y.Basic, CJFeeFactor: y.CJFeeFactor, TxFeeFactor: y.TxFeeFactor, SizeFactor: y.SizeFactor}
	return terms, withCode(exitUsage, terms.Validate())
}

// yieldGenerator runs a maker on a wallet that is open for nothing else.
func (a *app) yieldGenerator(ctx context.Context, name string) error {
	if err := a.canVerify(); err != nil {
		return err
	}
	terms, err := a.terms()
	if err != nil {
		return err
	}
	w, done, err := a.openMaker(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	if err := joinable(w); err != nil {
		return err
	}
	path, err := a.walletPath(name)
	if err != nil {
		return err
	}
	ctx, stop := follow(ctx, w)
	defer stop()
	dial, hangUp, err := a.dialer()
	if err != nil {
		return err
	}
	defer hangUp()
	a.term.say("Waiting for takers; interrupt to end.")
	err = a.runMaker(ctx, ownMaker{wallet: w, path: path, dial: dial, terms: terms, tell: a.tell})
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return nodeError(cause) // the wallet gave up
	}
	return err
}

// tell prints what a maker tells: a sentence for people, a line of JSON for
// programs.
func (a *app) tell(e maker.Event) {
	if a.json {
		_ = json.NewEncoder(a.term.out).Encode(makerLine(e)) // a closed pipe ends the program by its signal
		return
	}
	a.term.say("%s %s", time.Now().Format(time.DateTime), oneLine(makerText(e)))
}

func makerText(e maker.Event) string {
	switch e := e.(type) {
	case maker.Announced:
		if len(e.Offers) == 0 {
			return "no offer: no mixdepth has enough confirmed coins"
		}
		text := "offers:"
		for _, o := range e.Offers {
			text += fmt.Sprintf(" %s %d, %s to %s BTC for %s;", o.Type, o.ID, o.MinSize.BTC(), o.MaxSize.BTC(), o.CJFee)
		}
		if e.Bond == nil {
			return text + " no fidelity bond"
		}
		return fmt.Sprintf("%s bond %v, worth %s, certified up to block %d", text, e.Bond.OutPoint, bondValueText(e.Bond.Worth), e.Bond.Until)
	case maker.Due:
		return fmt.Sprintf("the wallet changed: other offers in %v, unless it changes back", e.Wait.Round(time.Second))
	case maker.Revealed:
		return fmt.Sprintf("%s asks for %s BTC: %d coins shown", e.Taker, e.Amount.BTC(), e.Coins)
	case maker.Unused:
		return fmt.Sprintf("%s did not use the coins (%s); they will be shown before others", e.Taker, e.Reason)
	case maker.Refused:
		return fmt.Sprintf("%s refused (%s): %v", e.Taker, e.Reason, e.Err)
	case maker.Signed:
		return fmt.Sprintf("%s signed for %s, %s BTC, earns %v", e.TxID, e.Taker, e.Amount.BTC(), e.Earning)
	case maker.Seen:
		return fmt.Sprintf("%s is on the network", e.TxID)
	case maker.Earned:
		return fmt.Sprintf("%s is confirmed, earned %v", e.TxID, e.Earning)
	case maker.Spent:
		return fmt.Sprintf("%s will not be mined: its coins were spent otherwise", e.TxID)
	case maker.Lost:
		return fmt.Sprintf("no connection to the daemon, next try in %v: %v", e.Wait.Round(100*time.Millisecond), e.Err)
	}
	return fmt.Sprintf("%T", e)
}

// makerLine is an event as `jm yieldgenerator --json` prints it.
func makerLine(e maker.Event) map[string]any {
	line := map[string]any{"time": time.Now().UTC().Format(time.RFC3339)}
	switch e := e.(type) {
	case maker.Announced:
		line["event"], line["offers"] = "announced", e.Offers
		if e.Bond != nil {
			line["bond"], line["bond_value"], line["certificate_until"] = e.Bond.OutPoint.String(), e.Bond.Worth, e.Bond.Until
		}
	case maker.Due:
		line["event"], line["wait_seconds"] = "due", int64(e.Wait.Seconds())
	case maker.Revealed:
		line["event"], line["taker"], line["amount"], line["coins"] = "revealed", e.Taker, e.Amount, e.Coins
	case maker.Unused:
		line["event"], line["taker"], line["reason"] = "unused", e.Taker, e.Reason
	case maker.Refused:
		line["event"], line["taker"], line["reason"], line["error"] = "refused", e.Taker, e.Reason, fmt.Sprint(e.Err)
	case maker.Signed:
		line["event"], line["taker"], line["txid"], line["amount"], line["earning"] = "signed", e.Taker, e.TxID.String(), e.Amount, e.Earning
	case maker.Seen:
		line["event"], line["txid"] = "seen", e.TxID.String()
	case maker.Earned:
		line["event"], line["txid"], line["amount"], line["earning"] = "earned", e.TxID.String(), e.Amount, e.Earning
	case maker.Spent:
		line["event"], line["txid"] = "spent", e.TxID.String()
	case maker.Lost:
		line["event"], line["error"] = "lost", fmt.Sprint(e.Err)
	}
	return line
}
