package taker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet"
)

// Broadcast says who sends the finished transaction to the network: the setting
// tx_broadcast. The network can tell from where a transaction comes.
type Broadcast string

// The policies. Self is our own node. RandomPeer is one of the makers or
// ourselves, each with the same chance, MultiplePeers three makers at once; what
// they do not broadcast in time we do ourselves. NotSelf is the makers, one after
// the other, never ourselves.
const (
	Self          Broadcast = "self"
	RandomPeer    Broadcast = "random-peer"
	MultiplePeers Broadcast = "multiple-peers"
	NotSelf       Broadcast = "not-self"
)

func (b Broadcast) valid() bool {
	return b == Self || b == RandomPeer || b == MultiplePeers || b == NotSelf
}

// severalPeers is how many MultiplePeers asks at once.
const severalPeers = 3

// senders returns who is asked in turn, several makers at once or ourselves: the
// nil group.
func (b Broadcast) senders(makers []party) (groups [][]protocol.Nick) {
	var nicks []protocol.Nick
	for _, p := range makers {
		nicks = append(nicks, p.nick)
	}
	random.Shuffle(nicks)
	switch b {
	case Self:
		return [][]protocol.Nick{nil}
	case NotSelf:
		return slices.Collect(slices.Chunk(nicks, 1))
	case MultiplePeers:
		return [][]protocol.Nick{nicks[:min(severalPeers, len(nicks))], nil}
	}
	if random.N(len(nicks)+1) == 0 {
		return [][]protocol.Nick{nil}
	}
	return [][]protocol.Nick{nicks[:1], nil}
}

// lookAgain is how often the node is asked for the transaction besides when the
// wallet's coins change.
const lookAgain = 5 * time.Second

// broadcast has the transaction sent and waits until our node shows it. Before
// that the wallet has it on the disk, so that it is pending whatever happens
// (attack D3). From here on the coins stay set aside, unless our own node was
// the only one that ever got the transaction and refused it.
func (a *attempt) broadcast(ctx context.Context, j *join) error {
	var raw bytes.Buffer
	if err := j.Msg.Serialize(&raw); err != nil {
		return fmt.Errorf("writing the signed transaction: %w", err)
	}
	a.cfg.Logger.Info("sending the transaction", "policy", a.cfg.Broadcast)
	for _, senders := range a.cfg.Broadcast.senders(j.makers) {
		if senders == nil {
			return a.sendSelf(ctx, j)
		}
		if !a.signed {
			if err := a.cfg.Wallet.Keep(j.Msg); err != nil {
				return fmt.Errorf("keeping the signed transaction: %w", err)
			}
			a.signed = true
		}
		pushed := 0
		for _, sender := range senders {
			a.progress("%s is asked to broadcast %s", sender, a.result.TxID())
			if err := a.cfg.Daemon.Push(ctx, control.PushRequest{Maker: sender, Tx: raw.Bytes()}); err == nil {
				pushed++
			}
		}
		if pushed > 0 && a.seen(ctx, j) == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.cfg.Logger.Warn("makers did not broadcast", "nicks", senders)
	}
	return because(protocol.ReasonUnseen, errors.New(
		"the makers got the transaction, but the network does not show it; broadcast it yourself or wait"))
}

// sendSelf hands the transaction to our own node.
func (a *attempt) sendSelf(ctx context.Context, j *join) error {
	before := a.signed
	a.signed = true
	err := a.cfg.Wallet.Publish(ctx, j.Msg)
	if err == nil {
		a.progress("%s is sent", a.result.TxID())
		return a.seen(ctx, j)
	}
	// A maker asked before may have sent it; then nothing is wrong.
	there := a.shown(ctx, j)
	if kept := errors.Is(err, wallet.ErrKept); !kept {
		a.signed = before || there
		if a.signed { // the wallet has forgotten it, but others have it
			err = errors.Join(err, a.cfg.Wallet.Keep(j.Msg))
		}
	}
	if there {
		return nil
	}
	return fmt.Errorf("sending the transaction: %w", err)
}

var errUnseen = errors.New("the network does not show the transaction")

// seen waits until our node shows the transaction.
func (a *attempt) seen(ctx context.Context, j *join) error {
	changes, cancel := a.cfg.Wallet.Subscribe()
	defer cancel()
	deadline := time.NewTimer(a.cfg.Timeouts.Seen)
	defer deadline.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	defer a.drain()()
	for !a.shown(ctx, j) { // no answer of the node is none: the time decides
		select {
		case <-changes:
		case <-again.C:
		case <-deadline.C:
			return because(protocol.ReasonUnseen, errUnseen)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// shown reports whether our node knows an unspent output of the transaction.
func (a *attempt) shown(ctx context.Context, j *join) bool {
	out := wire.OutPoint{Hash: j.Msg.TxHash()}
	for range j.Msg.TxOut {
		if _, err := a.cfg.Wallet.Chain().TxOut(ctx, out); err == nil {
			return true
		}
		out.Index++
	}
	return false
}
