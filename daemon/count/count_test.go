package count

import (
	"regexp"
	"sync"
	"testing"
)

func TestSet(t *testing.T) {
	var s Set
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 1000 {
				s.Inc(LimitFills)
				s.Add(InPublic, 2)
			}
		})
	}
	running.Wait()
	n := 0
	for c, got := range s.All() {
		if want := map[Cause]uint64{LimitFills: 8000, InPublic: 16000}[c]; got != want || s.Get(c) != want {
			t.Errorf("%v is %d, want %d", c, got, want)
		}
		n++
	}
	if n != int(causes) {
		t.Errorf("%d causes of %d", n, causes)
	}
	for range s.All() {
		break // ends it
	}
}

// TestNilCountsNothing: parts of a daemon can run without.
func TestNilCountsNothing(t *testing.T) {
	var s *Set
	s.Inc(LimitFills)
	if s.Get(LimitFills) != 0 {
		t.Error("counted")
	}
}

// TestCausesHaveNames: each its own, fit for a label.
func TestCausesHaveNames(t *testing.T) {
	fit := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for c := range causes {
		if !fit.MatchString(c.Name()) || !fit.MatchString(string(c.Family())) {
			t.Errorf("cause %d is %q", c, c)
		}
		if seen[c.String()] {
			t.Errorf("two causes are %q", c)
		}
		seen[c.String()] = true
	}
}
