package wallet

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// DefaultRecoveryGap is a gap that hardly any wallet has: two windows of 2500
// addresses without use.
const DefaultRecoveryGap = 5000

// Recovery is how far the search for the past of a wallet is, whose first one
// was never completed. The coins cannot be spent until it is.
type Recovery struct {
	// Scanned: the unspent outputs of the chain up to the block Tip were looked
	// through, and Found is what of them each mixdepth has. Coins is their
	// number. Unconfirmed ones are not among them.
	Scanned bool
	Tip     chain.BlockID
	Found   []sats.Amount
	Coins   int
}

// Recovery returns false when the past of the wallet is known, or is not looked
// for in this way because Config.RecoveryGap is 0.
func (w *Wallet) Recovery() (Recovery, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.recovery == nil {
		return Recovery{}, false
	}
	return *w.recovery, true
}

// beginRecovery has the first search go on far, if so configured.
func (w *Wallet) beginRecovery() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cfg.RecoveryGap > 0 && !w.stored.there {
		w.recovery = &Recovery{}
	}
}

// scan looks for coins before their history is searched for, when a recovery
// begins: this is quick, and tells which addresses are used. Called with
// syncing held.
func (w *Wallet) scan(ctx context.Context) error {
	w.mu.RLock()
	r := w.recovery
	w.mu.RUnlock()
	scanner, can := w.cfg.Chain.(chain.Scanner)
	if r == nil || r.Scanned || !can {
		return nil
	}
	for {
		want := w.sought()
		found, paths, err := w.scanFor(ctx, scanner, want)
		switch {
		case ctx.Err() != nil || errors.Is(err, chain.ErrUnreachable) || errors.Is(err, chain.ErrWrongNetwork):
			return err
		case err != nil:
			w.log.Warn("the node cannot look for coins; their history is searched at once", "err", err)
			return nil
		}
		if err := w.advance(paths); err != nil {
			return err
		}
		if w.scanned(want) {
			w.publishScan(found, paths)
			return nil
		}
	}
}

// sought returns how many addresses are to be looked at: those that are to be
// watched, and those of all bonds.
func (w *Wallet) sought() counts {
	want, _ := w.wanted()
	if w.Type() == txbuild.P2WPKH {
		delete(want, bondBranch)
		want[everyBond] = bondScripts
	}
	return want
}

// scanFor looks for coins of the first addresses of the runs.
func (w *Wallet) scanFor(ctx context.Context, scanner chain.Scanner, want counts) (chain.Found, []keys.Path, error) {
	if err := w.learnBonds(); err != nil {
		return chain.Found{}, nil, err
	}
	var branches []chain.Branch
	ids := want.ids()
	for _, id := range ids {
		branch, err := w.branch(id, want[id])
		if err != nil {
			return chain.Found{}, nil, err
		}
		branches = append(branches, branch)
	}
	// Descriptors tell the node what to look for, and it takes its time.
	learned := make(chan error, 1)
	go func() { learned <- w.learnAll(want) }()
	found, err := scanner.Scan(ctx, branches)
	if err := cmp.Or(err, <-learned); err != nil {
		return chain.Found{}, nil, err
	}
	paths := make([]keys.Path, len(found.Coins))
	for i, c := range found.Coins {
		if paths[i], err = w.pathAt(ids[c.Branch], c.Index); err != nil {
			return chain.Found{}, nil, err
		}
	}
	return found, paths, nil
}

// scanned reports whether enough addresses were looked at: a full gap of
// unused ones follows the used ones.
func (w *Wallet) scanned(want counts) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	gaps := w.gapsLocked()
	for m, next := range w.state.next {
		for b, gap := range gaps {
			if next[b]+gap > want[branchID{m, uint32(b)}] {
				return false
			}
		}
	}
	return true
}

func (w *Wallet) publishScan(found chain.Found, paths []keys.Path) {
	r := &Recovery{Scanned: true, Tip: found.Tip, Found: make([]sats.Amount, w.Mixdepths()), Coins: len(paths)}
	for i, path := range paths {
		r.Found[path.Mixdepth] += found.Coins[i].Value
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recovery = r
	w.notifyLocked()
}

// advance moves the next indices past addresses that were paid, and notes the
// bonds: these are all that have coins, so that no others are sought.
func (w *Wallet) advance(paid []keys.Path) error {
	return w.save(func(s *state) error {
		s.seek = false
		for _, path := range paid {
			switch {
			case path.Branch == keys.Timelocked:
				s.bonds[s.addBond(path, time.Time{})].since = time.Time{} // the coin may be older
			case path.Branch <= keys.Internal:
				next := &s.next[path.Mixdepth][path.Branch]
				*next = max(*next, path.Index+1)
			}
		}
		return nil
	})
}

// endRecoveryLocked forgets the addresses far ahead that only the recovery
// needed. w.mu and syncing are held; v is what was found.
func (w *Wallet) endRecoveryLocked(v *view) {
	if w.recovery == nil {
		return
	}
	w.recovery = nil
	kept := maps.Clone(w.watched)
	gaps := w.gapsLocked()
	for m, next := range w.state.next {
		for b, gap := range gaps {
			id := branchID{m, uint32(b)}
			kept[id] = min(w.watched[id], next[b]+gap+gap/2)
			for i := kept[id]; i < w.watched[id]; i++ {
				path := keys.Path{Mixdepth: m, Branch: uint32(b), Index: i}
				delete(w.paths, string(w.scripts[path]))
				delete(w.scripts, path)
			}
		}
	}
	w.watched, v.watched = kept, kept
}

// gapsLocked are the numbers of unused addresses that end the search on the
// branches; w.mu is held.
func (w *Wallet) gapsLocked() branchPair {
	gaps := branchPair{keys.External: uint32(w.cfg.GapLimit), keys.Internal: uint32(w.cfg.InternalGapLimit)}
	if w.recovery != nil {
		for b := range gaps {
			gaps[b] = max(gaps[b], uint32(w.cfg.RecoveryGap))
		}
	}
	return gaps
}
