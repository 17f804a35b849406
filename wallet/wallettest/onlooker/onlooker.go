// Package onlooker compares transactions as somebody does who watches the chain
// and wants to tell programs apart (attack P1). For tests.
//
// Made is a transaction; Reference puts the same one together again as the
// reference implementation would, drawing anew what it draws. Differences says in
// which traits two sets of transactions differ by more than chance.
package onlooker

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Made is a signed transaction of P2WPKH inputs, and what whoever made it knows.
type Made struct {
	Tx     *wire.MsgTx
	Values map[wire.OutPoint]sats.Amount // of the inputs
	Own    wire.OutPoint                 // one of the inputs, of whoever pays
	Tip    int32                         // height of the chain
	Base   sats.Amount                   // estimate of the fee rate, sat/kvB
	// Payment is the script that the receiver gets, Change that of own change,
	// nil without.
	Payment, Change []byte
	// Sized is the size in vB that the fee is reckoned for; 0: that of Tx with the
	// longest signatures.
	Sized int64
}

// Dice are what Reference draws with; *rand.Rand of math/rand/v2 is some.
type Dice interface {
	IntN(n int) int
	Int32N(n int32) int32
	Uint32() uint32
	Float64() float64
	Shuffle(n int, swap func(i, j int))
}

// Seen has the traits of a transaction: words that are equal or not, and numbers.
type Seen struct {
	Words   map[string]string
	Numbers map[string]float64
}

// Seen looks at a transaction.
func (m Made) Seen() Seen {
	tx := m.Tx
	back := m.Tip - int32(tx.LockTime)
	lock := fmt.Sprintf("%d0 to %d9 back", back/10, back/10)
	switch {
	case tx.LockTime == 0:
		lock = "none"
	case back == 0:
		lock = "now"
	case back < 0 || back > 99:
		lock = "odd"
	}
	words := map[string]string{
		"version":   strconv.Itoa(int(tx.Version)),
		"lock time": lock,
		"sequences": m.distinct(func(in *wire.TxIn) string { return fmt.Sprintf("%08x", in.Sequence) }),
		"scripts": m.distinct(func(in *wire.TxIn) string {
			return fmt.Sprintf("%d bytes, %d items, key of %d, hash type %x", len(in.SignatureScript), len(in.Witness),
				len(in.Witness[1]), in.Witness[0][len(in.Witness[0])-1])
		}),
		"signature":              strconv.Itoa(len(tx.TxIn[0].Witness[0])),
		"place of the payment":   m.place(m.Payment),
		"place of the change":    m.place(m.Change),
		"place of an own coin":   strconv.Itoa(slices.IndexFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == m.Own })),
		"place of the most":      strconv.Itoa(greatest(tx.TxOut, byValue)),
		"place of the least":     strconv.Itoa(greatest(tx.TxOut, func(a, b *wire.TxOut) int { return byValue(b, a) })),
		"place of the first id":  strconv.Itoa(greatest(tx.TxIn, func(a, b *wire.TxIn) int { return byID(b, a) })),
		"place of the most paid": strconv.Itoa(greatest(tx.TxIn, m.byPaid)),
	}
	rate := float64(m.fee()) * 1000 / float64(m.sized()) / float64(m.Base)
	return Seen{words, map[string]float64{
		"fee rate":              rate,
		"order of outputs":      disorder(tx.TxOut, byValue),
		"order of scripts":      disorder(tx.TxOut, func(a, b *wire.TxOut) int { return bytes.Compare(a.PkScript, b.PkScript) }),
		"order of ids":          disorder(tx.TxIn, byID),
		"order of what is paid": disorder(tx.TxIn, m.byPaid),
	}}
}

func (m Made) fee() (fee sats.Amount) {
	for _, in := range m.Tx.TxIn {
		fee += m.Values[in.PreviousOutPoint]
	}
	for _, out := range m.Tx.TxOut {
		fee -= sats.Amount(out.Value)
	}
	return fee
}

// sized is the size in vB of the transaction by the reference's reckoning, for
// P2WPKH (spec: miner fee estimation).
func (m Made) sized() int64 {
	if m.Sized != 0 {
		return m.Sized
	}
	in, out := int64(len(m.Tx.TxIn)), int64(len(m.Tx.TxOut))
	return 10 + 41*in + 31*out + (2+108*in+3)/4
}

// distinct are the different words of the inputs, in order.
func (m Made) distinct(word func(*wire.TxIn) string) string {
	var all []string
	for _, in := range m.Tx.TxIn {
		all = append(all, word(in))
	}
	slices.Sort(all)
	return fmt.Sprint(slices.Compact(all))
}

func (m Made) place(script []byte) string {
	return strconv.Itoa(slices.IndexFunc(m.Tx.TxOut, func(out *wire.TxOut) bool { return script != nil && bytes.Equal(out.PkScript, script) }))
}

func (m Made) byPaid(a, b *wire.TxIn) int {
	return int(m.Values[a.PreviousOutPoint] - m.Values[b.PreviousOutPoint])
}

func byValue(a, b *wire.TxOut) int { return int(a.Value - b.Value) }

func byID(a, b *wire.TxIn) int {
	return bytes.Compare(a.PreviousOutPoint.Hash[:], b.PreviousOutPoint.Hash[:])
}

// greatest is the place of the first of the greatest.
func greatest[E any](list []E, compare func(a, b E) int) (place int) {
	for i := range list {
		if compare(list[i], list[place]) > 0 {
			place = i
		}
	}
	return place
}

// disorder is the share of the pairs that are not in order: 0 if all are sorted.
func disorder[E any](list []E, compare func(a, b E) int) float64 {
	wrong, pairs := 0, 0
	for i := range list {
		for j := range i {
			pairs++
			if compare(list[j], list[i]) > 0 {
				wrong++
			}
		}
	}
	return float64(wrong) / float64(max(1, pairs))
}

// Reference is the transaction as the reference puts it together from the same
// coins, for the same receivers (spec: taker, format; direct payment): the rate
// is drawn from 20 % above the estimate, the order of inputs and outputs too, and
// the height is the present one, but in one of ten cases up to 99 less.
func (m Made) Reference(rng Dice, sequence uint32) Made {
	tx := m.Tx.Copy()
	tx.Version, tx.LockTime = 2, uint32(m.Tip)
	if rng.IntN(10) == 0 {
		tx.LockTime = uint32(max(1, m.Tip-rng.Int32N(100)))
	}
	rate := float64(m.Base) * (1 + 0.2*rng.Float64())
	fee := sats.Amount(float64(m.sized())*rate) / 1000
	m.cheaper(tx, int64(m.fee()-fee))
	for _, in := range tx.TxIn {
		in.Sequence, in.SignatureScript, in.Witness = sequence, nil, wire.TxWitness{signature(rng), make([]byte, 33)}
	}
	rng.Shuffle(len(tx.TxIn), func(i, j int) { tx.TxIn[i], tx.TxIn[j] = tx.TxIn[j], tx.TxIn[i] })
	rng.Shuffle(len(tx.TxOut), func(i, j int) { tx.TxOut[i], tx.TxOut[j] = tx.TxOut[j], tx.TxOut[i] })
	m.Tx = tx
	return m
}

// cheaper gives a difference of the fee to own change. Without change the equal
// outputs get it, each, and those who have change get as much less there.
func (m Made) cheaper(tx *wire.MsgTx, difference int64) {
	equal := int64(0)
	for _, out := range tx.TxOut {
		if bytes.Equal(out.PkScript, m.Payment) {
			equal = out.Value
		}
	}
	for _, out := range tx.TxOut {
		switch {
		case m.Change == nil && out.Value == equal, m.Change != nil && bytes.Equal(out.PkScript, m.Change):
			out.Value += difference
		case m.Change == nil:
			out.Value -= difference
		}
	}
}

// signature has the size of a signature whose nonce is not drawn until it is
// small: r is any number of 256 bits, s the lower one of two.
func signature(rng Dice) []byte {
	size := 2 + 2 + 2 + 1 // DER around the two numbers, and the hash type
	for _, bits := range []int{256, 255} {
		number := make([]byte, 32)
		for i := range number {
			number[i] = byte(rng.Uint32())
		}
		if bits == 255 {
			number[0] &= 0x7f
		}
		digits := bytes.TrimLeft(number, "\x00")
		size += len(digits)
		if len(digits) > 0 && digits[0] >= 0x80 {
			size++
		}
	}
	der := make([]byte, size)
	der[size-1] = 1 // SIGHASH_ALL
	return der
}
