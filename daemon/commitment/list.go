// Package commitment remembers which takers' commitments were used.
//
// A commitment is the scarce token a taker spends to see a maker's coins, so
// each may be used once. Commitments are compared as 32 bytes, never as text:
// peers may write hex digits in either case (attack M1).
//
// Two kinds are kept apart. Those that opened our own coins, and whatever a
// file of the reference implementation lists, are used for good. Those that
// others publish with !hp2 are unsigned hearsay anybody can make up: they are
// kept in two generations, the elder of which is forgotten when the younger is
// full, so that a flood costs a bounded amount of memory and disk and pushes
// out nothing but hearsay (attack M2).
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
	"github.com/joinmarket-go/joinmarket/protocol"
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

// MaxUsed bounds the used commitments, in memory and in the file (650 MB).
// Each costs a taker a confirmed coin, so it takes centuries to come here;
// reading stops there too.
const MaxUsed = 10_000_000

// DefaultMaxHeard bounds the hearsay, both generations together.
const DefaultMaxHeard = 1_000_000

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
// goroutine and take constant time.
type List struct {
	cfg Config
	log *slog.Logger

	mu       sync.Mutex // protects the fields below
	used     *journal
	heard    *journal
	elder    map[Value]struct{}
	reserved map[Value]*claim
	closed   bool
}

// claim is a commitment in use: by one nick, in one or more sessions.
type claim struct {
	nick  protocol.Nick
	count int
}

// Open reads the files of cfg.Dir, if any, and makes them ready for appending.
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
	l := &List{cfg: cfg, log: cfg.Logger, reserved: make(map[Value]*claim)}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	used, err := openJournal(cfg.Files, l.path(""), MaxUsed)
	if err != nil {
		return nil, err
	}
	heard, err := openJournal(cfg.Files, l.path(".heard"), cfg.MaxHeard/2)
	if err != nil {
		used.close()
		return nil, err
	}
	elder, _, err := readFile(l.path(".heard.old"), cfg.MaxHeard/2)
	if err != nil {
		used.close()
		heard.close()
		return nil, err
	}
	l.used, l.heard, l.elder = used, heard, elder
	l.log.Info("commitment list read", "used", len(used.set), "heard", len(heard.set)+len(elder), "skipped_lines", used.skipped+heard.skipped)
	return l, nil
}

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
	return l.known(v)
}

// known must be called with mu held.
func (l *List) known(v Value) bool {
	if _, ok := l.used.set[v]; ok {
		return true
	}
	if _, ok := l.heard.set[v]; ok {
		return true
	}
	_, ok := l.elder[v]
	return ok
}

// Hear takes in a commitment that others say was used. It reports whether it
// was unknown. Hearsay is not synced to disk: losing it costs nothing that the
// peers do not repeat.
func (l *List) Hear(v Value) (unknown bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, ErrClosed
	}
	if l.known(v) {
		return false, nil
	}
	if len(l.heard.set) >= l.cfg.MaxHeard/2 {
		if err := l.age(); err != nil {
			return true, err
		}
	}
	if err := l.heard.add(v, false); err != nil {
		return true, err
	}
	l.cfg.Counts.Inc(count.CommitmentHeard)
	return true, nil
}

// age makes the younger generation of hearsay the elder, which is forgotten. It
// must be called with mu held.
func (l *List) age() error {
	l.cfg.Counts.Inc(count.LimitCommitmentList)
	l.log.Warn("hearsay of used commitments is full; forgetting the elder half", "forgotten", len(l.elder))
	elder := l.heard.set
	heard, err := l.heard.rotate(l.path(".heard.old"))
	if err != nil {
		return err
	}
	l.heard, l.elder = heard, elder
	return nil
}

// Reserve claims v for a nick from its !fill on, so that nobody else uses the
// same commitment in another conversation before it is stored (attack M4). It
// fails with ErrUsed or ErrReserved. The same nick may claim v for several
// sessions, because a taker commits once to all makers of a transaction, and
// some may share this daemon. The reservation must be released.
func (l *List) Reserve(v Value, nick protocol.Nick) (*Reservation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch c := l.reserved[v]; {
	case l.closed:
		return nil, ErrClosed
	case l.known(v):
		return nil, ErrUsed
	case c == nil:
		l.reserved[v] = &claim{nick, 1}
	case c.nick != nick:
		return nil, ErrReserved
	default:
		c.count++
	}
	return &Reservation{list: l, value: v}, nil
}

// Close releases the files. Reservations can still be released afterwards, but
// no longer used.
func (l *List) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return errors.Join(l.used.close(), l.heard.close())
}

// Reservation is the right to use a commitment in one conversation. It is not
// safe for concurrent use.
type Reservation struct {
	list     *List
	value    Value
	released bool
}

// Value is the reserved commitment.
func (r *Reservation) Value() Value { return r.value }

// Use records the commitment as used. When it returns nil the record has
// reached the disk, and only then may the maker's coins be shown: otherwise a
// crash would let the commitment be used again. Using twice, or in two
// sessions, records once.
func (r *Reservation) Use() error {
	l := r.list
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if _, ok := l.used.set[r.value]; ok {
		return nil
	}
	if err := l.used.add(r.value, true); err != nil {
		if errors.Is(err, ErrFull) {
			l.cfg.Counts.Inc(count.LimitCommitmentList)
		}
		return err
	}
	l.cfg.Counts.Inc(count.CommitmentUsed)
	return nil
}

// Release ends the reservation. It does not undo Use.
func (r *Reservation) Release() {
	if r == nil || r.released {
		return
	}
	r.released = true
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	if c := r.list.reserved[r.value]; c.count > 1 {
		c.count--
	} else {
		delete(r.list.reserved, r.value)
	}
}

// Hex writes v as it stands in files and in !hp2: 64 lower-case hex digits.
func Hex(v Value) string { return hex.EncodeToString(v[:]) }
