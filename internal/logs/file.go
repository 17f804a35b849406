package logs

import (
	"fmt"
	"os"
	"sync"
)

// file is a log on the disk: path, and the older path.1 and so on. It keeps the
// disk's errors to itself: a log that cannot be written must stop nothing.
type file struct {
	path string
	size int64 // of one file at most
	keep int   // files in all

	mu   sync.Mutex // protects what follows
	out  *os.File
	have int64 // bytes in out
}

func newFile(path string, size int64, keep int) *file {
	return &file{path: path, size: size, keep: keep}
}

// Write writes a line, and begins a new file before it if there is no room.
func (f *file) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out == nil && !f.open() {
		return len(line), nil
	}
	if f.have+int64(len(line)) > f.size {
		if int64(len(line)) > f.size || !f.rotate() {
			return len(line), nil
		}
	}
	n, _ := f.out.Write(line)
	f.have += int64(n)
	return len(line), nil
}

// open opens the present file; mu is held.
func (f *file) open() bool {
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return false
	}
	info, err := out.Stat()
	if err != nil {
		out.Close()
		return false
	}
	f.out, f.have = out, info.Size()
	return true
}

// rotate gives each file the next number, drops the oldest, and begins a new one;
// mu is held. Another process that writes to the same log goes on in the file of
// the old name, and finds its own way when that is full.
func (f *file) rotate() bool {
	f.out.Close()
	f.out = nil
	for n := f.keep - 1; n > 0; n-- {
		if err := os.Rename(f.name(n-1), f.name(n)); err != nil && !os.IsNotExist(err) {
			return false
		}
	}
	return f.open() && f.have == 0
}

func (f *file) name(n int) string {
	if n == 0 {
		return f.path
	}
	return fmt.Sprintf("%s.%d", f.path, n)
}
