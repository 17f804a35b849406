package maker

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// tx answers a taker that sent its transaction, with signatures or a refusal.
func (m *Maker) tx(ctx context.Context, d Daemon, e control.TxEvent) {
	sigs, err := m.sign(ctx, e)
	if err != nil {
		m.refuse(ctx, d, e.Conversation, e.Taker, err)
		return
	}
	if err := d.Sigs(ctx, control.SigsRequest{Conversation: e.Conversation, Sigs: sigs}); err != nil {
		m.log.Info("the conversation ended before the signatures were sent", "conversation", e.Conversation, "err", err)
	}
}

// sign checks the transaction against the record of the conversation, by every
// rule of Verify, and signs our inputs. The same transaction again gets the
// same answer; another one is refused (attack M10).
func (m *Maker) sign(ctx context.Context, e control.TxEvent) ([]string, error) {
	t, ok := m.talks[e.Conversation]
	if !ok || t.taker != e.Taker {
		return nil, refuse(protocol.ReasonUnexpected, errors.New("no coins were shown in this conversation"))
	}
	if t.sigs != nil {
		if !bytes.Equal(t.raw, e.Tx) {
			return nil, refuse(protocol.ReasonUnexpected, errors.New("another transaction was signed before"))
		}
		return t.sigs, nil
	}
	own, err := m.cfg.Wallet.Coins()
	if err != nil {
		return nil, refuse(protocol.ReasonChain, err)
	}
	ours := make(map[wire.OutPoint]bool, len(own))
	for _, c := range own {
		ours[c.OutPoint] = true
	}
	tip, _ := m.cfg.Wallet.Synced()
	tx, err := Verify(e.Tx, t.agreement, tip.Height, func(o wire.OutPoint) bool { return ours[o] })
	if err != nil {
		return nil, refuse(protocol.ReasonBadTx, err)
	}
	if err := m.checkInputs(ctx, tx, t.agreement.Inputs); err != nil {
		return nil, err
	}
	earning, err := t.agreement.Earning()
	if err != nil {
		return nil, refuse(protocol.ReasonInternal, err)
	}
	// The coins stay set aside, also if we crash, before anybody can use the
	// signatures (attack D3).
	deal := wallet.Deal{Tx: tx.Copy(), Amount: t.agreement.Amount, Earning: earning}
	if err := m.cfg.Wallet.Hold(t.lease, m.cfg.HoldSigned, deal); errors.Is(err, coins.ErrLeased) {
		return nil, refuse(protocol.ReasonTimeoutTx, err)
	} else if err != nil {
		return nil, refuse(protocol.ReasonInternal, err)
	}
	if err := m.cfg.Wallet.SignTx(tx, t.agreement.Inputs); err != nil {
		return nil, refuse(protocol.ReasonBadCoins, err)
	}
	var sigs []string
	for _, in := range tx.TxIn {
		if in.Witness == nil {
			continue // not ours
		}
		pushes, err := txsign.PushesOf(in)
		if err != nil {
			return nil, refuse(protocol.ReasonInternal, fmt.Errorf("reading our own signature: %w", err))
		}
		sigs = append(sigs, pushes.Encode())
	}
	t.raw, t.sigs = e.Tx, sigs
	m.signed = append(m.signed, &promise{txid: tx.TxHash(), tx: deal.Tx, raw: t.raw, lease: t.lease, txFee: t.agreement.Offer.TxFee})
	m.log.Info("signed for a taker", "nick", t.taker, "conversation", e.Conversation)
	m.cfg.Notify(Signed{Taker: t.taker, TxID: tx.TxHash(), Amount: t.agreement.Amount, Earning: earning})
	return sigs, nil
}
