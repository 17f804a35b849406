package amp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes v as the reference does: in one line, a blank behind each comma
// and colon, and nothing but printable ASCII. Its errors are json.Marshal's.
func JSON(v any) (string, error) {
	var compact bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	text := bytes.TrimSuffix(compact.Bytes(), []byte("\n"))
	var spaced []byte
	scan(text, func(c []byte, quoted bool) {
		switch {
		case len(c) == 1 && ' ' <= c[0] && c[0] <= '~':
			spaced = append(spaced, c[0])
			if !quoted && (c[0] == ',' || c[0] == ':') {
				spaced = append(spaced, ' ')
			}
		case c[0] == '\\':
			spaced = append(spaced, c...)
		default:
			spaced = escape(spaced, c)
		}
	})
	return string(spaced), nil
}

// escape writes a character as one or two \uXXXX.
func escape(dst, c []byte) []byte {
	r, _ := utf8.DecodeRune(c)
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}

// depth counts how deep brackets nest outside of strings, before anything is
// decoded.
func depth(text []byte) (most int) {
	level := 0
	scan(text, func(c []byte, quoted bool) {
		switch {
		case quoted:
		case c[0] == '[' || c[0] == '{':
			level++
			most = max(most, level)
		case c[0] == ']' || c[0] == '}':
			level--
		}
	})
	return most
}

// scan goes through a JSON text by characters; a backslash and what it escapes
// are one. quoted tells those within strings, the quotes not included.
func scan(text []byte, visit func(c []byte, quoted bool)) {
	quoted := false
	for i := 0; i < len(text); {
		_, size := utf8.DecodeRune(text[i:])
		switch {
		case text[i] == '"':
			quoted = !quoted
			visit(text[i:i+1], false)
		case quoted && text[i] == '\\' && i+1 < len(text):
			size = 2
			visit(text[i:i+2], true)
		default:
			visit(text[i:i+size], quoted)
		}
		i += size
	}
}
