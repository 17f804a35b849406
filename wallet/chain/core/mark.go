package core

import (
	"context"
	"fmt"
)

// The label that the first address of a branch gets in the node's wallet says
// how much of its history is there: the number of addresses, the birth in Unix
// seconds and, before the search is complete, the block that it came to. So
// one that was cut off goes on where it was, and one that was completed is not
// done again, by whichever process.
const (
	markFormat    = "joinmarket: history of %d addresses searched since %d"
	partialFormat = "joinmarket: searching history of %d addresses since %d, done up to block %d"
)

// mark is what such a label says. The zero value: nothing was searched.
type mark struct {
	count   uint32 // addresses
	height  int32  // of a partial one
	partial bool
}

// readMark returns how far a branch was searched since its birth.
func (b *Backend) readMark(ctx context.Context, br *branch) (mark, error) {
	address, err := b.address(br.first)
	if err != nil {
		return mark{}, err
	}
	var info struct{ Labels []string }
	if err := b.wallet.Call(ctx, "getaddressinfo", []any{address}, &info); err != nil {
		return mark{}, err
	}
	for _, label := range info.Labels {
		var m mark
		var birth int64
		_, err := fmt.Sscanf(label, markFormat, &m.count, &birth)
		if err != nil {
			m.partial = true
			_, err = fmt.Sscanf(label, partialFormat, &m.count, &birth, &m.height)
		}
		if err == nil && birth <= br.Birth.Unix() {
			return m, nil
		}
	}
	return mark{}, nil
}

// writeMark notes in the node's wallet how far a branch was searched.
func (b *Backend) writeMark(ctx context.Context, br *branch, m mark) error {
	address, err := b.address(br.first)
	if err != nil {
		return err
	}
	label := fmt.Sprintf(markFormat, m.count, br.Birth.Unix())
	if m.partial {
		label = fmt.Sprintf(partialFormat, m.count, br.Birth.Unix(), m.height)
	}
	return b.wallet.Call(ctx, "setlabel", []any{address, label}, nil)
}

// count is how many addresses of a branch the node's wallet watches.
func (b *Backend) count(br *branch) uint32 {
	if br.Descriptor == "" {
		return br.Count
	}
	return b.watched.has[normal(br.Descriptor)] // it looks ahead
}
