// Package store keeps the wallet file: one sealed body of bytes, whose meaning
// is the caller's.
//
// The body is encrypted and authenticated with XChaCha20-Poly1305 under a key
// that Argon2id makes of the password; any change of any bit of the file is
// noticed. A save replaces the file as a whole, so that a crash leaves the old
// content or the new. While a File is open no other process can open it: the
// operating system holds a lock on a second file beside it, NAME.lock, and
// gives it up when the process ends in whatever way.
//
// Backup keeps copies of former bodies. An old copy of a wallet does not know
// which addresses went out since, so Open refuses it: it is read by ReadBackup
// only, whose caller has to make up for that.
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Errors of creating and opening, besides ErrPassword and those about the
// content.
var (
	// ErrExists: Create does not overwrite.
	ErrExists = errors.New("a file of this name exists already; choose another name, or open it instead")
	// ErrLocked: the wallet is open elsewhere.
	ErrLocked = errors.New("another process uses this wallet; close that program first")
	// ErrEmptyPassword: a file without password would only look protected.
	ErrEmptyPassword = errors.New("the password is empty; choose one")
	// ErrSave: the file could not be written; the cause is with it.
	ErrSave = errors.New("saving the wallet")
	// ErrClosed: the File was closed.
	ErrClosed = errors.New("the wallet is closed")
)

// maxSize bounds the file in bytes, so that a foreign one cannot use up the
// memory.
const maxSize = 64 << 20

// maxBody bounds the body in bytes.
const maxBody = maxSize - headerSize - tagSize

// Rights of what is created.
const (
	filePerm   = 0o600
	folderPerm = 0o700
)

// Config changes how files are kept. The zero value is right for use.
type Config struct {
	// KDF is for new files; an existing one says itself how it was made. Zero:
	// DefaultKDF.
	KDF KDF
	// Files is the file system to write to; nil: the operating system's.
	Files durable.System
}

// File is an open wallet file. It must not be used from several goroutines at
// the same time.
type File struct {
	path   string
	files  durable.System
	lock   *flock.Flock
	sealer *sealer // nil after Close
}

// Create makes a new file, its folder too if need be, for the owner's eyes
// only. It fails with ErrExists rather than overwrite anything.
func Create(path string, password secret.Text, body []byte, cfg Config) (*File, error) {
	var err error
	if cfg.KDF, err = checkNew(password, cfg.KDF); err != nil {
		return nil, err
	}
	if cfg.Files == nil {
		cfg.Files = durable.OS
	}
	if err := durable.MkdirAll(cfg.Files, filepath.Dir(path), folderPerm); err != nil {
		return nil, fmt.Errorf("creating the wallet folder: %w", err)
	}
	f, err := lock(path, cfg.Files)
	if err != nil {
		return nil, err
	}
	if err := f.create(password, cfg.KDF, body); err != nil {
		f.unlock()
		return nil, err
	}
	return f, nil
}

func (f *File) create(password secret.Text, kdf KDF, body []byte) (err error) {
	if _, err := os.Lstat(f.path); err == nil {
		return ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("creating the wallet file: %w", err)
	}
	if err := durable.Clean(f.path); err != nil {
		return fmt.Errorf("creating the wallet file: %w", err)
	}
	if f.sealer, err = newSealer(password, kdf); err != nil {
		return err
	}
	if err = f.Save(body); errors.Is(err, durable.ErrUnsure) {
		// It was not reported, so it must not stay behind.
		err = errors.Join(err, f.files.Remove(f.path))
	}
	return err
}

// Open reads an existing file and returns its body. The errors are ErrLocked,
// ErrPassword, ErrNotWallet, ErrReference, ErrBackup, ErrFutureVersion,
// ErrDamaged and those of the file system; none of them changes the file.
func Open(path string, password secret.Text, cfg Config) (*File, []byte, error) {
	if cfg.Files == nil {
		cfg.Files = durable.OS
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the wallet file: %w", err)
	}
	f, err := lock(path, cfg.Files)
	if err != nil {
		return nil, nil, err
	}
	body, err := f.open(password)
	if err != nil {
		f.unlock()
		return nil, nil, err
	}
	return f, body, nil
}

func (f *File) open(password secret.Text) ([]byte, error) {
	file, err := read(f.path)
	if err != nil {
		return nil, fmt.Errorf("opening the wallet file: %w", err)
	}
	h, err := decodeHeader(file)
	if err != nil {
		return nil, err
	}
	if h.kind == backup {
		return nil, ErrBackup
	}
	if h.kind == side {
		return nil, ErrNotWallet
	}
	if f.sealer, err = openSealer(password, h); err != nil {
		return nil, err
	}
	body, err := f.sealer.open(file)
	if err != nil {
		return nil, err
	}
	if err := f.tidy(); err != nil {
		return nil, fmt.Errorf("tidying up the wallet folder: %w", err)
	}
	return body, nil
}

// tidy takes away rights that others have on the file, and what a save that
// was cut off left behind.
func (f *File) tidy() error {
	if _, err := durable.OwnerOnly(f.path); err != nil {
		return err
	}
	return durable.Clean(f.path)
}

// read returns the content of a file of at most maxSize bytes.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSize {
		return nil, ErrNotWallet
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxSize))
}

// lock takes the lock of the wallet at path.
func lock(path string, files durable.System) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("locking the wallet file: %w", err)
	}
	l := flock.New(path+".lock", flock.SetPermissions(filePerm))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the wallet file: %w", err)
	}
	if !ok {
		return nil, ErrLocked
	}
	return &File{path: path, files: files, lock: l}, nil
}

// unlock gives the lock up. Its file stays: removing it would let two
// processes hold locks on two files of that name.
func (f *File) unlock() error { return f.lock.Close() }

// InUse reports whether a process has the wallet at path open.
func InUse(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	l := flock.New(path+".lock", flock.SetFlag(os.O_RDONLY))
	ok, err := l.TryRLock()
	if err != nil {
		return false // there is no lock file yet, or no right to look
	}
	if ok {
		l.Unlock()
	}
	return !ok
}

// Save replaces the body. When it returns without error the new body survives
// a power cut; after an error the old body is still there or, if only the last
// flush failed, the new one (durable.ErrUnsure).
func (f *File) Save(body []byte) error {
	if f.sealer == nil {
		return ErrClosed
	}
	if len(body) > maxBody {
		return fmt.Errorf("saving the wallet: %d bytes are too many", len(body))
	}
	if err := durable.WriteFileOn(f.files, f.path, f.sealer.seal(live, body), filePerm); err != nil {
		return fmt.Errorf("%w: %w", ErrSave, err)
	}
	return nil
}

// Close gives up the lock and the key. Nothing is written.
func (f *File) Close() error {
	if f.sealer == nil {
		return ErrClosed
	}
	f.sealer = nil
	return f.unlock()
}
