package maker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Agreement is the maker's own record of what it and one taker promised each
// other. A transaction is judged by it alone, never by what the daemon repeats.
type Agreement struct {
	Offer        protocol.Offer
	Amount       sats.Amount  // of the CoinJoin
	Inputs       []coins.Coin // revealed to the taker, the authorising one first
	CJScript     []byte       // receives at least Amount
	ChangeScript []byte       // receives at least Change()
}

// Earning is what the CoinJoin brings: the fee less the contribution to the
// miner fee. The wallet never signs for less than nothing.
func (a Agreement) Earning() (sats.Amount, error) {
	fee, err := a.Offer.Fee(a.Amount)
	return fee - a.Offer.TxFee, err
}

// Change is the least the change output must hold: the inputs less the amount,
// plus the earning.
func (a Agreement) Change() (sats.Amount, error) {
	earning, err := a.Earning()
	if err != nil {
		return 0, err
	}
	change := earning - a.Amount
	for _, c := range a.Inputs {
		change += c.Value
	}
	return change, nil
}

// Rules of Verify, in the order in which they are checked.
var (
	ErrTxForm        = errors.New("not an unsigned transaction in its one serialisation")
	ErrTxVersion     = errors.New("transaction version is neither 1 nor 2")
	ErrRepeatedInput = errors.New("an input occurs twice")
	ErrMissingInput  = errors.New("an input agreed on is missing")
	ErrOwnInput      = errors.New("spends a coin of ours that was not offered")
	ErrLocked        = errors.New("transaction is locked for longer than two blocks")
	ErrOutputs       = errors.New("outputs are not those of a CoinJoin")
	ErrEarning       = errors.New("the maker would pay instead of earn")
	ErrSameScript    = errors.New("CoinJoin and change address are the same")
	ErrCJOutput      = errors.New("CoinJoin output must occur exactly once")
	ErrChangeOutput  = errors.New("change output must occur exactly once")
	ErrCJTooLow      = errors.New("CoinJoin output is too low")
	ErrChangeTooLow  = errors.New("change output is too low")
)

const (
	inputSize     = 41 // bytes of an input with an empty script
	minOutputSize = 9
	// lockBlocks is how many blocks a transaction's lock time may lie ahead:
	// the taker's node may be a little in front of ours.
	lockBlocks         = 2
	lockTimeIsTime     = 500_000_000 // from here on a lock time counts seconds
	sequenceNoRelative = 1 << 31     // BIP 68: set, the input has no relative lock
)

// Verify decides whether we may sign raw. height is that of the best block, and
// ours reports whether the wallet owns an unspent coin, frozen ones included.
// It returns the transaction, or an error that wraps the first broken rule
// (spec: taker-maker.md 13.6, attacks M11 to M15 and M18 to M20).
func Verify(raw []byte, a Agreement, height int32, ours func(wire.OutPoint) bool) (*wire.MsgTx, error) {
	tx, err := decode(raw)
	if err != nil {
		return nil, err
	}
	for _, check := range []func() error{
		func() error { return checkInputs(tx, a, ours) },
		func() error { return checkLocks(tx, height) },
		func() error { return checkOutputs(tx) },
		func() error { return checkPayments(tx, a) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return tx, nil
}

// decode parses an unsigned transaction and refuses every other spelling of
// it: what is signed is what was parsed.
func decode(raw []byte) (*wire.MsgTx, error) {
	if !plausible(raw) {
		return nil, ErrTxForm
	}
	tx := new(wire.MsgTx)
	if err := tx.DeserializeNoWitness(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrTxForm, err)
	}
	var again bytes.Buffer
	again.Grow(len(raw))
	if err := tx.SerializeNoWitness(&again); err != nil || !bytes.Equal(again.Bytes(), raw) {
		return nil, fmt.Errorf("%w: it does not encode back to the same bytes", ErrTxForm)
	}
	if tx.Version != 1 && tx.Version != 2 {
		return nil, fmt.Errorf("%w: %d", ErrTxVersion, tx.Version)
	}
	return tx, nil
}

// plausible checks size, counts and that every input script is empty before
// the library, which trusts the counts, allocates for them. A transaction with
// witnesses fails here, as its marker is an input count of zero. Within
// protocol.MaxTx bytes, its weight when signed stays far below what nodes relay.
func plausible(raw []byte) bool {
	if len(raw) > protocol.MaxTx || len(raw) < 4 {
		return false
	}
	inputs, rest, ok := count(raw[4:])
	if !ok || inputs == 0 || uint64(len(rest)) < inputs*inputSize {
		return false
	}
	for range inputs {
		if rest[36] != 0 {
			return false
		}
		rest = rest[inputSize:]
	}
	outputs, rest, ok := count(rest)
	return ok && outputs > 0 && uint64(len(rest)) >= outputs*minOutputSize
}

// count reads a compact size below 65536, in its shortest form; more cannot fit.
func count(b []byte) (n uint64, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 0xfd:
		return uint64(b[0]), b[1:], true
	case len(b) >= 3 && b[0] == 0xfd:
		n = uint64(binary.LittleEndian.Uint16(b[1:]))
		return n, b[3:], n >= 0xfd
	}
	return 0, nil, false
}

// checkInputs: ours are exactly those revealed, and none occurs twice.
func checkInputs(tx *wire.MsgTx, a Agreement, ours func(wire.OutPoint) bool) error {
	missing := make(map[wire.OutPoint]bool, len(a.Inputs))
	for _, c := range a.Inputs {
		missing[c.OutPoint] = true
	}
	revealed := len(missing)
	seen := make(map[wire.OutPoint]bool, len(tx.TxIn))
	for _, in := range tx.TxIn {
		out := in.PreviousOutPoint
		switch {
		case seen[out]:
			return ErrRepeatedInput
		case missing[out]:
			delete(missing, out)
		case ours(out):
			return ErrOwnInput
		}
		seen[out] = true
	}
	if len(missing) > 0 || revealed == 0 {
		return fmt.Errorf("%w: %d of %d", ErrMissingInput, len(missing), revealed)
	}
	return nil
}

// checkLocks: the transaction can be mined within three blocks. A replaceable
// transaction is allowed, since a participant can always spend its own coin
// elsewhere (attack M19).
func checkLocks(tx *wire.MsgTx, height int32) error {
	final := true
	for _, in := range tx.TxIn {
		if in.Sequence&sequenceNoRelative == 0 {
			return fmt.Errorf("%w: relative lock, sequence %#x", ErrLocked, in.Sequence)
		}
		final = final && in.Sequence == wire.MaxTxInSequenceNum
	}
	if final || int64(tx.LockTime) <= int64(height)+lockBlocks && tx.LockTime < lockTimeIsTime {
		return nil
	}
	return fmt.Errorf("%w: lock time %d at height %d", ErrLocked, tx.LockTime, height)
}

// checkOutputs: nothing but payments, which add up to money that can exist, and
// at most two for each participant, each of whom brings an input (attack M18).
func checkOutputs(tx *wire.MsgTx) error {
	if len(tx.TxOut) > 2*len(tx.TxIn) {
		return fmt.Errorf("%w: %d outputs for %d inputs", ErrOutputs, len(tx.TxOut), len(tx.TxIn))
	}
	values := make([]sats.Amount, 0, len(tx.TxOut))
	for _, out := range tx.TxOut {
		if _, err := txbuild.TypeOf(out.PkScript); err != nil {
			return fmt.Errorf("%w: an output is no payment to an address", ErrOutputs)
		}
		values = append(values, sats.Amount(out.Value))
	}
	if _, err := sats.Sum(values...); err != nil {
		return fmt.Errorf("%w: %v", ErrOutputs, err)
	}
	return nil
}

// checkPayments: we receive what was agreed on, once each. More is taken, as
// makers do since 0.9.12.
func checkPayments(tx *wire.MsgTx, a Agreement) error {
	earning, err := a.Earning()
	if err != nil {
		return err
	}
	if earning < 0 {
		return fmt.Errorf("%w: %v", ErrEarning, earning)
	}
	least, err := a.Change()
	if err != nil {
		return err
	}
	if bytes.Equal(a.CJScript, a.ChangeScript) {
		return ErrSameScript
	}
	var cj, change []sats.Amount
	for _, out := range tx.TxOut {
		value := sats.Amount(out.Value)
		switch {
		case bytes.Equal(out.PkScript, a.CJScript):
			cj = append(cj, value)
		case bytes.Equal(out.PkScript, a.ChangeScript):
			change = append(change, value)
		}
	}
	switch {
	case len(cj) != 1:
		return fmt.Errorf("%w: it occurs %d times", ErrCJOutput, len(cj))
	case len(change) != 1:
		return fmt.Errorf("%w: it occurs %d times", ErrChangeOutput, len(change))
	case cj[0] < a.Amount:
		return fmt.Errorf("%w: %v of %v", ErrCJTooLow, cj[0], a.Amount)
	case change[0] < least:
		return fmt.Errorf("%w: %v of %v", ErrChangeTooLow, change[0], least)
	}
	return nil
}
