package bip21

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Encode writes the URI: the known parameters in the order of the fields of
// URI, then the others by name. It writes only what Decode reads back as it
// was: an unfit address is ErrAddress, an amount outside 0..21 million BTC
// ErrAmount, a name that starts with "req-" ErrRequired, and anything else that
// would be lost or altered ErrSyntax.
func (u URI) Encode() (string, error) {
	if err := checkAddress(u.Address); err != nil {
		return "", err
	}
	var params []string
	add := func(name, value string) error {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return fmt.Errorf("%w: %.40q is not text in UTF-8", ErrSyntax, name)
		}
		params = append(params, escape(name)+"="+escape(value))
		return nil
	}
	if u.Amount != nil {
		if !u.Amount.Valid() {
			return "", fmt.Errorf("%w: %d sat", ErrAmount, *u.Amount)
		}
		amount := strings.TrimSuffix(strings.TrimRight(u.Amount.BTC(), "0"), ".")
		params = append(params, amountName+"="+amount)
	}
	for _, known := range []struct{ name, value string }{
		{labelName, u.Label}, {messageName, u.Message}, {payJoinName, u.PayJoin},
	} {
		if known.value == "" {
			continue
		}
		if err := add(known.name, known.value); err != nil {
			return "", err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Other)) {
		switch {
		case strings.HasPrefix(name, required):
			return "", fmt.Errorf("%w: %.40q", ErrRequired, name)
		case name == amountName, name == labelName, name == messageName, name == payJoinName:
			return "", fmt.Errorf("%w: %q has a field of its own", ErrSyntax, name)
		case u.Other[name] == "":
			return "", fmt.Errorf("%w: parameter %.40q without a value", ErrSyntax, name)
		}
		if err := add(name, u.Other[name]); err != nil {
			return "", err
		}
	}
	text := scheme + u.Address
	if len(params) > 0 {
		text += "?" + strings.Join(params, "&")
	}
	if len(text) > MaxSize {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrSyntax, MaxSize)
	}
	return text, nil
}

// escape writes every byte as %XX but the unreserved ones of RFC 3986. The
// library's QueryEscape writes a blank as a plus sign, which not every wallet
// reads as one.
func escape(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		if '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("-._~", c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
