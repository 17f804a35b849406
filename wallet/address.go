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
	if mixdepth < 0 || mixdepth >= w.Mixdepths() || branch > keys.Internal {
		return Address{}, ErrMixdepth
	}
	path := keys.Path{Mixdepth: mixdepth, Branch: branch}
	err := w.save(func(s *state) error {
		if s.behind {
			return ErrBehind
		}
		next := &s.next[mixdepth][branch]
		if *next > keys.MaxIndex {
			return keys.ErrPath
		}
		path.Index = *next
		*next++
		return nil
	})
	if err != nil {
		return Address{}, err
	}
	w.growLater()
	return w.address(path)
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
