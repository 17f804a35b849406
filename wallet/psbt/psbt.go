// Package psbt carries transactions to a signer that is not online and back:
// partially signed bitcoin transactions, version 0 (BIP174).
//
// Out: Unsigned, then Encode. At the signer: Decode, Summary for the user, Sign,
// Encode. In: Decode, make sure that TxID is that of what was sent out, then
// Finalize and Extract.
//
// A PSBT may come from anybody and may lie about what its inputs spend, unless
// it brings the proof along (InputSummary.Proven). Extract runs all scripts, but
// against what the PSBT claims: the last word has a node.
//
// Keys sign P2PKH, nested and native P2WPKH, and timelocked P2WSH, always with
// SIGHASH_ALL. Inputs of other types may stand beside them, for others to sign.
package psbt

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	lib "github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

const (
	// MaxSize is the largest PSBT in bytes. The transactions that paid inputs
	// of type P2PKH take most of it.
	MaxSize = 4_000_000
	// maxTx is the largest transaction without its witnesses in bytes: nodes
	// pass on no more than 400,000 units of weight.
	maxTx = 100_000
)

// Errors of this package.
var (
	ErrMalformed = errors.New("not a valid PSBT")
	ErrTooLarge  = errors.New("PSBT too large")
	// ErrCoin: what an input spends is not told, or told in two ways that
	// contradict each other, or impossible.
	ErrCoin = errors.New("PSBT does not tell properly what it spends")
	// ErrNoPrevious: an input of type P2PKH needs the whole transaction that
	// paid it, since its signature does not cover its value.
	ErrNoPrevious = errors.New("the transaction that paid a P2PKH input is missing")
	// ErrOrigin: the key or script that a wallet names for an output script
	// does not make it.
	ErrOrigin = errors.New("key or script does not belong to the coin")
	// ErrRefused: the wallet does not let a coin be spent. It wraps the
	// wallet's own error.
	ErrRefused = errors.New("the wallet refuses to spend a coin")
	// ErrSigHash: SIGHASH_ALL is the only hash type that leaves nothing open to
	// changes.
	ErrSigHash = errors.New("a hash type other than SIGHASH_ALL")
	// ErrSignature: a signature does not fit.
	ErrSignature = errors.New("a signature in the PSBT is not valid")
	// ErrIncomplete: signatures are missing.
	ErrIncomplete = errors.New("PSBT is not fully signed")
)

// Packet is a PSBT in memory. It is not safe for use by several goroutines.
type Packet struct {
	raw   *lib.Packet
	coins []coin // what the inputs spend, in their order
}

// coin is an output that an input spends.
type coin struct {
	out    *wire.TxOut // nil if the PSBT does not tell
	proven bool        // by the transaction with the right id
}

// Decode reads a PSBT in base64, without white space around it.
func Decode(text string) (*Packet, error) {
	raw, err := b64.Decode(text, MaxSize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return Parse(raw)
}

// Parse reads a PSBT in binary, as files have it. It returns ErrMalformed,
// ErrTooLarge or ErrCoin.
func Parse(raw []byte) (*Packet, error) {
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxSize)
	}
	if err := scan(raw); err != nil {
		return nil, err
	}
	p, err := lib.NewFromRawBytes(bytes.NewReader(raw), false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return load(p)
}

// load takes over a packet whose fields hang together by themselves.
func load(raw *lib.Packet) (*Packet, error) {
	p := &Packet{raw: raw, coins: make([]coin, len(raw.Inputs))}
	seen := make(map[wire.OutPoint]bool)
	for i, in := range raw.UnsignedTx.TxIn {
		if seen[in.PreviousOutPoint] {
			return nil, fmt.Errorf("%w: input %d occurs twice", ErrCoin, i)
		}
		seen[in.PreviousOutPoint] = true
		c, err := coinOf(in.PreviousOutPoint, &raw.Inputs[i])
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		p.coins[i] = c
	}
	if _, err := sumOf(raw.UnsignedTx.TxOut); err != nil {
		return nil, fmt.Errorf("%w: outputs: %w", ErrMalformed, err)
	}
	if _, err := p.fee(); err != nil && !errors.Is(err, errUntold) {
		return nil, err
	}
	return p, nil
}

// coinOf finds the output that an input spends.
func coinOf(out wire.OutPoint, in *lib.PInput) (coin, error) {
	c := coin{out: in.WitnessUtxo}
	if prev := in.NonWitnessUtxo; prev != nil {
		if prev.TxHash() != out.Hash || uint64(out.Index) >= uint64(len(prev.TxOut)) {
			return coin{}, fmt.Errorf("%w: another transaction is given for it", ErrCoin)
		}
		paid := prev.TxOut[out.Index]
		if c.out != nil && !lib.TxOutsEqual(c.out, paid) {
			return coin{}, fmt.Errorf("%w: two outputs are given for it", ErrCoin)
		}
		c = coin{paid, true}
	}
	return c, nil
}

var errUntold = fmt.Errorf("%w: nothing about an input", ErrCoin)

// fee is what inputs are worth more than outputs; errUntold if an input's coin
// is unknown.
func (p *Packet) fee() (sats.Amount, error) {
	var spent []*wire.TxOut
	for _, c := range p.coins {
		if c.out == nil {
			return 0, errUntold
		}
		spent = append(spent, c.out)
	}
	in, err := sumOf(spent)
	if err != nil {
		return 0, fmt.Errorf("%w: inputs: %w", ErrCoin, err)
	}
	out, err := sumOf(p.raw.UnsignedTx.TxOut)
	if err != nil {
		return 0, err
	}
	if in < out {
		return 0, fmt.Errorf("%w: it pays %v more than it spends", ErrCoin, out-in)
	}
	return in - out, nil
}

func sumOf(outs []*wire.TxOut) (sats.Amount, error) {
	values := make([]sats.Amount, len(outs))
	for i, out := range outs {
		values[i] = sats.Amount(out.Value)
	}
	return sats.Sum(values...)
}

// Bytes returns the PSBT in binary.
func (p *Packet) Bytes() ([]byte, error) {
	var buf bytes.Buffer
	if err := p.raw.Serialize(&buf); err != nil {
		return nil, fmt.Errorf("writing a PSBT: %w", err)
	}
	return buf.Bytes(), nil
}

// Encode returns the PSBT in base64.
func (p *Packet) Encode() (string, error) {
	raw, err := p.Bytes()
	if err != nil {
		return "", err
	}
	return b64.Encode(raw), nil
}

// TxID returns the id of the transaction without any signature, by which a PSBT
// that comes back is known again. It is the final id unless inputs are P2PKH or
// nested.
func (p *Packet) TxID() chainhash.Hash { return p.raw.UnsignedTx.TxHash() }
