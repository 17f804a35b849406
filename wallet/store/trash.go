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
// system.
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
	// The wallet goes first: without its side file it is whole all the same.
	for _, name := range []string{base, base + sideSuffix} {
		err := f.files.Rename(filepath.Join(dir, name), filepath.Join(folder, name))
		if err != nil && (name == base || !errors.Is(err, fs.ErrNotExist)) {
			return "", err
		}
	}
	return folder, errors.Join(f.files.SyncDir(folder), f.files.SyncDir(dir))
}
