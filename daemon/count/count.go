// Package count counts what happens in a daemon, by causes that are fixed in
// the program: nothing that a peer sends makes a counter, or names one. A Set
// takes a few hundred bytes whatever happens. What reads it is package metrics,
// and the status of protocol/control.
//
// To count something new, add a constant to causes.go and its row to the table
// there, with the line for operators in docs/operations.md; a test compares.
package count

import (
	"iter"
	"sync/atomic"
)

// Set has one counter for each cause, from 0. The zero value is ready, and nil
// counts nothing. It is safe from any goroutine and must not be copied.
type Set struct{ counters [causes]atomic.Uint64 }

// Inc adds one.
func (s *Set) Inc(c Cause) { s.Add(c, 1) }

// Add adds n.
func (s *Set) Add(c Cause, n uint64) {
	if s != nil {
		s.counters[c].Add(n)
	}
}

// Get returns how often c was counted.
func (s *Set) Get(c Cause) uint64 {
	if s == nil {
		return 0
	}
	return s.counters[c].Load()
}

// All yields every cause with its count, also those with 0, in the order of the
// constants.
func (s *Set) All() iter.Seq2[Cause, uint64] {
	return func(yield func(Cause, uint64) bool) {
		for c := range causes {
			if !yield(c, s.Get(c)) {
				return
			}
		}
	}
}

// Family says what kind of thing is counted. Causes of one family have different
// names; what is counted under one of them is counted under no other.
type Family string

// Families.
const (
	Limits        Family = "limits"        // a bound was reached, and something refused or forgotten
	In            Family = "in"            // messages of peers that came
	Out           Family = "out"           // messages to peers that went out
	DroppedIn     Family = "dropped-in"    // messages of peers that were not acted on
	DroppedOut    Family = "dropped-out"   // messages to peers that did not leave
	Conversations Family = "conversations" // begun, and how they ended
	Commitments   Family = "commitments"   // entered in the list
	Channels      Family = "channels"      // what became of connections to servers
	Clients       Family = "clients"       // of this daemon
	Faults        Family = "faults"        // our own; each is worth a report
)

// Family returns the family of c.
func (c Cause) Family() Family { return table[c].family }

// Name tells c from others of its family: lower-case words with hyphens.
func (c Cause) Name() string { return table[c].name }

// String returns family and name.
func (c Cause) String() string { return string(c.Family()) + "/" + c.Name() }
