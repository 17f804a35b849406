package wallet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// Reservation asks for coins of one mixdepth.
type Reservation struct {
	Mixdepth int
	Target   sats.Amount   // the least sum, 1 sat and up; of no meaning with Sweep
	Sweep    bool          // all coins that may be spent instead of some
	MinConf  int32         // confirmations that every coin has
	Purpose  string        // owner of the lease, shown to the user
	TTL      time.Duration // the lease ends by itself after this time
	// Include are coins that are among them whatever else is chosen, so that the
	// transaction and an earlier one exclude each other. Where one may not be
	// spent now, the error is coins.ErrFunds.
	Include []wire.OutPoint
}

// Reserve chooses coins that may be spent and sets them aside, in one step: no
// coin is ever in two leases. The lease should last until the wallet has seen
// the transaction that spends the coins. The errors are coins.ErrFunds,
// sats.ErrRange for the target, ErrMixdepth, and ErrNotSynced also while the
// node is lost, because a coin may have been spent meanwhile.
func (w *Wallet) Reserve(r Reservation) (*coins.Lease, error) {
	if r.Mixdepth < 0 || r.Mixdepth >= w.Mixdepths() {
		return nil, ErrMixdepth
	}
	if r.TTL <= 0 {
		return nil, fmt.Errorf("reserving coins: a time limit of %v", r.TTL)
	}
	return w.Lease(r.Purpose, r.TTL, func(c Choice) ([]coins.Coin, error) {
		filter := coins.Filter{Mixdepth: r.Mixdepth, MinConf: r.MinConf, Tip: c.Tip.Height, Exclude: c.InUse}
		chosen, err := r.choose(filter.Apply(c.Coins), w.cfg.Selection)
		if errors.Is(err, coins.ErrFunds) {
			filter.Exclude = nil
			all := filter.Apply(c.Coins)
			if _, free := r.choose(all, w.cfg.Selection); free == nil {
				return nil, fmt.Errorf("%w; %w: %s", err, coins.ErrLeased, setAside(all, c.InUse))
			}
		}
		return chosen, err
	})
}

// setAside says how much of the coins is set aside.
func setAside(all []coins.Coin, inUse func(wire.OutPoint) bool) string {
	var held []coins.Coin
	for _, c := range all {
		if inUse(c.OutPoint) {
			held = append(held, c)
		}
	}
	return fmt.Sprintf("%v of this mixdepth are set aside at present", coins.Sum(held))
}

// choose takes the coins to include first, then others as far as they are
// needed.
func (r Reservation) choose(candidates []coins.Coin, selection coins.Algorithm) ([]coins.Coin, error) {
	if r.Sweep {
		if len(candidates) == 0 {
			return nil, fmt.Errorf("%w: mixdepth %d has no coin that may be spent now", coins.ErrFunds, r.Mixdepth)
		}
		return candidates, r.lacking(candidates)
	}
	if len(r.Include) == 0 {
		return selection.Select(candidates, r.Target)
	}
	if err := r.lacking(candidates); err != nil {
		return nil, err
	}
	var first, others []coins.Coin
	for _, c := range candidates {
		if slices.Contains(r.Include, c.OutPoint) {
			first = append(first, c)
		} else {
			others = append(others, c)
		}
	}
	if coins.Sum(first) >= r.Target {
		return first, nil
	}
	more, err := selection.Select(others, r.Target-coins.Sum(first))
	return append(first, more...), err
}

// lacking is an error unless all coins to include are among the candidates.
func (r Reservation) lacking(candidates []coins.Coin) error {
	for _, out := range r.Include {
		if !slices.ContainsFunc(candidates, func(c coins.Coin) bool { return c.OutPoint == out }) {
			return fmt.Errorf("%w: %v may not be spent now", coins.ErrFunds, out)
		}
	}
	return nil
}

// Choice is what coins may be chosen from.
type Choice struct {
	Coins []coins.Coin // all unspent ones that are not immature, also those that must not be chosen
	Tip   chain.Tip
	InUse func(wire.OutPoint) bool // whether a coin is set aside already
}

// Lease is Reserve for whoever chooses the coins. choose must not call the
// wallet; an error of it is returned as it is, and coins.ErrLeased follows from
// its choosing a coin that is in use, ErrLocked from a fidelity bond before its
// time. Whether a coin is frozen, confirmed or in the right mixdepth, or a bond,
// is for choose to see to.
func (w *Wallet) Lease(purpose string, ttl time.Duration, choose func(Choice) ([]coins.Coin, error)) (*coins.Lease, error) {
	return w.leases.Take(purpose, ttl, func(leased func(wire.OutPoint) bool) ([]coins.Coin, error) {
		v, err := w.current()
		if err != nil {
			return nil, err
		}
		if _, fresh := w.Synced(); !fresh {
			return nil, ErrNotSynced
		}
		promised := w.promised()
		inUse := func(out wire.OutPoint) bool { return promised[out] || leased(out) }
		chosen, err := choose(Choice{slices.Clone(v.coins), v.tip, inUse})
		if err != nil {
			return nil, err
		}
		for _, c := range chosen {
			if promised[c.OutPoint] {
				return nil, fmt.Errorf("%w: %v", coins.ErrLeased, c.OutPoint)
			}
			if err := CheckLock(c, v.tip.MedianTime); err != nil {
				return nil, err
			}
		}
		return chosen, nil
	})
}

// own checks a caller's coin against the wallet's and returns the latter, which
// alone is trusted. It refuses frozen and locked coins.
func (v *view) own(c coins.Coin) (coins.Coin, error) {
	ours, err := v.find(c.OutPoint)
	if err != nil {
		return coins.Coin{}, err
	}
	if ours.Value != c.Value || !bytes.Equal(ours.Script, c.Script) {
		return coins.Coin{}, fmt.Errorf("%w: it has another value or script", ErrNotOurs)
	}
	if err := CheckLock(ours, v.tip.MedianTime); err != nil {
		return coins.Coin{}, err
	}
	if ours.Frozen {
		return coins.Coin{}, ErrFrozen
	}
	return ours, nil
}

// withKey runs use with what opens a coin of the wallet: the private key, and for
// a fidelity bond the script that its output hides.
func (w *Wallet) withKey(c coins.Coin, use func(key *btcec.PrivateKey, redeem []byte) error) error {
	v, err := w.current()
	if err != nil {
		return err
	}
	return w.withKeyIn(v, c, use)
}

// withKeyIn is withKey for a coin of a view.
func (w *Wallet) withKeyIn(v *view, c coins.Coin, use func(key *btcec.PrivateKey, redeem []byte) error) error {
	ours, err := v.own(c)
	if err != nil {
		return err
	}
	return w.withTree(func(t *keys.Tree) error {
		redeem, err := t.Redeem(ours.Path())
		if err != nil {
			return err
		}
		key, err := t.PrivateKey(ours.Path())
		if err != nil {
			return err
		}
		defer key.Zero()
		return use(key, redeem)
	})
}

// SignTx signs the inputs of tx that spend the coins in own, SIGHASH_ALL, and
// checks each signature. It refuses, and leaves tx as it was, unless own is not
// empty, every coin in it is an unspent coin of this wallet as described, not
// frozen and not locked, tx spends each of them once, and tx spends no other
// coin of this wallet: ErrInputs, ErrNotOurs, ErrFrozen, ErrLocked. With a
// fidelity bond the nLockTime must be at least its LockTime, and its sequence
// number not the highest: txsign.ErrLockTime. A watch-only wallet signs nothing:
// keys.ErrWatchOnly.
//
// What tx pays to whom is the caller's to check before; with Config.MakerOnly the
// wallet itself refuses what is no CoinJoin of a maker, or would cost it
// something: ErrMakerOnly.
func (w *Wallet) SignTx(tx *wire.MsgTx, own []coins.Coin) error {
	v, err := w.current()
	if err != nil {
		return err
	}
	if w.cfg.MakerOnly {
		if err := w.mayJoin(v, tx, own); err != nil {
			return err
		}
	}
	return w.signIn(v, tx, own)
}

// signIn is SignTx with the coins of a view.
func (w *Wallet) signIn(v *view, tx *wire.MsgTx, own []coins.Coin) error {
	inputs, err := v.inputs(tx, own)
	if err != nil {
		return err
	}
	signed := tx.Copy()
	for i, c := range own {
		err := w.withKeyIn(v, c, func(key *btcec.PrivateKey, redeem []byte) error {
			return txsign.Sign(signed, inputs[i], txsign.PrevOut{Value: c.Value, Script: c.Script, Redeem: redeem}, key)
		})
		if err != nil {
			return fmt.Errorf("signing input %d: %w", inputs[i], err)
		}
	}
	for _, i := range inputs {
		tx.TxIn[i].SignatureScript, tx.TxIn[i].Witness = signed.TxIn[i].SignatureScript, signed.TxIn[i].Witness
	}
	return nil
}

// inputs returns, for each coin in own, the input of tx that spends it.
func (v *view) inputs(tx *wire.MsgTx, own []coins.Coin) ([]int, error) {
	if len(own) == 0 {
		return nil, fmt.Errorf("%w: none is named", ErrInputs)
	}
	ours := make(map[wire.OutPoint]bool, len(v.coins)+len(v.immature))
	for _, c := range slices.Concat(v.coins, v.immature) {
		ours[c.OutPoint] = true
	}
	position := make(map[wire.OutPoint]int, len(tx.TxIn))
	count := 0
	for i, in := range tx.TxIn {
		if _, twice := position[in.PreviousOutPoint]; twice {
			return nil, fmt.Errorf("%w: input %d comes twice", ErrInputs, i)
		}
		position[in.PreviousOutPoint] = i
		if ours[in.PreviousOutPoint] {
			count++
		}
	}
	inputs := make([]int, len(own))
	for i, c := range own {
		at, spends := position[c.OutPoint]
		if !spends {
			return nil, fmt.Errorf("%w: a coin is missing, or named twice", ErrInputs)
		}
		delete(position, c.OutPoint)
		inputs[i] = at
	}
	if count > len(own) {
		return nil, fmt.Errorf("%w: it spends %d instead of %d", ErrInputs, count, len(own))
	}
	return inputs, nil
}

// SignMessage signs a text with the key of a coin of the wallet, as package
// message does, and returns the compressed public key with the signature. A
// fidelity bond does not speak for its owner in this way: ErrBond.
func (w *Wallet) SignMessage(c coins.Coin, text string) (pubkey, der []byte, err error) {
	if err := w.maySay(text); err != nil {
		return nil, nil, err
	}
	err = w.withOrdinaryKey(c, func(key *btcec.PrivateKey) error {
		pubkey, der = key.PubKey().SerializeCompressed(), message.Sign(key, text)
		return nil
	})
	return pubkey, der, err
}

// Commit makes the proof that opens a commitment to a coin of the wallet, for
// an index 0..podle.Points-1. Nobody accepts a fidelity bond for that: ErrBond.
func (w *Wallet) Commit(c coins.Coin, index int) (proof podle.Proof, err error) {
	if err := w.forOwner(); err != nil {
		return proof, err
	}
	err = w.withOrdinaryKey(c, func(key *btcec.PrivateKey) error {
		proof, err = podle.Generate(key, c.OutPoint, index)
		return err
	})
	return proof, err
}

// withOrdinaryKey is withKey for coins that are no fidelity bonds.
func (w *Wallet) withOrdinaryKey(c coins.Coin, use func(*btcec.PrivateKey) error) error {
	ours, err := w.find(c.OutPoint)
	if err == nil && ours.Locktime != 0 {
		return ErrBond
	}
	if err != nil {
		return err
	}
	return w.withKey(c, func(key *btcec.PrivateKey, _ []byte) error { return use(key) })
}
