package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"time"

	client "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const (
	perFill          = 3               // makers of a CoinJoin
	conversationWait = 2 * time.Minute // the most that one may take
	askEvery         = 300 * time.Millisecond
)

// taker does one CoinJoin: it comes under a new nick, asks for offers, and
// converses with three honest makers. One of four loses its connection meanwhile.
func (m *market) taker(ctx context.Context) error {
	_, d, c, leave, err := m.enter(ctx, control.RoleTaker)
	if err != nil {
		return err
	}
	defer leave()
	makers, err := m.findMakers(ctx, d)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	// What was begun is done, also when the soak ends.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), conversationWait)
	defer cancel()
	if random.N(4) == 0 {
		defer time.AfterFunc(random.N(6*time.Second), c.cut).Stop()
	}
	began := time.Now()
	err = converse(ctx, d, makers)
	m.seen.conversation(time.Since(began), err)
	return nil
}

// findMakers asks for offers until enough honest makers are in the book.
func (m *market) findMakers(ctx context.Context, d *client.Daemon) ([]protocol.Nick, error) {
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	deadline := time.After(conversationWait)
	for {
		book, err := d.Orderbook(ctx)
		if err != nil {
			return nil, err
		}
		var found []protocol.Nick
		for _, n := range m.honest() {
			if slices.ContainsFunc(book.Offers, func(o control.OfferEntry) bool { return o.Nick == n }) {
				found = append(found, n)
			}
		}
		if len(found) >= perFill {
			return found[:perFill], nil
		}
		select {
		case <-tick.C:
		case <-d.Done():
			return nil, d.Err()
		case <-deadline:
			return nil, fmt.Errorf("after %v the book of %d offers has %d of the honest makers", conversationWait, len(book.Offers), len(found))
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func newCommitment() protocol.Commitment {
	var b [32]byte
	rand.Read(b[:])
	return protocol.NewCommitment(b)
}

// converse does all of a taker's conversation.
func converse(ctx context.Context, d *client.Daemon, makers []protocol.Nick) error {
	r := control.FillRequest{Amount: 1_000_000, Commitment: newCommitment()}
	for _, n := range makers {
		r.Makers = append(r.Makers, control.MakerOffer{Nick: n})
	}
	a, err := d.Fill(ctx, r)
	if err == nil {
		err = await[control.PubKeyEvent](ctx, d, len(makers))
	}
	if err == nil {
		err = d.Auth(ctx, control.AuthRequest{Attempt: a.Attempt, Makers: makers, Revelation: reveal})
	}
	if err == nil {
		err = await[control.IOAuthEvent](ctx, d, len(makers))
	}
	if err == nil {
		err = d.Tx(ctx, control.TxRequest{Attempt: a.Attempt, Makers: makers, Tx: tx})
	}
	if err == nil {
		err = await[control.SigEvent](ctx, d, len(makers)*len(coins.UTXOs))
	}
	return err
}

// await waits for n events of a kind.
func await[T any](ctx context.Context, d *client.Daemon, n int) error {
	for had := 0; had < n; {
		select {
		case ev, open := <-d.Events():
			switch ev := ev.(type) {
			case T:
				had++
			case control.FailedEvent:
				return fmt.Errorf("a maker dropped out: %s %s", ev.Reason, ev.Text)
			}
			if !open {
				return d.Err()
			}
		case <-ctx.Done():
			var want T
			return fmt.Errorf("%d of %d %T in %v", had, n, want, conversationWait)
		}
	}
	return nil
}

// deserter is a taker that fills and is gone without a word: its session waits
// for it in vain.
func (m *market) deserter(ctx context.Context) error {
	_, d, c, leave, err := m.enter(ctx, control.RoleTaker)
	if err != nil {
		return err
	}
	makers, err := m.findMakers(ctx, d)
	if err == nil && len(makers) > 0 {
		d.Fill(ctx, control.FillRequest{Amount: 1_000_000, Commitment: newCommitment(), Makers: []control.MakerOffer{{Nick: makers[0]}}})
		c.cut() // so that leave cannot say goodbye
	}
	leave()
	pause(ctx, 5*time.Second)
	return err
}

// noise connects to the daemon and sends what is no frame, until it is put out.
func (m *market) noise(ctx context.Context) error {
	nc, _, err := (&connection{m: m}).dial(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second)) // the daemon waits for 10
	junk := make([]byte, 1+random.N(2000))
	rand.Read(junk)
	nc.Write(junk)
	io.Copy(io.Discard, nc)
	pause(ctx, time.Second)
	return nil
}
