package psbt

import (
	"encoding/binary"
	"fmt"

	lib "github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// The library reads a transaction's counts and lengths before it knows that so
// many bytes are there, loses types of two bytes and more, and ignores what
// follows the end. So everything is walked through once before it gets it.

const magic = "psbt\xff"

// maxRecords bounds a map: the library compares each key with all before it.
const maxRecords = 256

// Least sizes of parts of a transaction in bytes, to bound counts.
const (
	minTxIn  = 41
	minTxOut = 9
)

// scan checks the framing of a whole PSBT.
func scan(raw []byte) error {
	c := cursor{rest: raw}
	if string(c.take(uint64(len(magic)))) != magic {
		return malformed("it does not begin as one does")
	}
	global := c.records()
	if c.err != nil {
		return c.err
	}
	if len(global) == 0 || string(global[0].key) != string(byte(lib.UnsignedTxType)) {
		return malformed("no transaction at its beginning (only version 0 is supported)")
	}
	if len(global[0].value) > maxTx {
		return fmt.Errorf("%w: transaction of more than %d bytes", ErrTooLarge, maxTx)
	}
	inputs, outputs, err := scanTx(global[0].value, false)
	if err != nil {
		return err
	}
	for _, r := range global[1:] {
		if r.key[0] == byte(lib.VersionType) && (len(r.key) != 1 || string(r.value) != "\x00\x00\x00\x00") {
			return malformed("only version 0 is supported")
		}
	}
	for i := 0; i < inputs && c.err == nil; i++ {
		for _, r := range c.records() {
			if err := r.scanInput(); err != nil {
				return fmt.Errorf("input %d: %w", i, err)
			}
		}
	}
	for i := 0; i < outputs && c.err == nil; i++ {
		c.records()
	}
	return c.end()
}

// scanInput checks the values that the library reads carelessly.
func (r record) scanInput() error {
	if r.key[0] == byte(lib.TaprootScriptSpendSignatureType) && len(r.value) == 65 && r.value[64] == 0 {
		return malformed("a hash type of zero is not written (BIP341)")
	}
	if len(r.key) != 1 {
		return nil
	}
	switch lib.InputType(r.key[0]) {
	case lib.NonWitnessUtxoType:
		_, _, err := scanTx(r.value, true)
		return err
	case lib.WitnessUtxoType:
		c := cursor{rest: r.value}
		c.take(8)
		c.takeCounted()
		return c.end()
	case lib.FinalScriptWitnessType:
		c := cursor{rest: r.value}
		c.takeItems()
		return c.end()
	}
	return nil
}

// scanTx checks a transaction and counts its inputs and outputs. With segwit it
// may have witnesses.
func scanTx(raw []byte, segwit bool) (inputs, outputs int, err error) {
	c := cursor{rest: raw}
	c.take(4) // version
	inputs = c.count(minTxIn)
	witnesses := segwit && inputs == 0
	if witnesses {
		if flag := c.take(1); flag != nil && flag[0] != byte(wire.WitnessFlag) {
			return 0, 0, malformed("transaction with an unknown flag")
		}
		inputs = c.count(minTxIn)
	}
	for i := 0; i < inputs && c.err == nil; i++ {
		c.take(36) // outpoint
		c.takeCounted()
		c.take(4) // sequence
	}
	outputs = c.count(minTxOut)
	for i := 0; i < outputs && c.err == nil; i++ {
		c.take(8) // value
		c.takeCounted()
	}
	for i := 0; witnesses && i < inputs && c.err == nil; i++ {
		c.takeItems()
	}
	c.take(4) // lock time
	if err := c.end(); err != nil {
		return 0, 0, err
	}
	if inputs == 0 || outputs == 0 {
		return 0, 0, malformed("transaction without inputs or outputs")
	}
	return inputs, outputs, nil
}

// record is a key and its value in a map.
type record struct{ key, value []byte }

// cursor walks through bytes. After the first fault it takes nothing more.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) fail() {
	if c.err == nil {
		c.err = malformed("it ends too early")
	}
	c.rest = nil
}

// take takes n bytes, nil after a fault.
func (c *cursor) take(n uint64) []byte {
	if c.err != nil || n > uint64(len(c.rest)) {
		c.fail()
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

// size takes a compact size in its shortest form.
func (c *cursor) size() uint64 {
	first := c.take(1)
	if first == nil {
		return 0
	}
	var n, least uint64
	switch first[0] {
	case 0xfd:
		if b := c.take(2); b != nil {
			n, least = uint64(binary.LittleEndian.Uint16(b)), 0xfd
		}
	case 0xfe:
		if b := c.take(4); b != nil {
			n, least = uint64(binary.LittleEndian.Uint32(b)), 1<<16
		}
	case 0xff:
		if b := c.take(8); b != nil {
			n, least = binary.LittleEndian.Uint64(b), 1<<32
		}
	default:
		return uint64(first[0])
	}
	if n < least && c.err == nil {
		c.err = malformed("a length is not in its shortest form")
	}
	return n
}

// count takes the number of things of at least so many bytes each.
func (c *cursor) count(least int) int {
	n := c.size()
	if n > uint64(len(c.rest)/least) {
		c.fail()
		return 0
	}
	return int(n)
}

// takeCounted takes bytes after their length.
func (c *cursor) takeCounted() []byte { return c.take(c.size()) }

// takeItems takes the stack of a witness.
func (c *cursor) takeItems() {
	n := c.count(1)
	for i := 0; i < n && c.err == nil; i++ {
		c.takeCounted()
	}
}

// records takes a map with its end.
func (c *cursor) records() (all []record) {
	seen := make(map[string]bool)
	for c.err == nil {
		key := c.takeCounted()
		if c.err != nil || len(key) == 0 {
			return all
		}
		value := c.takeCounted()
		switch {
		case c.err != nil:
		case key[0] >= 0xfd:
			c.err = malformed("a key has a type of more than one byte")
		case seen[string(key)]:
			c.err = malformed("a key occurs twice")
		case len(all) == maxRecords:
			c.err = fmt.Errorf("%w: more than %d entries for one input or output", ErrTooLarge, maxRecords)
		}
		seen[string(key)] = true
		all = append(all, record{key, value})
	}
	return nil
}

// end tells the fault, or that something is left.
func (c *cursor) end() error {
	if c.err == nil && len(c.rest) > 0 {
		return malformed("bytes are left at the end")
	}
	return c.err
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }
