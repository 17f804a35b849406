package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

const (
	// KeepBackups is how many backups of a wallet are kept; older ones go.
	KeepBackups = 10
	// backupFolder is beside the wallet file.
	backupFolder = "backups"
	// stampFormat is the time in the name of a backup: NAME.STAMP.backup. Names
	// are in the order of the times, and no two are equal.
	stampFormat  = "20060102T150405.000000000Z"
	backupSuffix = ".backup"
)

// Copy is a backup on the disk.
type Copy struct {
	Path string
	Time time.Time // when it was made
}

// Backups lists the backups of the wallet at path, newest first.
func Backups(path string) ([]Copy, error) {
	folder, base := filepath.Join(filepath.Dir(path), backupFolder), filepath.Base(path)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for backups: %w", err)
	}
	var copies []Copy
	for _, e := range entries {
		if at, ok := backupTime(e.Name(), base); ok && e.Type().IsRegular() {
			copies = append(copies, Copy{filepath.Join(folder, e.Name()), at})
		}
	}
	slices.SortFunc(copies, func(a, b Copy) int { return b.Time.Compare(a.Time) })
	return copies, nil
}

// backupTime reads the time in the name of a backup of the wallet base.
func backupTime(name, base string) (at time.Time, ok bool) {
	stamp, named := strings.CutPrefix(name, base+".")
	stamp, ended := strings.CutSuffix(stamp, backupSuffix)
	at, err := time.Parse(stampFormat, stamp)
	return at, named && ended && err == nil
}

// Backup writes a copy of a body under the password of the file, then removes
// all but the newest KeepBackups. When it returns without error the copy
// survives a power cut. The copies that were there before stay until then.
func (f *File) Backup(body []byte) (Copy, error) {
	if f.sealer == nil {
		return Copy{}, ErrClosed
	}
	if len(body) > maxBody {
		return Copy{}, fmt.Errorf("making a backup of the wallet: %d bytes are too many", len(body))
	}
	now := time.Now().UTC()
	folder := filepath.Join(filepath.Dir(f.path), backupFolder)
	path := filepath.Join(folder, filepath.Base(f.path)+"."+now.Format(stampFormat)+backupSuffix)
	err := durable.MkdirAll(f.files, folder, folderPerm)
	if err == nil {
		err = durable.CleanFolder(folder, func(name string) bool {
			_, ok := backupTime(name, filepath.Base(f.path))
			return ok
		})
	}
	if err == nil {
		err = durable.WriteFileOn(f.files, path, f.sealer.seal(backup, body), filePerm)
	}
	if err == nil {
		err = f.removeOldBackups()
	}
	if err != nil {
		return Copy{}, fmt.Errorf("making a backup of the wallet: %w", err)
	}
	return Copy{path, now}, nil
}

func (f *File) removeOldBackups() error {
	copies, err := Backups(f.path)
	if err != nil {
		return err
	}
	for _, old := range copies[min(len(copies), KeepBackups):] {
		err = errors.Join(err, f.files.Remove(old.Path))
	}
	return err
}

// ReadBackup returns the body of a backup, or of a copy of a wallet file that
// was made by other means. It changes nothing and needs no lock. The errors are
// those of Open.
func ReadBackup(path string, password secret.Text) ([]byte, error) {
	file, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("opening the backup: %w", err)
	}
	h, err := decodeHeader(file)
	if err != nil {
		return nil, err
	}
	if h.kind == side {
		return nil, ErrNotWallet
	}
	s, err := openSealer(password, h)
	if err != nil {
		return nil, err
	}
	return s.open(file)
}
