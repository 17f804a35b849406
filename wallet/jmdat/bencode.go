package jmdat

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
)

// Bounds on one bencoded text, generous multiples of what the reference
// writes.
const (
	maxDepth  = 16      // dictionaries and lists inside each other; the reference nests 8
	maxValues = 1 << 20 // values, keys not counted; a used address takes 5
)

// The longest texts of numbers, in bytes.
const (
	maxIntText    = len("-9223372036854775808")
	maxLengthText = len("67108864") // MaxSize
)

// A value is one bencoded value: a dictionary, list, string or integer. Its
// form was checked by parse, and it is a part of the text that parse got:
// reading it takes no memory, however the text is made.
type value []byte

// parse checks that data is exactly one value in canonical form: no leading
// zeros, no -0, keys of dictionaries ascending and different, integers of 64
// bits. The errors are ErrTruncated, ErrTooLarge and ErrDamaged.
func parse(data []byte) (value, error) {
	s := scanner{data: data}
	if err := s.value(0); err != nil {
		return nil, err
	}
	if s.pos != len(data) {
		return nil, s.damaged("more bytes follow the end")
	}
	return value(data), nil
}

// Kinds of values, as kind tells them.
const (
	kindDict = 'd'
	kindList = 'l'
	kindInt  = 'i'
	kindText = '0'
)

// kind returns the kind of a value; 0 if there is none.
func (v value) kind() byte {
	switch {
	case len(v) == 0:
		return 0
	case v[0] >= '0' && v[0] <= '9':
		return kindText
	}
	return v[0]
}

// text returns the content of a string.
func (v value) text() ([]byte, bool) {
	if v.kind() != kindText {
		return nil, false
	}
	return v[bytes.IndexByte(v, ':')+1:], true
}

// integer returns the content of an integer.
func (v value) integer() (int64, bool) {
	if v.kind() != kindInt {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v[1:len(v)-1]), 10, 64)
	return n, err == nil
}

// entries walks through a dictionary; of anything else it has none.
func (v value) entries() iter.Seq2[[]byte, value] {
	return func(yield func([]byte, value) bool) {
		s := scanner{data: v, pos: 1}
		for v.kind() == kindDict && s.data[s.pos] != 'e' {
			key, child, err := s.entry(0)
			if err != nil || !yield(key, child) {
				return
			}
		}
	}
}

// items walks through a list; of anything else it has none.
func (v value) items() iter.Seq[value] {
	return func(yield func(value) bool) {
		s := scanner{data: v, pos: 1}
		for v.kind() == kindList && s.data[s.pos] != 'e' {
			start := s.pos
			if s.value(0) != nil || !yield(v[start:s.pos]) {
				return
			}
		}
	}
}

// scanner reads a bencoded text from the left.
type scanner struct {
	data   []byte
	pos    int
	values int // read so far
}

// damaged says where the text is wrong.
func (s *scanner) damaged(what string) error {
	return damaged("%s at byte %d of its content", what, s.pos)
}

// value moves over one value that lies inside depth others.
func (s *scanner) value(depth int) error {
	if s.values++; s.values > maxValues {
		return fmt.Errorf("%w: more than %d values", ErrTooLarge, maxValues)
	}
	if depth > maxDepth {
		return fmt.Errorf("%w: values nested more than %d deep", ErrTooLarge, maxDepth)
	}
	if s.pos == len(s.data) {
		return ErrTruncated
	}
	switch value(s.data[s.pos:]).kind() {
	case kindInt:
		return s.integer()
	case kindText:
		_, err := s.text()
		return err
	case kindList:
		return s.list(depth)
	case kindDict:
		return s.dict(depth)
	}
	return s.damaged("no value")
}

func (s *scanner) integer() error {
	s.pos++
	rest := s.data[s.pos:]
	end := bytes.IndexByte(rest[:min(len(rest), maxIntText+1)], 'e')
	if end < 0 {
		if len(rest) <= maxIntText {
			return ErrTruncated
		}
		return s.damaged("a number without end")
	}
	if !canonical(rest[:end]) {
		return s.damaged("a number in no proper form")
	}
	if _, err := strconv.ParseInt(string(rest[:end]), 10, 64); err != nil {
		return s.damaged("a number of more than 64 bits")
	}
	s.pos += end + 1
	return nil
}

// canonical reports whether a decimal number is written in the one way: no
// plus, no leading zeros, no -0.
func canonical(number []byte) bool {
	digits := bytes.TrimPrefix(number, []byte("-"))
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(digits) > 0 && (digits[0] != '0' || len(number) == 1)
}

// text moves over a string and returns its content.
func (s *scanner) text() ([]byte, error) {
	rest := s.data[s.pos:]
	end := bytes.IndexByte(rest[:min(len(rest), maxLengthText+1)], ':')
	if end < 0 {
		if len(rest) <= maxLengthText {
			return nil, ErrTruncated
		}
		return nil, s.damaged("a length without end")
	}
	n, err := strconv.Atoi(string(rest[:end]))
	if err != nil || n < 0 || !canonical(rest[:end]) {
		return nil, s.damaged("a length in no proper form")
	}
	if n > len(rest)-end-1 {
		return nil, ErrTruncated
	}
	s.pos += end + 1 + n
	return s.data[s.pos-n : s.pos], nil
}

func (s *scanner) list(depth int) error {
	s.pos++
	for {
		if end, err := s.end(); end || err != nil {
			return err
		}
		if err := s.value(depth + 1); err != nil {
			return err
		}
	}
}

func (s *scanner) dict(depth int) error {
	s.pos++
	var last []byte
	for first := true; ; first = false {
		if end, err := s.end(); end || err != nil {
			return err
		}
		key, _, err := s.entry(depth + 1)
		if err != nil {
			return err
		}
		if !first && bytes.Compare(last, key) >= 0 {
			return s.damaged("keys out of order")
		}
		last = key
	}
}

// entry moves over a key and its value.
func (s *scanner) entry(depth int) (key []byte, v value, err error) {
	if key, err = s.text(); err != nil {
		return nil, nil, err
	}
	start := s.pos
	if err = s.value(depth); err != nil {
		return nil, nil, err
	}
	return key, s.data[start:s.pos], nil
}

// end moves over the end of a dictionary or list, if it is there.
func (s *scanner) end() (bool, error) {
	if s.pos == len(s.data) {
		return false, ErrTruncated
	}
	if s.data[s.pos] != 'e' {
		return false, nil
	}
	s.pos++
	return true, nil
}
