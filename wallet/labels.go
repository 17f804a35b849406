package wallet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// ErrNoSuch: an address, coin or transaction has nothing to do with the wallet.
var ErrNoSuch = errors.New("no address, coin or transaction of this wallet")

// labelsBody has the labels of the file: texts by type and name.
type labelsBody map[labels.Type]map[string]string

func encodeLabels(set labels.Set) labelsBody {
	b := make(labelsBody)
	for ref, text := range set.All() {
		if b[ref.Type] == nil {
			b[ref.Type] = make(map[string]string)
		}
		b[ref.Type][ref.Text] = text
	}
	return b
}

func (b labelsBody) decode() (set labels.Set, err error) {
	for t, texts := range b {
		for name, text := range texts {
			if err := set.Put(labels.Ref{Type: t, Text: name}, text); err != nil {
				return labels.Set{}, fmt.Errorf("a label: %w", err)
			}
		}
	}
	return set, nil
}

// Label returns the user's words for an address, coin or transaction; empty if
// there are none.
func (w *Wallet) Label(ref labels.Ref) string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.state.labels.Get(ref)
}

// SetLabel changes the user's words for an address, coin or transaction of the
// wallet; an empty text removes them. The errors are those of labels.Set.Put,
// ErrNoSuch and, as long as the wallet does not know what is its own,
// ErrNotSynced.
func (w *Wallet) SetLabel(ref labels.Ref, text string) error {
	if text != "" {
		if err := w.checkRef(ref); err != nil {
			return err
		}
	}
	return w.save(func(s *state) error {
		s.labels = s.labels.Clone()
		return s.labels.Put(ref, text)
	})
}

// checkRef returns ErrNoSuch for what does not concern the wallet.
func (w *Wallet) checkRef(ref labels.Ref) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.view == nil {
		return ErrNotSynced
	}
	if ref.Type == labels.Address {
		script, err := txbuild.ParseAddress(ref.Text, w.cfg.Params)
		if err != nil {
			return err
		}
		if _, ours := w.paths[string(script)]; ours || w.newLocked(script) {
			return nil
		}
		return ErrNoSuch
	}
	found := false
	w.view.history.Outputs(func(out history.Output) {
		_, ours := w.paths[string(out.PkScript)]
		found = found || ref == labels.ForTx(out.Hash) || ours && ref == labels.ForOutput(out.OutPoint)
	})
	if !found {
		return ErrNoSuch
	}
	return nil
}

// newLocked reports whether a script is of an address that was handed out and is
// not watched yet; w.mu is held.
func (w *Wallet) newLocked(script []byte) bool {
	if w.tree == nil {
		return false
	}
	for m, pair := range w.state.next {
		for b, next := range pair {
			for i := w.watched[branchID{m, uint32(b)}]; i < next; i++ {
				own, err := w.tree.Script(keys.Path{Mixdepth: m, Branch: uint32(b), Index: i})
				if err == nil && bytes.Equal(own, script) {
					return true
				}
			}
		}
	}
	return false
}

// ExportLabels returns the labels, and which coins are frozen or were thawed,
// in a fixed order.
func (w *Wallet) ExportLabels() []labels.Record {
	w.mu.RLock()
	defer w.mu.RUnlock()
	spends := make(map[labels.Ref]labels.Spend)
	for out, cause := range w.state.frozen {
		spends[labels.ForOutput(out)] = labels.Frozen
		if cause == thawed {
			spends[labels.ForOutput(out)] = labels.Spendable
		}
	}
	var records []labels.Record
	for ref, text := range w.state.labels.All() {
		records = append(records, labels.Record{Ref: ref, Label: text, Spend: spends[ref]})
		delete(spends, ref)
	}
	for ref, spend := range spends {
		records = append(records, labels.Record{Ref: ref, Spend: spend})
	}
	slices.SortFunc(records, func(a, b labels.Record) int { return a.Compare(b.Ref) })
	return records
}

// ImportLabels takes over labels and which coins are frozen, all or none. What
// it does not concern, or is not known yet, is kept as well, so that it may be
// done before the first synchronisation; labels of other wallets do no harm.
// The errors are ErrFull and those of labels.Set.Put.
func (w *Wallet) ImportLabels(records []labels.Record) error {
	return w.saveShown(func(s *state) error {
		s.labels = s.labels.Clone()
		for _, r := range records {
			if r.Label != "" {
				if err := s.labels.Put(r.Ref, r.Label); err != nil {
					return err
				}
			}
			if r.Spend == labels.Unsaid {
				continue
			}
			out, err := coins.ParseOutPoint(r.Text)
			if err != nil {
				return err
			}
			if r.Spend == labels.Frozen {
				err = s.freeze(out, coins.ByImport)
			} else {
				err = s.thaw(out)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
