package commitment

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// lineMax bounds a line of a file; longer ones are no commitments and are
// skipped without being held in memory.
const lineMax = 4096

// contents is what a file was found to have.
type contents struct {
	skipped int  // lines that are no commitments
	torn    bool // it ends without a newline: cut by a crash, or the reference's
	full    bool // there are more commitments than were to be read
}

// readFile puts the commitments of a file into s until that has max; a missing
// file, or the empty path, has none. Lines are trimmed and may be in either
// case; what is no commitment is counted and skipped, so that a damaged file
// loses only its damaged lines.
func readFile(path string, s *set, max int, as tagger) (c contents, err error) {
	if path == "" {
		return c, nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("reading the commitment list: %w", err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, lineMax)
	for {
		line, err := readLine(in)
		if err != nil && err != io.EOF {
			return c, fmt.Errorf("reading the commitment list: %w", err)
		}
		v, ok := parse(line)
		switch {
		case !ok && len(line) > 0:
			c.skipped++
		case !ok:
		case s.n < max:
			s.add(as.tag(v))
		case !s.has(as.tag(v)):
			c.full = true
		}
		if err == io.EOF {
			c.torn = len(line) > 0
			return c, nil
		}
	}
}

// readLine returns the next line, trimmed. One longer than the buffer is passed
// over and replaced by a text that is no commitment.
func readLine(in *bufio.Reader) ([]byte, error) {
	long := false
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = true
		case long:
			return []byte("too long"), err
		default:
			return bytes.TrimSpace(line), err
		}
	}
}

func parse(line []byte) (v Value, ok bool) {
	if len(line) != hex.EncodedLen(len(v)) {
		return v, false
	}
	_, err := hex.Decode(v[:], line)
	return v, err == nil
}
