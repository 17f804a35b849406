package protocol

import (
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/b64"
)

// What a field of the wire may look like. Each kind has one spelling, so that
// two texts are equal exactly when their values are (attack T16).

// Printable reports whether text is printable ASCII, 0x20..0x7e, all that a
// line may carry. Empty text is.
func Printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || '~' < text[i] {
			return false
		}
	}
	return true
}

// ParseNumber reads a whole number 0..limit: ASCII digits without sign, blank,
// separator or leading zero. The reference reads all of these, and digits of
// any script, since its language does; nobody sends them.
func ParseNumber(text string, limit int64) (n int64, ok bool) {
	if !isDigits(text) || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > limit {
		return 0, false
	}
	return n, true
}

// isDigits reports whether text is one or more of 0-9.
func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || '9' < text[i] {
			return false
		}
	}
	return text != ""
}

// IsHex reports whether text is that many bytes in lower-case hex.
func IsHex(text string, size int) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || '9' < c) && (c < 'a' || 'f' < c) {
			return false
		}
	}
	return len(text) == 2*size
}

// IsPubKey reports whether text has the form of a compressed secp256k1 key: 66
// lower-case hex digits, the first two 02 or 03. Whether the point is on the
// curve only the client can tell.
func IsPubKey(text string) bool {
	return IsHex(text, 33) && (strings.HasPrefix(text, "02") || strings.HasPrefix(text, "03"))
}

// IsSignature reports whether text is strict base64 of 8 to 72 bytes, as a DER
// signature has them.
func IsSignature(text string) bool {
	der, err := b64.Decode(text, 72)
	return err == nil && len(der) >= 8
}
