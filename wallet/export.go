package wallet

import (
	"github.com/joinmarket-go/joinmarket/wallet/descriptor"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// Descriptor tells another program how to find the addresses of a branch.
type Descriptor struct {
	Mixdepth int
	Branch   uint32 // keys.External or keys.Internal
	// Text is public, ranged, and has its checksum: wpkh(...)#... (BIP380).
	Text string
	// Next is the index after the last one that was handed out, or paid.
	Next uint32
}

// Descriptors describes all branches, by mixdepth, external ones first. Whoever
// reads the descriptors sees all addresses, but cannot spend.
func (w *Wallet) Descriptors() ([]Descriptor, error) {
	w.mu.RLock()
	next := w.state.next
	w.mu.RUnlock()
	var all []Descriptor
	err := w.withTree(func(t *keys.Tree) error {
		for m := range next {
			for number, count := range next[m] {
				text, err := t.Descriptor(m, uint32(number))
				if err != nil {
					return err
				}
				if text, err = descriptor.Seal(text); err != nil {
					return err
				}
				all = append(all, Descriptor{m, uint32(number), text, count})
			}
		}
		return nil
	})
	return all, err
}
