package jmdat

import (
	"bytes"
	"encoding/hex"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
)

const (
	hardened     = hdkeychain.HardenedKeyStart
	importedRoot = "imported" // first element of the paths of imported keys
	idSize       = 3          // bytes of the wallet id, first element of all others
	maxLevels    = 6          // 84', coin', mixdepth', branch, index, locktime
	maxPath      = 100        // bytes of a path as text
	pathSigns    = "m/'0123456789"
	bondMonths   = 960 // of fidelity bonds, from January 2020
)

// listedPath reads a path in the form of a list: [root, level, ...].
func (r *reader) listedPath(v value) (Path, bool) {
	var root []byte
	var levels []int64
	for item := range v.items() {
		if root == nil {
			text, ok := item.text()
			if !ok {
				return Path{}, false
			}
			root = text
			continue
		}
		n, ok := item.integer()
		if !ok || len(levels) == maxLevels {
			return Path{}, false
		}
		levels = append(levels, n)
	}
	p, ok := r.path(root, levels)
	return p, ok && len(root) > 0
}

// path checks that levels lead from root to an address of the wallet. Its root
// may be empty, as in the cache of Bonds wallets.
func (r *reader) path(root []byte, levels []int64) (p Path, ok bool) {
	if string(root) == importedRoot {
		if len(levels) != 2 || !inRange(levels...) {
			return p, false
		}
		return Path{Imported: true, Mixdepth: int(levels[0]), Index: uint32(levels[1])}, true
	}
	base := r.base()
	if len(levels) < len(base)+3 || !slices.Equal(levels[:len(base)], base) {
		return p, false
	}
	levels = slices.Clone(levels[len(base):])
	if r.w.Type != Legacy {
		levels[0] -= hardened
	}
	if !inRange(levels[:3]...) {
		return p, false
	}
	p = Path{Mixdepth: int(levels[0]), Branch: uint32(levels[1]), Index: uint32(levels[2])}
	switch locktime := levels[3:]; {
	case p.Branch <= Internal && len(locktime) == 0:
	case p.Branch == Timelocked && r.hasBonds() && p.Mixdepth == 0 && p.Index < bondMonths:
		p.Locktime = firstOfMonth(p.Index)
		if len(locktime) > 1 || len(locktime) == 1 && locktime[0] != p.Locktime {
			return Path{}, false
		}
	default:
		return Path{}, false
	}
	return p, r.belongs(root)
}

// base returns the levels above the mixdepth.
func (r *reader) base() []int64 {
	switch r.w.Type {
	case Legacy:
		return []int64{0}
	case Nested:
		return []int64{49 + hardened, r.coinType() + hardened}
	default:
		return []int64{84 + hardened, r.coinType() + hardened}
	}
}

func (r *reader) hasBonds() bool { return r.w.Type == Bonds || r.w.Type == WatchOnly }

// belongs takes note of the wallet id of a path.
func (r *reader) belongs(root []byte) bool {
	switch id := hex.EncodeToString(root); {
	case len(root) == 0:
	case len(root) != idSize:
		return false
	case r.w.ID == "":
		r.w.ID = id
	case r.w.ID != id:
		r.warn(WarnIDs)
	}
	return true
}

// inRange reports whether all levels are those of keys that are not hardened.
func inRange(levels ...int64) bool {
	for _, n := range levels {
		if n < 0 || n >= hardened {
			return false
		}
	}
	return true
}

// firstOfMonth is the locktime of the fidelity bond with this index.
func firstOfMonth(index uint32) int64 {
	return time.Date(2020, time.January+time.Month(index), 1, 0, 0, 0, 0, time.UTC).Unix()
}

// level reads one level of a path in the cache: 84' or 17.
func level(text []byte) (int64, bool) {
	digits, isHardened := bytes.CutSuffix(text, []byte("'"))
	n, ok := number(digits)
	if isHardened {
		n += hardened
	}
	return n, ok
}
