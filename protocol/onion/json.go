package onion

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The library's decoder mends what it should refuse: it takes keys in any case
// and twice, and replaces what is not UTF-8. So JSON of strangers is read here.

const (
	maxLevels = 4  // of objects and lists within each other
	maxKeys   = 64 // of one object
	maxDigits = 18 // of a number, which then fits an int64
)

// errJSON says what is wrong with a JSON text.
var errJSON = errors.New("not the JSON wanted")

// kind is what a JSON value is.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindInteger
	kindText
	kindList
	kindObject
)

// value is a JSON value. Lists are read, but not kept.
type value struct {
	kind   kind
	truth  bool
	number int64
	text   string
	object []member // in the order written
}

// member is a key of an object and its value.
type member struct {
	key   string
	value value
}

// parseObject reads a text that is one object, and shows its members in order.
func parseObject(text string, show func(key string, v value) error) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: not UTF-8", errJSON)
	}
	p := parser{rest: text}
	v, err := p.value(1)
	if err == nil && p.next() != 0 {
		err = fmt.Errorf("%w: text behind the object", errJSON)
	}
	if err == nil && v.kind != kindObject {
		err = fmt.Errorf("%w: not an object", errJSON)
	}
	if err != nil {
		return err
	}
	for _, m := range v.object {
		if err := show(m.key, m.value); err != nil {
			return err
		}
	}
	return nil
}

// parser has what is not read yet.
type parser struct{ rest string }

// next is the next byte that is no blank; 0 at the end.
func (p *parser) next() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// takes reads c if it is next.
func (p *parser) takes(c byte) bool {
	if p.next() != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// value reads a value at a level, the outermost being 1.
func (p *parser) value(level int) (value, error) {
	switch c := p.next(); {
	case level > maxLevels && (c == '{' || c == '['):
		return value{}, fmt.Errorf("%w: more than %d levels", errJSON, maxLevels)
	case c == '{':
		return p.object(level)
	case c == '[':
		return p.list(level)
	case c == '"':
		text, err := p.text()
		return value{kind: kindText, text: text}, err
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for _, word := range []struct {
		name string
		value
	}{{"true", value{kind: kindBool, truth: true}}, {"false", value{kind: kindBool}}, {"null", value{}}} {
		if rest, ok := strings.CutPrefix(p.rest, word.name); ok {
			p.rest = rest
			return word.value, nil
		}
	}
	return value{}, fmt.Errorf("%w: no value", errJSON)
}

func (p *parser) object(level int) (value, error) {
	v := value{kind: kindObject}
	p.takes('{')
	for first := true; !p.takes('}'); first = false {
		if !first && !p.takes(',') || p.next() != '"' {
			return v, fmt.Errorf("%w: an object's key is missing", errJSON)
		}
		key, err := p.text()
		if err != nil {
			return v, err
		}
		if slices.ContainsFunc(v.object, func(m member) bool { return m.key == key }) || len(v.object) == maxKeys {
			return v, fmt.Errorf("%w: a key twice, or too many", errJSON)
		}
		if !p.takes(':') {
			return v, fmt.Errorf("%w: no colon behind a key", errJSON)
		}
		of, err := p.value(level + 1)
		if err != nil {
			return v, err
		}
		v.object = append(v.object, member{key, of})
	}
	return v, nil
}

func (p *parser) list(level int) (value, error) {
	p.takes('[')
	for first := true; !p.takes(']'); first = false {
		if !first && !p.takes(',') {
			return value{}, fmt.Errorf("%w: a list is not closed", errJSON)
		}
		if _, err := p.value(level + 1); err != nil {
			return value{}, err
		}
	}
	return value{kind: kindList}, nil
}

// number reads a whole number. Nothing on this channel has a fraction.
func (p *parser) number() (value, error) {
	digits := strings.TrimPrefix(p.rest, "-")
	size := 0
	for size < len(digits) && '0' <= digits[size] && digits[size] <= '9' {
		size++
	}
	behind := digits[size:]
	switch {
	case size == 0 || size > 1 && digits[0] == '0':
		return value{}, fmt.Errorf("%w: a malformed number", errJSON)
	case size > maxDigits || behind != "" && strings.ContainsRune(".eE", rune(behind[0])):
		return value{}, fmt.Errorf("%w: a number that is not whole or too great", errJSON)
	}
	text := p.rest[:len(p.rest)-len(behind)]
	p.rest = behind
	n, err := strconv.ParseInt(text, 10, 64)
	return value{kind: kindInteger, number: n}, err
}

// text reads a string.
func (p *parser) text() (string, error) {
	rest := p.rest[1:] // behind the quote
	if end := strings.IndexAny(rest, "\"\\"); end >= 0 && rest[end] == '"' && !hasControl(rest[:end]) {
		p.rest = rest[end+1:] // as it is, which nearly all are
		return rest[:end], nil
	}
	var text []byte
	for rest != "" {
		switch c := rest[0]; {
		case c == '"':
			p.rest = rest[1:]
			return string(text), nil
		case c == '\\':
			r, size := escape(rest)
			if size == 0 {
				return "", fmt.Errorf("%w: a malformed escape", errJSON)
			}
			text = utf8.AppendRune(text, r)
			rest = rest[size:]
		case c < ' ':
			return "", fmt.Errorf("%w: a control character", errJSON)
		default:
			text = append(text, c)
			rest = rest[1:]
		}
	}
	return "", fmt.Errorf("%w: a string is not closed", errJSON)
}

func hasControl(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' }) >= 0
}

// escape reads an escape at the beginning of text; size 0 means that it is none.
// NUL and halves of pairs of surrogates are none.
func escape(text string) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, text[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r = unit(text)
	switch {
	case r <= 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	if r = utf16.DecodeRune(r, unit(text[6:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// unit reads \uXXXX; -1 if it is none.
func unit(text string) rune {
	if len(text) < 6 || text[:2] != `\u` {
		return -1
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
