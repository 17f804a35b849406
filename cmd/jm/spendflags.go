package main

import (
	"strings"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/pflag"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// feeFlags say what a transaction may pay to miners.
type feeFlags struct {
	rate   string
	target int64
	most   string
}

func (o *feeFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.rate, "feerate", "", "fee rate in `sat/vB`, such as 2.5 (default: tx_fees)")
	f.Int64Var(&o.target, "target", 0, "fee rate to be mined within that many `blocks`, 1 to 1000 (default: tx_fees)")
	f.StringVar(&o.most, "max-fee", "", "the most to pay to miners, an `amount`, in place of a fifth of what is paid")
}

// policy turns flags and configuration into a fee policy.
func (o *feeFlags) policy(a *app) (feerate.Policy, error) {
	cfg := a.cfg.Policy
	p := feerate.Policy{TxFees: cfg.TxFees, Factor: cfg.TxFeesFactor, Absurd: cfg.AbsurdFeePerKB, Share: feerate.DefaultShare}
	switch {
	case o.rate != "" && o.target != 0:
		return p, usagef("give --feerate or --target, not both")
	case o.rate != "":
		text := o.rate
		if !strings.Contains(text, "/") {
			text += " sat/vB"
		}
		rate, err := sats.ParseFeeRate(text)
		if err != nil || rate < 1 {
			return p, usagef("--feerate %.40q: want a rate in sat/vB such as 2.5", o.rate)
		}
		p.Rate = sats.Amount(rate)
	case o.target != 0:
		if o.target < 1 || o.target > feerate.MaxTarget {
			return p, usagef("--target %d: want 1 to %d blocks", o.target, feerate.MaxTarget)
		}
		p.TxFees = o.target
	}
	if o.most != "" {
		most, err := sats.Parse(o.most)
		if err != nil || most < 1 {
			return p, usagef("--max-fee %.40q: want an amount such as 5000", o.most)
		}
		p.Max = most
	}
	return p, nil
}

// spendFlags say what to pay from.
type spendFlags struct {
	feeFlags
	mixdepth    int
	coins       []string
	mix         bool
	unconfirmed bool
	noRBF       bool
}

func (o *spendFlags) add(f *pflag.FlagSet) {
	o.feeFlags.add(f)
	f.IntVarP(&o.mixdepth, "mixdepth", "m", 0, "the `mixdepth` that pays; with --coin, by default that of the coins")
	f.StringArrayVar(&o.coins, "coin", nil, "spend this coin, an `outpoint` txid:vout; repeat it for more: exactly these are spent")
	f.BoolVar(&o.mix, "mix-mixdepths", false, "allow coins of several mixdepths in one transaction, which ties them together for ever")
	f.BoolVar(&o.unconfirmed, "unconfirmed", false, "choose among unconfirmed coins too")
	f.BoolVar(&o.noRBF, "no-rbf", false, "do not let the transaction be replaced by one with a higher fee")
}

// payment puts flags and receivers together. Everything goes to a single
// receiver without an amount.
func (o *spendFlags) payment(f *pflag.FlagSet, to []receiver) (spend.Payment, error) {
	p := spend.Payment{Mixdepth: o.mixdepth, Mix: o.mix, MinConf: 1, NoRBF: o.noRBF}
	if o.unconfirmed {
		p.MinConf = 0
	}
	for _, r := range to {
		p.Outputs = append(p.Outputs, txbuild.Output{Value: r.amount, Script: r.script})
		p.Sweep = p.Sweep || r.amount == 0
	}
	var err error
	if p.Coins, err = outPoints(o.coins); err != nil {
		return p, err
	}
	if len(p.Coins) > 0 && !f.Changed("mixdepth") {
		p.Mixdepth = spend.OfCoins
	}
	return p, nil
}

func outPoints(texts []string) (list []wire.OutPoint, err error) {
	for _, text := range texts {
		out, err := coins.ParseOutPoint(text)
		if err != nil {
			return nil, usagef("--coin %.80q: %w; jm wallet show --coins lists them", text, err)
		}
		list = append(list, out)
	}
	return list, nil
}

// spending is what payments of a wallet need.
func (a *app) spending(w *wallet.Wallet, fee feerate.Policy) spend.Config {
	mempool, _ := w.Chain().(chain.Mempool) // a light client has none
	return spend.Config{
		Wallet: w, Node: w.Chain(), Mempool: mempool, Fee: fee, Selection: coins.Algorithm(a.cfg.Policy.MergeAlgorithm),
	}
}
