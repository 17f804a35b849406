package wallet

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// ErrFar: an address is further ahead than the wallet would look for it.
var ErrFar = errors.New("this address is too far ahead of those that were handed out; for the next one use: jm wallet address")

// Find returns the path of an address of the wallet: one of those that are looked
// for, whether they were handed out or not. The errors are txbuild.ErrAddress and
// ErrNoSuch.
func (w *Wallet) Find(address string) (keys.Path, error) {
	script, err := txbuild.ParseAddress(address, w.Params())
	if err != nil {
		return keys.Path{}, err
	}
	if path, ours := (signer{w}).path(script); ours {
		return path, nil
	}
	near, err := w.near()
	if err != nil {
		return keys.Path{}, err
	}
	if path, ours := near[string(script)]; ours {
		return path, nil
	}
	// It may be far ahead, or of a bond.
	if err := w.learnOffline(); err != nil {
		return keys.Path{}, err
	}
	path, ours := (signer{w}).path(script)
	if !ours {
		return keys.Path{}, ErrNoSuch
	}
	return path, nil
}

// near returns the paths, by script, of imported keys, of the addresses that
// were handed out and of those that are next, up to the ordinary gap limits:
// what a wallet of usual size has, without the long search of a recovery.
func (w *Wallet) near() (map[string]keys.Path, error) {
	near := make(map[string]keys.Path)
	err := w.withTree(func(t *keys.Tree) error {
		var paths []keys.Path
		for _, k := range w.state.imported {
			paths = append(paths, k.path)
		}
		for m, next := range w.state.next {
			for b, gap := range []int{keys.External: w.cfg.GapLimit, keys.Internal: w.cfg.InternalGapLimit} {
				for i := range min(next[b]+uint32(gap), keys.MaxIndex) {
					paths = append(paths, keys.Path{Mixdepth: m, Branch: uint32(b), Index: i})
				}
			}
		}
		scripts, err := t.Scripts(paths)
		if err != nil {
			return err
		}
		for i, script := range scripts {
			near[string(script)] = paths[i]
		}
		return nil
	})
	return near, err
}

// SignText signs a text with the key of a path, as package message does, and
// returns the address that speaks. If it was not handed out yet, it is now, with
// those before it on its branch: that is on the disk when SignText returns.
//
// The errors are those of message.SignText and of the path; ErrBond, as nobody
// can tell by such a signature whose a fidelity bond is; ErrFar and ErrBehind;
// message.ErrSignature for an imported key whose address is of an uncompressed
// public key: the form of the reference's signatures says compressed.
func (w *Wallet) SignText(p keys.Path, text string) (a Address, signature string, err error) {
	if err := w.forOwner(); err != nil {
		return a, "", err
	}
	switch p.Branch {
	case keys.External, keys.Internal, keys.Imported:
	case keys.Timelocked:
		return Address{}, "", ErrBond
	default:
		return Address{}, "", keys.ErrPath
	}
	err = w.withTree(func(t *keys.Tree) error {
		key, err := t.PrivateKey(p)
		if err != nil {
			return err
		}
		defer key.Zero()
		signature, err = message.SignText(key, text, w.Params())
		return err
	})
	if err != nil {
		return Address{}, "", err
	}
	if a, err = w.address(p); err != nil {
		return Address{}, "", err
	}
	if err := message.VerifyText(a.Text, text, signature, w.Params()); err != nil {
		return Address{}, "", fmt.Errorf("the signature would not prove anything: %w", err)
	}
	if err := w.handOutTo(p); err != nil {
		return Address{}, "", err
	}
	return a, signature, nil
}

// maxAhead is how many addresses may be skipped at once: a recovery from the words
// looks further ahead than that.
const maxAhead = DefaultRecoveryGap / 2

// handOutTo counts the address of a path as handed out, and those before it.
func (w *Wallet) handOutTo(p keys.Path) error {
	if p.Branch > keys.Internal {
		return nil // imported keys and bonds are not handed out
	}
	if p.Mixdepth >= w.Mixdepths() {
		return ErrMixdepth
	}
	err := w.save(func(s *state) error {
		next := &s.next[p.Mixdepth][p.Branch]
		switch {
		case p.Index < *next:
			return nil
		case s.behind:
			return ErrBehind
		case p.Index-*next >= maxAhead:
			return ErrFar
		}
		*next = p.Index + 1
		return nil
	})
	if err == nil {
		w.growLater()
	}
	return err
}
