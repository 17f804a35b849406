// Package durabletest has a disk that fails, or loses its power, at a chosen
// operation, for tests of whatever writes through a durable.System.
package durabletest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// ErrPower is what every operation returns after the power was cut.
var ErrPower = errors.New("power cut")

// Fault is what goes wrong with a Disk.
type Fault struct {
	At int // the operation that fails, counted from 1; 0: none
	// Err is what it fails with; ErrPower, and it is the last one that the disk
	// ever hears of.
	Err error
	// Stays means that all later operations fail as well, but those that only
	// take away, as on a full or read-only disk.
	Stays bool
}

// Disk is the file system of the operating system with one fault. It flushes
// nothing really; instead it knows what a power cut would leave: see Crash. It
// is safe for use from several goroutines.
type Disk struct {
	mu    sync.Mutex
	fault Fault
	count int
	names []string
	now   map[string]*content // by path, of what was touched; nil: no such file
	kept  map[string]*content // the same after a power cut
}

// content is that of a file or, with folder, of nothing else.
type content struct {
	synced []byte
	folder bool
}

// New returns a disk with a fault.
func New(f Fault) *Disk {
	return &Disk{fault: f, now: make(map[string]*content), kept: make(map[string]*content)}
}

// Operations are the names of those that were asked for, failed ones too, such
// as "rename default.jmwallet".
func (d *Disk) Operations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.names)
}

// Mend ends the fault.
func (d *Disk) Mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = Fault{}
}

// step counts an operation and says whether it fails; mu is held.
func (d *Disk) step(op, name string, takes bool) error {
	d.count++
	d.names = append(d.names, op+" "+filepath.Base(name))
	past := d.fault.At > 0 && d.count > d.fault.At
	if d.count == d.fault.At || past && (errors.Is(d.fault.Err, ErrPower) || d.fault.Stays && !takes) {
		return &fs.PathError{Op: op, Path: name, Err: d.fault.Err}
	}
	return nil
}

// know looks at a file before it is touched for the first time: it was there
// long ago, so that a power cut leaves it; mu is held.
func (d *Disk) know(path string) {
	if _, known := d.now[path]; known {
		return
	}
	d.now[path] = nil
	info, err := os.Lstat(path)
	switch {
	case err != nil:
	case info.IsDir():
		d.now[path] = &content{folder: true}
	default:
		if data, err := os.ReadFile(path); err == nil {
			d.now[path] = &content{synced: data}
		}
	}
	d.kept[path] = d.now[path]
}

// Create implements durable.System.
func (d *Disk) Create(name string, perm fs.FileMode) (durable.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(name)
	if err := d.step("create", name, false); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	c := &content{}
	d.now[name] = c
	return &file{f, d, c}, nil
}

// Append implements durable.System.
func (d *Disk) Append(name string, perm fs.FileMode) (durable.Journal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(name)
	if err := d.step("append", name, false); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	if d.now[name] == nil {
		d.now[name] = &content{}
	}
	return &file{f, d, d.now[name]}, nil
}

// Mkdir implements durable.System.
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(name)
	if err := d.step("mkdir", name, false); err != nil {
		return err
	}
	if err := os.Mkdir(name, perm); err != nil {
		return err
	}
	d.now[name] = &content{folder: true}
	return nil
}

// Rename implements durable.System.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(from)
	d.know(to)
	if err := d.step("rename", to, false); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d.now[to], d.now[from] = d.now[from], nil
	return nil
}

// Remove implements durable.System.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(name)
	if err := d.step("remove", name, true); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	d.now[name] = nil
	return nil
}

// SyncDir implements durable.System.
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step("syncdir", name, false); err != nil {
		return err
	}
	for path, c := range d.now {
		if filepath.Dir(path) == filepath.Clean(name) {
			d.kept[path] = c
		}
	}
	return nil
}

// file is one that is open for writing.
type file struct {
	*os.File
	disk    *Disk
	content *content
}

// Write implements durable.File. One that fails writes half.
func (f *file) Write(b []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step("write", f.Name(), false); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

// Sync implements durable.File.
func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step("sync", f.Name(), false); err != nil {
		return err
	}
	return f.sync()
}

// sync takes what is in the file for flushed; mu of the disk is held.
func (f *file) sync() error {
	var err error
	f.content.synced, err = os.ReadFile(f.Name())
	return err
}

// Truncate implements durable.Journal.
func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.step("truncate", f.Name(), true); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Close implements durable.File. It flushes nothing, and never fails: the
// content is on its way to the disk already or, without Sync, in no hurry.
func (f *file) Close() error { return f.File.Close() }
