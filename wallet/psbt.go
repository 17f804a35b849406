package wallet

import (
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
)

// PSBTSigner is the wallet for partially signed transactions. Without a node it
// recognises the addresses that it would look for with one, and it refuses what
// it knows to be frozen, locked or in use; with one, also what is not unspent.
func (w *Wallet) PSBTSigner() (psbt.Signer, error) {
	if err := w.forOwner(); err != nil {
		return nil, err
	}
	if err := w.learnOffline(); err != nil {
		return nil, err
	}
	return signer{w}, nil
}

// learnOffline derives what would be watched, in a wallet that never asks a
// node; elsewhere Sync does it.
func (w *Wallet) learnOffline() error {
	if w.cfg.Chain != nil {
		return nil
	}
	w.syncing.Lock()
	defer w.syncing.Unlock()
	want, _ := w.wanted()
	if err := w.learnAll(want); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = want
	return nil
}

type signer struct{ w *Wallet }

// path finds the key of an output script.
func (s signer) path(script []byte) (path keys.Path, ours bool) {
	s.w.mu.RLock()
	defer s.w.mu.RUnlock()
	path, ours = s.w.paths[string(script)]
	return path, ours
}

// Origin implements psbt.Wallet.
func (s signer) Origin(script []byte) (o psbt.Origin, ours bool) {
	path, ours := s.path(script)
	if !ours {
		return o, false
	}
	err := s.w.withTree(func(t *keys.Tree) (err error) {
		if o.PubKey, err = t.PublicKey(path); err != nil {
			return err
		}
		if o.Witness, err = t.Redeem(path); err != nil {
			return err
		}
		// A watch-only wallet does not know its root.
		if raw, err := hex.DecodeString(t.Fingerprint()); err == nil && len(raw) == len(o.Fingerprint) {
			o.Fingerprint, o.Path = [4]byte(raw), t.Levels(path)
		}
		return nil
	})
	return o, err == nil
}

// Check implements psbt.Wallet. It knows the state of the coin as of the last
// synchronisation; of later coins it knows no harm.
func (s signer) Check(out wire.OutPoint, value sats.Amount) error {
	w := s.w
	if w.promised()[out] || w.leases.Leased(out) {
		return coins.ErrLeased
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.view != nil {
		c, err := w.view.find(out)
		switch {
		case err != nil && w.fresh:
			return err
		case err != nil: // perhaps a later coin
		case c.Value != value:
			return fmt.Errorf("%w: it is worth %v, not %v", ErrNotOurs, c.Value, value)
		case c.Locked(w.view.tip.MedianTime):
			return ErrLocked
		case c.Frozen:
			return fmt.Errorf("%w (cause: %s)", ErrFrozen, c.Cause)
		default:
			return nil
		}
	}
	if cause := w.state.cause(out, keys.Path{}); cause != "" {
		return fmt.Errorf("%w (cause: %s)", ErrFrozen, cause)
	}
	return nil
}

// SignHash implements psbt.Signer.
func (s signer) SignHash(script []byte, hash [32]byte) (der []byte, err error) {
	path, ours := s.path(script)
	if !ours {
		return nil, ErrNotOurs
	}
	err = s.w.withTree(func(t *keys.Tree) error {
		key, err := t.PrivateKey(path)
		if err != nil {
			return err
		}
		defer key.Zero()
		der = ecdsa.Sign(key, hash[:]).Serialize()
		return nil
	})
	return der, err
}
