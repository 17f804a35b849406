package commitment

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// journal is a file of commitments that is only appended to. A goroutine of its
// own writes, which runs while something waits, so that nobody else waits for the
// disk: what has gathered meanwhile is written, and flushed, at once.
type journal struct {
	path  string // empty: nothing is written
	files durable.System
	log   *slog.Logger

	mu      sync.Mutex // protects the fields below
	waiting []entry
	writing bool // the writer runs
	writer  sync.WaitGroup

	// Owned by the writer, and by close after it.
	file durable.Journal // nil while it cannot be opened
	torn bool            // the file may end in the middle of a line
	// owed: the file is to begin anew before anything is written; moved: its
	// name is free already.
	owed, moved bool
}

// oldSuffix ends the name of what a journal was before it began anew.
const oldSuffix = ".old"

// entry is a commitment to write.
type entry struct {
	value   Value
	written func(error) // is told whether value is on the disk; nil: that matters to nobody
	rotate  bool        // the file begins anew with it; the old one gets oldSuffix
}

// openJournal opens path for appending; torn says that its last line has no end.
func openJournal(files durable.System, path string, torn bool, log *slog.Logger) (*journal, error) {
	j := &journal{path: path, files: files, log: log, torn: torn}
	if path == "" {
		return j, nil
	}
	if err := j.open(); err != nil {
		return nil, fmt.Errorf("opening the commitment list: %w", err)
	}
	return j, nil
}

func (j *journal) open() error {
	file, err := j.files.Append(j.path, 0o600)
	if err != nil {
		return err
	}
	// A new file's name must survive a crash too.
	if err := j.files.SyncDir(filepath.Dir(j.path)); err != nil {
		file.Close()
		return err
	}
	j.file = file
	return nil
}

// add queues an entry.
func (j *journal) add(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = append(j.waiting, e)
	if !j.writing {
		j.writing = true
		j.writer.Go(j.write)
	}
}

// behind is how many entries wait.
func (j *journal) behind() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting)
}

// write works off what waits.
func (j *journal) write() {
	for {
		j.mu.Lock()
		batch := j.waiting
		j.waiting = nil
		j.writing = len(batch) > 0
		j.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for len(batch) > 0 {
			j.owed = j.owed || batch[0].rotate
			n := 1
			for n < len(batch) && !batch[n].rotate {
				n++
			}
			j.append(batch[:n])
			batch = batch[n:]
		}
	}
}

// append writes commitments and tells who waits for them.
func (j *journal) append(entries []entry) {
	err := j.put(entries)
	if err != nil {
		j.log.Warn("commitments not written", "file", filepath.Base(j.path), "commitments", len(entries), "err", err)
	}
	for _, e := range entries {
		if e.written != nil {
			e.written(err)
		}
	}
}

func (j *journal) put(entries []entry) error {
	if j.path == "" {
		return nil
	}
	if j.owed {
		if err := j.rotate(); err != nil {
			return fmt.Errorf("ageing the commitment list: %w", err)
		}
	}
	var text []byte
	if j.torn {
		text = append(text, '\n')
	}
	flush := false
	for _, e := range entries {
		text = append(hex.AppendEncode(text, e.value[:]), '\n')
		flush = flush || e.written != nil
	}
	j.torn = true // until the last line is written
	if _, err := j.file.Write(text); err != nil {
		return fmt.Errorf("writing the commitment list: %w", err)
	}
	j.torn = false
	if flush {
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("syncing the commitment list: %w", err)
		}
	}
	return nil
}

// rotate gives the file the suffix .old, replacing what was there, and begins it
// anew. What fails is tried again.
func (j *journal) rotate() error {
	if j.file != nil {
		j.file.Close() // nothing of it was to be flushed
		j.file = nil
	}
	if !j.moved {
		if err := j.files.Rename(j.path, j.path+oldSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		j.moved = true
	}
	if err := j.open(); err != nil {
		return err
	}
	j.torn, j.owed, j.moved = false, false, false
	return nil
}

// close writes what waits and closes the file. Nothing may be added any more.
func (j *journal) close() error {
	j.writer.Wait()
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
