package taker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// spareSigs is how many more signatures than inputs a maker may send: messages
// may come twice (attack T8).
const spareSigs = 2

// sign has the makers sign the transaction, and signs the own inputs when all
// of them have and every coin is still unspent.
func (a *attempt) sign(ctx context.Context, j *join) error {
	var raw bytes.Buffer
	if err := j.Msg.SerializeNoWitness(&raw); err != nil {
		return fmt.Errorf("writing the transaction: %w", err)
	}
	debtors, pending := j.debtors(), map[protocol.Nick]bool{}
	request := control.TxRequest{Attempt: a.number, Tx: raw.Bytes()}
	for _, p := range j.makers {
		pending[p.nick] = true
		request.Makers = append(request.Makers, p.nick)
	}
	if err := a.cfg.Daemon.Tx(ctx, request); err != nil {
		return fmt.Errorf("sending the transaction: %w", a.daemonError(err))
	}
	s := &stage{
		size:    len(request.Tx) * 16 / 9, // base64, and that again in the box
		pending: pending,
		late:    protocol.ReasonTimeoutTx,
		lacking: func() int { return len(j.makers) - len(a.honest) },
	}
	// Without one of them there is no transaction; but who else is honest is
	// worth some patience.
	s.fine = func() bool { return len(s.pending)+len(s.tardy) < len(j.makers)-len(a.honest) }
	s.take = func(event any) error {
		e, ok := event.(control.SigEvent)
		if !ok || e.Attempt != a.number || !s.pending[e.Maker] && !s.tardy[e.Maker] {
			return nil
		}
		switch done, err := debtors[e.Maker].take(j.Msg, e.Sig); {
		case err != nil:
			s.answered(e.Maker)
			a.drop(e.Maker, protocol.ReasonTooManySigs, err.Error())
		case done:
			s.answered(e.Maker)
			a.honest = append(a.honest, e.Maker)
			a.progress("%d of %d makers signed", len(a.honest), len(j.makers))
		}
		return nil
	}
	if err := a.gather(ctx, s); err != nil {
		return err
	}
	if len(a.honest) < len(j.makers) {
		return fewMakers(len(a.honest), len(j.makers)) // every input needs its signature
	}
	if err := a.stillUnspent(ctx); err != nil {
		return err
	}
	if err := a.cfg.Wallet.SignTx(j.Msg, j.plan.Inputs); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	a.result.Tx = j.Msg
	return nil
}

// debtor is a maker that owes signatures.
type debtor struct {
	owed map[int]txsign.PrevOut // unsigned inputs of the transaction
	left int                    // how many more messages are looked at
}

func (j *join) debtors() map[protocol.Nick]*debtor {
	position := map[wire.OutPoint]int{}
	for i, in := range j.Msg.TxIn {
		position[in.PreviousOutPoint] = i
	}
	out := map[protocol.Nick]*debtor{}
	for _, p := range j.makers {
		d := &debtor{owed: map[int]txsign.PrevOut{}, left: len(p.Inputs) + spareSigs}
		for _, in := range p.Inputs {
			d.owed[position[in.OutPoint]] = txsign.PrevOut{Value: in.Value, Script: in.Script}
		}
		out[p.nick] = d
	}
	return out
}

// take puts a signature where it is valid among the maker's own inputs; one that
// is valid nowhere is ignored, since messages may be doubled or out of order.
// done means that nothing is owed any more; the error, that the maker sent too
// much.
func (d *debtor) take(tx *wire.MsgTx, text string) (done bool, err error) {
	d.left--
	if pushes, err := txsign.ParsePushes(text); err == nil {
		for input, prev := range d.owed {
			if pushes.Place(tx, input, prev) == nil {
				delete(d.owed, input)
				break
			}
		}
	}
	if len(d.owed) > 0 && d.left <= 0 {
		return false, errors.New("more signatures than its inputs can need, some of them wrong")
	}
	return len(d.owed) == 0, nil
}

// A coin of the transaction was spent meanwhile.
var (
	errOwnCoin   = errors.New("one of our own coins was spent meanwhile")
	errMakerCoin = errors.New("a maker's coin was spent meanwhile")
)

// stillUnspent asks the node once more for every input, and blames the makers
// whose coins are gone.
func (a *attempt) stillUnspent(ctx context.Context) (err error) {
	for _, part := range a.result.Parts {
		for _, in := range part.Inputs {
			_, unknown := a.cfg.Wallet.Chain().TxOut(ctx, in.OutPoint)
			switch {
			case unknown == nil:
				continue
			case !errors.Is(unknown, chain.ErrNoTxOut):
				return fmt.Errorf("checking the coins once more: %w", unknown)
			case part.Nick == "":
				return because(protocol.ReasonBadCoins, errOwnCoin)
			}
			err = because(protocol.ReasonBadCoins, errMakerCoin)
			a.honest = slices.DeleteFunc(a.honest, func(n protocol.Nick) bool { return n == part.Nick })
			a.drop(part.Nick, protocol.ReasonBadCoins, "a coin was spent meanwhile")
			break
		}
	}
	return err
}
