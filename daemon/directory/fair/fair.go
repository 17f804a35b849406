// Package fair puts lines of many sources in an order in which none can crowd out
// the others: whoever has said little lately comes before whoever has said much,
// and of two the one that is known for longer (start-time fair queueing).
//
// A source that floods delays its own lines only. Sources that are made up by the
// thousand have one line each before the first of them has its second, and a
// source that was there before them goes first all the same.
package fair

import (
	"bytes"
	"container/heap"
)

// Source is who says lines. The zero value is one that has said nothing. It
// belongs to one Queue, and is guarded by whatever guards that.
type Source struct {
	finish uint64   // virtual time at which all it has said is paid for
	lines  [][]byte // that wait, not the first
	head   bool     // it has a line in the heap
	gone   bool
}

// Queue has the lines that wait. It is owned by one goroutine, or guarded. The
// zero value takes nothing.
type Queue[T any] struct {
	most, each int
	now        uint64 // virtual time
	waiting    int
	heads      heads[T]
	came       uint64
}

// NewQueue returns a queue of at most that many lines, of each source at most so
// many. When it is full, only the first line of a source that has none is taken.
func NewQueue[T any](most, each int) *Queue[T] { return &Queue[T]{most: most, each: each} }

// Len is how many lines wait.
func (q *Queue[T]) Len() int { return q.waiting }

// Drop gives up what a source has waiting, and takes nothing of it any more:
// nobody needs to hear somebody who has left.
func (q *Queue[T]) Drop(s *Source) {
	q.waiting -= len(s.lines)
	s.gone, s.lines = true, nil
}

// head is the first line of a source.
type head[T any] struct {
	of    *Source
	whose T
	line  []byte
	start uint64
	age   int64
	came  uint64
}

// Put adds a line of a source, which is known since age (a lesser one is older).
// It reports false if the line is not taken, as too many wait; a line that the
// source has waiting already is taken for the same.
func (q *Queue[T]) Put(s *Source, whose T, age int64, line []byte) bool {
	if s.gone {
		return false
	}
	if s.head {
		for _, other := range s.lines {
			if bytes.Equal(other, line) {
				return true
			}
		}
		if q.waiting >= q.most || len(s.lines)+1 >= q.each {
			return false
		}
		// A line equal to the one in the heap is rare enough to be found when
		// it is its turn.
		s.lines = append(s.lines, line)
		q.waiting++
		return true
	}
	if q.waiting >= 2*q.most {
		return false
	}
	q.push(s, whose, age, line)
	q.waiting++
	return true
}

func (q *Queue[T]) push(s *Source, whose T, age int64, line []byte) {
	start := max(q.now, s.finish)
	s.finish, s.head = start+1, true
	q.came++
	heap.Push(&q.heads, head[T]{s, whose, line, start, age, q.came})
}

// Pop takes the line whose turn it is, and reports false if none waits.
func (q *Queue[T]) Pop() (whose T, line []byte, ok bool) {
	for len(q.heads) > 0 {
		h := heap.Pop(&q.heads).(head[T])
		q.waiting--
		q.now = max(q.now, h.start)
		s := h.of
		s.head = false
		if s.gone {
			continue
		}
		for len(s.lines) > 0 && bytes.Equal(s.lines[0], h.line) {
			s.lines = s.lines[1:]
			q.waiting--
		}
		if len(s.lines) > 0 {
			next := s.lines[0]
			s.lines[0] = nil
			s.lines = s.lines[1:]
			q.push(s, h.whose, h.age, next)
		} else {
			s.lines = nil
		}
		return h.whose, h.line, true
	}
	return whose, nil, false
}

// heads are in the order of their turns.
type heads[T any] []head[T]

func (h heads[T]) Len() int      { return len(h) }
func (h heads[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h heads[T]) Less(i, j int) bool {
	a, b := &h[i], &h[j]
	if a.start != b.start {
		return a.start < b.start
	}
	if a.age != b.age {
		return a.age < b.age
	}
	return a.came < b.came
}
func (h *heads[T]) Push(x any) { *h = append(*h, x.(head[T])) }
func (h *heads[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = head[T]{}
	*h = old[:len(old)-1]
	return last
}
