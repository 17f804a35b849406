// Package outbox is what waits to be written to the peers of a directory.
//
// A Box has no goroutine while nothing waits, and a peer that is idle costs it a
// hundred bytes. Bytes that are put in it are shared: one line for ten thousand
// peers is in memory once. What waits is written together.
package outbox

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/moment"
)

// Errors of Put. Both mean that nothing was put.
var (
	// ErrFull: more would wait than may; the peer does not read fast enough.
	ErrFull = errors.New("too much waits for this peer")
	// ErrClosed: the box was closed, or writing failed.
	ErrClosed = errors.New("nothing is written to this peer any more")
)

// share is the part of the memory that is free which one box may take. So the
// boxes that are full leave a ninth and more of the memory to the others,
// however many they are (dynamic thresholds, as in switches that share memory).
const share = 8

// Depot is what the boxes of a process share.
type Depot struct {
	// Most is the greatest number of bytes that wait in one box.
	Most int
	// Memory is the greatest number of bytes of Own in all boxes, but that each
	// box that is empty takes a line.
	Memory int64

	used    atomic.Int64
	writers sync.WaitGroup
}

// Used is how many bytes of Own wait in all boxes.
func (d *Depot) Used() int64 { return d.used.Load() }

// Wait waits until nothing is being written. All boxes must be closed.
func (d *Depot) Wait() { d.writers.Wait() }

// Kind says whose the bytes are.
type Kind bool

// Kinds of bytes.
const (
	Shared Kind = false // in other boxes as well
	Own    Kind = true  // for this peer alone
)

// Box is the outbox of one peer. Its methods are safe from any goroutine.
type Box struct {
	depot *Depot
	to    io.WriteCloser

	mu      sync.Mutex
	waiting []item // the first may be written in part
	done    int    // bytes of the first that are
	size    int    // bytes that wait
	own     int64  // of these, counted by the depot
	writing bool   // a goroutine is at it
	closed  bool

	busy  moment.Moment // when the goroutine began; never: there is none
	wrote atomic.Int64  // bytes since then
	since moment.Moment // when the write under way began; never: there is none
}

type item struct {
	bytes []byte
	kind  Kind
}

// New returns an empty box. When a write fails, the box closes to.
func New(d *Depot, to io.WriteCloser) *Box { return &Box{depot: d, to: to} }

// Put has bytes written, which must not change any more. It never waits. It fails
// with ErrFull or ErrClosed; an empty box takes at least one line whatever the
// others have.
func (b *Box) Put(bytes []byte, kind Kind) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := int64(len(bytes))
	switch {
	case b.closed:
		return ErrClosed
	case b.size > 0 && b.size+len(bytes) > b.depot.Most:
		return ErrFull
	case kind == Own && b.own > 0 && b.own+size > (b.depot.Memory-b.depot.used.Load())/share:
		return ErrFull
	}
	b.waiting = append(b.waiting, item{bytes, kind})
	b.size += len(bytes)
	if kind == Own {
		b.own += size
		b.depot.used.Add(size)
	}
	if !b.writing {
		b.writing = true
		b.depot.writers.Add(1)
		go b.write()
	}
	return nil
}

// Close gives up what waits; nothing is written any more, though a write under
// way ends only when the connection does.
func (b *Box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.close()
}

func (b *Box) close() {
	b.closed = true
	b.depot.used.Add(-b.own)
	b.waiting, b.size, b.own = nil, 0, 0
}

// Waiting is how many bytes wait.
func (b *Box) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// Busy is for how long the box has not been empty, and how many bytes the peer has
// taken in that time.
func (b *Box) Busy(now time.Time) (since time.Duration, bytes int64) {
	return span(&b.busy, now), b.wrote.Load()
}

// Stalled is for how long the write under way, of at most 16 KiB, lasts.
func (b *Box) Stalled(now time.Time) time.Duration { return span(&b.since, now) }

func span(from *moment.Moment, now time.Time) time.Duration {
	if began := from.Get(); !began.IsZero() {
		return now.Sub(began)
	}
	return 0
}

// chunk is the most that is written at once.
const chunk = 16 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// write writes until nothing waits.
func (b *Box) write() {
	defer b.depot.writers.Done()
	b.wrote.Store(0)
	b.busy.Set(time.Now())
	for {
		room := chunks.Get().(*[chunk]byte)
		bytes := b.next(room[:0])
		if bytes == nil {
			chunks.Put(room)
			return
		}
		b.since.Set(time.Now())
		n, err := b.to.Write(bytes)
		b.since.Set(time.Time{})
		b.wrote.Add(int64(n))
		chunks.Put(room)
		if err != nil {
			b.Close()
			b.to.Close()
		}
	}
}

// next takes what is written next, or nil if nothing waits, and then the writing
// is over. It is one item as it is if no other fits behind it, or several in room.
func (b *Box) next(room []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.writing = false
		b.busy.Set(time.Time{})
		return nil
	}
	if first := b.waiting[0].bytes[b.done:]; len(b.waiting) == 1 || len(first) > cap(room) {
		part := first[:min(len(first), chunk)]
		b.took(len(part))
		return part
	}
	for len(b.waiting) > 0 {
		first := b.waiting[0].bytes[b.done:]
		if len(room)+len(first) > cap(room) {
			break
		}
		room = append(room, first...)
		b.took(len(first))
	}
	return room
}

// took removes the first n bytes, which are of the first item.
func (b *Box) took(n int) {
	first := b.waiting[0]
	b.size -= n
	if first.kind == Own {
		b.own -= int64(n)
		b.depot.used.Add(-int64(n))
	}
	if b.done += n; b.done < len(first.bytes) {
		return
	}
	b.done = 0
	b.waiting[0] = item{}
	if b.waiting = b.waiting[1:]; len(b.waiting) == 0 {
		b.waiting = nil
	}
}
