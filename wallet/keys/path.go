package keys

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Branches of a mixdepth.
const (
	External   uint32 = 0       // addresses shown to the user for deposits
	Internal   uint32 = 1       // change and CoinJoin outputs
	Timelocked uint32 = 2       // fidelity bonds: mixdepth 0 of P2WPKH wallets
	Imported   uint32 = 1 << 31 // private keys from elsewhere, which have no level in BIP32
)

// MaxIndex is the last index of a branch.
const MaxIndex = hardened - 1

// ErrPath: a path names no key of the wallet.
var ErrPath = errors.New("no such derivation path in this wallet")

// Path names an address of the wallet: a key, and for fidelity bonds the time
// until which the coins are locked.
type Path struct {
	Mixdepth int    // below 2^31
	Branch   uint32 // External, Internal, Timelocked or Imported
	Index    uint32 // below 2^31; of an imported key, its place in the mixdepth
	// Locktime is 0 but on the branch Timelocked, where it is one of
	// bond.Locktime. Index is then its timenumber; or 0, which is how some
	// other wallets derive their bonds, and the watch-only ones of the
	// reference.
	Locktime uint32
}

// BondPath returns the path of the fidelity bond of a timenumber 0..959.
func BondPath(timenumber int) (Path, error) {
	locktime, err := bond.Locktime(timenumber)
	if err != nil {
		return Path{}, err
	}
	return Path{Branch: Timelocked, Index: uint32(timenumber), Locktime: locktime}, nil
}

// check returns ErrPath unless the path is one of a wallet of the type.
func (p Path) check(t txbuild.ScriptType) error {
	// The reference has a branch 3 for coins that were burnt, which no key spends.
	if p.Mixdepth < 0 || int64(p.Mixdepth) > MaxIndex || p.Branch > Timelocked && p.Branch != Imported || p.Index > MaxIndex {
		return ErrPath
	}
	if p.Branch != Timelocked {
		if p.Locktime != 0 {
			return ErrPath
		}
		return nil
	}
	timenumber, err := bond.Timenumber(p.Locktime)
	if err != nil || t != txbuild.P2WPKH || p.Mixdepth != 0 || p.Index != uint32(timenumber) && p.Index != 0 {
		return ErrPath
	}
	return nil
}

// PathText writes a path the way users know it: m/84'/0'/2'/1/17,
// m/84'/0'/0'/2/66:1751328000, imported/0/1.
func (t *Tree) PathText(p Path) string {
	if p.Branch == Imported {
		return fmt.Sprintf("%s/%d/%d", importedRoot, p.Mixdepth, p.Index)
	}
	var b strings.Builder
	b.WriteString(treeRoot)
	for _, level := range t.Levels(p) {
		b.WriteByte('/')
		b.WriteString(strconv.FormatUint(uint64(level&MaxIndex), 10))
		if level >= hardened {
			b.WriteByte('\'')
		}
	}
	if p.Locktime != 0 {
		fmt.Fprintf(&b, ":%d", p.Locktime)
	}
	return b.String()
}

// Levels returns the levels from the root key to the key of a path, hardened
// ones from 2^31 on; nil for an imported key.
func (t *Tree) Levels(p Path) []uint32 {
	if p.Branch == Imported {
		return nil
	}
	return append(account(t.kind, t.params, uint32(p.Mixdepth)), p.Branch, p.Index)
}

// Roots of paths as text.
const (
	treeRoot     = "m"
	importedRoot = "imported"
)

// ParsePath reads what PathText writes for an address of this wallet, and
// nothing else: ErrPath.
func (t *Tree) ParsePath(text string) (Path, error) {
	l, err := parseLevels(text)
	if err != nil {
		return Path{}, err
	}
	var p Path
	if l.root == importedRoot {
		p = Path{Mixdepth: int(l.levels[0]), Branch: Imported, Index: l.levels[1]}
	} else {
		above := account(t.kind, t.params, 0)
		if len(l.levels) != len(above)+2 {
			return Path{}, ErrPath
		}
		last := l.levels[len(above)-1:]
		p = Path{Mixdepth: int(last[0] & MaxIndex), Branch: last[1], Index: last[2], Locktime: l.locktime}
	}
	if p.check(t.kind) != nil || t.PathText(p) != text {
		return Path{}, ErrPath
	}
	return p, nil
}

// levels is a path as text, read but not understood.
type levels struct {
	root     string // treeRoot or importedRoot
	levels   []uint32
	locktime uint32
}

// maxLevels is that of the longest path.
const maxLevels = 5

// parseLevels reads m/..., m/...:LOCKTIME and imported/MIXDEPTH/INDEX.
func parseLevels(text string) (l levels, err error) {
	path, locktime, locked := strings.Cut(text, ":")
	if locked {
		if l.locktime, err = number(locktime, 1<<32-1); err != nil {
			return levels{}, err
		}
	}
	parts := strings.SplitN(path, "/", maxLevels+2)
	l.root = parts[0]
	if !slices.Contains([]string{treeRoot, importedRoot}, l.root) || len(parts) > maxLevels+1 {
		return levels{}, ErrPath
	}
	for _, part := range parts[1:] {
		digits, isHardened := strings.CutSuffix(part, "'")
		level, err := number(digits, MaxIndex)
		if err != nil {
			return levels{}, err
		}
		if isHardened {
			level += hardened
		}
		l.levels = append(l.levels, level)
	}
	if l.root == importedRoot && (locked || len(l.levels) != 2 || max(l.levels[0], l.levels[1]) > MaxIndex) {
		return levels{}, ErrPath
	}
	return l, nil
}

// number reads a decimal number.
func number(digits string, last uint64) (uint32, error) {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n > last {
		return 0, ErrPath
	}
	return uint32(n), nil
}
