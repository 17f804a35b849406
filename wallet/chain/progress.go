package chain

import "time"

// Progresser is a Backend that tells how far a search that takes long has come.
type Progresser interface {
	// Progress returns false while nothing is searched. It never waits.
	Progress() (Progress, bool)
}

// Progress is how far something has come.
type Progress struct {
	What     string        // such as "searching the chain for the wallet's history"
	Permille int           // of the work that is done, 0..1000
	Left     time.Duration // estimate of the time still needed; 0: not known yet
}
