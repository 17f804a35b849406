package main

import (
	"math"
	"slices"
	"sync"
	"time"
)

// seen collects what the participants see. Its methods are safe from any
// goroutine.
type seen struct {
	mu       sync.Mutex
	window   window
	troubles map[string]string // the last of each kind of participant
}

// window is what was seen since the last look.
type window struct {
	relays        []float64 // ms
	conversations []float64 // s, of those that were done
	failures      []string  // of honest conversations
	troubles      map[string]string
}

func (s *seen) relay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window.relays = append(s.window.relays, float64(d.Microseconds())/1000)
}

func (s *seen) conversation(took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.window.failures = append(s.window.failures, err.Error())
		return
	}
	s.window.conversations = append(s.window.conversations, took.Seconds())
}

// trouble is what kept somebody from taking part.
func (s *seen) trouble(who string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.troubles == nil {
		s.troubles = make(map[string]string)
	}
	s.troubles[who] = err.Error()
}

// take returns what was seen since it was called last.
func (s *seen) take() window {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.window
	w.troubles, s.troubles, s.window = s.troubles, nil, window{}
	return w
}

// median is not a number for none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
