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
	after, err := FirstSince(birth.Add(-birthMargin), tip, blockTime)
	if err != nil {
		return 0, err
	}
	return max(after-1, 0), nil
}

// FirstSince returns the height of a block that is not stamped before a time,
// tip+1 if none is found. It is the first one as far as times ascend, which they
// do but for two hours. blockTime is that of HeightBefore.
func FirstSince(at time.Time, tip int32, blockTime func(height int32) (time.Time, error)) (int32, error) {
	var failed error
	first := sort.Search(int(tip)+1, func(height int) bool {
		if failed != nil {
			return true
		}
		var stamped time.Time
		stamped, failed = blockTime(int32(height))
		return failed != nil || !stamped.Before(at)
	})
	return int32(first), failed
}
