package maker

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

const (
	// MinChange is the least change a taker accepts from a maker, in satoshis.
	MinChange = protocol.MinOfferSize
	// holdRevealed is how long coins stay set aside after they were shown,
	// should the daemon never say that the conversation ended.
	holdRevealed = 10 * time.Minute
)

// auth answers a taker that opened its commitment, with coins and addresses or
// with a refusal.
func (m *Maker) auth(ctx context.Context, d Daemon, e control.AuthEvent) {
	t, answer, err := m.reveal(ctx, e)
	if err != nil {
		m.refuse(ctx, d, e.Conversation, e.Taker, err)
		return
	}
	m.talks[e.Conversation] = t
	m.log.Info("showing coins to a taker", "nick", e.Taker, "conversation", e.Conversation)
	m.cfg.Notify(Revealed{Taker: e.Taker, Offer: t.agreement.Offer, Amount: e.Amount, Coins: len(t.agreement.Inputs)})
	if err := d.IOAuth(ctx, answer); err != nil {
		m.log.Info("the conversation ended before the coins were shown", "conversation", e.Conversation, "err", err)
		m.end(e.Conversation)
	}
}

// reveal judges an opened commitment and sets coins and addresses aside for
// it (spec: taker-maker.md 13.5). The commitment counts as used, durably, when
// reveal returns without an error; after an error nothing was given away.
func (m *Maker) reveal(ctx context.Context, e control.AuthEvent) (*talk, control.IOAuthRequest, error) {
	none := control.IOAuthRequest{}
	if _, open := m.talks[e.Conversation]; open {
		return nil, none, refuse(protocol.ReasonUnexpected, errors.New("the commitment was opened a second time"))
	}
	// Its text is signed with a coin's key, so it must be nothing else.
	if !protocol.IsHex(e.PubKey, 32) {
		return nil, none, refuse(protocol.ReasonBadKey, errors.New("the session key is not 64 lower-case hex digits"))
	}
	a, err := m.agree(e)
	if err != nil {
		return nil, none, err
	}
	commitment, err := m.checkCommitment(ctx, e)
	if err != nil {
		return nil, none, err
	}
	lease, err := m.reserve(e.Taker, a)
	if err != nil {
		return nil, none, err
	}
	answer, err := m.open(ctx, e, &a, lease)
	if err == nil {
		err = m.accepted.add(commitment)
	}
	if err != nil {
		lease.Release()
		return nil, none, err
	}
	return &talk{taker: e.Taker, agreement: a, lease: lease}, answer, nil
}

// agree finds the offer and checks the amount against it.
func (m *Maker) agree(e control.AuthEvent) (Agreement, error) {
	offer, known, inRange := m.asked(e.OfferID, e.Amount)
	switch {
	case !known:
		return Agreement{}, refuse(protocol.ReasonUnknownOffer, fmt.Errorf("no offer has the id %d", e.OfferID))
	case !inRange:
		return Agreement{}, refuse(protocol.ReasonAmountRange, fmt.Errorf("%v is beyond what offer %d takes", e.Amount, e.OfferID))
	}
	return Agreement{Offer: offer, Amount: e.Amount}, nil
}

// checkCommitment checks that the commitment is new, that the opening proves
// it, and that a coin stands behind it (attacks M1, M5, M6).
func (m *Maker) checkCommitment(ctx context.Context, e control.AuthEvent) ([32]byte, error) {
	commitment, err := e.Commitment.Bytes()
	if err != nil {
		return commitment, refuse(protocol.ReasonBadCommitment, err)
	}
	if m.accepted.has(commitment) {
		return commitment, refuse(protocol.ReasonCommitmentUsed, ErrAccepted)
	}
	proof, err := podle.ParseRevelation(e.Revelation)
	if err == nil {
		_, err = proof.Verify(commitment, m.cfg.Tries)
	}
	if err != nil {
		return commitment, refuse(protocol.ReasonBadCommitment, err)
	}
	own, err := m.cfg.Wallet.Coins()
	if err != nil {
		return commitment, refuse(protocol.ReasonChain, err)
	}
	if slices.ContainsFunc(own, func(c coins.Coin) bool { return c.OutPoint == proof.UTXO }) {
		return commitment, refuse(protocol.ReasonTakerCoin, errors.New("the taker's coin is our own"))
	}
	out, err := m.cfg.Node.TxOut(ctx, proof.UTXO)
	if errors.Is(err, chain.ErrNoTxOut) {
		return commitment, refuse(protocol.ReasonTakerCoin, err)
	} else if err != nil {
		return commitment, refuse(protocol.ReasonChain, err)
	}
	return commitment, m.checkTakerCoin(out, proof, e.Amount)
}

// checkTakerCoin checks age, value and owner of the coin behind a commitment.
func (m *Maker) checkTakerCoin(out chain.TxOut, proof podle.Proof, amount sats.Amount) error {
	least := amount * sats.Amount(m.cfg.AmountShare) / 100
	switch {
	case out.Confirmations < m.cfg.Age:
		return refuse(protocol.ReasonTakerCoin,
			fmt.Errorf("the taker's coin has %d confirmations, %d are needed", out.Confirmations, m.cfg.Age))
	case out.Value < least:
		return refuse(protocol.ReasonTakerCoin, fmt.Errorf("the taker's coin holds %v, %v are needed", out.Value, least))
	case !proof.Owns(out.Script):
		return refuse(protocol.ReasonTakerCoin, errors.New("the taker's coin belongs to another key"))
	}
	return nil
}

// reserve sets coins aside that can pay the amount and keep a change that takers
// accept, all of one mixdepth.
func (m *Maker) reserve(taker protocol.Nick, a Agreement) (*coins.Lease, error) {
	earning, err := a.Earning()
	if err != nil {
		return nil, err
	}
	r := wallet.Reservation{
		// One satoshi more than needed, as the reference asks of itself.
		Target:  max(1, a.Amount+MinChange+1-earning),
		MinConf: 1,
		Purpose: "offer to " + string(taker),
		TTL:     holdRevealed,
	}
	own, err := m.cfg.Wallet.Coins()
	if err != nil {
		return nil, refuse(protocol.ReasonChain, err)
	}
	for _, set := range again(m.cfg.Wallet.Shown(), own, r.Target) {
		if m.closed(set[0].Mixdepth) {
			continue
		}
		again := r
		again.Mixdepth = set[0].Mixdepth
		for _, c := range set {
			again.Include = append(again.Include, c.OutPoint)
		}
		if lease, err := m.cfg.Wallet.Reserve(again); err == nil {
			return lease, nil
		}
	}
	balances, err := m.balances()
	if err != nil {
		return nil, refuse(protocol.ReasonChain, err)
	}
	for _, r.Mixdepth = range order(balances, r.Target, m.cfg.Terms.Basic) {
		lease, err := m.cfg.Wallet.Reserve(r)
		switch {
		case err == nil && len(lease.Coins) <= protocol.MaxUTXOs:
			return lease, nil
		case err == nil:
			lease.Release() // more coins than fit into an answer
		case errors.Is(err, wallet.ErrNotSynced):
			return nil, refuse(protocol.ReasonChain, err)
		case !errors.Is(err, coins.ErrFunds):
			return nil, refuse(protocol.ReasonInternal, err)
		}
	}
	return nil, refuse(protocol.ReasonNoFunds, fmt.Errorf("no mixdepth has %v to spend", r.Target))
}

// open completes the agreement with the leased coins and two new addresses, and
// writes the answer. Our own node must still know every coin (attack M28).
func (m *Maker) open(ctx context.Context, e control.AuthEvent, a *Agreement, lease *coins.Lease) (control.IOAuthRequest, error) {
	none := control.IOAuthRequest{}
	// The last coin chosen goes first: its key authorises.
	last := len(lease.Coins) - 1
	a.Inputs = slices.Concat(lease.Coins[last:], lease.Coins[:last])
	if err := m.checkOwn(ctx, a.Inputs); err != nil {
		return none, err
	}
	mixdepth := a.Inputs[0].Mixdepth
	addresses, err := m.cfg.Wallet.Show(a.Inputs, (mixdepth+1)%m.cfg.Wallet.Mixdepths(), mixdepth)
	if err != nil {
		return none, refuse(protocol.ReasonInternal, err)
	}
	cj, change := addresses[0], addresses[1]
	a.CJScript, a.ChangeScript = cj.Script, change.Script
	pubKey, der, err := m.cfg.Wallet.SignMessage(a.Inputs[0], e.PubKey)
	if err != nil {
		return none, refuse(protocol.ReasonBadCoins, err)
	}
	answer := control.IOAuthRequest{Conversation: e.Conversation, IOAuth: control.IOAuth{
		AuthPubKey:    hex.EncodeToString(pubKey),
		CJAddress:     cj.Text,
		ChangeAddress: change.Text,
		Signature:     message.EncodeSignature(der),
	}}
	for _, c := range a.Inputs {
		answer.UTXOs = append(answer.UTXOs, c.OutPoint.String())
	}
	return answer, nil
}

// checkOwn asks our node whether our coins are unspent, confirmed and what the
// wallet thinks they are (attacks M21, M28).
func (m *Maker) checkOwn(ctx context.Context, own []coins.Coin) error {
	for _, c := range own {
		out, err := m.cfg.Node.TxOut(ctx, c.OutPoint)
		switch {
		case errors.Is(err, chain.ErrNoTxOut):
			return refuse(protocol.ReasonBadCoins, err)
		case err != nil:
			return refuse(protocol.ReasonChain, err)
		}
		if err := sameCoin(out, c); err != nil {
			return err
		}
	}
	return nil
}
