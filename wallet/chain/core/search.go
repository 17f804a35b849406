package core

import (
	"context"
	"encoding/json"
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
	// searchStep is how many blocks are searched at once: what a search loses
	// when it is cut off.
	searchStep = 2000
)

// search finds the history of what the node newly watches, which may take
// hours. since is where the caller goes on from: before the birth of a branch,
// all of its addresses need their history. The lock is held.
func (b *Backend) search(ctx context.Context, since chain.BlockID) error {
	tip, err := b.node.ChainInfo(ctx)
	if err != nil {
		return err
	}
	first, from := tip.Blocks+1, tip.Blocks+1
	var found []*branch
	for _, name := range b.watched.names() {
		br := b.watched.branches[name]
		// Whether only addresses were added that nobody used yet.
		fresh := func() bool { return br.searched > 0 && br.start >= 0 && since.Height > br.start }
		if br.searched >= br.Count || fresh() {
			continue
		}
		done, err := b.readMark(ctx, br)
		if err != nil {
			return err
		}
		if !done.partial {
			br.searched = max(br.searched, done.count)
		}
		if br.start < 0 {
			if br.start, err = b.node.HeightBefore(ctx, br.Birth, tip.Blocks); err != nil {
				return err
			}
		}
		if br.searched >= br.Count || fresh() {
			continue
		}
		first = min(first, br.start)
		next := br.start
		if done.partial && done.count >= br.Count {
			next = max(next, min(done.height, tip.Blocks)) // that block once more, so that there is one
		}
		from = min(from, next)
		found = append(found, br)
	}
	if len(found) == 0 {
		return nil
	}
	if tip.Pruned && from < tip.PruneHeight {
		return fmt.Errorf("%w below %d, and the wallet's history may begin at %d: use a node that is not pruned, "+
			"or give the wallet a later birth if it is not that old", chain.ErrPruned, tip.PruneHeight, from)
	}
	last := min(tip.Blocks, b.watched.recent-1) // what follows is searched
	if from <= last {
		b.log.Info("searching the chain for the wallet's history", "from", from, "to", last)
		if err := b.searchSteps(ctx, found, first, from, last); err != nil {
			return err
		}
	}
	if err := b.writeMarks(ctx, found, last, false); err != nil {
		return err
	}
	for _, br := range found {
		br.searched = b.count(br)
	}
	return nil
}

// writeMarks notes in the node's wallet how far branches were searched.
func (b *Backend) writeMarks(ctx context.Context, found []*branch, height int32, partial bool) error {
	for _, br := range found {
		if err := b.writeMark(ctx, br, mark{b.count(br), height, partial}); err != nil {
			return err
		}
	}
	return nil
}

// searchSteps searches the blocks from..last, and marks after every step but the
// last how far it came. The whole search began at first.
func (b *Backend) searchSteps(ctx context.Context, found []*branch, first, from, last int32) error {
	weigh := b.weights(ctx, last)
	b.progress.Begin(searching, weigh(first), weigh(from), weigh(last))
	defer b.progress.End()
	for from <= last {
		to := min(last, from+b.step-1)
		part := span{weigh(from), weigh(to)}
		if err := b.afterSearch(ctx, func() error { return b.rescan(ctx, from, to, part) }); err != nil {
			return err
		}
		b.progress.At(part.last)
		if to < last {
			if err := b.writeMarks(ctx, found, to, true); err != nil {
				return err
			}
		}
		b.log.Debug("searched blocks", "from", from, "to", to)
		from = to + 1
	}
	return nil
}

// span is a part of the work that progress measures.
type span struct{ first, last int64 }

// at is the point of the span at a share of it, 0..1 as text.
func (s span) at(share json.Number) int64 {
	part, err := share.Float64()
	if err != nil || !(part >= 0 && part <= 1) {
		return s.first
	}
	return s.first + int64(part*float64(s.last-s.first))
}

// weights returns a measure of the work up to a height: the number of
// transactions, or that of blocks if the node cannot count them.
func (b *Backend) weights(ctx context.Context, last int32) func(height int32) int64 {
	count := func(height int32) int64 {
		hash, err := b.node.BlockHash(ctx, height)
		var stats struct{ TxCount int64 }
		if err == nil {
			err = b.node.Call(ctx, "getchaintxstats", []any{0, hash.String()}, &stats)
		}
		if err != nil {
			return 0 // the measure is only for show
		}
		return stats.TxCount
	}
	all := count(last)
	if all == 0 {
		return func(height int32) int64 { return int64(height) }
	}
	return func(height int32) int64 { return min(count(height), all) }
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
		if err := b.waitSearched(ctx, nil, span{}); err != nil {
			return err
		}
	}
}

// rescan has the node search its blocks from..to, which are a part of the work.
func (b *Backend) rescan(ctx context.Context, from, to int32, part span) error {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.wallet.CallSlow(call, "rescanblockchain", []any{from, to}, nil) }()
	err := b.waitSearched(ctx, done, part)
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
// part is what the search is of the work.
func (b *Backend) waitSearched(ctx context.Context, done <-chan error, part span) error {
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
		if busy {
			b.progress.At(part.at(progress))
		}
		if how, ok := b.Progress(); ok && ticks%logEvery == 0 {
			b.log.Info(how.What, "permille", how.Permille, "left", how.Left.Round(time.Second))
		}
	}
}

func (b *Backend) searching(ctx context.Context) (bool, error) {
	info, err := b.walletInfo(ctx)
	_, busy := info.scanning()
	return busy, err
}
