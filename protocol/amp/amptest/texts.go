// Package amptest writes what of the reference's boxes only its clients write, for
// tests that play one.
package amptest

import (
	"encoding/binary"
	"fmt"

	"github.com/joinmarket-go/joinmarket/protocol/amp"
)

// Texts writes a list of texts. Its error is amp.ErrTooLarge, for one text; that the
// whole list is too large shows when the box is written.
func Texts(list []string) (string, error) {
	var value []byte
	for _, text := range list {
		if len(text) > amp.MaxValue {
			return "", fmt.Errorf("%w: %d bytes in a list", amp.ErrTooLarge, len(text))
		}
		value = append(binary.BigEndian.AppendUint16(value, uint16(len(text))), text...)
	}
	return string(value), nil
}
