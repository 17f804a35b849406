package core

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

const (
	// ahead is how many more indices than wanted the node watches, so that
	// growing a Count seldom needs it.
	ahead = 1000
	// maxCount bounds the indices of a branch.
	maxCount = 1 << 20
	// importTime bounds an import, for which the node derives keys and looks
	// through the last two hours of blocks.
	importTime = 10 * time.Minute
)

// watched is what the node has to notice. Owned by who holds Backend.lock.
type watched struct {
	branches map[string]*branch // by name
	// open means that the node's wallet is loaded and has is what it watches:
	// the number of indices by descriptor, 1 for those without.
	open   bool
	has    map[string]uint32
	losses int64 // Backend.losses when the wallet was opened
	// complete means that the node watches all branches.
	complete bool
	// recent is the height from which on the node has searched its blocks, and
	// its mempool, for all that it watches: it does so whenever it imports.
	recent int32
}

// branch is a chain.Branch to watch.
type branch struct {
	chain.Branch
	first []byte // script at index 0
	// searched means that the history of the first so many scripts is in the
	// node's wallet.
	searched uint32
	start    int32 // height from which on the history is searched; -1: not known yet
}

// Watch implements chain.Backend. The node also watches the next 1000 indices.
func (b *Backend) Watch(ctx context.Context, branches []chain.Branch) (err error) {
	defer b.note(&err)
	if err := b.acquire(ctx); err != nil {
		return err
	}
	defer b.release()
	b.watched.complete = false
	for _, br := range branches {
		if br.Count == 0 {
			continue
		}
		if br.Count > maxCount {
			return fmt.Errorf("a branch of %d addresses: at most %d can be watched", br.Count, maxCount)
		}
		first, err := br.Script(0)
		if err != nil {
			return err
		}
		name := normal(br.Descriptor)
		if name == "" {
			name = raw(first)
		}
		old := b.watched.branches[name]
		switch {
		case old == nil:
			b.watched.branches[name] = &branch{Branch: br, first: first, start: -1}
		case br.Birth.Before(old.Birth):
			old.Birth, old.searched, old.start = br.Birth, 0, -1
			fallthrough
		default:
			old.Count = max(old.Count, br.Count)
		}
	}
	return b.setUp(ctx)
}

// acquire takes the lock on watched.
func (b *Backend) acquire(ctx context.Context) error {
	select {
	case b.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Backend) release() { <-b.lock }

// setUp has the node's wallet loaded and watching all branches. The lock is
// held.
func (b *Backend) setUp(ctx context.Context) error {
	err := b.trySetUp(ctx)
	if rpc.HasCode(err, rpc.CodeNoWallet) { // unloaded since it was opened
		b.watched.open = false
		err = b.trySetUp(ctx)
	}
	return err
}

func (b *Backend) trySetUp(ctx context.Context) error {
	if losses := b.losses.Load(); losses != b.watched.losses {
		b.watched.open, b.watched.losses = false, losses // another node may be there now
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	if !b.watched.open {
		if err := b.openWallet(ctx); err != nil {
			return err
		}
		has, err := b.descriptors(ctx)
		if err != nil {
			return err
		}
		b.watched.has, b.watched.open, b.watched.complete, b.watched.recent = has, true, false, math.MaxInt32
		for _, br := range b.watched.branches {
			br.searched, br.start = 0, -1 // another node may have been there
		}
	}
	if b.watched.complete {
		return nil
	}
	if err := b.importMissing(ctx); err != nil {
		return err
	}
	b.watched.complete = true
	return nil
}

// descriptors asks what the node's wallet watches.
func (b *Backend) descriptors(ctx context.Context) (map[string]uint32, error) {
	var list struct {
		Descriptors []struct {
			Desc  string
			Range []uint32
		}
	}
	if err := b.wallet.Call(ctx, "listdescriptors", nil, &list); err != nil {
		return nil, err
	}
	has := make(map[string]uint32, len(list.Descriptors))
	for _, d := range list.Descriptors {
		switch {
		case len(d.Range) != 2:
			has[normal(d.Desc)] = 1
		case d.Range[0] == 0:
			has[normal(d.Desc)] = d.Range[1] + 1
		}
	}
	return has, nil
}

// want is a descriptor to import.
type want struct {
	desc  string
	count uint32 // indices; 0 if the descriptor has no range
	first []byte // script that it must give at index 0
}

// importMissing has the node watch what it does not yet. The history of the last
// two hours is found by that, and what is older by search.
func (b *Backend) importMissing(ctx context.Context) error {
	var wants []want
	for _, name := range b.watched.names() {
		more, err := b.watched.missing(b.watched.branches[name])
		if err != nil {
			return err
		}
		wants = append(wants, more...)
	}
	if len(wants) == 0 {
		return nil
	}
	sums, err := b.checksums(ctx, wants)
	if err != nil {
		return err
	}
	if err := b.compare(ctx, wants, sums); err != nil {
		return err
	}
	type request struct {
		Desc      string    `json:"desc"`
		Range     *[2]int64 `json:"range,omitempty"`
		Timestamp string    `json:"timestamp"`
		Internal  bool      `json:"internal,omitempty"`
	}
	requests := make([]request, len(wants))
	for i, w := range wants {
		requests[i] = request{Desc: w.desc + "#" + sums[i], Timestamp: "now"}
		if w.count > 0 {
			requests[i].Range = &[2]int64{0, int64(w.count) - 1}
		} else {
			// Spares two of four writes to the disk, those of an empty label
			// in the node's address book. There may be 1919 scripts of bonds.
			requests[i].Internal = true
		}
	}
	var results []struct {
		Success bool
		Error   rpc.Error
	}
	if err := b.afterSearch(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, importTime)
		defer cancel()
		return b.wallet.CallSlow(ctx, "importdescriptors", []any{requests}, &results)
	}); err != nil {
		return err
	}
	if len(results) != len(wants) {
		return fmt.Errorf("importdescriptors: %d results for %d requests", len(results), len(wants))
	}
	for i, r := range results {
		if !r.Success {
			return fmt.Errorf("importdescriptors: %w", &r.Error)
		}
		b.watched.has[wants[i].desc] = max(wants[i].count, 1)
	}
	b.watched.recent, err = b.recent(ctx)
	return err
}

// recent returns the height of a block from which on the node has searched while
// it imported: from two hours before the median time of its tip.
func (b *Backend) recent(ctx context.Context) (int32, error) {
	tip, err := b.node.ChainInfo(ctx)
	if err != nil {
		return math.MaxInt32, err
	}
	// Not quite two hours, since blocks may have been replaced.
	return chain.FirstSince(time.Unix(tip.MedianTime, 0).Add(-time.Hour), tip.Blocks, func(height int32) (time.Time, error) {
		return b.node.BlockTime(ctx, height)
	})
}

// names returns the branches in a fixed order.
func (w *watched) names() []string {
	names := make([]string, 0, len(w.branches))
	for name := range w.branches {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// missing lists what of a branch the node does not watch.
func (w *watched) missing(br *branch) (wants []want, err error) {
	if desc := normal(br.Descriptor); desc != "" {
		if w.has[desc] < br.Count {
			wants = append(wants, want{desc, br.Count + ahead, br.first})
		}
		return wants, nil
	}
	for i := range br.Count {
		script, err := br.Script(i)
		if err != nil {
			return nil, err
		}
		if desc := raw(script); w.has[desc] == 0 {
			wants = append(wants, want{desc: desc})
		}
	}
	return wants, nil
}

// checksums asks for those of descriptors.
func (b *Backend) checksums(ctx context.Context, wants []want) ([]string, error) {
	infos := make([]struct{ Checksum string }, len(wants))
	queries := make([]*rpc.Query, len(wants))
	for i, w := range wants {
		queries[i] = &rpc.Query{Method: "getdescriptorinfo", Params: []any{w.desc}, Result: &infos[i]}
	}
	if err := b.node.Batch(ctx, queries); err != nil {
		return nil, err
	}
	sums := make([]string, len(wants))
	for i, q := range queries {
		if q.Err != nil {
			return nil, fmt.Errorf("getdescriptorinfo: %w", q.Err)
		}
		sums[i] = infos[i].Checksum
	}
	return sums, nil
}

// compare makes sure that the node derives the same scripts from descriptors
// as the wallet does: otherwise coins would be overlooked.
func (b *Backend) compare(ctx context.Context, wants []want, sums []string) error {
	for i, w := range wants {
		if w.count == 0 {
			continue
		}
		var addresses []string
		if err := b.node.Call(ctx, "deriveaddresses", []any{w.desc + "#" + sums[i], []int{0, 0}}, &addresses); err != nil {
			return err
		}
		own, err := b.address(w.first)
		if err != nil {
			return err
		}
		if len(addresses) != 1 || addresses[0] != own {
			return errors.New("the node derives other addresses than the wallet from its descriptor")
		}
	}
	return nil
}

// address returns the address of a script.
func (b *Backend) address(script []byte) (string, error) {
	_, addresses, _, err := txscript.ExtractPkScriptAddrs(script, b.cfg.Params)
	if err != nil || len(addresses) != 1 {
		return "", errors.New("a script to watch has no address")
	}
	return addresses[0].EncodeAddress(), nil
}

// raw is the descriptor of one script (BIP 386 calls it raw too).
func raw(script []byte) string { return "raw(" + hex.EncodeToString(script) + ")" }

// normal is the form of a descriptor in which two of them can be compared:
// without checksum, hardened steps with h.
func normal(desc string) string {
	desc, _, _ = strings.Cut(desc, "#")
	return strings.ReplaceAll(desc, "'", "h")
}
