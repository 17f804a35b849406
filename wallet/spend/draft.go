package spend

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// draft is a payment before it is agreed to.
type draft struct {
	cfg      Config
	direct   txbuild.Direct // its Change is a script of the right size, but nobody's
	keep     bool           // the one output is ours, and nobody's as well until agreed to
	mixdepth int            // that gets the change, or the one output
	quote    Quote
	lease    *coins.Lease
}

// prepare chooses and sets aside the coins of a payment and computes its quote.
// The caller releases the lease.
func prepare(ctx context.Context, cfg Config, p Payment) (_ *draft, err error) {
	if err := p.check(cfg.Wallet.Mixdepths()); err != nil {
		return nil, err
	}
	d := &draft{cfg: cfg, keep: p.Keep, direct: txbuild.Direct{Outputs: p.Outputs, Sequence: txbuild.RBF}}
	if p.NoRBF {
		d.direct.Sequence = txbuild.NoRBF
	}
	if d.direct.Rate, err = cfg.Fee.Draw(ctx, cfg.Node); err != nil {
		return nil, err
	}
	shared := p.Sweep && len(p.Outputs) > 1 // whose rest is too small for change
	if p.Keep || !p.Sweep || shared {
		nobody, err := placeholder(cfg.Wallet)
		if err != nil {
			return nil, err
		}
		if p.Keep {
			d.direct.Outputs = []txbuild.Output{{Script: nobody}}
		} else {
			d.direct.Change = nobody
		}
	}
	d.lease, err = cfg.Wallet.Lease("payment", hold(cfg), func(c wallet.Choice) (chosen []coins.Coin, err error) {
		d.direct.LockTime = txbuild.LockTime(c.Tip.Height)
		chosen, d.mixdepth, err = choice{cfg, p, d.direct, c}.coins()
		if p.Keep {
			d.mixdepth = p.Into
		}
		return chosen, err
	})
	if err != nil {
		return nil, err
	}
	d.direct.Inputs = inputs(d.lease.Coins)
	for _, c := range d.lease.Coins { // a bond's is a time, and greater than every height
		d.direct.LockTime = max(d.direct.LockTime, c.LockTime())
	}
	if shared {
		if d.direct.Outputs, err = shares(d.direct); err != nil {
			d.lease.Release()
			return nil, err
		}
	}
	tx, err := d.direct.Build()
	if err == nil && p.Keep {
		err = worthKeeping(tx.Msg.TxOut[0])
	}
	if err == nil {
		d.quote = d.quoteOf(tx)
		err = cfg.limits(d.quote)
	}
	if err != nil {
		d.lease.Release()
		return nil, err
	}
	return d, nil
}

// shares divides what the inputs leave after the fee equally among the outputs.
// The miner gets what cannot be divided.
func shares(d txbuild.Direct) ([]txbuild.Output, error) {
	size, err := txbuild.Size(d.Inputs, d.Outputs)
	if err != nil {
		return nil, err
	}
	left, err := txbuild.FeeAt(size, d.Rate)
	if err != nil {
		return nil, err
	}
	left = -left
	for _, in := range d.Inputs {
		left += in.Value
	}
	share := left / sats.Amount(len(d.Outputs))
	if share <= 0 {
		return nil, fmt.Errorf("%w: nothing is left after the fee", coins.ErrFunds)
	}
	outputs := slices.Clone(d.Outputs)
	for i := range outputs {
		outputs[i].Value = share
	}
	return outputs, nil
}

// check refuses what can be seen to be wrong without a wallet.
func (p Payment) check(mixdepths int) error {
	if (p.Mixdepth < 0 || p.Mixdepth >= mixdepths) && !(p.Mixdepth == OfCoins && len(p.Coins) > 0) {
		return wallet.ErrMixdepth
	}
	if p.Keep {
		if !p.Sweep || len(p.Outputs) != 0 {
			return fmt.Errorf("%w: what is kept is everything, and has no receiver", ErrPayment)
		}
		if p.Into < 0 || p.Into >= mixdepths {
			return wallet.ErrMixdepth
		}
		return nil
	}
	valued := func(out txbuild.Output) bool { return out.Value != 0 }
	if len(p.Outputs) == 0 || p.Sweep && slices.ContainsFunc(p.Outputs, valued) {
		return fmt.Errorf("%w: each receiver has an amount, or all share everything", ErrPayment)
	}
	for i, out := range p.Outputs {
		least, err := txbuild.DustLimit(out.Script)
		if err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		if !p.Sweep && (out.Value < least || !out.Value.Valid()) {
			return fmt.Errorf("%w: %v, the least for this type of address is %v", ErrDust, out.Value, least)
		}
	}
	return nil
}

// worthKeeping refuses an own output that nodes do not pass on.
func worthKeeping(out *wire.TxOut) error {
	least, err := txbuild.DustLimit(out.PkScript)
	if err == nil && sats.Amount(out.Value) < least {
		err = fmt.Errorf("%w: %v would be left, the least is %v", ErrDust, sats.Amount(out.Value), least)
	}
	return err
}

// placeholder is a script like those of change addresses, that nobody owns.
func placeholder(w Wallet) ([]byte, error) {
	nobody := make([]byte, 33) // the size of a public key
	rand.Read(nobody)
	return w.Type().Script(nobody)
}

func (d *draft) quoteOf(tx *txbuild.Tx) Quote {
	q := Quote{
		Inputs: d.lease.Coins, Fee: tx.Fee, VSize: tx.VSize, Rate: d.direct.Rate,
		Replaceable: d.direct.Sequence == txbuild.RBF,
	}
	for _, out := range d.direct.Outputs {
		value := out.Value
		if value == 0 { // of a sweep, the only one
			value = sats.Amount(tx.Msg.TxOut[0].Value)
		}
		if d.keep {
			q.Outputs = append(q.Outputs, Output{Value: value, Change: true})
			continue
		}
		q.Outputs = append(q.Outputs, Output{Value: value, Script: bytes.Clone(out.Script)})
		q.Amount += value
	}
	if tx.Change > 0 {
		q.Outputs = append(q.Outputs, Output{Value: tx.Change, Change: true})
	}
	return q
}

// agree asks for the user's word and makes the transaction.
func (d *draft) agree(ctx context.Context, approve func(Quote) error) (*wire.MsgTx, error) {
	if err := d.cfg.agree(ctx, &d.quote, d.lease, d.mixdepth, approve); err != nil {
		return nil, err
	}
	for _, out := range d.quote.Outputs {
		switch {
		case d.keep:
			d.direct.Outputs[0].Script = bytes.Clone(out.Script)
		case out.Change:
			d.direct.Change = bytes.Clone(out.Script)
		}
	}
	tx, err := d.direct.Build()
	if err != nil {
		return nil, err
	}
	return tx.Msg, matches(tx.Msg, d.quote)
}

// agree asks for the user's word, makes sure that the coins are still set aside
// and hands out the address for the change, from a mixdepth.
func (cfg Config) agree(ctx context.Context, q *Quote, lease *coins.Lease, mixdepth int, approve func(Quote) error) error {
	if err := approve(*q); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := lease.Extend(hold(cfg)); err != nil {
		return fmt.Errorf("%w; the answer took too long, start again", err)
	}
	q.Outputs = slices.Clone(q.Outputs)
	for i := range q.Outputs {
		if !q.Outputs[i].Change {
			continue
		}
		// The address is used up on the disk before it is signed for.
		a, err := cfg.Wallet.NextAddress(mixdepth, keys.Internal)
		if err != nil {
			return err
		}
		q.Outputs[i].Script = bytes.Clone(a.Script)
	}
	return nil
}
