package store

import (
	"errors"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// ChangePassword replaces the body as Save does, under a new password, salt and
// KDF (zero: DefaultKDF). The side file moves along. Backups keep the password
// that they were made with.
//
// After an error the password is the old one or, if only the last flush failed,
// the new one (durable.ErrUnsure); the File goes on with the one in force.
func (f *File) ChangePassword(password secret.Text, kdf KDF, body []byte) error {
	if f.sealer == nil {
		return ErrClosed
	}
	kdf, err := checkNew(password, kdf)
	if err != nil {
		return err
	}
	next, err := newSealer(password, kdf)
	if err != nil {
		return err
	}
	chain, errSide := f.ReadSide()
	old := f.sealer
	f.sealer = next
	if err := f.Save(body); err != nil {
		if !errors.Is(err, durable.ErrUnsure) {
			f.sealer = old
		}
		return err
	}
	if errSide == nil {
		// If this fails, or a crash comes before it, the side file is made anew:
		// that costs time only.
		_ = f.SaveSide(chain)
	}
	return nil
}
