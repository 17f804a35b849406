package onion

import (
	"bytes"
	"io"
)

// Reader reads messages from a stream. It holds at most one line of MaxLine, and
// little while none is on its way.
type Reader struct {
	in    io.Reader
	begun func()
	buf   []byte
	have  []byte // of buf, what is read and not given out
	err   error  // of in; have comes first
}

// idleBuffer is what a Reader begins with, in bytes; most lines fit. Between lines
// it holds at most twice as much.
const idleBuffer = 512

// NewReader reads from in. begun is called when a part of a line has come and the
// rest has not, once for each line: who sends slowly can then be given a time
// (attack N3). It may be nil.
func NewReader(in io.Reader, begun func()) *Reader {
	if begun == nil {
		begun = func() {}
	}
	return &Reader{in: in, begun: begun}
}

// Read reads one message, of which lines end in LF or CR LF. It fails with
// ErrMessage or ErrTooLong, and with io.EOF, or whatever error the stream ends
// with, when no whole line is left.
func (r *Reader) Read() (Message, error) {
	line, err := r.line()
	if err != nil {
		return Message{}, err
	}
	return ParseMessage(line)
}

// line returns the next line without its end, valid until the next call.
func (r *Reader) line() ([]byte, error) {
	for searched, told := 0, false; ; {
		if end := bytes.IndexByte(r.have[searched:], '\n'); end >= 0 {
			line := r.have[:searched+end]
			r.have = r.have[searched+end+1:]
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		searched = len(r.have)
		switch {
		case r.err != nil:
			return nil, r.err
		case searched > MaxLine+len("\r"):
			return nil, ErrTooLong
		case searched > 0 && !told:
			told = true
			r.begun()
		}
		r.fill()
	}
}

// fill reads more behind what there is.
func (r *Reader) fill() {
	if len(r.buf) <= len(r.have) || len(r.buf) > 2*idleBuffer && len(r.have) < idleBuffer {
		size := idleBuffer
		for size <= len(r.have) {
			size *= 2
		}
		r.buf = make([]byte, min(size, MaxLine+len("\r\n")))
	}
	r.have = r.buf[:copy(r.buf, r.have)]
	var n int
	n, r.err = r.in.Read(r.buf[len(r.have):])
	r.have = r.buf[:len(r.have)+n]
}
