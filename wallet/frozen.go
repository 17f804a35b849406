package wallet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// thawed stands in the place of a cause for a coin that the user has thawed, so
// that it is not frozen again by itself. It never leaves this package.
const thawed coins.Cause = "thawed"

// maxFrozen bounds the coins that the wallet remembers as frozen or thawed.
const maxFrozen = 100_000

// ErrFull: too many coins are frozen.
var ErrFull = fmt.Errorf("a wallet remembers at most %d frozen coins", maxFrozen)

// frozenBody has the frozen coins of the file: causes by outpoint. Version 1
// had a list of outpoints, all frozen by the user.
type frozenBody map[string]coins.Cause

func (f *frozenBody) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*map[string]coins.Cause)(f))
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*f = make(frozenBody, len(list))
	for _, out := range list {
		(*f)[out] = coins.ByUser
	}
	return nil
}

func encodeFrozen(frozen map[wire.OutPoint]coins.Cause) frozenBody {
	b := make(frozenBody, len(frozen))
	for out, cause := range frozen {
		b[out.String()] = cause
	}
	return b
}

func (f frozenBody) decode() (map[wire.OutPoint]coins.Cause, error) {
	frozen := make(map[wire.OutPoint]coins.Cause, len(f))
	for text, cause := range f {
		out, err := coins.ParseOutPoint(text)
		if err != nil {
			return nil, fmt.Errorf("a frozen coin: %w", err)
		}
		if cause != thawed && !cause.Valid() {
			return nil, errors.New("a coin is frozen for an unknown cause")
		}
		frozen[out] = cause
	}
	return frozen, nil
}

// Freeze sets coins aside until they are thawed, across restarts, all of them
// or none. It does not end a lease, but nothing is signed for a frozen coin. A
// coin that is frozen already keeps its cause. The error is ErrNotOurs for what
// is no coin of the wallet.
func (w *Wallet) Freeze(cause coins.Cause, outs ...wire.OutPoint) error {
	if !cause.Valid() {
		return fmt.Errorf("freezing a coin: unknown cause %q", cause)
	}
	for _, out := range outs {
		if _, err := w.find(out); err != nil {
			return err
		}
	}
	return w.saveShown(func(s *state) error {
		for _, out := range outs {
			if err := s.freeze(out, cause); err != nil {
				return err
			}
		}
		return nil
	})
}

// Thaw lets frozen coins be spent again, all of them or none. They are not
// frozen once more unless the user does it. Coins that are not frozen are no
// error; ErrNotOurs is for what is no coin of the wallet, ErrLocked for a
// fidelity bond before its time.
func (w *Wallet) Thaw(outs ...wire.OutPoint) error {
	tip, _ := w.Synced()
	return w.saveShown(func(s *state) error {
		for _, out := range outs {
			c, err := w.find(out)
			if err == nil {
				err = CheckLock(c, tip.MedianTime)
			}
			if errors.Is(err, ErrLocked) {
				return err
			}
			if _, known := s.frozen[out]; known || err == nil && c.Locktime != 0 {
				err = s.thaw(out)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// freeze remembers a frozen coin.
func (s *state) freeze(out wire.OutPoint, cause coins.Cause) error {
	now, known := s.frozen[out]
	switch {
	case !known && len(s.frozen) >= maxFrozen:
		return ErrFull
	case !known || now == thawed:
		s.frozen[out] = cause
	}
	return nil
}

// thaw remembers that a coin may be spent, whatever comes.
func (s *state) thaw(out wire.OutPoint) error {
	if _, known := s.frozen[out]; !known && len(s.frozen) >= maxFrozen {
		return ErrFull
	}
	s.frozen[out] = thawed
	return nil
}

// cause tells why a coin at a path is frozen; empty if it is not. Fidelity bonds
// are until the user thaws them: whoever sees one spent knows its owner, and so
// does not want it beside other coins.
func (s *state) cause(out wire.OutPoint, path keys.Path) coins.Cause {
	cause, known := s.frozen[out]
	switch {
	case cause == thawed:
		return ""
	case !known && path.Locktime != 0:
		return coins.ByBond
	}
	return cause
}

// saveShown is save, after which the coins are shown with the new state.
func (w *Wallet) saveShown(change func(*state) error) error {
	if err := w.save(change); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.view != nil {
		next := *w.view
		w.computeLocked(&next)
		w.view = &next
		w.notifyLocked()
	}
	return nil
}

// freezeReused freezes, once, the unspent coins that came to an address which
// had been paid before: such a payment, often of dust, is meant to have the
// coin spent together with others, which links them. It returns how many. The
// order of the chain decides which payment was the first, so it makes no
// difference whether the wallet was watching. w.mu is held.
func (w *Wallet) freezeReused(h history.History, s *state) (count int) {
	most := w.cfg.MaxFreezeReuse
	if most == 0 {
		most = sats.Max
	}
	var spent map[wire.OutPoint]bool
	own := func(script []byte) bool {
		path, ours := w.paths[string(script)]
		return ours && path.Locktime == 0 // a bond's address is known anyway, and its coins are frozen
	}
	h.Repeated(own, func(out history.Output) {
		if _, known := s.frozen[out.OutPoint]; known || sats.Amount(out.Value) > most {
			return
		}
		if spent == nil {
			spent = h.Spent()
		}
		if !spent[out.OutPoint] && s.freeze(out.OutPoint, coins.ByReuse) == nil {
			count++
		}
	})
	return count
}
