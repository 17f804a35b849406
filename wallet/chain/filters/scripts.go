// Package filters chooses blocks by their compact filters (BIP 158), for the
// backends that search the chain themselves.
//
// A filter tells of the scripts that a block spends as well as of those it pays:
// so a spend is found although nobody said which coins there are.
package filters

import (
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// maxCount bounds the indices of a branch.
const maxCount = 1 << 20

// Set is a set of output scripts. The zero value is empty.
type Set struct {
	known map[string]bool
	list  [][]byte // the same, only appended to
}

// Add reports whether the script is new. It keeps it without copying.
func (s *Set) Add(script []byte) bool {
	if s.known[string(script)] {
		return false
	}
	if s.known == nil {
		s.known = make(map[string]bool)
	}
	s.known[string(script)] = true
	s.list = append(s.list, script)
	return true
}

// Has reports whether the script is in the set.
func (s *Set) Has(script []byte) bool { return s.known[string(script)] }

// List returns the scripts in the order they were added. The caller must not
// change them; it stays as it is while the set grows.
func (s *Set) List() [][]byte { return s.list[:len(s.list):len(s.list)] }

// Relevant reports whether a transaction pays or spends a script of the set.
func (s *Set) Relevant(tx *wire.MsgTx) bool {
	for script := range Touched(tx) {
		if s.known[string(script)] {
			return true
		}
	}
	return false
}

// Touched yields the scripts that a transaction pays and, as far as the
// signatures tell, those that it spends. They tell for all that a wallet of
// JoinMarket holds: P2PKH, P2SH-P2WPKH, P2WPKH and P2WSH.
func Touched(tx *wire.MsgTx) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, out := range tx.TxOut {
			if !yield(out.PkScript) {
				return
			}
		}
		for _, in := range tx.TxIn {
			spent, err := txscript.ComputePkScript(in.SignatureScript, in.Witness)
			if err == nil && !yield(spent.Script()) {
				return
			}
		}
	}
}

// Watched is what a backend was told to watch. It is safe for use from several
// goroutines.
type Watched struct {
	mu    sync.RWMutex // protects the fields below
	set   Set
	birth time.Time
}

// Add takes up the scripts of branches and returns those that are new.
func (w *Watched) Add(branches []chain.Branch) (added [][]byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, br := range branches {
		if br.Count > maxCount {
			return nil, fmt.Errorf("a branch of %d addresses: at most %d can be watched", br.Count, maxCount)
		}
		if len(w.set.list) == 0 || br.Birth.Before(w.birth) {
			w.birth = br.Birth
		}
		for i := range br.Count {
			script, err := br.Script(i)
			if err != nil {
				return nil, err
			}
			if w.set.Add(script) {
				added = append(added, script)
			}
		}
	}
	return added, nil
}

// List returns the scripts, and the first birth.
func (w *Watched) List() ([][]byte, time.Time) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.set.List(), w.birth
}

// Relevant reports whether a transaction pays or spends a watched script.
func (w *Watched) Relevant(tx *wire.MsgTx) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.set.Relevant(tx)
}
