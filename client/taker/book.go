package taker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// lookInterval is how often the size of the order book is asked for while
// offers come in; the daemon has no event for them.
const lookInterval = 500 * time.Millisecond

// book asks the market for offers and returns the order book when no offer has
// come for the quiet time and at least enough makers have one, or when the time
// for the book is over.
func (a *attempt) book(ctx context.Context, enough int) ([]control.OfferEntry, error) {
	daemon := a.cfg.Daemon
	if err := daemon.Ready(ctx); err != nil {
		return nil, fmt.Errorf("waiting for the market: %w", a.daemonError(err))
	}
	if err := daemon.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("asking for offers: %w", a.daemonError(err))
	}
	deadline := time.NewTimer(a.cfg.Timeouts.Book)
	defer deadline.Stop()
	quiet := time.NewTimer(a.cfg.Timeouts.Quiet)
	defer quiet.Stop()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	var last control.StatusAnswer
	for collecting := true; collecting; {
		select {
		case <-look.C:
			status, err := daemon.Status(ctx)
			if err != nil {
				return nil, fmt.Errorf("asking for offers: %w", a.daemonError(err))
			}
			if status.Offers != last.Offers || status.Makers != last.Makers || status.Makers < enough {
				quiet.Reset(a.cfg.Timeouts.Quiet)
				last = status
			}
		case <-quiet.C:
			collecting = false
		case <-deadline.C:
			collecting = false
		case _, open := <-daemon.Events():
			if !open { // events of earlier attempts and channels are of no interest
				return nil, a.daemonError(nil)
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	answer, err := daemon.Orderbook(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the order book: %w", a.daemonError(err))
	}
	a.progress("%d offers", len(answer.Offers))
	return answer.Offers, nil
}

// daemonError gives an error of the daemon its reason: gone if the session is
// over. A nil error means that the events ended.
func (a *attempt) daemonError(err error) error {
	gone := a.cfg.Daemon.Err()
	if gone == nil && err != nil {
		return err
	}
	if err == nil {
		err = errors.New("the daemon closed the session")
	}
	return because(protocol.ReasonDaemonGone, errors.Join(err, gone))
}
