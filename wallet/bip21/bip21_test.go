package bip21

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

func equal(a, b URI) bool {
	sameAmount := a.Amount == nil && b.Amount == nil ||
		a.Amount != nil && b.Amount != nil && *a.Amount == *b.Amount
	return sameAmount && a.Address == b.Address && a.Label == b.Label && a.Message == b.Message &&
		a.PayJoin == b.PayJoin && maps.Equal(a.Other, b.Other)
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"bitcoin":                        ErrNotURI,
		"bitcoin:#" + payee:              ErrNotURI,
		"bitcoin:" + payee[:10] + "\x00": ErrAddress,
		"bitcoin:b%63":                   ErrAddress,
		"bitcoin:" + strings.Repeat("a", maxAddress+1):                       ErrAddress,
		"bitcoin:" + payee + "?re%71-x=1":                                    ErrRequired, // hidden by escapes
		"bitcoin:" + payee + "?label=1&req-":                                 ErrRequired,
		"bitcoin:" + payee + "?label=%":                                      ErrSyntax,
		"bitcoin:" + payee + "?label=%zz":                                    ErrSyntax,
		"bitcoin:" + payee + "?%4=1":                                         ErrSyntax,
		"bitcoin:" + payee + "?amount=1%00":                                  ErrAmount,
		"bitcoin:" + payee + "?amount=1&amount=":                             nil, // an empty value counts as absent
		"bitcoin:" + payee + "?label=" + strings.Repeat("a", MaxSize):        ErrSyntax,
		"bitcoin:" + payee + "?" + strings.Repeat("&", MaxSize-9-len(payee)): nil,
	} {
		if _, err := Decode(text); !errors.Is(err, want) {
			t.Errorf("Decode(%.80q): %v, want %v", text, err, want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	amount := func(a sats.Amount) *sats.Amount { return &a }
	for name, c := range map[string]struct {
		u    URI
		want error
	}{
		"no address":      {URI{Label: "x"}, ErrAddress},
		"escaped address": {URI{Address: "bc1?amount=1"}, ErrAddress},
		"negative":        {URI{Address: payee, Amount: amount(-1)}, ErrAmount},
		"too much":        {URI{Address: payee, Amount: amount(sats.Max + 1)}, ErrAmount},
		"required":        {URI{Address: payee, Other: map[string]string{"req-": "1"}}, ErrRequired},
		"known name":      {URI{Address: payee, Other: map[string]string{"pj": "x"}}, ErrSyntax},
		"empty value":     {URI{Address: payee, Other: map[string]string{"pjos": ""}}, ErrSyntax},
		"not UTF-8":       {URI{Address: payee, Label: "\xff"}, ErrSyntax},
		"name not UTF-8":  {URI{Address: payee, Other: map[string]string{"\xff": "1"}}, ErrSyntax},
		"too long":        {URI{Address: payee, Message: strings.Repeat(" ", MaxSize/3)}, ErrSyntax},
	} {
		if text, err := c.u.Encode(); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v, want %v", name, text, err, c.want)
		}
	}
}

// TestEncodeInOrder shows that the same URI is always the same text.
func TestEncodeInOrder(t *testing.T) {
	one := sats.Amount(1)
	u := URI{Address: payee, Amount: &one, Label: "l", Message: "m", PayJoin: "https://x/",
		Other: map[string]string{"z": "1", "a": "2", "pjos": "0"}}
	want := "bitcoin:" + payee + "?amount=0.00000001&label=l&message=m&pj=https%3A%2F%2Fx%2F&a=2&pjos=0&z=1"
	if got, err := u.Encode(); got != want || err != nil {
		t.Errorf("Encode = %s, %v, want %s", got, err, want)
	}
}

// FuzzDecode: what decodes is encoded and decodes to the same.
func FuzzDecode(f *testing.F) {
	for _, c := range vectors.Kind[vector](f, "bip21.json", "decode", 73) {
		f.Add(c.URI)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Decode(text)
		if err != nil {
			return
		}
		written, err := u.Encode()
		if errors.Is(err, ErrSyntax) && len(text)*3 > MaxSize {
			return // escapes made it longer than is allowed
		}
		if err != nil {
			t.Fatalf("Decode(%q) = %+v cannot be encoded: %v", text, u, err)
		}
		if back, err := Decode(written); err != nil || !equal(back, u) {
			t.Fatalf("%q is %+v, written %q, read back %+v, %v", text, u, written, back, err)
		}
	})
}

// FuzzEncode: what encodes decodes to the same.
func FuzzEncode(f *testing.F) {
	f.Add(payee, int64(1), "Shop 12", "a+b&c=d%", "https://abc.onion/x?y=1", "pjos", "0")
	f.Add(payee, int64(-1), "#", "", "ä€\n", "req-x", "1")
	f.Fuzz(func(t *testing.T, address string, amount int64, label, message, payJoin, name, value string) {
		u := URI{Address: address, Label: label, Message: message, PayJoin: payJoin, Other: map[string]string{name: value}}
		if a := sats.Amount(amount); amount != 0 {
			u.Amount = &a
		}
		text, err := u.Encode()
		if err != nil {
			return
		}
		if back, err := Decode(text); err != nil || !equal(back, u) {
			t.Fatalf("%+v is written %q, read back %+v, %v", u, text, back, err)
		}
	})
}
