package wallet

import (
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Address is a place to be paid at.
type Address struct {
	Text   string // for a payer
	Script []byte // output script
	Path   keys.Path
}

// NextAddress hands out the next address of a branch, keys.External or
// keys.Internal. That it was is on the disk when NextAddress returns: no
// address is handed out twice, whatever crashes. After an error none was. The
// errors are ErrMixdepth, ErrBehind, keys.ErrPath at the end of the branch, and
// those of saving.
func (w *Wallet) NextAddress(mixdepth int, branch uint32) (Address, error) {
	all, err := w.handOut(branch, nil, mixdepth)
	if err != nil {
		return Address{}, err
	}
	return all[0], nil
}

// handOut hands out an address for each of the mixdepths, which is written down
// at once, with what also changes.
func (w *Wallet) handOut(branch uint32, also func(*state), mixdepths ...int) ([]Address, error) {
	paths := make([]keys.Path, len(mixdepths))
	for i, mixdepth := range mixdepths {
		if mixdepth < 0 || mixdepth >= w.Mixdepths() || branch > keys.Internal {
			return nil, ErrMixdepth
		}
		paths[i] = keys.Path{Mixdepth: mixdepth, Branch: branch}
	}
	err := w.save(func(s *state) error {
		if s.behind {
			return ErrBehind
		}
		for i := range paths {
			next := &s.next[paths[i].Mixdepth][branch]
			if *next > keys.MaxIndex {
				return keys.ErrPath
			}
			paths[i].Index = *next
			*next++
		}
		if also != nil {
			also(s)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.growLater()
	all := make([]Address, len(paths))
	for i, path := range paths {
		if all[i], err = w.address(path); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// growLater tells Run if more addresses are to be watched.
func (w *Wallet) growLater() {
	if _, enough := w.wanted(); enough {
		return
	}
	select {
	case w.grow <- struct{}{}:
	default:
	}
}

func (w *Wallet) address(path keys.Path) (a Address, err error) {
	err = w.withTree(func(t *keys.Tree) error {
		a.Script, err = t.Script(path)
		return err
	})
	if err == nil {
		a.Text, err = txbuild.FormatAddress(a.Script, w.cfg.Params)
	}
	if err != nil {
		return Address{}, err
	}
	a.Path = path
	return a, nil
}

// PathText writes a path of this wallet the way users know it: m/84'/0'/2'/1/17.
// It is empty once the wallet is closed.
func (w *Wallet) PathText(p keys.Path) (text string) {
	_ = w.withTree(func(t *keys.Tree) error { text = t.PathText(p); return nil })
	return text
}
