package wallet

import (
	"errors"
	"io/fs"
	"maps"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/snapshot"
)

const (
	// storeEvery is how long the wallet waits between two writes of the state
	// of the chain.
	storeEvery = 10 * time.Second
	// storeBlocks is how many blocks without anything for the wallet make a
	// write worth while.
	storeBlocks = 144
)

// stored is what the side file holds of the chain: what was read or written
// last.
type stored struct {
	there bool // there is such a file
	view  view // without coins
	at    time.Time
}

// loadChain takes up the state of the chain from the side file, so that it can be
// shown before the node answers, and need not be fetched again. One that cannot
// be used is not missed: then all is fetched.
func (w *Wallet) loadChain() {
	err := w.tryLoadChain()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.log.Warn("the stored state of the chain cannot be used; the chain will be searched again", "err", err)
	}
}

func (w *Wallet) tryLoadChain() error {
	data, err := w.file.ReadSide()
	if err != nil {
		return err
	}
	s, err := snapshot.Decode(data)
	if err != nil {
		return err
	}
	watched, err := w.checkScripts(s.Scripts)
	if err != nil {
		return err
	}
	v := view{tip: s.Tip, watched: watched, history: s.History}
	w.storing.Lock()
	w.stored = stored{there: true, view: v}
	w.storing.Unlock()
	if s.Tip.BlockID == (chain.BlockID{}) {
		return nil // the file of a new wallet
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paths = make(map[string]keys.Path, len(s.Scripts))
	w.scripts = make(map[keys.Path][]byte, len(s.Scripts))
	for _, script := range s.Scripts {
		path := pathOf(script)
		w.scripts[path], w.paths[string(script.Script)] = script.Script, path
	}
	w.watched = watched
	w.computeLocked(&v)
	w.view = &v
	return nil
}

// pathOf is the path of a stored script.
func pathOf(s snapshot.Script) keys.Path {
	return keys.Path{Mixdepth: int(s.Mixdepth), Branch: s.Branch, Index: s.Index, Locktime: s.Locktime}
}

// errOtherAddresses: a stored state is not that of this wallet.
var errOtherAddresses = errors.New("its addresses are not those of the wallet")

// checkScripts returns how many of each run there are. They must be the first
// ones in their order, and the last must be what the keys give.
func (w *Wallet) checkScripts(scripts []snapshot.Script) (counts, error) {
	have := make(counts)
	last := make(map[branchID][]byte)
	for _, s := range scripts {
		path := pathOf(s)
		id := w.state.branchOf(path)
		want, err := id.path(&w.state, have[id])
		if err != nil || path != want || path.Mixdepth >= w.Mixdepths() {
			return nil, errOtherAddresses
		}
		have[id]++
		last[id] = s.Script
	}
	for id, stored := range last {
		path, err := w.pathAt(id, have[id]-1)
		if err != nil {
			return nil, err
		}
		a, err := w.address(path)
		if err != nil {
			return nil, err
		}
		if string(a.Script) != string(stored) {
			return nil, errOtherAddresses
		}
	}
	return have, nil
}

// keep writes the state of the chain to the side file, unless that holds it
// already or was written a moment ago. A failure costs time at the next start
// and nothing else.
func (w *Wallet) keep(v *view) {
	w.storing.Lock()
	defer w.storing.Unlock()
	if time.Since(w.stored.at) < storeEvery || w.stored.there && v.tip.Height-w.stored.view.tip.Height < storeBlocks &&
		v.tip.Height >= w.stored.view.tip.Height && w.stored.view.shows(v) {
		return
	}
	w.write(v)
}

// write does what keep says; storing is held.
func (w *Wallet) write(v *view) {
	w.stored.at = time.Now()
	err := w.tryWrite(v)
	if err != nil {
		w.log.Warn("the state of the chain was not stored", "err", err)
		return
	}
	w.stored.there, w.stored.view = true, view{tip: v.tip, watched: v.watched, history: v.history}
}

// shows reports whether another view has the same history of the same
// addresses.
func (v *view) shows(o *view) bool {
	return maps.Equal(v.watched, o.watched) && history.Equal(v.history, o.history)
}

func (w *Wallet) tryWrite(v *view) error {
	data, err := w.snapshot(v).Encode()
	if err != nil {
		return err
	}
	return w.file.SaveSide(data)
}

// snapshot is the view with the addresses that it is about.
func (w *Wallet) snapshot(v *view) snapshot.Snapshot {
	s := snapshot.Snapshot{Tip: v.tip, History: v.history}
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, id := range v.watched.ids() {
		for i := range v.watched[id] {
			path, err := id.path(&w.state, i)
			if err != nil {
				break // cannot be: what is watched has paths
			}
			s.Scripts = append(s.Scripts, snapshot.Script{
				Mixdepth: uint32(path.Mixdepth), Branch: path.Branch, Index: path.Index, Locktime: path.Locktime,
				Script: w.scripts[path],
			})
		}
	}
	return s
}

// keepLast writes what keep put off.
func (w *Wallet) keepLast() {
	w.storing.Lock()
	defer w.storing.Unlock()
	v, err := w.current()
	if err != nil || v.tip.BlockID == w.stored.view.tip.BlockID && w.stored.view.shows(v) {
		return
	}
	w.write(v)
}

// storeNew writes the side file of a wallet whose keys are new: there is no past
// to look for.
func (w *Wallet) storeNew() {
	w.storing.Lock()
	defer w.storing.Unlock()
	w.write(&view{})
	w.stored.at = time.Time{}
}
