// Package b64 reads standard base64 in its one canonical spelling.
package b64

import (
	"encoding/base64"
	"errors"
)

// ErrText means that a text is not canonical base64 or decodes to more bytes
// than allowed.
var ErrText = errors.New("not canonical base64 of an allowed size")

// Encode writes b with the alphabet A-Za-z0-9+/ and padding.
func Encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// Decode reads what Encode writes and nothing else: the library alone would
// skip line breaks and accept stray bits before the padding. At most max bytes
// result.
func Decode(text string, max int) ([]byte, error) {
	if len(text) > base64.StdEncoding.EncodedLen(max) {
		return nil, ErrText
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) > max || len(text) != base64.StdEncoding.EncodedLen(len(b)) {
		return nil, ErrText
	}
	return b, nil
}
