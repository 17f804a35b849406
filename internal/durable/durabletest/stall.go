package durabletest

import (
	"io/fs"
	"sync/atomic"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// Stalled is a disk that stands still: what is appended is neither written nor
// flushed before Go is closed, and waits.
type Stalled struct {
	durable.System
	Go    chan struct{}
	Syncs atomic.Int64 // flushes that were done
}

// NewStalled returns one over the file system of the operating system.
func NewStalled() *Stalled { return &Stalled{System: durable.OS, Go: make(chan struct{})} }

// Append implements durable.System.
func (s *Stalled) Append(name string, perm fs.FileMode) (durable.Journal, error) {
	j, err := s.System.Append(name, perm)
	if err != nil {
		return nil, err
	}
	return stalledJournal{j, s}, nil
}

type stalledJournal struct {
	durable.Journal
	disk *Stalled
}

func (j stalledJournal) Write(b []byte) (int, error) {
	<-j.disk.Go
	return j.Journal.Write(b)
}

func (j stalledJournal) Sync() error {
	<-j.disk.Go
	j.disk.Syncs.Add(1)
	return j.Journal.Sync()
}
