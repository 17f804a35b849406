package wallet

import (
	"errors"
	"slices"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// A P2WPKH wallet can tell the scripts of all bonds there can be from others, but
// a node that has to watch 1919 scripts one by one is slow, and hardly any wallet
// has more than a few bonds. So those are watched that are known: because their
// address was handed out, because a look through the unspent outputs found them,
// or because a transaction of the wallet pays or spends them. A wallet that may
// have others watches all until such a look was possible, which it never is with
// some backends.

// bondScripts is the number of addresses that a bond can have.
const bondScripts = 2*bond.Locktimes - 1

// knownBond is a fidelity bond that the wallet looks after.
type knownBond struct {
	path keys.Path
	// since is a time before which no transaction of the bond is missing in the
	// history, to the second; zero: not known. The chain tells it: a clock that is
	// ahead would have payments overlooked.
	since time.Time
}

func (b knownBond) equal(o knownBond) bool { return b.path == o.path && b.since.Equal(o.since) }

// addBond puts a bond at the end of the list unless it is there, and returns its
// place.
func (s *state) addBond(path keys.Path, since time.Time) int {
	if at := slices.IndexFunc(s.bonds, func(b knownBond) bool { return b.path == path }); at >= 0 {
		return at
	}
	if !since.IsZero() {
		since = time.Unix(since.Unix(), 0)
	}
	s.bonds = append(s.bonds, knownBond{path, since})
	return len(s.bonds) - 1
}

// everyBondPath returns the path at an index of everyBond; keys.ErrPath where
// there is none.
func everyBondPath(index uint32) (keys.Path, error) {
	if index < bond.Locktimes {
		return keys.BondPath(int(index))
	}
	if index >= bondScripts {
		return keys.Path{}, keys.ErrPath
	}
	p, err := keys.BondPath(int(index) - bond.Locktimes + 1)
	p.Index = 0
	return p, err
}

// learnBonds derives the scripts of all bonds.
func (w *Wallet) learnBonds() error {
	if w.Type() != txbuild.P2WPKH {
		return nil
	}
	return w.learn(everyBond, bondScripts)
}

// mayShowBonds reports whether transactions pay or spend what could be bonds, so
// that it is worth while to derive the scripts of all.
func mayShowBonds(txs []chain.Tx) bool {
	for _, tx := range txs {
		if slices.ContainsFunc(tx.Msg.TxOut, func(out *wire.TxOut) bool { return txscript.IsPayToWitnessScriptHash(out.PkScript) }) {
			return true
		}
		for _, in := range tx.Msg.TxIn {
			if n := len(in.Witness); n > 0 {
				if _, _, err := bond.ParseRedeem(in.Witness[n-1]); err == nil {
					return true
				}
			}
		}
	}
	return false
}

// recogniseLocked adds the bonds to a state that new transactions pay or spend;
// h is the history with these, and w.mu is held.
func (w *Wallet) recogniseLocked(s *state, h history.History, u chain.Update) {
	see := func(script []byte) {
		path, ours := w.paths[string(script)]
		switch {
		case !ours || path.Branch != keys.Timelocked:
		case s.seek: // all are watched, from the beginning
			s.addBond(path, time.Time{})
		default:
			s.addBond(path, pastOf(script, h, u.Tip.MedianTime))
		}
	}
	for _, tx := range u.Txs {
		for _, out := range tx.Msg.TxOut {
			see(out.PkScript)
		}
		for _, in := range tx.Msg.TxIn {
			// The witness reveals what it spends.
			if spent, err := txscript.ComputePkScript(nil, in.Witness); err == nil {
				see(spent.Script())
			}
		}
	}
}

// pastOf returns a time before which the history lacks no transaction of a script
// that was not watched, zero if not known. now is the end of the history. Not
// missed are a payment and its spend that both have nothing else to do with the
// wallet.
func pastOf(script []byte, h history.History, now time.Time) time.Time {
	since := now
	spent, paid := h.Spent(), make(map[wire.OutPoint]bool)
	h.Outputs(func(out history.Output) {
		if string(out.PkScript) == string(script) {
			paid[out.OutPoint] = true
		}
	})
	for tx := range h.All() {
		for i := range tx.Msg.TxOut {
			out := wire.OutPoint{Hash: tx.ID, Index: uint32(i)}
			if paid[out] && !spent[out] && tx.Time.Before(since) {
				since = tx.Time // a spend of it would not have been noticed
			}
		}
		for _, in := range tx.Msg.TxIn {
			by, err := txscript.ComputePkScript(nil, in.Witness)
			if err == nil && string(by.Script()) == string(script) && !paid[in.PreviousOutPoint] {
				return time.Time{}
			}
		}
	}
	return since
}

// bondBody is a known bond in the wallet file.
type bondBody struct {
	Locktime uint32 `json:"locktime"`
	Index    uint32 `json:"index"`           // of the key
	Since    int64  `json:"since,omitempty"` // Unix time
}

func encodeBonds(all []knownBond) (list []bondBody) {
	for _, b := range all {
		body := bondBody{Locktime: b.path.Locktime, Index: b.path.Index}
		if !b.since.IsZero() {
			body.Since = b.since.Unix()
		}
		list = append(list, body)
	}
	return list
}

// decodeBonds adds the bonds of the file to a state.
func (s *state) decodeBonds(list []bondBody) error {
	for _, b := range list {
		timenumber, err := bond.Timenumber(b.Locktime)
		if err != nil || s.kind != txbuild.P2WPKH || b.Index != uint32(timenumber) && b.Index != 0 {
			return errors.New("a fidelity bond that the wallet cannot have")
		}
		var since time.Time
		if b.Since != 0 {
			since = time.Unix(b.Since, 0)
		}
		count := len(s.bonds)
		s.addBond(keys.Path{Branch: keys.Timelocked, Index: b.Index, Locktime: b.Locktime}, since)
		if len(s.bonds) == count {
			return errors.New("a fidelity bond is listed twice")
		}
	}
	return nil
}
