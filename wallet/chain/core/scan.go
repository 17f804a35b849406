package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

var _ chain.Scanner = (*Backend)(nil)

// errScan: the node's answer to scantxoutset is not what was asked for.
var errScan = errors.New("the node's list of unspent outputs is wrong")

// Scan implements chain.Scanner. A node looks through its unspent outputs for
// one caller at a time: Scan waits for its turn. When ctx ends, the node's
// search is called off.
func (b *Backend) Scan(ctx context.Context, branches []chain.Branch) (_ chain.Found, err error) {
	defer b.note(&err)
	if err := b.check(ctx); err != nil {
		return chain.Found{}, err
	}
	objects, err := scanObjects(branches)
	if err != nil {
		return chain.Found{}, err
	}
	answer, err := b.scan(ctx, objects)
	if err != nil {
		return chain.Found{}, err
	}
	found := chain.Found{
		Tip:   chain.BlockID{Height: answer.Height, Hash: answer.BestBlock},
		Coins: make([]chain.FoundCoin, len(answer.Unspents)),
	}
	f := finder{branches: branches, origins: make(map[string]int)}
	for i, u := range answer.Unspents {
		branch, index, err := f.find(u.Desc, u.ScriptPubKey)
		if err != nil {
			return chain.Found{}, err
		}
		found.Coins[i] = chain.FoundCoin{
			OutPoint: wire.OutPoint{Hash: u.TxID, Index: u.Vout},
			Value:    sats.Amount(u.Amount), Height: u.Height, Coinbase: u.Coinbase,
			Branch: branch, Index: index,
		}
	}
	return found, nil
}

// scanObject is something to look for.
type scanObject struct {
	Desc  string     `json:"desc"`
	Range *[2]uint32 `json:"range,omitempty"`
}

func scanObjects(branches []chain.Branch) ([]scanObject, error) {
	var objects []scanObject
	for _, br := range branches {
		switch {
		case br.Count > maxCount:
			return nil, fmt.Errorf("a branch of %d addresses: at most %d can be looked for", br.Count, maxCount)
		case br.Count == 0:
		case br.Descriptor != "":
			objects = append(objects, scanObject{flat(normal(br.Descriptor)), &[2]uint32{0, br.Count - 1}})
		default:
			for i := range br.Count {
				script, err := br.Script(i)
				if err != nil {
					return nil, err
				}
				objects = append(objects, scanObject{Desc: raw(script)})
			}
		}
	}
	return objects, nil
}

// flat puts the step before the last of a ranged descriptor into its key, since
// the node derives both steps anew for each index: of wpkh([origin]key/0/*) it
// makes wpkh([origin/0]key/*). Any other form remains as it is.
func flat(desc string) string {
	slash := strings.LastIndex(desc, "/*")
	before := strings.LastIndexByte(desc[:max(slash, 0)], '/')
	begin := strings.LastIndexAny(desc[:max(before, 0)], "(]") + 1
	if begin <= 0 {
		return desc
	}
	step, err := strconv.ParseUint(desc[before+1:slash], 10, 31)
	if err != nil {
		return desc
	}
	key, err := hdkeychain.NewKeyFromString(desc[begin:before])
	if err != nil {
		return desc
	}
	child, err := key.Derive(uint32(step))
	if err != nil {
		return desc
	}
	head, hasOrigin := strings.CutSuffix(desc[:begin], "]")
	if hasOrigin {
		head = fmt.Sprintf("%s/%d]", head, step)
	}
	return head + child.String() + desc[slash:]
}

// scanned is the answer of scantxoutset.
type scanned struct {
	Success   bool
	Height    int32
	BestBlock chainhash.Hash
	Unspents  []struct {
		TxID         chainhash.Hash
		Vout         uint32
		ScriptPubKey rpc.Hex
		Desc         string
		Amount       rpc.BTC
		Coinbase     bool
		Height       int32
	}
}

// scan has the node look for the objects.
func (b *Backend) scan(ctx context.Context, objects []scanObject) (*scanned, error) {
	for {
		call, cancel := context.WithCancel(ctx)
		var answer scanned
		done := make(chan error, 1)
		go func() { done <- b.node.CallSlow(call, "scantxoutset", []any{"start", objects}, &answer) }()
		err := b.waitScanned(ctx, done)
		cancel()
		switch {
		case ctx.Err() != nil:
			after, stop := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
			defer stop()
			if err := b.node.Call(after, "scantxoutset", []any{"abort"}, nil); err != nil {
				b.log.Warn("the node goes on searching", "err", err)
			}
			return nil, context.Cause(ctx)
		case err == nil && !answer.Success:
			return nil, fmt.Errorf("%w: the search was called off", chain.ErrUnreachable)
		case err == nil:
			return &answer, nil
		case !rpc.HasCode(err, rpc.CodeInvalidParameter):
			return nil, err
		}
		// Refused, as it seems because of somebody else's search.
		if busy, statusErr := b.scanShare(ctx); statusErr != nil || busy < 0 {
			return nil, errors.Join(err, statusErr)
		}
		if err := b.waitScanned(ctx, nil); err != nil {
			return nil, err
		}
	}
}

// waitScanned waits until done delivers the answer of the search. If it is nil,
// somebody else's search has to end.
func (b *Backend) waitScanned(ctx context.Context, done <-chan error) error {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	if done != nil {
		b.progress.Begin(scanning, 0, 0, 100)
		defer b.progress.End()
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-done:
			return err
		case <-ticker.C:
		}
		share, err := b.scanShare(ctx)
		switch {
		case done != nil && err == nil:
			b.progress.At(share)
		case done == nil && (err != nil || share < 0):
			return err
		}
	}
}

// scanShare returns how far a search of the unspent outputs is, in percent, or
// -1 if there is none.
func (b *Backend) scanShare(ctx context.Context) (int64, error) {
	var status *struct{ Progress json.Number }
	if err := b.node.Call(ctx, "scantxoutset", []any{"status"}, &status); err != nil || status == nil {
		return -1, err
	}
	percent, err := status.Progress.Float64()
	if err != nil || !(percent >= 0 && percent <= 100) {
		return 0, nil
	}
	return int64(percent), nil
}

// finder tells whose a script is, from the descriptor that the node gives with
// it: kind([fingerprint/path/index]key).
type finder struct {
	branches []chain.Branch
	origins  map[string]int    // branches by what comes before the index
	single   map[string][2]int // branch and index by script, of branches without descriptor
}

func (f *finder) find(desc string, script []byte) (branch int, index uint32, err error) {
	origin, number := splitOrigin(desc)
	if origin == "" {
		return f.findSingle(script)
	}
	branch, known := f.origins[origin]
	if known && f.is(branch, number, script) {
		return branch, number, nil
	}
	for branch := range f.branches {
		if f.branches[branch].Descriptor != "" && f.is(branch, number, script) {
			f.origins[origin] = branch
			return branch, number, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: nobody asked for one of the scripts", errScan)
}

// is reports whether a branch has the script at an index.
func (f *finder) is(branch int, index uint32, script []byte) bool {
	if index >= f.branches[branch].Count {
		return false
	}
	own, err := f.branches[branch].Script(index)
	return err == nil && string(own) == string(script)
}

func (f *finder) findSingle(script []byte) (branch int, index uint32, err error) {
	if f.single == nil {
		f.single = make(map[string][2]int)
		for i, br := range f.branches {
			for index := uint32(0); br.Descriptor == "" && index < br.Count; index++ {
				own, err := br.Script(index)
				if err != nil {
					return 0, 0, err
				}
				f.single[string(own)] = [2]int{i, int(index)}
			}
		}
	}
	at, ok := f.single[string(script)]
	if !ok {
		return 0, 0, fmt.Errorf("%w: nobody asked for one of the scripts", errScan)
	}
	return at[0], uint32(at[1]), nil
}

// splitOrigin returns what a descriptor says before the last step of its key's
// path, and that step; "" if it names no path.
func splitOrigin(desc string) (origin string, index uint32) {
	path, _, ok := strings.Cut(normal(desc), "]")
	slash := strings.LastIndexByte(path, '/')
	if !ok || slash < 0 {
		return "", 0
	}
	number, err := strconv.ParseUint(path[slash+1:], 10, 32)
	if err != nil {
		return "", 0
	}
	return path[:slash], uint32(number)
}
