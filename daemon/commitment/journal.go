package commitment

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// lineMax bounds a line of a file; longer ones are no commitments and are
// skipped without being held in memory.
const lineMax = 4096

// journal is a set of commitments and the file it is appended to. The file is
// nil when the set lives in memory only.
type journal struct {
	path    string
	max     int
	set     map[Value]struct{}
	skipped int // lines of the file that are no commitments
	files   durable.System
	file    durable.Journal
	torn    bool // the file may end in the middle of a line
}

// openJournal reads path, which need not exist, and opens it for appending.
func openJournal(files durable.System, path string, max int) (*journal, error) {
	set, skipped, err := readFile(path, max)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, max: max, set: set, skipped: skipped, files: files}
	if path == "" {
		return j, nil
	}
	if j.file, err = files.Append(path, 0o600); err != nil {
		return nil, fmt.Errorf("opening the commitment list: %w", err)
	}
	// A new file's name must survive a crash too.
	if err := errors.Join(j.checkEnd(), files.SyncDir(filepath.Dir(path))); err != nil {
		j.file.Close()
		return nil, fmt.Errorf("opening the commitment list: %w", err)
	}
	return j, nil
}

// checkEnd finds out whether the file ends without a newline: cut by a crash,
// or written by the reference, which puts none behind the last line.
func (j *journal) checkEnd() error {
	file, err := os.Open(j.path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	var last [1]byte
	if _, err := file.ReadAt(last[:], size-1); err != nil {
		return err
	}
	j.torn = last[0] != '\n'
	return nil
}

// add appends v to the file, durably if so asked, and only then puts it into the
// set: a commitment whose writing failed can be added again.
func (j *journal) add(v Value, durable bool) error {
	if len(j.set) >= j.max {
		return ErrFull
	}
	if j.file != nil {
		var text []byte
		if j.torn {
			text = append(text, '\n')
		}
		text = append(hex.AppendEncode(text, v[:]), '\n')
		j.torn = true // until the whole line is written
		if _, err := j.file.Write(text); err != nil {
			return fmt.Errorf("writing the commitment list: %w", err)
		}
		j.torn = false
		if durable {
			if err := j.file.Sync(); err != nil {
				return fmt.Errorf("syncing the commitment list: %w", err)
			}
		}
	}
	j.set[v] = struct{}{}
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// rotate gives the file the name old, replacing what was there, and returns an
// empty journal of the former name.
func (j *journal) rotate(old string) (*journal, error) {
	if j.file == nil {
		return openJournal(j.files, "", j.max)
	}
	if err := j.files.Rename(j.path, old); err != nil {
		return nil, fmt.Errorf("ageing the commitment list: %w", err)
	}
	j.file.Close()
	return openJournal(j.files, j.path, j.max)
}

// readFile reads the commitments of a file, at most max; a missing file, or the
// empty path, has none. Lines are trimmed and may be in either case; what is no
// commitment is counted and skipped, so that a damaged file loses only its
// damaged lines.
func readFile(path string, max int) (set map[Value]struct{}, skipped int, err error) {
	set = make(map[Value]struct{})
	if path == "" {
		return set, 0, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return set, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the commitment list: %w", err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, lineMax)
	for {
		line, err := readLine(in)
		if err != nil && err != io.EOF {
			return nil, 0, fmt.Errorf("reading the commitment list: %w", err)
		}
		if v, ok := parse(line); ok {
			set[v] = struct{}{}
		} else if len(line) > 0 {
			skipped++
		}
		if len(set) > max {
			return nil, 0, fmt.Errorf("%w (%s, more than %d lines)", ErrFull, path, max)
		}
		if err == io.EOF {
			return set, skipped, nil
		}
	}
}

// readLine returns the next line, trimmed. One longer than the buffer is passed
// over and replaced by a text that is no commitment.
func readLine(in *bufio.Reader) ([]byte, error) {
	long := false
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = true
		case long:
			return []byte("too long"), err
		default:
			return bytes.TrimSpace(line), err
		}
	}
}

func parse(line []byte) (v Value, ok bool) {
	if len(line) != hex.EncodedLen(len(v)) {
		return v, false
	}
	_, err := hex.Decode(v[:], line)
	return v, err == nil
}
