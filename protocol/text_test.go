package protocol

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestT16Numbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "10": 10, "9223372036854775807": math.MaxInt64,
	} {
		if n, ok := ParseNumber(text, math.MaxInt64); !ok || n != want {
			t.Errorf("ParseNumber(%q) = %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{
		"", " ", "00", "007", "+1", "-1", "-0", "1 ", " 1", "1_000", "1,000", "1.0", "1.", "1e5", "0x10", "0b1", "٣", "３",
		"x", "9223372036854775808", "99999999999999999999999999", "1\n", "1\x00",
	} {
		if n, ok := ParseNumber(text, math.MaxInt64); ok {
			t.Errorf("ParseNumber(%q) = %d", text, n)
		}
	}
	if _, ok := ParseNumber("11", 10); ok {
		t.Error("11 passes the limit 10")
	}
	if n, ok := ParseNumber("10", 10); !ok || n != 10 {
		t.Error("10 does not pass the limit 10")
	}
}

// A number has one spelling: what parses is written back as it was.
func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"0", "00", "12", "+1", "9223372036854775807", "9223372036854775808"} {
		f.Add(s, int64(math.MaxInt64))
	}
	f.Fuzz(func(t *testing.T, text string, limit int64) {
		n, ok := ParseNumber(text, limit)
		if ok && (strconv.FormatInt(n, 10) != text || n < 0 || n > limit) {
			t.Errorf("ParseNumber(%q, %d) = %d", text, limit, n)
		}
	})
}

func TestFieldForms(t *testing.T) {
	key := "02" + strings.Repeat("0a", 32)
	if !IsHex("00ff", 2) || IsHex("00FF", 2) || IsHex("00f", 2) || IsHex("00ff0", 2) || IsHex("00fg", 2) || !IsHex("", 0) {
		t.Error("IsHex")
	}
	if !IsPubKey(key) || !IsPubKey("03"+key[2:]) || IsPubKey("04"+key[2:]) || IsPubKey(key[:64]) ||
		IsPubKey(key+"00") || IsPubKey(strings.ToUpper(key)) {
		t.Error("IsPubKey")
	}
	if !Printable("") || !Printable(" ~!a") || Printable("\x1f") || Printable("\x7f") || Printable("é") || Printable("a\nb") {
		t.Error("Printable")
	}
	for size, want := range map[int]bool{0: false, 7: false, 8: true, 71: true, 72: true, 73: false} {
		// Sizes in bytes; "AAAA" stands for three.
		text := strings.Repeat("AAAA", size/3) + []string{"", "AA==", "AAA="}[size%3]
		if IsSignature(text) != want {
			t.Errorf("IsSignature of %d bytes: %v", size, !want)
		}
	}
}
