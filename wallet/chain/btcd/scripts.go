package btcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// maxCount bounds the indices of a branch.
const maxCount = 1 << 20

// scripts is what is watched.
type scripts struct {
	mu    sync.RWMutex // protects the fields below
	known map[string]bool
	list  [][]byte // the same, only appended to
	birth time.Time
}

// Watch implements chain.Backend. It asks the node nothing but who it is.
func (b *Backend) Watch(ctx context.Context, branches []chain.Branch) (err error) {
	defer b.note(&err)
	added, err := b.scripts.add(branches)
	if err != nil {
		return err
	}
	b.mempool.judgeAgain(added)
	return b.check(ctx)
}

// add returns the scripts that are new.
func (s *scripts) add(branches []chain.Branch) (added [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[string]bool)
	}
	for _, br := range branches {
		if br.Count > maxCount {
			return nil, fmt.Errorf("a branch of %d addresses: at most %d can be watched", br.Count, maxCount)
		}
		if len(s.list) == 0 || br.Birth.Before(s.birth) {
			s.birth = br.Birth
		}
		for i := range br.Count {
			script, err := br.Script(i)
			if err != nil {
				return nil, err
			}
			if !s.known[string(script)] {
				s.known[string(script)] = true
				s.list = append(s.list, script)
				added = append(added, script)
			}
		}
	}
	return added, nil
}

// all returns the scripts, and the first birth.
func (s *scripts) all() ([][]byte, time.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.list[:len(s.list):len(s.list)], s.birth
}

// relevant reports whether a transaction pays or spends a watched script.
func (s *scripts) relevant(tx *wire.MsgTx) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for script := range touched(tx) {
		if s.known[string(script)] {
			return true
		}
	}
	return false
}

// touched yields the scripts that a transaction pays and, as far as the
// signatures tell, those that it spends. They tell for all that a wallet of
// JoinMarket holds: P2PKH, P2SH-P2WPKH, P2WPKH and P2WSH.
func touched(tx *wire.MsgTx) func(yield func([]byte) bool) {
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
