// Package commitment remembers which takers' commitments were used.
//
// A commitment is the scarce token a taker spends to see makers' coins, so each
// may be used once. Commitments are compared as 32 bytes, never as text: peers
// may write hex digits in either case (attack M1).
//
// Two kinds are kept apart. Those that opened our own coins, and whatever a
// file of the reference implementation lists, are used for good. Those that
// others publish with !hp2 are unsigned hearsay anybody can make up: they are
// kept in two generations, the elder of which is forgotten when the younger is
// full, so that a flood costs a bounded amount of memory and disk and pushes
// out nothing but hearsay (attack M2).
//
// Asking, and taking in, never waits for the disk: memory has eight bytes of a
// keyed hash for each commitment, in tables that grow one at a time, and each
// file has a goroutine that writes it.
//
//	             Reserve  Use            Hear
//	                |      |              |
//	                v      |              v
//	memory   claims, used  |    heard, elder (generations)
//	                ^      v              |
//	                |   waiting           |
//	           written,    |              v
//	           flushed     v           waiting
//	disk            +---- FILE      FILE.heard, FILE.heard.old
//
// Files, each one lower-case commitment (64 hex digits) a line:
//
//	FILE            used; the reference's blacklist can be put here
//	FILE.heard      hearsay, the younger generation
//	FILE.heard.old  hearsay, the elder
//
// All are only ever appended to; a last line cut by a crash is skipped. Several
// processes may append to the same files; each sees what others added when it
// starts.
package commitment

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// Value is a commitment: the 32 bytes behind its type letter.
type Value = [32]byte

// Errors of the list.
var (
	// ErrUsed: the commitment was used before, here or, by hearsay, elsewhere.
	ErrUsed = errors.New("commitment was used before")
	// ErrReserved: another nick is using the commitment right now.
	ErrReserved = errors.New("commitment is being used by another taker")
	// ErrFull: the file holds as many commitments as are accepted.
	ErrFull = errors.New("commitment list is full: move the file away and restart")
	// ErrClosed: the list was closed.
	ErrClosed = errors.New("commitment list is closed")
)

// MaxUsed bounds the used commitments: 128 MiB in memory, 650 MB in the file.
// Each costs a taker a confirmed coin, so it takes centuries to come here.
const MaxUsed = 10_000_000

// DefaultMaxHeard bounds the hearsay, both generations together: 16 MiB in
// memory, 65 MB in the files.
const DefaultMaxHeard = 1_000_000

// maxBehind is how many commitments by hearsay may wait for the disk. Beyond it
// they are kept in memory only.
const maxBehind = 4096

// Config says where the list is kept.
type Config struct {
	// File has the used commitments; its folder must exist. Empty keeps the
	// list in memory only: what was used is forgotten at the end of the process.
	File string
	// MaxHeard bounds the commitments known by hearsay; 0 means
	// DefaultMaxHeard, the least is 2.
	MaxHeard int
	// Counts gets what is entered and forgotten; nil counts nothing.
	Counts *count.Set
	// Files is where they are written; nil is the operating system.
	Files durable.System
	// Logger; nil is silent.
	Logger *slog.Logger
}

// List is the set of commitments that may not be used again, and of those being
// used now. All sessions of a daemon share one. Its methods are safe from any
// goroutine, take constant time and do not wait for the disk.
type List struct {
	cfg     Config
	log     *slog.Logger
	as      tagger
	maxUsed int

	mu        sync.Mutex // protects the fields below
	used      *set
	heard     *set // the younger generation
	elder     *set
	claims    map[tag]*claim
	spent     []tag // of claims that were used, in that order
	recording int   // commitments on their way into used
	usedFile  *journal
	heardFile *journal
	aged      bool // heardFile is to begin anew
	closed    bool
}

// Open reads the files, if any, and makes them ready for appending.
func Open(cfg Config) (*List, error) {
	if cfg.MaxHeard == 0 {
		cfg.MaxHeard = DefaultMaxHeard
	}
	if cfg.MaxHeard < 2 {
		return nil, fmt.Errorf("commitment list: MaxHeard is %d, want at least 2", cfg.MaxHeard)
	}
	if cfg.Files == nil {
		cfg.Files = durable.OS
	}
	l := &List{cfg: cfg, log: cfg.Logger, as: newTagger(), maxUsed: MaxUsed,
		used: new(set), heard: new(set), elder: new(set), claims: make(map[tag]*claim)}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	used, err := readFile(l.path(""), l.used, l.maxUsed, l.as)
	if err == nil && used.full {
		err = fmt.Errorf("%w (%s, more than %d lines)", ErrFull, cfg.File, l.maxUsed)
	}
	if err != nil {
		return nil, err
	}
	// Of too much hearsay, as after a smaller bound was set, some is left out.
	heard, err := readFile(l.path(heardSuffix), l.heard, cfg.MaxHeard/2, l.as)
	if err != nil {
		return nil, err
	}
	if _, err := readFile(l.path(heardSuffix+oldSuffix), l.elder, cfg.MaxHeard/2, l.as); err != nil {
		return nil, err
	}
	if l.usedFile, err = openJournal(cfg.Files, l.path(""), used.torn, l.log); err != nil {
		return nil, err
	}
	if l.heardFile, err = openJournal(cfg.Files, l.path(heardSuffix), heard.torn, l.log); err != nil {
		l.usedFile.close()
		return nil, err
	}
	l.log.Info("commitment list read", "used", l.used.n, "heard", l.heard.n+l.elder.n, "skipped_lines", used.skipped+heard.skipped)
	return l, nil
}

// heardSuffix ends the name of the file of hearsay.
const heardSuffix = ".heard"

func (l *List) path(suffix string) string {
	if l.cfg.File == "" {
		return ""
	}
	return l.cfg.File + suffix
}

// Known reports whether v was used, here or, by hearsay, elsewhere.
func (l *List) Known(v Value) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known(l.as.tag(v))
}

// known must be called with mu held.
func (l *List) known(t tag) bool {
	return l.used.has(t) || l.heard.has(t) || l.elder.has(t)
}

// Hear takes in a commitment that others say was used. It reports whether it
// was unknown. Hearsay is not synced to disk, and what comes faster than the disk
// takes it is not written: losing it costs nothing that the peers do not repeat.
func (l *List) Hear(v Value) (unknown bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.as.tag(v)
	if l.closed || l.known(t) {
		return false
	}
	if l.heard.n >= l.cfg.MaxHeard/2 {
		l.age()
	}
	l.heard.add(t)
	l.cfg.Counts.Inc(count.CommitmentHeard)
	if l.heardFile.behind() < maxBehind {
		l.heardFile.add(entry{value: v, rotate: l.aged})
		l.aged = false
	}
	return true
}

// age makes the younger generation of hearsay the elder, which is forgotten. It
// must be called with mu held.
func (l *List) age() {
	l.cfg.Counts.Inc(count.LimitCommitmentList)
	l.log.Warn("hearsay of used commitments is full; forgetting the elder half", "forgotten", l.elder.n)
	l.heard, l.elder = new(set), l.heard
	l.aged = true
}

// Close waits until all is written and releases the files. Reservations can
// still be released afterwards, but no longer used.
func (l *List) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed {
		return nil
	}
	return errors.Join(l.usedFile.close(), l.heardFile.close())
}

// Hex writes v as it stands in files and in !hp2: 64 lower-case hex digits.
func Hex(v Value) string { return hex.EncodeToString(v[:]) }
