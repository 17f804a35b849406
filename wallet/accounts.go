package wallet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/ledger"
	"github.com/joinmarket-go/joinmarket/wallet/status"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Account is a mixdepth with its addresses.
type Account struct {
	Balance  Balance
	XPub     string // extended public key, which tells all its addresses
	Branches []Branch
}

// Branch is a run of addresses of a mixdepth.
type Branch struct {
	Number  uint32  // keys.External and so on
	Path    string  // m/84'/0'/2'/1
	XPub    string  // empty for imported keys
	Balance Balance // of the branch
	Entries []Entry // by index
}

// Entry is an address of the wallet. None is listed that was not handed out:
// listing it would hand it out without the wallet remembering.
type Entry struct {
	Path     keys.Path
	PathText string
	Address  string
	Status   status.Status
	Balance  Balance
	Coins    int
	Frozen   bool // some coin is
	Pending  bool // some coin is unconfirmed
	Label    string
}

// Accounts lists the addresses of the wallet by mixdepth and branch: the
// external and internal ones that were handed out, those of imported keys, and
// those of fidelity bonds that were ever paid. It fails under the conditions of
// Coins.
func (w *Wallet) Accounts() ([]Account, error) {
	v, err := w.current()
	if err != nil {
		return nil, err
	}
	l := lister{w: w, v: v, inUse: w.InUse(), found: make(map[keys.Path]*found)}
	var list []Account
	err = w.withTree(func(t *keys.Tree) error {
		l.tree = t
		l.look()
		list, err = l.accounts()
		return err
	})
	return list, err
}

// lister makes the list. All but look and accounts is called with w.mu held.
type lister struct {
	w     *Wallet
	v     *view
	inUse map[wire.OutPoint]string
	found map[keys.Path]*found
	tree  *keys.Tree
}

// found is what the chain tells about an address.
type found struct {
	balance Balance
	paid    int             // outputs it ever got
	origins []status.Status // of its coins
	frozen  bool
	pending bool
}

// look goes through the history once.
func (l *lister) look() {
	unspent := make(map[wire.OutPoint]coins.Coin, len(l.v.coins))
	immature := make(map[wire.OutPoint]bool)
	for _, c := range l.v.immature {
		unspent[c.OutPoint], immature[c.OutPoint] = c, true
	}
	for _, c := range l.v.coins {
		unspent[c.OutPoint] = c
	}
	for tx := range l.v.history.All() {
		for i, out := range tx.Msg.TxOut {
			path, ours := l.w.paths[string(out.PkScript)]
			if !ours || out.Value <= 0 {
				continue
			}
			f := l.found[path]
			if f == nil {
				f = &found{balance: Balance{Mixdepth: path.Mixdepth}}
				l.found[path] = f
			}
			f.paid++
			c, left := unspent[wire.OutPoint{Hash: tx.ID, Index: uint32(i)}]
			if !left {
				continue
			}
			f.origins = append(f.origins, status.Coin(tx.Msg, c.Value, path.Branch == keys.Internal))
			f.frozen = f.frozen || c.Frozen
			f.pending = f.pending || c.Height == 0
			if immature[c.OutPoint] {
				f.balance.Immature += c.Value
			} else {
				f.balance.count(c, l.inUse)
			}
		}
	}
}

func (l *lister) accounts() (list []Account, err error) {
	paths := l.paths()
	for m := range l.w.state.next {
		a := Account{Balance: Balance{Mixdepth: m}}
		if a.XPub, err = l.tree.AccountXPub(m); err != nil {
			return nil, err
		}
		for _, number := range []uint32{keys.External, keys.Internal, keys.Timelocked, keys.Imported} {
			some := paths[keys.Path{Mixdepth: m, Branch: number}]
			if len(some) == 0 && number > keys.Internal {
				continue
			}
			b, err := l.branch(m, number, some)
			if err != nil {
				return nil, err
			}
			a.Balance.add(b.Balance)
			a.Branches = append(a.Branches, b)
		}
		list = append(list, a)
	}
	return list, nil
}

// paths returns what is listed, in order, by the first path of the branch.
func (l *lister) paths() map[keys.Path][]keys.Path {
	all := make(map[keys.Path][]keys.Path)
	for m, pair := range l.w.state.next {
		for number, next := range pair {
			for index := range next {
				first := keys.Path{Mixdepth: m, Branch: uint32(number)}
				path := first
				path.Index = index
				all[first] = append(all[first], path)
			}
		}
	}
	for _, path := range l.w.paths {
		first := keys.Path{Mixdepth: path.Mixdepth, Branch: path.Branch}
		if path.Branch == keys.Imported || path.Branch == keys.Timelocked && l.found[path] != nil {
			all[first] = append(all[first], path)
		}
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b keys.Path) int {
			return cmp.Or(cmp.Compare(a.Locktime, b.Locktime), cmp.Compare(a.Index, b.Index))
		})
	}
	return all
}

func (l *lister) branch(mixdepth int, number uint32, paths []keys.Path) (b Branch, err error) {
	first := l.tree.PathText(keys.Path{Mixdepth: mixdepth, Branch: number})
	b = Branch{Number: number, Path: first[:strings.LastIndexByte(first, '/')], Balance: Balance{Mixdepth: mixdepth}}
	if number != keys.Imported {
		if b.XPub, err = l.tree.BranchXPub(mixdepth, number); err != nil {
			return Branch{}, err
		}
	}
	for _, path := range paths {
		e, err := l.entry(path)
		if err != nil {
			return Branch{}, err
		}
		b.Balance.add(e.Balance)
		b.Entries = append(b.Entries, e)
	}
	return b, nil
}

func (l *lister) entry(path keys.Path) (e Entry, err error) {
	script := l.w.scripts[path]
	if script == nil { // handed out, and the node not asked since
		if script, err = l.tree.Script(path); err != nil {
			return Entry{}, err
		}
	}
	f := l.found[path]
	if f == nil {
		f = &found{balance: Balance{Mixdepth: path.Mixdepth}}
	}
	e = Entry{
		Path: path, PathText: l.tree.PathText(path),
		Balance: f.balance, Coins: len(f.origins), Frozen: f.frozen, Pending: f.pending,
	}
	if e.Address, err = txbuild.FormatAddress(script, l.w.cfg.Params); err != nil {
		return Entry{}, err
	}
	e.Label = l.w.state.labels.Get(labels.Ref{Type: labels.Address, Text: e.Address})
	switch path.Branch {
	case keys.Timelocked:
		e.Status = status.Bond(path.Locktime, coins.Coin{Locktime: path.Locktime}.Locked(l.v.tip.MedianTime))
	case keys.Imported:
		e.Status = status.Imported(len(f.origins) > 0)
	default:
		e.Status = status.Address(path.Branch == keys.Internal, f.paid, f.origins...)
	}
	return e, nil
}

// History tells the past of the wallet. It fails under the conditions of Coins.
func (w *Wallet) History() (ledger.Ledger, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.view == nil {
		return ledger.Ledger{}, ErrNotSynced
	}
	return ledger.New(w.view.history, func(script []byte) (int, bool) {
		path, ours := w.paths[string(script)]
		return path.Mixdepth, ours
	}), nil
}
