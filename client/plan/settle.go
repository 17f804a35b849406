package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// guard is the wallet that an attempt works with: it lets no signed transaction
// leave before the plan has it on the disk, and none that is not the payment, or
// could be mined beside an earlier one of it.
type guard struct {
	Wallet
	runner *runner
	step   *Step
	amount sats.Amount // 0: everything
	bound  []bond
}

// bond is an earlier transaction of the payment and a coin of ours that both it
// and the next have to spend.
type bond struct {
	sent Sent
	coin wire.OutPoint
}

var _ taker.Wallet = (*guard)(nil)

var (
	errOther   = errors.New("the transaction is not the payment that the plan asks for")
	errAlready = errors.New("the payment has another transaction already")
)

// newGuard finds what ties the next transaction of a payment to those before: a
// coin of ours that each of them spends. One of whose coins none is unspent is
// dead.
func (r *runner) newGuard(s *Step, amount sats.Amount) (*guard, error) {
	g := &guard{Wallet: r.Wallet, runner: r, step: s, amount: amount}
	if len(s.Sent) == 0 {
		return g, nil
	}
	own, err := r.Wallet.Coins()
	if err != nil {
		return nil, err
	}
	for _, sent := range s.Sent {
		i := slices.IndexFunc(own, func(c coins.Coin) bool { return slices.Contains(sent.Spends, c.OutPoint) })
		if i >= 0 {
			g.bound = append(g.bound, bond{sent, own[i].OutPoint})
		}
	}
	return g, nil
}

// Reserve chooses the coins of the payment.
func (g *guard) Reserve(r wallet.Reservation) (*coins.Lease, error) {
	for _, b := range g.bound {
		if !slices.Contains(r.Include, b.coin) {
			r.Include = append(r.Include, b.coin)
		}
	}
	lease, err := g.Wallet.Reserve(r)
	if err != nil {
		return nil, err
	}
	if err := g.whole(r, lease); err != nil {
		lease.Release()
		return nil, err
	}
	return lease, nil
}

// Keep and Publish are what a transaction passes on its way out.
func (g *guard) Keep(tx *wire.MsgTx) error {
	return g.leave(tx, func() error { return g.Wallet.Keep(tx) })
}

func (g *guard) Publish(ctx context.Context, tx *wire.MsgTx) error {
	return g.leave(tx, func() error { return g.Wallet.Publish(ctx, tx) })
}

func (g *guard) leave(tx *wire.MsgTx, send func() error) error {
	if err := g.check(tx); err != nil {
		return err
	}
	s := g.step
	if s.TxID == "" {
		sent := Sent{TxID: tx.TxHash().String(), At: time.Now().UTC().Truncate(time.Second)}
		for _, in := range tx.TxIn {
			sent.Spends = append(sent.Spends, in.PreviousOutPoint)
		}
		s.TxID, s.Sent = sent.TxID, append(s.Sent, sent)
		if err := g.save(); err != nil {
			return err
		}
	}
	err := send()
	if last := &s.Sent[len(s.Sent)-1]; err == nil || errors.Is(err, wallet.ErrKept) {
		last.Given = true
	} else if !last.Given {
		s.TxID, s.Sent = "", s.Sent[:len(s.Sent)-1] // it never left
	}
	return errors.Join(err, g.save())
}

func (g *guard) save() error { return g.runner.Keeper.Save(g.runner.plan) }

func (g *guard) check(tx *wire.MsgTx) error {
	if id := tx.TxHash().String(); g.step.TxID != "" && g.step.TxID != id {
		return fmt.Errorf("%w: %s", errAlready, g.step.TxID)
	}
	if len(g.step.Sent) >= maxSent {
		return fmt.Errorf("%d transactions of the payment were lost", maxSent)
	}
	for _, b := range g.bound {
		if !slices.ContainsFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == b.coin }) {
			return fmt.Errorf("%w: %s, which could be mined beside this one", errAlready, b.sent.TxID)
		}
	}
	script, err := txbuild.ParseAddress(g.step.Address, g.Params())
	if err != nil {
		return err
	}
	pays := func(out *wire.TxOut) bool {
		return bytes.Equal(out.PkScript, script) && (g.amount == 0 || sats.Amount(out.Value) == g.amount)
	}
	if !slices.ContainsFunc(tx.TxOut, pays) {
		return errOther
	}
	return nil
}

// unseenTime is how long a transaction that others were to send may stay unseen.
// The next one spends a coin of it, so that it is safe to be early.
const unseenTime = 3 * time.Hour

// settle waits until the chain has decided about the transaction of a payment, or
// until it is time to try another.
func (r *runner) settle(ctx context.Context, i int) error {
	s := &r.plan.Steps[i]
	changes, cancel := r.Wallet.Subscribe()
	defer cancel()
	r.Progress(fmt.Sprintf("waiting for a block with payment %d of %d", i+1, len(r.plan.Steps)))
	for {
		over, err := r.look(ctx, i)
		if err != nil || s.Done {
			return err
		}
		if over {
			return r.lost(ctx, i)
		}
		timer := time.NewTimer(lookAgain)
		select {
		case <-changes:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		timer.Stop()
	}
}

// look asks the wallet for the transactions of a payment. It reports whether none
// of them has prospects, as when there are none.
func (r *runner) look(ctx context.Context, i int) (over bool, err error) {
	s := &r.plan.Steps[i]
	over = true
	for j := range s.Sent {
		sent := &s.Sent[j]
		record, err := r.record(sent.TxID)
		switch {
		case errors.Is(err, wallet.ErrNotSynced):
			return false, nil // nothing is known now
		case errors.Is(err, wallet.ErrNoRecord):
			continue // it never left, or was forgotten
		case err != nil:
			return false, err
		case record.Confirmations > 0:
			return false, r.confirmed(i, sent.TxID)
		case record.Seen:
			over = false
		case j == len(s.Sent)-1:
			if sent.Given = true; time.Since(sent.At) < unseenTime { // the wallet has it
				over = r.overtaken(ctx, record.Tx)
			}
		}
	}
	return over, nil
}

func (r *runner) record(txid string) (wallet.Record, error) {
	id, err := chainhash.NewHashFromStr(txid)
	if err != nil {
		return wallet.Record{}, err
	}
	return r.Wallet.Record(*id)
}

// overtaken tells whether an input of a transaction is gone, and not because of
// the transaction itself. No answer of the node is none.
func (r *runner) overtaken(ctx context.Context, tx *wire.MsgTx) bool {
	gone := false
	for _, in := range tx.TxIn {
		_, err := r.Wallet.Chain().TxOut(ctx, in.PreviousOutPoint)
		gone = gone || errors.Is(err, chain.ErrNoTxOut)
	}
	if !gone {
		return false
	}
	out := wire.OutPoint{Hash: tx.TxHash()}
	for range tx.TxOut {
		if _, err := r.Wallet.Chain().TxOut(ctx, out); !errors.Is(err, chain.ErrNoTxOut) {
			return false
		}
		out.Index++
	}
	return true
}

// confirmed ends a payment.
func (r *runner) confirmed(i int, txid string) error {
	s := &r.plan.Steps[i]
	s.TxID, s.Done, s.Tries, s.Why = txid, true, 0, ""
	s.Ready = time.Now().Add(s.Wait).UTC().Truncate(time.Second)
	r.Logger.Info("a payment of the plan is confirmed", "payment", i+1)
	return r.Keeper.Save(r.plan)
}

// lost gives a transaction up, so that the payment is tried again with a coin of
// it.
func (r *runner) lost(ctx context.Context, i int) error {
	s := &r.plan.Steps[i]
	last := s.Sent[len(s.Sent)-1]
	if id, err := chainhash.NewHashFromStr(last.TxID); err != nil {
		return err
	} else if err := r.Wallet.Forget(*id); err != nil && !errors.Is(err, wallet.ErrPending) {
		return err
	}
	if s.TxID = ""; !last.Given {
		s.Sent = s.Sent[:len(s.Sent)-1]
	}
	r.Logger.Info("the transaction of a payment did not come into the chain", "payment", i+1)
	return r.failed(ctx, i, &taker.Error{Step: taker.StepBroadcast, Reason: protocol.ReasonUnseen,
		Err: errors.New("its transaction did not come into the mempool, or was overtaken by another that spends the same coins")})
}
