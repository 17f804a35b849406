package durabletest

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Loss is what a power cut may do to that which was not flushed. Which one
// happens is up to the file system.
type Loss string

// Losses.
const (
	// Kept: all that was written is there after all.
	Kept Loss = "kept"
	// Lost: folders have the names that were flushed, and files the content.
	Lost Loss = "lost"
	// Torn: the names are there, of contents that were not flushed only a part,
	// and zeros.
	Torn Loss = "torn"
)

// Losses are all of them.
func Losses() []Loss { return []Loss{Kept, Lost, Torn} }

// Crash leaves on the disk of the operating system what a power cut leaves. The
// files must be closed, and the Disk is of no use afterwards.
func (d *Disk) Crash(loss Loss) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch loss {
	case Lost:
		return d.lose()
	case Torn:
		return d.tear()
	}
	return nil
}

func (d *Disk) lose() error {
	// Folders before what is in them.
	for _, path := range slices.Sorted(maps.Keys(d.now)) {
		c := d.kept[path]
		var err error
		switch {
		case c == nil:
			err = os.RemoveAll(path)
		case c.folder:
		default:
			if gone(filepath.Dir(path)) {
				continue
			}
			err = put(path, c.synced)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) tear() error {
	for path, c := range d.now {
		if c == nil || c.folder {
			continue
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // cleaned away since
		}
		if err != nil {
			return err
		}
		// What was flushed stays; behind it comes half, then zeros.
		flushed := len(c.synced)
		if flushed > len(data) || string(data[:flushed]) != string(c.synced) {
			flushed = 0
		}
		half := flushed + (len(data)-flushed)/2
		if err := put(path, []byte(string(data[:half])+strings.Repeat("\x00", len(data)-half))); err != nil {
			return err
		}
	}
	return nil
}

func gone(folder string) bool {
	_, err := os.Stat(folder)
	return err != nil
}

// put writes a file, with the rights that it has if it is there.
func put(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }
