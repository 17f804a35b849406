package line

import (
	"strings"
	"testing"
)

// Five hundred odd numbers: every number of every command in every spelling
// that some other program would read.
func TestT16OddNumbersInEveryField(t *testing.T) {
	groups := []string{
		"sw0reloffer # 27300 100000000 0 0.1", "sw0reloffer 0 # 100000000 0 0.1", "sw0reloffer 0 27300 # 0 0.1",
		"sw0reloffer 0 27300 100000000 # 0.1", "sw0reloffer 0 27300 100000000 0 #", "sw0absoffer 0 27300 100000000 0 #",
		"reloffer # 27300 100000000 0 0.1", "absoffer 0 # 100000000 0 1", "swreloffer 0 27300 # 0 0.1",
		"swabsoffer 0 27300 100000000 # 1", "cancel #",
		"fill # 50000000 " + hex32 + " P" + hex32, "fill 0 # " + hex32 + " P" + hex32,
	}
	odd := []string{
		"", "+0", "-0", "-1", "+100000", "00", "0100000", "000.1", "1_0", "100_000", "1,0", "1.", ".1", "1e5", "1E5", "1e+5",
		"0x10", "0X10", "0b1", "0o7", "#5", "1%", "1sat", "٣", "१०००००", "１０００００", "¹", "½", "\t1", "1\t", "1\x00", "\x001",
		"NaN", "Inf", "-inf", "Infinity", "None", "null", "true", "1~", "(1)", "1/2", "9223372036854775808", "1e999999",
		strings.Repeat("9", 400),
	}
	tried := 0
	for _, g := range groups {
		for _, text := range odd {
			tried++
			if m, err := Parse(strings.Replace(g, "#", text, 1)); err == nil {
				t.Errorf("%q with %q = %v", g, text, m)
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d combinations", tried)
	}
}
