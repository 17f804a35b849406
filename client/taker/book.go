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
const lookInterval = 200 * time.Millisecond

// Market is a started session with a daemon, as far as the order book goes;
// *client.Session is one.
type Market interface {
	// Ready waits until the market can be used.
	Ready(ctx context.Context) error
	// Events is closed when the session is over. What it delivers meanwhile is
	// dropped.
	Events() <-chan any
	Refresh(ctx context.Context) error
	Status(ctx context.Context) (control.StatusAnswer, error)
	Orderbook(ctx context.Context) (control.OrderbookAnswer, error)
}

// BookWait says when an order book counts as complete.
type BookWait struct {
	Enough int           // makers that are waited for, up to Limit
	Quiet  time.Duration // for so long no offer came or went
	Limit  time.Duration // at the latest after this time
	// Progress, if not nil, is told the number of offers and makers so far.
	Progress func(offers, makers int)
}

var errSessionOver = errors.New("the daemon closed the session")

// Book asks the market for offers, waits for them and returns the order book.
func Book(ctx context.Context, market Market, w BookWait) (book control.OrderbookAnswer, err error) {
	if err := market.Ready(ctx); err != nil {
		return book, fmt.Errorf("waiting for the market: %w", err)
	}
	if err := market.Refresh(ctx); err != nil {
		return book, fmt.Errorf("asking for offers: %w", err)
	}
	if err := w.settle(ctx, market); err != nil {
		return book, err
	}
	if book, err = market.Orderbook(ctx); err != nil {
		return book, fmt.Errorf("reading the order book: %w", err)
	}
	return book, nil
}

// settle returns when the order book counts as complete.
func (w BookWait) settle(ctx context.Context, market Market) error {
	deadline := time.NewTimer(w.Limit)
	defer deadline.Stop()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	var last control.StatusAnswer
	still := time.Now() // since when it has been as last
	for {
		select {
		case now := <-look.C:
			status, err := market.Status(ctx)
			if err != nil {
				return fmt.Errorf("asking for offers: %w", err)
			}
			if status.Offers != last.Offers || status.Makers != last.Makers {
				last, still = status, now
				if w.Progress != nil {
					w.Progress(status.Offers, status.Makers)
				}
			}
			if status.Makers >= w.Enough && now.Sub(still) >= w.Quiet {
				return nil
			}
		case <-deadline.C:
			return nil
		case _, open := <-market.Events():
			if !open {
				return errSessionOver
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// book returns the offers of others when at least enough makers have one, or when
// the time for the book is over.
func (a *attempt) book(ctx context.Context, enough int) (book control.OrderbookAnswer, err error) {
	wait := BookWait{
		Enough: enough, Quiet: a.cfg.Timeouts.Quiet, Limit: a.cfg.Timeouts.Book,
		Progress: func(offers, makers int) {
			a.progress("%s of %s so far", count(offers, "offer"), count(makers, "maker"))
		},
	}
	began := time.Now()
	if book, err = Book(ctx, a.cfg.Daemon, wait); err != nil {
		return book, a.daemonError(err)
	}
	book, own, err := a.apart(book)
	wait.Limit -= time.Since(began)
	if err != nil || own == 0 || makersOf(book) >= enough || wait.Limit <= 0 {
		return book, err
	}
	wait.Enough += own // those were waited for in the place of others
	if err = wait.settle(ctx, a.cfg.Daemon); err == nil {
		book, err = a.cfg.Daemon.Orderbook(ctx)
	}
	if err != nil {
		return book, a.daemonError(err)
	}
	book, _, err = a.apart(book)
	return book, err
}

// makersOf is the number of makers with an offer.
func makersOf(book control.OrderbookAnswer) int {
	nicks := map[protocol.Nick]bool{}
	for _, o := range book.Offers {
		nicks[o.Nick] = true
	}
	return len(nicks)
}

// daemonError gives an error of the daemon its reason: gone if the session is
// over. A nil error means that the events ended.
func (a *attempt) daemonError(err error) error {
	gone := a.cfg.Daemon.Err()
	if err == nil {
		err = errSessionOver
	}
	if gone == nil && !errors.Is(err, errSessionOver) {
		return err
	}
	return because(protocol.ReasonDaemonGone, errors.Join(err, gone))
}
