// Package journal keeps the record of a taker's attempts: a file with one JSON
// document in a line, which only grows at its end. An attempt has a line when it
// begins and another when it is over, so that one that was cut off shows. The
// file is bounded: the oldest attempts make room.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// DefaultLimit is the greatest size of the file in bytes: some thousand
// attempts.
const DefaultLimit = 4 << 20

// maxLine is the greatest size of an attempt in bytes; what makers did is left
// out of one that would be longer.
const maxLine = 64 << 10

// Config says where the journal is.
type Config struct {
	Path  string         // the file; its folder exists
	Files durable.System // how it is written; nil for the operating system
	Limit int            // bytes of the file at most; 0: DefaultLimit
}

// Store is the journal. It is safe for use from several goroutines, and several
// processes may share the file.
type Store struct {
	cfg Config
	mu  sync.Mutex // held while the file is locked
}

// New returns the journal at a path; nothing is read or made before it is used.
func New(cfg Config) *Store {
	if cfg.Files == nil {
		cfg.Files = durable.OS
	}
	if cfg.Limit == 0 {
		cfg.Limit = DefaultLimit
	}
	return &Store{cfg: cfg}
}

// Write appends a record; it is on the disk when Write returns. It implements
// taker.Journal.
func (s *Store) Write(r taker.Record) error {
	line, err := encode(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lock := flock.New(s.cfg.Path+".lock", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("locking the journal: %w", err)
	}
	defer lock.Close()
	old, err := os.ReadFile(s.cfg.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the journal: %w", err)
	}
	if len(old)+len(line) > s.cfg.Limit {
		return s.shorten(old, line)
	}
	if len(old) > 0 && old[len(old)-1] != '\n' { // a write was cut off
		line = append([]byte{'\n'}, line...)
	}
	return s.append(line, len(old) == 0)
}

// append writes at the end of the file.
func (s *Store) append(data []byte, fresh bool) error {
	f, err := s.cfg.Files.Append(s.cfg.Path, 0o600)
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	err = durable.Append(f, data)
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err == nil && fresh {
		err = s.cfg.Files.SyncDir(filepath.Dir(s.cfg.Path))
	}
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// shorten writes the file anew with its newer half and the line.
func (s *Store) shorten(old, line []byte) error {
	if err := durable.Clean(s.cfg.Path); err != nil {
		return fmt.Errorf("tidying up after a crash: %w", err)
	}
	kept := old[max(0, len(old)-s.cfg.Limit/2):]
	if end := bytes.IndexByte(kept, '\n'); len(kept) < len(old) && end >= 0 {
		kept = kept[end+1:]
	}
	if len(kept) > 0 && kept[len(kept)-1] != '\n' {
		kept = append(slices.Clone(kept), '\n')
	}
	if err := durable.WriteFileOn(s.cfg.Files, s.cfg.Path, slices.Concat(kept, line), 0o600); err != nil {
		return fmt.Errorf("shortening the journal: %w", err)
	}
	return nil
}

func encode(r taker.Record) ([]byte, error) {
	line, err := json.Marshal(r)
	if err == nil && len(line) >= maxLine {
		r.Dropped = nil
		line, err = json.Marshal(r)
	}
	if err != nil {
		return nil, fmt.Errorf("writing an attempt: %w", err)
	}
	return append(line, '\n'), nil
}

// All returns the attempts, the oldest first. A line that is none, as a crash
// may leave one, is passed over. One that was cut off has Ended zero.
func (s *Store) All() ([]taker.Record, error) {
	data, err := os.ReadFile(s.cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	var all []taker.Record
	at := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 2*maxLine)
	for lines.Scan() {
		var r taker.Record
		if json.Unmarshal(lines.Bytes(), &r) != nil || r.ID == "" {
			continue
		}
		i, known := at[r.ID]
		if !known {
			i, at[r.ID] = len(all), len(all)
			all = append(all, taker.Record{})
		}
		if !known || all[i].Ended.IsZero() {
			all[i] = r
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return all, nil
}

// ErrUnknown: there is no attempt with this id, or several.
var ErrUnknown = errors.New("no such attempt")

// Spoilers are the makers that spoiled a transaction since a time: they had been
// shown it, and did not sign or spent a coin of it. Nothing else that makers fail
// at costs the taker a commitment.
func (s *Store) Spoilers(since time.Time) (nicks []protocol.Nick, err error) {
	all, err := s.All()
	for _, r := range all {
		for _, d := range r.Dropped {
			if d.Step == taker.StepSign && d.At.After(since) && !slices.Contains(nicks, d.Nick) {
				nicks = append(nicks, d.Nick)
			}
		}
	}
	return nicks, err
}

// Find returns the attempt whose id begins so.
func (s *Store) Find(id string) (taker.Record, error) {
	all, err := s.All()
	if err != nil {
		return taker.Record{}, err
	}
	all = slices.DeleteFunc(all, func(r taker.Record) bool { return id == "" || !strings.HasPrefix(r.ID, id) })
	if len(all) != 1 {
		return taker.Record{}, fmt.Errorf("%w: %d attempts have an id that begins with %.20q", ErrUnknown, len(all), id)
	}
	return all[0], nil
}
