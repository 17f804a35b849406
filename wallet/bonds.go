package wallet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Errors of fidelity bonds.
var (
	// ErrNoBonds: the wallet is of a type that has none.
	ErrNoBonds = errors.New("only P2WPKH wallets have fidelity bonds")
	// ErrLocked: a fidelity bond cannot be thawed or spent before its time. The
	// median time of the last eleven blocks decides, which is about an hour
	// late.
	ErrLocked = errors.New("the coin is a fidelity bond, and locked still")
	// ErrBond: a coin is a fidelity bond where an ordinary one is needed, or the
	// other way round.
	ErrBond = errors.New("fidelity bonds and ordinary coins cannot stand for each other here")
)

// Bond is a coin that is, or was, locked until a date.
type Bond struct {
	coins.Coin
	Address string
	// Expired means that the coin may be thawed and spent now, with the nLockTime
	// that Coin.LockTime asks for. The chain's median time decides, and no clock
	// of this machine.
	Expired bool
	// Confirmed is the time of the block that has the coin; zero while it is
	// unconfirmed.
	Confirmed time.Time
	// Links are what everybody can tie the coin to.
	Links []Link
}

// Worth is what the bond weighs in the eyes of a taker with these rates, at a
// median time of the chain (bond.Rates.Value): 0 while it is unconfirmed. A maker
// announces the bond that is worth most, and one only.
func (b Bond) Worth(r bond.Rates, median time.Time) float64 {
	if b.Confirmed.IsZero() {
		return 0
	}
	return r.Value(b.Value, b.Confirmed, b.Locktime, median)
}

// CheckLock returns nil for a coin that can be spent, as far as time goes, when
// the chain's median time is this. For a fidelity bond before its end it is
// ErrLocked, with that end, and about how long it takes until then.
func CheckLock(c coins.Coin, median time.Time) error {
	if !c.Locked(median) {
		return nil
	}
	end := time.Unix(int64(c.Locktime), 0)
	return fmt.Errorf("%w until %s UTC; the chain's median time is %s, so wait about %s", ErrLocked,
		end.UTC().Format(time.DateTime), median.UTC().Format(time.DateTime), roughly(end.Sub(median)))
}

// roughly writes a time to wait in days, or in hours if they are few.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > 2*day:
		return fmt.Sprintf("%d days", d.Round(day)/day)
	case d > time.Hour:
		return fmt.Sprintf("%d hours", (d+time.Hour-1)/time.Hour)
	}
	return "an hour"
}

// BondAddress returns the address whose coins are locked until the beginning of
// a month (bond.ParseMonth). It is the same at each call: unlike others, a bond's
// address is known to the market as soon as the bond is announced. That the
// wallet has to look after the bond is on the disk when BondAddress returns.
// The errors are ErrNoBonds and bond.ErrMonth.
func (w *Wallet) BondAddress(timenumber int) (Address, error) {
	path, err := keys.BondPath(timenumber)
	if err != nil {
		return Address{}, err
	}
	if w.Type() != txbuild.P2WPKH {
		return Address{}, ErrNoBonds
	}
	tip, _ := w.Synced()
	err = w.save(func(s *state) error {
		if s.seek { // somebody may have had the address before
			s.addBond(path, time.Time{})
		} else {
			s.addBond(path, tip.MedianTime)
		}
		return nil
	})
	if err != nil {
		return Address{}, err
	}
	w.growLater()
	return w.address(path)
}

// Bonds returns the unspent fidelity bonds by locktime, under the same
// conditions as Coins.
func (w *Wallet) Bonds() ([]Bond, error) {
	v, err := w.current()
	if err != nil {
		return nil, err
	}
	var bonds []Bond
	for _, c := range v.coins {
		if c.Locktime == 0 {
			continue
		}
		text, err := txbuild.FormatAddress(c.Script, w.Params())
		if err != nil {
			return nil, err
		}
		bonds = append(bonds, Bond{Coin: c, Address: text, Expired: !c.Locked(v.tip.MedianTime)})
	}
	w.explain(v, bonds)
	slices.SortStableFunc(bonds, func(a, b Bond) int { return cmp.Compare(a.Locktime, b.Locktime) })
	return bonds, nil
}

// CertifyBond signs with the key of a fidelity bond's path, such as that of
// Bond.Path or keys.BondPath, that another key may speak for it, up to an expiry
// such as that of bond.Expiry. The coin may be frozen and locked, and the wallet
// need not know it: a machine without a node can certify. The errors are ErrBond
// for a path of another kind, ErrNoBonds and keys.ErrWatchOnly.
func (w *Wallet) CertifyBond(path keys.Path, key [btcec.PubKeyBytesLenCompressed]byte, expiry uint16) (c bond.Certificate, err error) {
	if path.Branch != keys.Timelocked {
		return bond.Certificate{}, ErrBond
	}
	if w.Type() != txbuild.P2WPKH {
		return bond.Certificate{}, ErrNoBonds
	}
	if err := w.mayCertify(expiry); err != nil {
		return bond.Certificate{}, err
	}
	err = w.withTree(func(t *keys.Tree) error {
		private, err := t.PrivateKey(path)
		if err != nil {
			return err
		}
		defer private.Zero()
		c = bond.Certify(private, key, expiry)
		return nil
	})
	return c, err
}
