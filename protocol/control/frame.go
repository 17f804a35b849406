package control

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf8"
)

// A frame is four bytes of length, most significant first, and that many bytes
// of JSON: an object of one of the kinds below. Unknown members are ignored.
type frame struct {
	Hello  *helloFrame     `json:"hello,omitempty"`
	ID     uint64          `json:"id,omitempty"` // of a request, counted from 1 by each side
	Method string          `json:"method,omitempty"`
	Event  string          `json:"event,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *Error          `json:"error,omitempty"`
}

type kind int

const (
	kindHello   kind = iota + 1 // {hello}
	kindRequest                 // {id, method, params}
	kindAnswer                  // {id, result} or {id, error}
	kindEvent                   // {event, params}
	kindBye                     // {error}: why the connection ends
)

const (
	headerSize = 4
	chunkSize  = 64 << 10 // what has to move within StallTimeout
	maxName    = 64       // bytes of a method's or event's name
)

// kind returns 0 for a frame of no kind, or of two.
func (f *frame) kind() kind {
	if len(f.Method) > maxName || len(f.Event) > maxName {
		return 0
	}
	has := func(b bool, bit int) int {
		if b {
			return bit
		}
		return 0
	}
	const hello, id, method, event, params, result, fault = 1, 2, 4, 8, 16, 32, 64
	switch has(f.Hello != nil, hello) | has(f.ID != 0, id) | has(f.Method != "", method) |
		has(f.Event != "", event) | has(f.Params != nil, params) |
		has(f.Result != nil, result) | has(f.Error != nil, fault) {
	case hello:
		return kindHello
	case id | method, id | method | params:
		return kindRequest
	case id | result, id | fault:
		return kindAnswer
	case event, event | params:
		return kindEvent
	case fault:
		return kindBye
	}
	return 0
}

// encode writes the frame with its length.
func (f *frame) encode(limit int) ([]byte, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if len(body) > limit {
		return nil, tooLarge("frame", len(body), limit)
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, headerSize+len(body)), uint32(len(body))), body...), nil
}

// parseFrame is the inverse of encode, without the length.
func parseFrame(body []byte) (*frame, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("%w: frame is not UTF-8", ErrMalformed)
	}
	if depth, commas := shape(body); depth > MaxDepth || commas > MaxCommas {
		return nil, fmt.Errorf("%w: frame nests %d deep with %d commas, limits %d and %d", ErrMalformed, depth, commas, MaxDepth, MaxCommas)
	}
	f := new(frame)
	if err := json.Unmarshal(body, f); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if f.kind() == 0 {
		return nil, fmt.Errorf("%w: frame is no hello, request, answer, event or error", ErrMalformed)
	}
	return f, nil
}

// shape counts how deep brackets nest and how many commas there are outside
// strings. It runs before anything is decoded and without recursion, so that
// neither the stack nor the memory of what is decoded depends on the sender.
func shape(body []byte) (depth, commas int) {
	level, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			depth = max(depth, level)
		case c == '}' || c == ']':
			level--
		case c == ',':
			commas++
		}
	}
	return depth, commas
}

// readBody reads one frame's JSON text of 1..limit bytes. progress is called
// before each part is waited for: with false before the first byte of the
// frame, with true afterwards. Memory is taken as bytes arrive, not as the
// length claims.
func readBody(r *bufio.Reader, limit int, progress func(within bool)) ([]byte, error) {
	progress(false)
	if _, err := r.Peek(1); err != nil {
		return nil, networkError(err, false)
	}
	progress(true)
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, networkError(err, true)
	}
	size := binary.BigEndian.Uint32(header[:])
	if size == 0 {
		return nil, fmt.Errorf("%w: empty frame", ErrMalformed)
	}
	if uint64(size) > uint64(limit) {
		return nil, fmt.Errorf("%w: frame of %d bytes, limit %d", ErrTooLarge, size, limit)
	}
	var body []byte
	for rest := int(size); rest > 0; {
		part := min(rest, chunkSize)
		body = slices.Grow(body, part)
		if len(body) > 0 {
			progress(true)
		}
		n, err := io.ReadFull(r, body[len(body):len(body)+part])
		if err != nil {
			return nil, networkError(err, true)
		}
		body, rest = body[:len(body)+n], rest-n
	}
	return body, nil
}

// networkError gives an error of the connection its code.
func networkError(err error, within bool) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: nothing came in time", ErrTimeout)
	case within && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return fmt.Errorf("%w: connection ended within a frame", ErrMalformed)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w by the other side", ErrClosed)
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

// writeAll writes an encoded frame in chunks, calling progress before each.
func writeAll(w io.Writer, encoded []byte, progress func()) error {
	for chunk := range slices.Chunk(encoded, chunkSize) {
		progress()
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}
