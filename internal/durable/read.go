package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrTooLarge means that a file is larger than its kind may be.
var ErrTooLarge = errors.New("too large")

// ReadFile reads a file of up to most bytes, so that none fills the memory. The
// errors are ErrTooLarge and those of the operating system, such as
// fs.ErrNotExist.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}
