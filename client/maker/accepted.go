package maker

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// ErrAccepted means that a commitment was answered before.
var ErrAccepted = errors.New("commitment was accepted before")

// ErrRecord means that the record of accepted commitments cannot be used.
var ErrRecord = errors.New("the record of accepted commitments is damaged")

// accepted is the durable set of commitments for which this maker revealed
// coins. The daemon keeps a list of its own and of others' gossip; this one
// makes sure that no daemon can have coins revealed twice for one commitment.
//
// The file has one commitment a line, 64 lower-case hex digits. It only grows,
// by one line for each time coins were shown.
type accepted struct {
	file durable.Journal
	size int64 // of the whole lines in file
	set  map[[32]byte]struct{}
}

const acceptedLine = 2*32 + 1

// openAccepted reads the record at path, making an empty one if there is none.
// The caller holds a lock that keeps other processes away.
func openAccepted(files durable.System, path string) (*accepted, error) {
	file, err := files.Append(path, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the record of accepted commitments: %w", err)
	}
	a := &accepted{file: file, set: make(map[[32]byte]struct{})}
	if err = a.load(path); err == nil {
		err = files.SyncDir(filepath.Dir(path)) // it may be new
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return a, nil
}

func (a *accepted) load(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the record of accepted commitments: %w", err)
	}
	// A power cut may leave zeros where the last line was to be.
	data = bytes.TrimRight(data, "\x00")
	for ; len(data) >= acceptedLine; data = data[acceptedLine:] {
		var c [32]byte
		line, end := data[:acceptedLine-1], data[acceptedLine-1]
		if _, err := hex.Decode(c[:], line); err != nil || end != '\n' || !bytes.Equal(line, bytes.ToLower(line)) {
			return fmt.Errorf("%w: line %d of %s; put it right or restore the file", ErrRecord, len(a.set)+1, path)
		}
		a.set[c] = struct{}{}
		a.size += acceptedLine
	}
	// A line cut short was being written when the power went: nothing was
	// revealed for it.
	return a.file.Truncate(a.size)
}

// has reports whether c was accepted before.
func (a *accepted) has(c [32]byte) bool {
	_, ok := a.set[c]
	return ok
}

// add accepts c, once. It returns when c is on the disk, or an error after
// which nothing may be revealed for c.
func (a *accepted) add(c [32]byte) error {
	if a.has(c) {
		return ErrAccepted
	}
	line := append(hex.AppendEncode(nil, c[:]), '\n')
	if err := durable.Append(a.file, line); err != nil {
		// Leave no half line for the next one to be appended to.
		return fmt.Errorf("recording a commitment: %w", errors.Join(err, a.file.Truncate(a.size)))
	}
	a.size += acceptedLine
	a.set[c] = struct{}{}
	return nil
}

func (a *accepted) close() error { return a.file.Close() }
