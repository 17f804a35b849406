package coins

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// ErrOutPoint means that a text names no output of a transaction.
var ErrOutPoint = errors.New("not an outpoint: want txid:vout")

// ParseOutPoint reads "txid:vout" as peers and files write it: 64 lower-case
// hex digits in display order, a colon, and 0..2^32-1 in decimal without sign
// or leading zero. Only what wire.OutPoint.String writes is accepted, so that a
// coin has one name.
func ParseOutPoint(text string) (wire.OutPoint, error) {
	txid, vout, _ := strings.Cut(text, ":")
	if len(txid) != 2*chainhash.HashSize || len(vout) > 10 {
		return wire.OutPoint{}, ErrOutPoint
	}
	index, err := strconv.ParseUint(vout, 10, 32)
	if err != nil {
		return wire.OutPoint{}, ErrOutPoint
	}
	out := wire.OutPoint{Index: uint32(index)}
	if _, err := hex.Decode(out.Hash[:], []byte(txid)); err != nil {
		return wire.OutPoint{}, ErrOutPoint
	}
	for i, j := 0, len(out.Hash)-1; i < j; i, j = i+1, j-1 {
		out.Hash[i], out.Hash[j] = out.Hash[j], out.Hash[i]
	}
	if out.String() != text {
		return wire.OutPoint{}, ErrOutPoint
	}
	return out, nil
}
