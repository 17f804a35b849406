package status

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Join is what the outputs of a CoinJoin show to everybody.
type Join struct {
	Amount       sats.Amount // of each of the equal outputs
	Participants int         // equal outputs, at least 2
}

// CoinJoin tells from the outputs whether a transaction looks like a CoinJoin,
// by the rule of the reference: among the outputs, those to one script taken
// together, the commonest value comes at least twice, and the other outputs are
// as many, or one fewer as in a sweep. Of two values that are equally common
// the first counts.
//
// It is a guess: nothing forbids a payment of such a shape.
func CoinJoin(tx *wire.MsgTx) (j Join, ok bool) {
	outputs := merged(tx)
	count := make(map[int64]int)
	for _, value := range outputs {
		count[value]++
	}
	for _, value := range outputs {
		if count[value] > j.Participants {
			j = Join{Amount: sats.Amount(value), Participants: count[value]}
		}
	}
	rest := len(outputs) - j.Participants
	if j.Participants < 2 || rest != j.Participants && rest != j.Participants-1 {
		return Join{}, false
	}
	return j, true
}

// merged returns what each script gets, in the order of the outputs.
func merged(tx *wire.MsgTx) []int64 {
	values := make([]int64, 0, len(tx.TxOut))
	at := make(map[string]int, len(tx.TxOut))
	for _, out := range tx.TxOut {
		i, again := at[string(out.PkScript)]
		if !again {
			at[string(out.PkScript)] = len(values)
			values = append(values, out.Value)
			continue
		}
		values[i] += out.Value
	}
	return values
}
