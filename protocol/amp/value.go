package amp

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// MaxDepth bounds how deep arrays and objects nest in a JSON value.
const MaxDepth = 32

// Args reads the arguments of a box. After the first that is missing or wrong
// all further ones are zero; Err tells which it was. Texts are the format's
// "Unicode": UTF-8, read strictly.
type Args struct {
	box Box
	err error
}

// Args begins to read the arguments.
func (b Box) Args() *Args { return &Args{box: b} }

// Err is the first fault: ErrMissing or ErrValue, with the name of the argument.
func (a *Args) Err() error { return a.err }

func (a *Args) fail(key string, err error) {
	if a.err == nil {
		a.err = fmt.Errorf("%w: %q", err, key)
	}
}

// Bytes is a value as it is, the format's "String".
func (a *Args) Bytes(key string) string {
	value, ok := a.box[key]
	if !ok {
		a.fail(key, ErrMissing)
	}
	if a.err != nil {
		return ""
	}
	return value
}

// Text reads UTF-8.
func (a *Args) Text(key string) string { return a.utf8(key, a.Bytes(key)) }

func (a *Args) utf8(key, text string) string {
	if !utf8.ValidString(text) {
		a.fail(key, ErrValue)
		return ""
	}
	return text
}

// integer is what is read as a number. The reference reads any number of digits
// and, as its language does, signs, blanks, separators and digits of any script
// that nobody sends.
var integer = regexp.MustCompile(`^-?[0-9]{1,1000}$`)

// Integer reads a decimal number, which may be larger than any amount.
func (a *Args) Integer(key string) *big.Int {
	text := a.Bytes(key)
	n := new(big.Int)
	if a.err == nil && !integer.MatchString(text) {
		a.fail(key, ErrValue)
	}
	if a.err == nil {
		n.SetString(text, 10)
	}
	return n
}

// Boolean reads "True" or "False".
func (a *Args) Boolean(key string) bool {
	text := a.Bytes(key)
	if text != "True" && text != "False" {
		a.fail(key, ErrValue)
	}
	return text == "True"
}

// Texts reads a list of texts.
func (a *Args) Texts(key string) []string {
	rest := a.Bytes(key)
	list := []string{}
	for rest != "" && a.err == nil {
		size := 0
		if len(rest) >= 2 {
			size = int(binary.BigEndian.Uint16([]byte(rest[:2])))
		}
		if len(rest) < 2+size {
			a.fail(key, ErrValue)
			break
		}
		list = append(list, a.utf8(key, rest[2:2+size]))
		rest = rest[2+size:]
	}
	if a.err != nil {
		return nil
	}
	return list
}

// JSON reads a JSON text into v, as json.Unmarshal does. NaN and the infinities,
// which the reference reads, are refused.
func (a *Args) JSON(key string, v any) {
	text := a.Text(key)
	if a.err != nil {
		return
	}
	if depth([]byte(text)) > MaxDepth {
		a.fail(key, ErrValue)
	} else if err := json.Unmarshal([]byte(text), v); err != nil {
		a.fail(key, ErrValue)
	}
}

// Big reads a text that may be longer than a value: the pieces key.0, key.1 and
// so on, up to the first that is absent or empty. No piece is the empty text.
func (a *Args) Big(key string) string {
	var text []byte
	for i := 0; ; i++ {
		piece := a.box[key+"."+strconv.Itoa(i)]
		if piece == "" {
			break
		}
		text = append(text, piece...)
	}
	if a.err != nil {
		return ""
	}
	return a.utf8(key, string(text))
}

// SetBig puts a text into the box as Big reads it.
func (b Box) SetBig(key, text string) {
	for i := 0; text != ""; i++ {
		size := min(len(text), MaxValue)
		b[key+"."+strconv.Itoa(i)] = text[:size]
		text = text[size:]
	}
}

// Integer writes a number.
func Integer(n int64) string { return strconv.FormatInt(n, 10) }

// Boolean writes a truth value.
func Boolean(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
