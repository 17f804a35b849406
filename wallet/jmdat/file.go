package jmdat

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// MaxSize bounds a file in bytes. A wallet with 10,000 used addresses has 2
// million.
const MaxSize = 64 << 20

// maxLock bounds the lock file in bytes; it holds a number.
const maxLock = 32

// OpenFile reads a wallet file; see Open. The file is only read, and no other
// file is made beside it. Errors of the file system are returned too.
func OpenFile(path string, password secret.Text) (*Wallet, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("opening the old wallet file: %w", err)
	}
	return Open(data, password)
}

func readFile(path string) ([]byte, error) {
	// Opening anything but a regular file could wait for ever.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotWallet
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	return data, nil
}

// InUse reports whether the reference has the file at path open for writing,
// or was killed while it had: its lock file is there. pid is the process that
// made the lock, 0 if that cannot be read. Two programs on one wallet would
// hand out the same addresses.
func InUse(path string) (pid int, locked bool, err error) {
	folder, name := filepath.Split(path)
	lock := filepath.Join(folder, "."+name+".lock")
	info, err := os.Lstat(lock)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("looking for the lock of the old wallet file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxLock {
		return 0, true, nil
	}
	text, err := os.ReadFile(lock)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil // given up in this moment
	}
	if err != nil {
		return 0, true, fmt.Errorf("reading the lock of the old wallet file: %w", err)
	}
	if pid, err = strconv.Atoi(string(text)); err != nil || pid < 0 {
		return 0, true, nil
	}
	return pid, true, nil
}
