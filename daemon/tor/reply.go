package tor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of what the control port may say. A reply is a few lines; descriptors
// and lists of circuits, which can be long, are not asked for.
const (
	maxReplyLine  = 16 << 10
	maxReplyLines = 256
)

// reply is an answer of the control port, or an event (code 650).
type reply struct {
	code  int
	lines []replyLine // at least one
}

// replyLine is what follows the code: text, and data if the line has some.
type replyLine struct {
	text string
	data []string // without the dots that are added on the wire; nil: none
}

// ok: the command was carried out.
func (r reply) ok() bool { return r.code == 250 || r.code == 251 }

// event: nobody asked for it.
func (r reply) event() bool { return r.code/100 == 6 }

// value returns what follows key in the first line that begins with it.
func (r reply) value(key string) (string, bool) {
	for _, l := range r.lines {
		if v, ok := strings.CutPrefix(l.text, key); ok {
			return v, true
		}
	}
	return "", false
}

// readControl reads one reply. Errors match ErrNotTor, but for those of r.
func readControl(r *bufio.Reader) (reply, error) {
	var all reply
	count := 0
	next := func() (string, error) {
		if count++; count > maxReplyLines {
			return "", fmt.Errorf("%w: more than %d lines", ErrNotTor, maxReplyLines)
		}
		return readLine(r)
	}
	for {
		text, err := next()
		if err != nil {
			return reply{}, err
		}
		if len(text) < 4 || !strings.Contains(" -+", text[3:4]) {
			return reply{}, fmt.Errorf("%w: %.40q", ErrNotTor, text)
		}
		code, err := strconv.ParseUint(text[:3], 10, 16)
		if err != nil || code < 100 || all.code != 0 && int(code) != all.code {
			return reply{}, fmt.Errorf("%w: %.40q", ErrNotTor, text)
		}
		all.code = int(code)
		line := replyLine{text: text[4:]}
		if text[3] == '+' {
			line.data = []string{}
			for {
				data, err := next()
				if err != nil {
					return reply{}, err
				}
				if data == "." {
					break
				}
				line.data = append(line.data, strings.TrimPrefix(data, "."))
			}
		}
		all.lines = append(all.lines, line)
		if text[3] == ' ' {
			return all, nil
		}
	}
}

// readLine reads a line that ends with CR LF, or LF alone.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxReplyLine {
			return "", fmt.Errorf("%w: a line of more than %d bytes", ErrNotTor, maxReplyLine)
		}
		switch {
		case err == nil:
			return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
		case errors.Is(err, io.EOF) && len(line) > 0:
			return "", io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// unquote reads a quoted string (Tor: control-spec.txt, QuotedString) at the
// start of s.
func unquote(s string) (string, bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), true
		case c != '\\':
			b.WriteByte(c)
		case i+1 == len(s):
			return "", false
		default:
			i++
			n, letter := 0, strings.IndexByte("ntr", s[i])
			for n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7' {
				n++
			}
			if n > 0 {
				v, err := strconv.ParseUint(s[i:i+n], 8, 8)
				if err != nil {
					return "", false
				}
				b.WriteByte(byte(v))
				i += n - 1
			} else if letter >= 0 {
				b.WriteByte("\n\t\r"[letter])
			} else {
				b.WriteByte(s[i])
			}
		}
	}
	return "", false
}

// quote writes a quoted string; text has no line breaks.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
