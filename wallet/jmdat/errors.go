package jmdat

import (
	"errors"
	"fmt"
)

// What can be wrong with a file. Errors say what was found, never a part of
// the content. ErrTruncated, ErrStart and ErrMissing are ErrDamaged too, and
// ErrNoPassword is ErrPassword.
var (
	// ErrNotWallet: the first eight bytes are not those of a wallet.
	ErrNotWallet = errors.New("this is not a wallet file of the JoinMarket reference implementation")
	// ErrJSON: JSON, the form of wallets before version 0.4.
	ErrJSON = errors.New("this is a JSON file, as wallets were before JoinMarket 0.4; recover such a wallet from its 12 words")
	// ErrTooLarge: a bound on the work for one file is exceeded.
	ErrTooLarge = errors.New("this wallet file is larger than any real one")
	// ErrUnknownVersion: the format has no version number, but something in
	// the file would change what the rest means.
	ErrUnknownVersion = errors.New("this wallet file was written by an unknown version of JoinMarket")

	// ErrPassword: the password does not decrypt the file. A change of the
	// salt looks the same.
	ErrPassword = errors.New("wrong password for this wallet file")
	// ErrNoPassword: an encrypted file and an empty password.
	ErrNoPassword = fmt.Errorf("%w: it is encrypted, but no password was given", ErrPassword)

	// ErrDamaged: the content is not as any version writes it. If the file is
	// encrypted and was decrypted, the password is right.
	ErrDamaged = errors.New("this wallet file is damaged; use a backup of it, or recover the wallet from its words")
	// ErrTruncated: the file ends too early.
	ErrTruncated = fmt.Errorf("%w: its end is missing", ErrDamaged)
	// ErrStart: the password is right, yet the first bytes do not decrypt.
	ErrStart = fmt.Errorf("%w: the password is right, but the beginning was changed", ErrDamaged)
	// ErrMissing: a part that every wallet of the type has is absent.
	ErrMissing = fmt.Errorf("%w: it lacks a part", ErrDamaged)

	// ErrLegacyPhrase: not a phrase of a legacy wallet.
	ErrLegacyPhrase = errors.New("not a valid legacy seed phrase")
)

// damaged says what is wrong with which part of the file.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
