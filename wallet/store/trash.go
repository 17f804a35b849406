package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// trashFolder is beside the wallet file.
const trashFolder = "trash"

// Trash moves a wallet file and its side file to a new folder of their own,
// trash/NAME.TIME beside the wallet, and returns that folder. Nothing in the
// trash is overwritten, or ever removed; backups stay where they are. The file
// need not be a sound wallet. The errors are ErrLocked, and those of the file
// system; with durable.ErrUnsure it is in the trash already.
func Trash(path string, cfg Config) (folder string, err error) {
	files := cfg.Files
	if files == nil {
		files = durable.OS
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("moving the wallet to the trash: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("moving the wallet to the trash: %s is no file of its own but a link, or something else; name the file itself", path)
	}
	f, err := lock(path, files)
	if err != nil {
		return "", err
	}
	defer f.unlock()
	if folder, err = f.moveToTrash(); err != nil {
		return "", fmt.Errorf("moving the wallet to the trash: %w", err)
	}
	return folder, nil
}

func (f *File) moveToTrash() (string, error) {
	dir, base := filepath.Split(f.path)
	folder := filepath.Join(dir, trashFolder, base+"."+time.Now().UTC().Format(stampFormat))
	if err := durable.MkdirAll(f.files, filepath.Dir(folder), folderPerm); err != nil {
		return "", err
	}
	// One that exists is an error here.
	if err := f.files.Mkdir(folder, folderPerm); err != nil {
		return "", err
	}
	if err := f.files.SyncDir(filepath.Dir(folder)); err != nil {
		return "", err
	}
	if err := f.files.Rename(f.path, filepath.Join(folder, base)); err != nil {
		return "", err
	}
	// The side file is moved as well as it goes: the wallet is whole without.
	err := f.files.Rename(f.path+sideSuffix, filepath.Join(folder, base+sideSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	// The new name before the loss of the old one.
	if err = errors.Join(err, f.files.SyncDir(folder), f.files.SyncDir(dir)); err != nil {
		return "", fmt.Errorf("%w: %w", durable.ErrUnsure, err)
	}
	return folder, nil
}
