package wallet

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// branchID names a run of addresses that the backend watches: a branch of a
// mixdepth, or one of those below.
type branchID struct {
	mixdepth int
	branch   uint32
}

var (
	// everyBond has the addresses of all fidelity bonds: one for each locktime as
	// we and the reference derive them, then one for each locktime but the first
	// as others do, who take the key 0 for all.
	everyBond = branchID{mixdepth: -1, branch: keys.Timelocked}
	// bondBranch has those that are known, in the order in which they were found.
	// One of the two is watched.
	bondBranch = branchID{branch: keys.Timelocked}
	// importedBranch has the imported keys of all mixdepths, in the order of
	// their import.
	importedBranch = branchID{branch: keys.Imported}
)

// branchOf returns the run that a path is watched in.
func (s *state) branchOf(p keys.Path) branchID {
	switch {
	case p.Branch == keys.Timelocked && s.seek:
		return everyBond
	case p.Branch == keys.Timelocked:
		return bondBranch
	case p.Branch == keys.Imported:
		return importedBranch
	}
	return branchID{p.Mixdepth, p.Branch}
}

// path returns the path at an index of the run; keys.ErrPath where there is
// none.
func (id branchID) path(s *state, index uint32) (keys.Path, error) {
	switch {
	case id == importedBranch && int64(index) < int64(len(s.imported)):
		return s.imported[index].path, nil
	case id == bondBranch && int64(index) < int64(len(s.bonds)):
		return s.bonds[index].path, nil
	case id == everyBond:
		return everyBondPath(index)
	case id.branch <= keys.Internal && index <= keys.MaxIndex:
		return keys.Path{Mixdepth: id.mixdepth, Branch: id.branch, Index: index}, nil
	}
	return keys.Path{}, keys.ErrPath
}

// counts has a number of addresses for each run, counted from its first. It is
// not changed once others see it.
type counts map[branchID]uint32

// ids returns the runs in a fixed order.
func (c counts) ids() []branchID {
	return slices.SortedFunc(maps.Keys(c), func(a, b branchID) int {
		return cmp.Or(cmp.Compare(a.mixdepth, b.mixdepth), cmp.Compare(a.branch, b.branch))
	})
}

// wanted returns how many addresses are to be watched, and whether those that
// are watched now suffice. As growing costs a new look at the whole chain, it
// is done in ever larger steps.
func (w *Wallet) wanted() (want counts, enough bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	want = make(counts)
	gaps := w.gapsLocked()
	for m, next := range w.state.next {
		for b, gap := range gaps {
			id := branchID{m, uint32(b)}
			want[id] = w.watched[id]
			if need := next[b] + gap; need > want[id] {
				want[id] = max(need+gap/2, 2*want[id])
			}
		}
	}
	if w.state.seek {
		want[everyBond] = bondScripts
	} else if n := len(w.state.bonds); n > 0 {
		want[bondBranch] = uint32(n)
	}
	if n := len(w.state.imported); n > 0 {
		want[importedBranch] = uint32(n)
	}
	return want, maps.Equal(want, w.watched)
}

// watch makes the backend watch all addresses that are wanted. Called with
// syncing held.
func (w *Wallet) watch(ctx context.Context) error {
	want, enough := w.wanted()
	if enough && w.told {
		return nil
	}
	if err := w.learnAll(want); err != nil {
		return err
	}
	var branches []chain.Branch
	for _, id := range want.ids() {
		if want[id] == w.watched[id] && w.told {
			continue
		}
		more, err := w.branches(id, want[id])
		if err != nil {
			return err
		}
		branches = append(branches, more...)
	}
	if err := w.cfg.Chain.Watch(ctx, branches); err != nil {
		return err
	}
	w.told = true
	w.rescan = w.rescan || !enough
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = want
	return nil
}

// branches describes the first count addresses of a run for the backend. Of
// known bonds each is a branch of its own, since it has a past of its own.
func (w *Wallet) branches(id branchID, count uint32) (list []chain.Branch, err error) {
	if id != bondBranch {
		b, err := w.branch(id, count)
		return []chain.Branch{b}, err
	}
	w.mu.RLock()
	bonds := w.state.bonds[:count]
	w.mu.RUnlock()
	for _, known := range bonds {
		b := chain.Branch{Count: 1, Birth: w.birth()}
		if !known.since.IsZero() {
			b.Birth = known.since
		}
		b.Script = func(uint32) ([]byte, error) { return w.script(known.path) }
		list = append(list, b)
	}
	return list, nil
}

// branch describes the first count addresses of a run as one branch.
func (w *Wallet) branch(id branchID, count uint32) (chain.Branch, error) {
	b := chain.Branch{Count: count}
	if id != importedBranch { // nothing is known of the age of imported keys
		b.Birth = w.birth()
	}
	b.Script = func(index uint32) ([]byte, error) {
		path, err := w.pathAt(id, index)
		if err != nil {
			return nil, err
		}
		return w.script(path)
	}
	if id.branch > keys.Internal {
		return b, nil // descriptors have no word for these
	}
	err := w.withTree(func(t *keys.Tree) (err error) {
		b.Descriptor, err = t.Descriptor(id.mixdepth, id.branch)
		return err
	})
	return b, err
}

// birth is a time before which no key of the seed was used; zero: not known.
func (w *Wallet) birth() time.Time {
	if birth := w.seed.Birth(); !birth.IsZero() {
		return birth.Add(-birthSlack)
	}
	return time.Time{}
}

// script returns the output script of a path.
func (w *Wallet) script(path keys.Path) (script []byte, err error) {
	err = w.withTree(func(t *keys.Tree) error {
		if script = w.scripts[path]; script == nil {
			script, err = t.Script(path)
		}
		return err
	})
	return script, err
}

// learnAll derives the scripts of all these runs.
func (w *Wallet) learnAll(want counts) error {
	for _, id := range want.ids() {
		if err := w.learn(id, want[id]); err != nil {
			return err
		}
	}
	return nil
}

// learn derives the first count scripts of a run that are not known yet, so that
// their outputs are recognised.
func (w *Wallet) learn(id branchID, count uint32) error {
	var paths []keys.Path
	var scripts [][]byte
	err := w.withTree(func(t *keys.Tree) error {
		for index := w.watched[id]; index < count; index++ {
			path, err := id.path(&w.state, index)
			if err != nil {
				return err
			}
			if w.scripts[path] == nil {
				paths = append(paths, path)
			}
		}
		var err error
		scripts, err = t.Scripts(paths)
		return err
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, path := range paths {
		w.scripts[path], w.paths[string(scripts[i])] = scripts[i], path
	}
	return nil
}

func (w *Wallet) pathAt(id branchID, index uint32) (keys.Path, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return id.path(&w.state, index)
}
