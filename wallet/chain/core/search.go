package core

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// progressEvery is how often a search is looked after, and logEvery how
	// many times that until its progress is logged.
	progressEvery = time.Second
	logEvery      = 10
	// abortTime bounds how long it may take to call off a search.
	abortTime = 10 * time.Second
	// markFormat is the label that the first address of a branch gets in the
	// node's wallet once its history was searched: the number of addresses, and
	// the birth in Unix seconds. So a search that was cut off is done again,
	// and one that was completed is not, by whichever process.
	markFormat = "joinmarket: history of %d addresses searched since %d"
)

// search finds the history of what the node newly watches, which may take
// hours. since is where the caller goes on from: before the birth of a branch,
// all of its addresses need their history. The lock is held.
func (b *Backend) search(ctx context.Context, since chain.BlockID) error {
	tip, err := b.node.ChainInfo(ctx)
	if err != nil {
		return err
	}
	from := tip.Blocks + 1
	var found []*branch
	for _, name := range b.watched.names() {
		br := b.watched.branches[name]
		if br.searched == 0 {
			if br.searched, err = b.mark(ctx, br); err != nil {
				return err
			}
		}
		if br.searched >= br.Count {
			continue
		}
		if br.start < 0 {
			if br.start, err = b.node.HeightBefore(ctx, br.Birth, tip.Blocks); err != nil {
				return err
			}
		}
		if br.searched > 0 && since.Height > br.start {
			continue // only fresh addresses were added
		}
		from = min(from, br.start)
		found = append(found, br)
	}
	if len(found) == 0 {
		return nil
	}
	if tip.Pruned && from < tip.PruneHeight {
		return fmt.Errorf("%w below %d, and the wallet's history may begin at %d: use a node that is not pruned, "+
			"or give the wallet a later birth if it is not that old", chain.ErrPruned, tip.PruneHeight, from)
	}
	b.log.Info("searching the chain for the wallet's history", "from", from, "to", tip.Blocks)
	if err := b.afterSearch(ctx, func() error { return b.rescan(ctx, from) }); err != nil {
		return err
	}
	for _, br := range found {
		if err := b.setMark(ctx, br); err != nil {
			return err
		}
	}
	return nil
}

// afterSearch calls a function that the node refuses while its wallet is being
// searched, as by a process that was killed: then it waits and tries again.
func (b *Backend) afterSearch(ctx context.Context, call func() error) error {
	for {
		err := call()
		if !rpc.HasCode(err, rpc.CodeWallet) {
			return err
		}
		if busy, infoErr := b.searching(ctx); infoErr != nil || !busy {
			return errors.Join(err, infoErr)
		}
		if err := b.waitSearched(ctx, nil); err != nil {
			return err
		}
	}
}

// rescan has the node search its blocks from a height on.
func (b *Backend) rescan(ctx context.Context, from int32) error {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.wallet.CallSlow(call, "rescanblockchain", []any{from}, nil) }()
	err := b.waitSearched(ctx, done)
	if ctx.Err() != nil {
		// The node would go on without anybody waiting.
		after, stop := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer stop()
		if err := b.wallet.Call(after, "abortrescan", nil, nil); err != nil {
			b.log.Warn("the node goes on searching", "err", err)
		}
		return context.Cause(ctx)
	}
	return err
}

// waitSearched waits until the node's search has ended. done delivers the
// answer of the call that began it; it is nil for the search of somebody else.
// That call may be cut off on the way, which is no harm: the node goes on.
func (b *Backend) waitSearched(ctx context.Context, done <-chan error) error {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for ticks := 1; ; ticks++ {
		var cutOff error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case cutOff = <-done:
			if !errors.Is(cutOff, chain.ErrUnreachable) {
				return cutOff
			}
			done = nil
		case <-ticker.C:
		}
		info, err := b.walletInfo(ctx)
		if err != nil {
			return err
		}
		progress, busy := info.scanning()
		if !busy && done == nil {
			// Without an answer and without a search, none was completed.
			return cutOff
		}
		if busy && ticks%logEvery == 0 {
			b.log.Info("searching the chain for the wallet's history", "done", progress.String())
		}
	}
}

func (b *Backend) searching(ctx context.Context) (bool, error) {
	info, err := b.walletInfo(ctx)
	_, busy := info.scanning()
	return busy, err
}

// mark returns how many addresses of a branch were searched since its birth.
func (b *Backend) mark(ctx context.Context, br *branch) (uint32, error) {
	address, err := b.address(br.first)
	if err != nil {
		return 0, err
	}
	var info struct{ Labels []string }
	if err := b.wallet.Call(ctx, "getaddressinfo", []any{address}, &info); err != nil {
		return 0, err
	}
	for _, label := range info.Labels {
		var count uint32
		var birth int64
		if _, err := fmt.Sscanf(label, markFormat, &count, &birth); err == nil && birth <= br.Birth.Unix() {
			return count, nil
		}
	}
	return 0, nil
}

// setMark notes in the node's wallet that a branch was searched.
func (b *Backend) setMark(ctx context.Context, br *branch) error {
	address, err := b.address(br.first)
	if err != nil {
		return err
	}
	count := br.Count
	if br.Descriptor != "" {
		count = b.watched.has[normal(br.Descriptor)] // the node's wallet looked ahead
	}
	label := fmt.Sprintf(markFormat, count, br.Birth.Unix())
	if err := b.wallet.Call(ctx, "setlabel", []any{address, label}, nil); err != nil {
		return err
	}
	br.searched = count
	return nil
}
