package wallet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

const (
	// maxHold bounds how long a coin is held; also after the clock was changed.
	maxHold = 24 * time.Hour
	// maxHeld bounds the coins that are held.
	maxHeld = 10_000
)

// errHeld: too many coins are held.
var errHeld = fmt.Errorf("a wallet remembers at most %d coins that others have signatures for", maxHeld)

// Hold makes a lease last for ttl from now, at most a day, whatever becomes of
// this process, and remembers the deal, see Signed: for coins that a signature
// is about to be given away for. When it returns without error, both are on the
// disk; after an error no signature may leave. Until then the chain decides: a
// coin that is spent is gone, by whatever transaction. Releasing the lease counts
// in this process only. The deal must spend the coins of the lease.
func (w *Wallet) Hold(l *coins.Lease, ttl time.Duration, d Deal) error {
	for _, c := range l.Coins {
		if !slices.ContainsFunc(d.Tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == c.OutPoint }) {
			return fmt.Errorf("%w: the transaction does not spend what was set aside for it", ErrNotOurs)
		}
	}
	ttl = min(ttl, maxHold)
	if err := l.Extend(ttl); err != nil {
		return err
	}
	w.mu.RLock()
	now := w.nowLocked()
	w.mu.RUnlock()
	until := time.Unix(now.Add(ttl+time.Second).Unix(), 0) // not a moment less
	return w.save(func(s *state) error {
		maps.DeleteFunc(s.held, func(_ wire.OutPoint, end time.Time) bool { return !now.Before(end) })
		for _, c := range l.Coins {
			s.held[c.OutPoint] = until
		}
		if len(s.held) > maxHeld {
			return errHeld
		}
		s.addSigned(d, l.Coins, now)
		return nil
	})
}

// nowLocked is the time by which holds end across restarts: that of this machine,
// or the chain's median time, which the world's clocks have passed, if a clock was
// set back behind it. w.mu is held.
func (w *Wallet) nowLocked() time.Time {
	now := time.Now()
	if w.view != nil && now.Before(w.view.tip.MedianTime) {
		return w.view.tip.MedianTime
	}
	return now
}

// holdAgain sets aside what another process held when it ended. What a clock that
// was ahead has put too far off ends in a day, however often the wallet is opened.
func (w *Wallet) holdAgain() {
	w.mu.RLock()
	now := w.nowLocked()
	w.mu.RUnlock()
	var far []wire.OutPoint
	for out, until := range w.state.held {
		left := until.Sub(now)
		if left <= 0 {
			continue
		}
		if left > maxHold {
			left = maxHold
			far = append(far, out)
		}
		// The table is empty yet, so that nobody else can have it.
		_, _ = w.leases.Take("signed for before the last start", left, func(func(wire.OutPoint) bool) ([]coins.Coin, error) {
			return []coins.Coin{{OutPoint: out}}, nil
		})
	}
	if len(far) == 0 {
		return
	}
	err := w.save(func(s *state) error {
		for _, out := range far {
			s.held[out] = time.Unix(now.Add(maxHold).Unix(), 0)
		}
		return nil
	})
	if err != nil {
		w.log.Warn("coins are set aside for a day, and for another after the next start", "count", len(far), "err", err)
	}
}

// heldBody is a held coin in the wallet file.
type heldBody struct {
	Coin  string `json:"coin"`
	Until int64  `json:"until"` // Unix time
}

func encodeHeld(held map[wire.OutPoint]time.Time) (list []heldBody) {
	for out, until := range held {
		list = append(list, heldBody{out.String(), until.Unix()})
	}
	slices.SortFunc(list, func(a, b heldBody) int {
		return cmp.Or(cmp.Compare(a.Until, b.Until), cmp.Compare(a.Coin, b.Coin))
	})
	return list
}

func decodeHeld(list []heldBody) (map[wire.OutPoint]time.Time, error) {
	if len(list) > maxHeld {
		return nil, errHeld
	}
	held := make(map[wire.OutPoint]time.Time, len(list))
	for _, b := range list {
		out, err := coins.ParseOutPoint(b.Coin)
		if err != nil {
			return nil, fmt.Errorf("a coin that is held: %w", err)
		}
		held[out] = time.Unix(b.Until, 0)
	}
	return held, nil
}
