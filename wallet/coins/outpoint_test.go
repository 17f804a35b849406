package coins

import (
	"errors"
	"strings"
	"testing"
)

const txid = "9b1dc37d4247f1bf3d5afb7aad53354d18bbb0bc63a4c3529e7b8d5d529f345c"

func TestParseOutPoint(t *testing.T) {
	for _, good := range []string{txid + ":0", txid + ":7", txid + ":4294967295"} {
		out, err := ParseOutPoint(good)
		if err != nil || out.String() != good {
			t.Errorf("ParseOutPoint(%q) = %v, %v", good, out, err)
		}
	}
	for _, bad := range []string{
		"", ":", txid, txid + ":", txid + ":4294967296", txid + ":-1", txid + ":+1", txid + ": 1", txid + ":01",
		txid + ":1_0", txid + ":1:2", txid + ":٣", txid[1:] + ":0", txid + "0:0", strings.ToUpper(txid) + ":0",
		"z" + txid[1:] + ":0", txid + ":0x1", txid + ":1 ",
	} {
		if out, err := ParseOutPoint(bad); !errors.Is(err, ErrOutPoint) {
			t.Errorf("ParseOutPoint(%q) = %v, %v", bad, out, err)
		}
	}
}

func FuzzParseOutPoint(f *testing.F) {
	f.Add(txid + ":0")
	f.Add(txid + ":01")
	f.Fuzz(func(t *testing.T, text string) {
		if out, err := ParseOutPoint(text); err == nil && out.String() != text {
			t.Errorf("%q is written back as %q", text, out)
		}
	})
}
