package wallet

import "github.com/joinmarket-go/joinmarket/wallet/secret"

// ChangePassword puts the wallet file under a new password, with Config.KDF. The
// backups that were made before keep theirs. The errors are
// store.ErrEmptyPassword, store.ErrClosed and those of saving, with
// durable.ErrUnsure if it is the new one already, and ErrMakerOnly.
func (w *Wallet) ChangePassword(password secret.Text) error {
	if err := w.forOwner(); err != nil {
		return err
	}
	// The side file is sealed with the same key.
	w.storing.Lock()
	defer w.storing.Unlock()
	w.saving.Lock()
	defer w.saving.Unlock()
	if err := w.backupOlder(); err != nil {
		return err
	}
	data, err := w.state.encode(w.seed, w.cfg.Params)
	if err != nil {
		return err
	}
	defer clear(data)
	return w.file.ChangePassword(password, w.cfg.KDF, data)
}
