package bip21

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Decode reads a payment URI. The scheme may be in any case, names of
// parameters may not. Values are unescaped once, a plus sign is a blank, and
// bytes that are not UTF-8 become U+FFFD. A parameter without a value counts as
// absent, and of a repeated one the last value counts, but every amount must be
// one. A parameter never replaces the address.
func Decode(text string) (URI, error) {
	if len(text) > MaxSize {
		return URI{}, fmt.Errorf("%w: longer than %d bytes", ErrSyntax, MaxSize)
	}
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return URI{}, ErrNotURI
	}
	rest, _, _ := strings.Cut(text[len(scheme):], "#")
	path, query, _ := strings.Cut(rest, "?")
	if path == "" || strings.HasPrefix(path, "//") {
		return URI{}, ErrNotURI
	}
	u := URI{Address: path}
	if err := checkAddress(path); err != nil {
		return URI{}, err
	}
	for field := range strings.SplitSeq(query, "&") {
		if err := u.read(field); err != nil {
			return URI{}, err
		}
	}
	return u, nil
}

// read takes in one name=value.
func (u *URI) read(field string) error {
	name, value, _ := strings.Cut(field, "=")
	name, err := unescape(name)
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, required) {
		return fmt.Errorf("%w: %.40q", ErrRequired, name)
	}
	if value, err = unescape(value); err != nil || value == "" {
		return err
	}
	switch name {
	case amountName:
		amount, err := parseAmount(value)
		if err != nil {
			return err
		}
		u.Amount = &amount
	case labelName:
		u.Label = value
	case messageName:
		u.Message = value
	case payJoinName:
		u.PayJoin = value
	default:
		if u.Other == nil {
			u.Other = make(map[string]string)
		}
		u.Other[name] = value
	}
	return nil
}

func unescape(text string) (string, error) {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return strings.ToValidUTF8(plain, "\ufffd"), nil
}

var amountText = regexp.MustCompile(`^[0-9]{1,8}(\.[0-9]{1,8})?$`)

func parseAmount(text string) (sats.Amount, error) {
	if !amountText.MatchString(text) {
		return 0, fmt.Errorf("%w: %.40q", ErrAmount, text)
	}
	amount, err := sats.ParseBTC(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAmount, err)
	}
	return amount, nil
}
