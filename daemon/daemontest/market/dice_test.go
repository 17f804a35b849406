package market

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// dice are what one participant of one run draws from. They belong to one
// goroutine.
type dice struct{ *rand.Rand }

func newDice(seed uint64, name string) dice {
	h := fnv.New64a()
	h.Write([]byte(name))
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// chance is true in so many of a hundred cases.
func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// between draws from least..most.
func (d dice) between(least, most int) int { return least + d.IntN(most-least+1) }

// seconds draws a time.
func (d dice) seconds(least, most int) time.Duration {
	return time.Duration(d.between(least*1000, most*1000)) * time.Millisecond
}

// some draws a set of at least one.
func some[T any](d dice, of []T) []T {
	n := d.between(1, len(of))
	var list []T
	for _, i := range d.Perm(len(of))[:n] {
		list = append(list, of[i])
	}
	return list
}

func pick[T any](d dice, of []T) T { return of[d.IntN(len(of))] }

func (d dice) bytes(n int) []byte {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], d.Uint64())
	}
	return b[:n]
}

func (d dice) hex(n int) string { return hex.EncodeToString(d.bytes(n)) }

// junk draws printable text.
func (d dice) junk(most int) string {
	b := d.bytes(d.between(1, most))
	for i := range b {
		b[i] = ' ' + b[i]%('~'-' '+1)
	}
	return string(b)
}

// nickOf names the n-th of a kind, whose letter can be read in it.
func nickOf(kind byte, n int) protocol.Nick {
	digits := strings.ReplaceAll(fmt.Sprintf("%07d", n), "0", "z") // no zero in base58
	return protocol.Nick("J5" + string(kind) + digits + "AAAAOO")
}

// fakeKey and fakeSignature stand in for the keys of nicks, which daemons know
// nothing of. Like real ones they bind a text to a nick.
func fakeKey(n protocol.Nick) string {
	h := sha256.Sum256([]byte("key of " + n))
	return "02" + hex.EncodeToString(h[:])
}

func fakeSignature(pubkey, text string) string {
	h := sha256.Sum256([]byte("signature " + pubkey + text))
	return base64.StdEncoding.EncodeToString(append(h[:], h[:]...))
}

// fakeBond is a maker's proof of a bond for one taker.
func fakeBond(maker, taker protocol.Nick) string {
	h := sha256.Sum256([]byte("bond of " + maker + " for " + taker))
	return base64.StdEncoding.EncodeToString(bytes.Repeat(h[:], 8)[:protocol.BondProofSize])
}

// signed is a private message with its proof.
func signed(from protocol.Nick, command protocol.Command, msg, hostID string) envelope.Envelope {
	key := fakeKey(from)
	return envelope.Envelope{Command: command, Msg: msg, PubKey: key, Signature: fakeSignature(key, envelope.SignedText(msg, hostID))}
}

// What is said of money. Each is drawn, so that none is like another and whoever
// gets what was meant for somebody else is found out.

func (d dice) commitment() protocol.Commitment {
	return protocol.NewCommitment([32]byte(d.bytes(32)))
}

// canonical is a commitment in the letters that a daemon tells it in.
func canonical(c protocol.Commitment) protocol.Commitment {
	return c[:1] + protocol.Commitment(strings.ToLower(string(c[1:])))
}

func (d dice) auth() line.Auth {
	return line.Auth{UTXO: line.UTXO{TxID: d.hex(32), Vout: d.Uint32()}, P: "02" + d.hex(32), P2: "03" + d.hex(32), S: d.hex(32), E: d.hex(32)}
}

func (d dice) ioauth(coins int) control.IOAuth {
	o := control.IOAuth{AuthPubKey: "02" + d.hex(32), CJAddress: "bcrt1q" + d.hex(16), ChangeAddress: "bcrt1q" + d.hex(16),
		Signature: base64.StdEncoding.EncodeToString(d.bytes(70))}
	for range coins {
		o.UTXOs = append(o.UTXOs, fmt.Sprintf("%s:%d", d.hex(32), d.Uint32()))
	}
	return o
}

func ioauthText(o control.IOAuth) string {
	return strings.Join([]string{strings.Join(o.UTXOs, ","), o.AuthPubKey, o.CJAddress, o.ChangeAddress, o.Signature}, " ")
}

func (d dice) sigs(n int) (sigs []string) {
	for range n {
		sigs = append(sigs, base64.StdEncoding.EncodeToString(d.bytes(107)))
	}
	return sigs
}

func (d dice) tx() []byte { return d.bytes(d.between(60, 3000)) }

// The sizes that every offer has here.
const minSize, maxSize = 100_000, 5_000_000

func (d dice) amount() sats.Amount { return sats.Amount(d.between(minSize, maxSize)) }

func (d dice) offer(id protocol.OfferID) protocol.Offer {
	return protocol.Offer{Type: protocol.SW0RelOffer, ID: id, MinSize: minSize, MaxSize: maxSize, TxFee: 0,
		CJFee: fmt.Sprintf("0.0000%d", d.between(1, 9))}
}
