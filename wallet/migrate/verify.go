package migrate

import (
	"bytes"

	"github.com/joinmarket-go/joinmarket/wallet/jmdat"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// verify compares what the file remembers with what its seed gives: the wallet
// id, and the scripts of addresses. places are the paths of imported keys.
//
// The id in the file was made of the seed, so another one refuses the file, and
// so do scripts none of which is right. A single wrong script is damage to the
// list of scripts, which ours does not use: a note.
func (p *Plan) verify(old *jmdat.Wallet, tree *keys.Tree, places map[jmdat.Path]keys.Path) error {
	if old.ID != "" && old.ID != p.ID {
		return ErrOtherSeed
	}
	right, wrong, wrongImported := 0, 0, 0
	for _, known := range old.Known {
		path, ok := p.path(known.Path, places)
		if !ok {
			continue
		}
		script, err := tree.Script(path)
		if err != nil {
			return err
		}
		switch {
		case bytes.Equal(script, known.Script) && known.Path.Imported: // tells nothing about the seed
		case bytes.Equal(script, known.Script):
			right++
		case known.Path.Imported:
			wrongImported++
		default:
			wrong++
		}
	}
	switch {
	case wrong > 0 && right == 0:
		return ErrOtherSeed
	case wrong > 0:
		p.note("stored addresses are not those of the seed (%d of %d): JoinMarket may have shown wrong addresses, so compare those that you gave away", wrong, wrong+right)
	case right == 0 && old.ID == "":
		p.note("nothing in the file tells whether its seed is undamaged: compare the first address with one that you know")
	}
	if wrongImported > 0 {
		p.note("stored addresses are not those of the imported keys (%d): compare the addresses of these keys with the ones that you know, and keep the old file", wrongImported)
	}
	return nil
}

// path returns ours for an old path; ok is false for one outside of the wallet,
// and for an imported key that was removed.
func (p *Plan) path(old jmdat.Path, places map[jmdat.Path]keys.Path) (path keys.Path, ok bool) {
	if old.Imported {
		path, ok = places[old]
		return path, ok
	}
	if old.Mixdepth >= len(p.Next) {
		return keys.Path{}, false
	}
	if old.Branch == jmdat.Timelocked {
		path, err := keys.BondPath(int(old.Index)) // whose locktime jmdat has compared
		return path, err == nil
	}
	return keys.Path{Mixdepth: old.Mixdepth, Branch: old.Branch, Index: old.Index}, true
}
