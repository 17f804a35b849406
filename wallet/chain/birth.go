package chain

import (
	"sort"
	"time"
)

// birthMargin is how much earlier than a birth a search begins: block times may
// be off by two hours, and clocks of users by more.
const birthMargin = 24 * time.Hour

// HeightBefore returns a height, at most that of tip, up to which no block can
// have a transaction made after birth. blockTime tells the time of the block at
// a height; an error of it ends the search.
func HeightBefore(birth time.Time, tip int32, blockTime func(height int32) (time.Time, error)) (int32, error) {
	if birth.IsZero() {
		return 0, nil
	}
	var failed error
	// Times of blocks do not quite ascend, but by far less than the margin.
	after := sort.Search(int(tip)+1, func(height int) bool {
		if failed != nil {
			return true
		}
		var at time.Time
		at, failed = blockTime(int32(height))
		return failed != nil || !at.Before(birth.Add(-birthMargin))
	})
	if failed != nil {
		return 0, failed
	}
	return max(int32(after)-1, 0), nil
}
