package neutrino

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
	light "github.com/lightninglabs/neutrino"
	"github.com/lightninglabs/neutrino/pushtx"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

const (
	// serveTime is how long the transaction is given to those that ask later.
	serveTime = time.Minute
	// resendEvery is how often what is not confirmed is offered again.
	resendEvery = 10 * time.Minute
)

// Tests shorten these.
var (
	// askTime is how long peers may take to ask for a transaction that is
	// offered. Bitcoin Core waits up to 4 s before it asks one that connected
	// to it.
	askTime = 10 * time.Second
	// rejectTime is how long a peer that got a transaction may take to reject
	// it.
	rejectTime = time.Second
)

// The library would offer a transaction for ever, also when it is confirmed, and
// could not be stopped while it waits for an answer. So only its reading of
// rejections is used.

// verdict is what a peer did with a transaction. Nothing means that it took it,
// or did not ask for it.
type verdict struct {
	asked    bool
	rejected *pushtx.BroadcastError
}

// offer offers a transaction to all peers. It returns when one of them took it,
// or when all had the time to ask for it. It returns chain.ErrRejected if all
// that asked for it rejected it, and no error if nobody asked: they may have it.
func (b *Backend) offer(ctx context.Context, tx *wire.MsgTx) error {
	peers := b.peers.list()
	verdicts := make(chan verdict, len(peers))
	for _, peer := range peers {
		if err := b.spawn(func() { b.serve(peer, tx, verdicts) }); err != nil {
			return err
		}
	}
	var rejected *pushtx.BroadcastError
	for range peers {
		select {
		case v := <-verdicts:
			if v.asked && v.rejected == nil {
				return nil
			}
			rejected = cmp.Or(v.rejected, rejected)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.ctx.Done():
			return errClosed
		}
	}
	if rejected != nil {
		return fmt.Errorf("%w: %.300q", chain.ErrRejected, rejected.Reason)
	}
	return nil
}

// serve offers a transaction to a peer, gives it to it when it asks, and tells
// what it did within askTime.
func (b *Backend) serve(peer *light.ServerPeer, tx *wire.MsgTx, verdicts chan<- verdict) {
	id := tx.TxHash()
	offer := wire.NewMsgInv()
	if err := offer.AddInvVect(wire.NewInvVect(wire.InvTypeTx, &id)); err != nil {
		verdicts <- verdict{}
		return
	}
	messages, unsubscribe := peer.SubscribeRecvMsg()
	defer unsubscribe()
	peer.QueueMessage(offer, nil)

	var v verdict
	told := false
	tell := func() {
		if !told {
			told = true
			verdicts <- v
		}
	}
	defer tell()
	end := time.After(serveTime)
	decide := time.After(askTime)
	for {
		select {
		case message := <-messages:
			switch m := message.(type) {
			case *wire.MsgGetData:
				for _, item := range m.InvList {
					if item.Hash == id && !v.asked {
						v.asked = true
						peer.QueueMessageWithEncoding(tx, nil, wire.WitnessEncoding)
						decide = time.After(rejectTime)
					}
				}
			case *wire.MsgReject:
				if m.Hash != id {
					continue
				}
				reason := pushtx.ParseBroadcastError(m, peer.Addr())
				if reason.Code != pushtx.Mempool && reason.Code != pushtx.Confirmed {
					v.rejected = reason
				}
				return
			}
		case <-decide:
			tell()
			if v.asked {
				return
			}
		case <-end:
			return
		case <-peer.OnDisconnect():
			return
		case <-b.ctx.Done():
			return
		}
	}
}
