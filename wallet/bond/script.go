package bond

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/txscript/v2"
)

// keySize is that of a compressed public key.
const keySize = btcec.PubKeyBytesLenCompressed

// ErrScript: a script is not the one of a fidelity bond.
var ErrScript = errors.New("not the script of a fidelity bond")

// Redeem returns the script that a bond's output hides. The locktime is a Unix
// time in seconds; nothing else is asked of it.
func Redeem(locktime uint32, pubKey [keySize]byte) []byte {
	// The builder fails for scripts of thousands of bytes only.
	script, _ := txscript.NewScriptBuilder().AddInt64(int64(locktime)).AddOp(txscript.OP_CHECKLOCKTIMEVERIFY).
		AddOp(txscript.OP_DROP).AddData(pubKey[:]).AddOp(txscript.OP_CHECKSIG).Script()
	return script
}

// ParseRedeem is the inverse of Redeem; ErrScript for any other script. Whether
// the key is a point of the curve is not looked at.
func ParseRedeem(script []byte) (locktime uint32, pubKey [keySize]byte, err error) {
	tokens := txscript.MakeScriptTokenizer(0, script)
	if !tokens.Next() || len(script) < keySize+1 {
		return 0, pubKey, ErrScript
	}
	var n int64
	if op := tokens.Opcode(); op >= txscript.OP_1 && op <= txscript.OP_16 {
		n = int64(op) - (txscript.OP_1 - 1)
	} else if number, err := txscript.MakeScriptNum(tokens.Data(), true, 5); err == nil {
		n = int64(number)
	}
	if n < 0 || n > 1<<32-1 {
		return 0, pubKey, ErrScript
	}
	copy(pubKey[:], script[len(script)-1-keySize:])
	if !bytes.Equal(Redeem(uint32(n), pubKey), script) {
		return 0, [keySize]byte{}, ErrScript
	}
	return uint32(n), pubKey, nil
}

// Script returns the output script of a bond: P2WSH of what Redeem returns.
func Script(redeem []byte) []byte {
	hash := sha256.Sum256(redeem)
	return slices.Concat([]byte{txscript.OP_0, txscript.OP_DATA_32}, hash[:])
}
