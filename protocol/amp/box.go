package amp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Limits of a box.
const (
	MaxKey   = 255    // bytes of a key, by the format
	MaxValue = 65_535 // bytes of a value, by the format
	// MaxPairs bounds the pairs of a box, repeated keys too. A full order book
	// in pieces of MaxValue takes some 150.
	MaxPairs = 512
)

// Why a box, or a value in it, is not taken or not written; for errors.Is.
var (
	ErrMalformed = errors.New("breaks the AMP format")
	ErrTooLarge  = errors.New("too large for AMP")
	ErrMissing   = errors.New("argument is missing")
	ErrValue     = errors.New("argument has a wrong form")
)

// Box is one packet: values by key. Values are bytes, not text.
type Box map[string]string

// Append writes the box as the reference does, sorted by key. Its error is
// ErrTooLarge, when a key is empty too: that would end the box.
func (b Box) Append(dst []byte) ([]byte, error) {
	for _, key := range slices.Sorted(maps.Keys(b)) {
		value := b[key]
		if key == "" || len(key) > MaxKey || len(value) > MaxValue {
			return dst, fmt.Errorf("%w: key %.20q of %d bytes, value of %d", ErrTooLarge, key, len(key), len(value))
		}
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(key))), key...)
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(value))), value...)
	}
	return append(dst, 0, 0), nil
}

// Read reads one box of at most limit bytes. Of a repeated key the last counts.
// Errors: ErrMalformed, ErrTooLarge, io.EOF before the first byte, and those of
// r, io.ErrUnexpectedEOF when the stream ends within the box. Memory is taken
// as bytes arrive.
func Read(r *bufio.Reader, limit int) (Box, error) {
	box := Box{}
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	for pairs := 0; ; pairs++ {
		key, err := readPart(r, &limit, MaxKey)
		if err != nil {
			return nil, err
		}
		if key == "" {
			return box, nil
		}
		if pairs == MaxPairs {
			return nil, fmt.Errorf("%w: a box of more than %d pairs", ErrTooLarge, MaxPairs)
		}
		if box[key], err = readPart(r, &limit, MaxValue); err != nil {
			return nil, err
		}
	}
}

// readPart reads a length and that many bytes, and takes them off the limit.
func readPart(r *bufio.Reader, limit *int, most int) (string, error) {
	var header [2]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return "", within(err)
	}
	size := int(binary.BigEndian.Uint16(header[:]))
	if size > most {
		return "", fmt.Errorf("%w: a key of %d bytes", ErrMalformed, size)
	}
	if *limit -= len(header) + size; *limit < 0 {
		return "", fmt.Errorf("%w: the box exceeds its limit", ErrTooLarge)
	}
	part := make([]byte, size)
	_, err := io.ReadFull(r, part)
	return string(part), within(err)
}

// within: a stream that ends here ends too early.
func within(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
