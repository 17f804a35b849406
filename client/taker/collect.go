package taker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// join is the transaction that was agreed on.
type join struct {
	*txbuild.Tx
	plan   *plan
	makers []party
}

// party is a maker whose coins were verified.
type party struct {
	nick protocol.Nick
	txbuild.Maker
}

// collect opens the commitment to the makers, verifies what they open in
// return, and builds the transaction with those that pass.
func (a *attempt) collect(ctx context.Context, pl *plan, proof podle.Proof, sessions map[protocol.Nick]string) (*join, error) {
	pending := nicksOf(sessions)
	request := control.AuthRequest{Attempt: a.number, Revelation: proof.String()}
	// First to those that were asked first: they have waited longest.
	for _, m := range pl.Makers {
		if pending[m.Nick] {
			request.Makers = append(request.Makers, m.Nick)
		}
	}
	if err := a.cfg.Daemon.Auth(ctx, request); err != nil {
		return nil, fmt.Errorf("opening the commitment: %w", a.daemonError(err))
	}
	opened := map[protocol.Nick]control.IOAuthEvent{}
	err := a.gather(ctx, stage{
		size:    len(request.Revelation) * 4 / 3, // in the box, as base64
		pending: pending,
		late:    protocol.ReasonTimeoutAuth,
		take: func(event any) {
			e, ok := event.(control.IOAuthEvent)
			if !ok || e.Attempt != a.number || !pending[e.Maker] {
				return // the first answer wins
			}
			delete(pending, e.Maker)
			opened[e.Maker] = e
			a.progress("%d of %d makers opened their coins", len(opened), len(sessions))
		},
		left: leaver(a, opened),
	})
	if err != nil {
		return nil, err
	}
	parties, err := a.verified(ctx, pl, sessions, opened)
	if err != nil {
		return nil, err
	}
	if len(parties) < pl.MinMakers {
		return nil, fewMakers(len(parties), pl.MinMakers)
	}
	return a.build(ctx, pl, parties)
}

// verified returns the parts of the makers whose answers hold, in the order of
// the quote.
func (a *attempt) verified(ctx context.Context, pl *plan, sessions map[protocol.Nick]string,
	opened map[protocol.Nick]control.IOAuthEvent) ([]party, error) {
	var good []party
	for _, m := range pl.Makers {
		e, ok := opened[m.Nick]
		if !ok {
			continue
		}
		if e.PubKey != sessions[m.Nick] {
			a.drop(m.Nick, protocol.ReasonBadKey, "the session key changed")
			continue
		}
		part, err := verify(ctx, a.cfg.Wallet.Params(), a.cfg.Wallet.Chain(), m, pl.Amount, e.PubKey, e.IOAuth)
		var refused refusal
		if errors.As(err, &refused) {
			a.drop(m.Nick, refused.reason, refused.text)
			continue
		} else if err != nil {
			return nil, err
		}
		good = append(good, party{m.Nick, part})
	}
	return a.disjoint(pl, good), nil
}

// disjoint drops makers that claim a coin or an address of ours or of each
// other. Of two with the same claim nobody can tell the liar, so both go
// (attacks T2, T7). Claims are scripts: a coin that is named twice shows by its
// script too.
func (a *attempt) disjoint(pl *plan, parties []party) (apart []party) {
	claims := map[string]int{string(pl.destination): 1}
	for _, c := range pl.Inputs {
		claims[string(c.Script)] = 1 // two of our coins may have one script
	}
	for _, p := range parties {
		for _, script := range p.scripts() {
			claims[script]++
		}
	}
	for _, p := range parties {
		if slices.ContainsFunc(p.scripts(), func(script string) bool { return claims[script] > 1 }) {
			a.drop(p.nick, protocol.ReasonBadCoins, "a coin or an address that another participant claims too")
			continue
		}
		apart = append(apart, p)
	}
	return apart
}

// scripts are those of the party's inputs and outputs, each once.
func (p party) scripts() []string {
	out := []string{string(p.CJScript), string(p.Change)}
	for _, in := range p.Inputs {
		out = append(out, string(in.Script))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// build makes the transaction. While its fee is beyond the quote, or it is too
// large to be sent, the makers with the most coins are left out, as long as
// enough remain (attack T5).
func (a *attempt) build(ctx context.Context, pl *plan, parties []party) (*join, error) {
	tip, err := a.cfg.Wallet.Chain().Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the height: %w", err)
	}
	cj := txbuild.CoinJoin{Amount: pl.Amount, Destination: pl.destination, Rate: pl.FeeRate, LockTime: txbuild.LockTime(tip.Height)}
	for _, c := range pl.Inputs {
		cj.Inputs = append(cj.Inputs, txbuild.Input{OutPoint: c.OutPoint, Value: c.Value, Script: c.Script})
	}
	if !pl.Sweep {
		// That the address was handed out is on the disk before anybody sees it.
		change, err := a.cfg.Wallet.NextAddress(a.payment.Mixdepth, keys.Internal)
		if err != nil {
			return nil, fmt.Errorf("taking a change address: %w", err)
		}
		cj.Change = change.Script
	}
	for {
		cj.Makers = nil
		for _, p := range parties {
			cj.Makers = append(cj.Makers, p.Maker)
		}
		tx, err := cj.Build()
		if err == nil {
			err = a.affordable(pl, tx, cj.Makers)
		}
		if err == nil {
			return a.agreed(pl, tx, cj, parties), nil
		}
		tooBig := errors.Is(err, errTooBig) || errors.Is(err, txbuild.ErrFunds)
		if !tooBig || len(parties) == pl.MinMakers {
			return nil, fmt.Errorf("building the transaction: %w", err)
		}
		most := 0
		for i, p := range parties {
			if len(p.Inputs) > len(parties[most].Inputs) {
				most = i
			}
		}
		a.drop(parties[most].nick, protocol.ReasonFeeLimit, fmt.Sprintf("its %d coins make the transaction too large", len(parties[most].Inputs)))
		parties = slices.Delete(parties, most, most+1)
	}
}

// Why a transaction is not the one that the user approved. With errTooBig fewer
// inputs would help.
var (
	errTooBig   = errors.New("the transaction is too large")
	errFeeLimit = errors.New("the miner fee is too high")
)

// affordable compares the transaction with the quote: our share of the miner fee
// is at most what the user approved, the whole fee not far below what the size
// needs, and the transaction small enough to be sent.
func (a *attempt) affordable(pl *plan, tx *txbuild.Tx, makers []txbuild.Maker) error {
	share := tx.Fee
	for _, m := range makers {
		share -= m.TxFee
	}
	slack, err := decimal.Floor(a.maxChange, tx.Needed)
	switch {
	case err != nil:
		return err
	case tx.Msg.SerializeSizeStripped() > protocol.MaxTx:
		return fmt.Errorf("%w: %d bytes, %d can be sent", errTooBig, tx.Msg.SerializeSizeStripped(), protocol.MaxTx)
	case tx.Fee < tx.Needed-slack:
		return fmt.Errorf("%w: a fee of %v for a size that needs %v", errTooBig, tx.Fee, tx.Needed)
	case share > pl.MaxMinerFee && pl.Sweep:
		return fmt.Errorf("%w: %v instead of at most %v, as makers that were to be paid are absent", errFeeLimit, share, pl.MaxMinerFee)
	case share > pl.MaxMinerFee:
		return fmt.Errorf("%w: a miner fee of %v instead of at most %v", errTooBig, share, pl.MaxMinerFee)
	}
	return nil
}

// agreed puts the transaction and who does what in it into the result.
func (a *attempt) agreed(pl *plan, tx *txbuild.Tx, cj txbuild.CoinJoin, parties []party) *join {
	own := Part{Inputs: cj.Inputs, CJOut: pl.destination, Change: txbuild.Output{Value: tx.Change, Script: cj.Change}, TxFee: tx.Fee}
	a.result.MinerFee = tx.Fee
	var others []Part
	for _, p := range parties {
		change, _ := p.ChangeValue(pl.Amount) // verified before
		others = append(others, Part{Nick: p.nick, Inputs: p.Inputs, CJOut: p.CJScript,
			Change: txbuild.Output{Value: change, Script: p.Change}, CJFee: p.Fee, TxFee: p.TxFee})
		own.CJFee -= p.Fee
		own.TxFee -= p.TxFee
	}
	a.result.Parts = append([]Part{own}, others...)
	return &join{Tx: tx, plan: pl, makers: parties}
}
