package line

import (
	"math"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// UTXO names a coin.
type UTXO struct {
	TxID string // 64 lower-case hex digits, in the byte order of RPC
	Vout uint32
}

// String writes txid:vout.
func (u UTXO) String() string { return u.TxID + ":" + strconv.FormatUint(uint64(u.Vout), 10) }

// maxScript is the greatest size of a script in an extended coin, in bytes.
const maxScript = 10_000

// ParseUTXO reads txid:vout, or txid:vout:script:height as joinmarket-ng writes
// it among peers that announce neutrino_compat. We do not announce it and look
// a coin up ourselves, so script and height must be well formed and are dropped.
func ParseUTXO(text string) (UTXO, error) {
	parts := strings.SplitN(text, ":", 5)
	if len(parts) != 2 && len(parts) != 4 || !protocol.IsHex(parts[0], 32) {
		return UTXO{}, ErrForm
	}
	vout, ok := protocol.ParseNumber(parts[1], math.MaxUint32)
	if !ok {
		return UTXO{}, ErrNumber
	}
	if len(parts) == 4 {
		script, height := parts[2], parts[3]
		if script == "" || len(script) > 2*maxScript || !protocol.IsHex(script, len(script)/2) {
			return UTXO{}, ErrForm
		}
		if _, ok := protocol.ParseNumber(height, math.MaxInt32); !ok {
			return UTXO{}, ErrNumber
		}
	}
	return UTXO{parts[0], uint32(vout)}, nil
}

// utxo reads one coin of a field.
func (r *reader) utxo(name, text string) UTXO {
	u, err := ParseUTXO(text)
	if err != nil {
		r.fail(name, err)
	}
	return u
}
