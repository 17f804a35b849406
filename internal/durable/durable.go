// Package durable writes files so that a crash or a power cut leaves either
// the old content or the new, never a mixture, and so that what was reported
// as written stays written.
//
// Every operation on the file system goes through a System, which lets tests
// fail each one of them in turn.
package durable

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is a file open for writing.
type File interface {
	io.Writer
	Sync() error // returns when the content is on the disk
	Close() error
}

// Journal is a file that grows at its end.
type Journal interface {
	File
	Truncate(size int64) error
}

// System is the part of a file system that a durable write needs. Whatever this
// module writes goes through one, so that tests can fail each operation.
type System interface {
	// Create makes a new file and fails if the name exists.
	Create(name string, perm fs.FileMode) (File, error)
	// Append opens a file to write at its end, and makes it if there is none;
	// its name is durable after SyncDir.
	Append(name string, perm fs.FileMode) (Journal, error)
	// Mkdir makes a folder, whose parent exists.
	Mkdir(name string, perm fs.FileMode) error
	// Rename moves a file within the file system, atomically, over another if
	// there is one.
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes the names in a folder durable, where the operating system
	// offers that (not on Windows, where Rename does it).
	SyncDir(name string) error
}

// OS is the file system of the operating system.
var OS System = osSystem{}

type osSystem struct{}

func (osSystem) Create(name string, perm fs.FileMode) (File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}
func (osSystem) Append(name string, perm fs.FileMode) (Journal, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, perm)
}
func (osSystem) Mkdir(name string, perm fs.FileMode) error {
	return os.Mkdir(name, perm)
}
func (osSystem) Rename(from, to string) error { return rename(from, to) }
func (osSystem) Remove(name string) error     { return os.Remove(name) }
func (osSystem) SyncDir(name string) error    { return syncDir(name) }

// ErrUnsure: new content is in force, but a power cut might bring back the old.
var ErrUnsure = errors.New("it is not known whether the new content survives a power cut")

// tempSuffix ends the names of unfinished files: .NAME.RANDOM.tmp
const tempSuffix = ".tmp"

// WriteFile replaces the content of path: a new file beside it is written,
// flushed and renamed over it, then the folder is flushed. The file has
// exactly the rights perm less the umask, whatever the old one had.
//
// After an error the content is the old one or, if only the last flush failed,
// the new one: ErrUnsure. The caller must take nothing as written.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return WriteFileOn(OS, path, data, perm)
}

// WriteFileOn is WriteFile on a given file system.
func WriteFileOn(sys System, path string, data []byte, perm fs.FileMode) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	var unique [8]byte
	rand.Read(unique[:])
	temp := filepath.Join(dir, "."+base+"."+hex.EncodeToString(unique[:])+tempSuffix)

	f, err := sys.Create(temp, perm)
	if err != nil {
		return fmt.Errorf("creating a new file: %w", err)
	}
	err = Append(f, data)
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = sys.Rename(temp, path)
	}
	if err != nil {
		// What Remove cannot clear away, Clean will.
		sys.Remove(temp)
		return fmt.Errorf("writing a new file: %w", err)
	}
	if err := sys.SyncDir(dir); err != nil {
		return fmt.Errorf("flushing the folder: %w: %w", ErrUnsure, err)
	}
	return nil
}

// MkdirAll makes a folder and those it is in, unless they exist. What it made
// survives a power cut.
func MkdirAll(sys System, path string, perm fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(sys, parent, perm); err != nil {
			return err
		}
	}
	if err := sys.Mkdir(path, perm); err != nil {
		if info, errStat := os.Stat(path); errStat == nil && info.IsDir() {
			return nil // somebody else was quicker
		}
		return err
	}
	return sys.SyncDir(parent)
}

// Append writes data at the end of f and returns when it is on the disk. After
// an error any part of data may have been written.
func Append(f File, data []byte) error {
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return err
	}
	return f.Sync()
}

// Clean removes unfinished files that interrupted calls of WriteFile(path)
// left behind. The caller must know, by a lock, that nobody is writing path.
func Clean(path string) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	return CleanFolder(dir, func(name string) bool { return name == base })
}

// CleanFolder is Clean for all files of a folder whose names are in question.
func CleanFolder(dir string, whose func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, hidden := strings.CutPrefix(e.Name(), ".")
		name, isTemp := strings.CutSuffix(name, tempSuffix)
		dot := strings.LastIndexByte(name, '.')
		if !hidden || !isTemp || dot < 0 || !whose(name[:dot]) {
			continue
		}
		if raw, errHex := hex.DecodeString(name[dot+1:]); errHex != nil || len(raw) != 8 {
			continue
		}
		err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
	}
	return err
}
