package filters

import (
	"errors"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"
	"github.com/btcsuite/btcd/btcutil/v2/gcs/builder"
	"github.com/btcsuite/btcd/chainhash/v2"
)

// bitsPerElement is the least that a filter needs for each: the remainder and
// one bit of the quotient (BIP 158).
const bitsPerElement = builder.DefaultP + 1

// errClaim: a number of elements that the bytes cannot hold would take up
// memory.
var errClaim = errors.New("the filter claims more elements than it has")

// Match asks a block's filter, as nodes send it, whether the block may touch
// any of the scripts.
func Match(raw []byte, block chainhash.Hash, scripts [][]byte) (bool, error) {
	if len(raw) == 0 {
		return false, nil
	}
	filter, err := gcs.FromNBytes(builder.DefaultP, builder.DefaultM, raw)
	if err != nil {
		return false, err
	}
	return MatchParsed(filter, block, scripts)
}

// MatchParsed is Match for a filter that was parsed already.
func MatchParsed(filter *gcs.Filter, block chainhash.Hash, scripts [][]byte) (bool, error) {
	if filter.N() == 0 || len(scripts) == 0 {
		return false, nil
	}
	raw, err := filter.Bytes()
	if err != nil {
		return false, err
	}
	if uint64(filter.N()) > uint64(len(raw))*8/bitsPerElement {
		return false, errClaim
	}
	return filter.MatchAny(builder.DeriveKey(&block), scripts)
}
