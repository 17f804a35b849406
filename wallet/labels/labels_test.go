package labels

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

const (
	txid = "f91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd"
	addr = "bc1q34aq5drpuwy3wgl9lhup9892qp6svr8ldzyy7c"
)

func TestParseRef(t *testing.T) {
	for text, want := range map[string]Ref{
		addr:                                  {Address, addr},
		strings.ToUpper(addr):                 {Address, addr},
		"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc": {Address, "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc"},
		txid:                                  {Tx, txid},
		strings.ToUpper(txid):                 {Tx, txid},
		txid + ":4294967295":                  {Output, txid + ":4294967295"},
		strings.ToUpper(txid) + ":0":          {Output, txid + ":0"},
	} {
		if got, err := ParseRef(text); err != nil || got != want {
			t.Errorf("ParseRef(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", ":", addr + " ", "a b", "ä", addr + ":0", txid + ":", txid + ":4294967296", txid + ":01", "z" + txid[1:],
		strings.Repeat("a", maxAddress+1), "bc1\x1b[2J",
	} {
		if got, err := ParseRef(text); !errors.Is(err, ErrRef) {
			t.Errorf("ParseRef(%q) = %v, %v", text, got, err)
		}
	}
}

func TestCheckAndClean(t *testing.T) {
	for _, good := range []string{"", "rent", "Miete März ≥ 3 👩‍🚀", strings.Repeat("x", MaxLabel)} {
		if err := Check(good); err != nil || Clean(good) != good {
			t.Errorf("%.20q: %v, %.20q", good, err, Clean(good))
		}
	}
	for bad, want := range map[string]string{
		"two\nlines":                     "two lines",
		"\x1b[2Jgone":                    " [2Jgone",
		"c1 \u009b":                      "c1  ",
		"\u202ednuora":                   " dnuora",
		"line\u2028separator":            "line separator",
		"\xff\xfe":                       " ",
		strings.Repeat("x", MaxLabel+1):  strings.Repeat("x", MaxLabel),
		strings.Repeat("€", MaxLabel):    strings.Repeat("€", MaxLabel/3),
		strings.Repeat("\xff", MaxLabel): " ",
	} {
		if err := Check(bad); !errors.Is(err, ErrLabel) {
			t.Errorf("Check(%.20q): %v", bad, err)
		}
		if got := Clean(bad); got != want || Check(got) != nil {
			t.Errorf("Clean(%.20q) = %.20q, want %.20q", bad, got, want)
		}
	}
}

// TestSetIsAMap: a Set is a map with bounds.
func TestSetIsAMap(t *testing.T) {
	var s Set
	model := make(map[Ref]string)
	for range 10_000 {
		ref := Ref{Tx, strings.Repeat("0", 61) + strconv.Itoa(100+rand.IntN(50))}
		text := strings.Repeat("x", rand.IntN(3)*rand.IntN(100))
		if err := s.Put(ref, text); err != nil {
			t.Fatal(err)
		}
		if model[ref] = text; text == "" {
			delete(model, ref)
		}
		if s.Get(ref) != text || s.Len() != len(model) {
			t.Fatalf("%q, %d labels after %q", s.Get(ref), s.Len(), text)
		}
	}
	if !maps.Equal(s.All(), model) {
		t.Error("another content")
	}
	size := 0
	for ref, text := range model {
		size += len(ref.Text) + len(text)
	}
	if s.size != size {
		t.Errorf("size %d, want %d", s.size, size)
	}
	c := s.Clone()
	if !c.Equal(&s) {
		t.Error("the copy differs")
	}
	if err := c.Put(Ref{Address, addr}, "x"); err != nil || c.Equal(&s) || s.Get(Ref{Address, addr}) != "" {
		t.Error("the copy is no copy")
	}
}

func TestSetRefuses(t *testing.T) {
	var s Set
	for _, bad := range []Ref{{}, {"pubkey", addr}, {Address, ""}, {Address, strings.ToUpper(addr)}, {Tx, addr}, {Output, txid}} {
		if err := s.Put(bad, "x"); !errors.Is(err, ErrRef) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := s.Put(Ref{Address, addr}, "a\nb"); !errors.Is(err, ErrLabel) {
		t.Errorf("two lines: %v", err)
	}
	if s.Len() != 0 {
		t.Errorf("%d labels", s.Len())
	}
}

func TestSetIsBounded(t *testing.T) {
	var many Set
	for i := range MaxLabels {
		if err := many.Put(Ref{Address, strconv.Itoa(i)}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := many.Put(Ref{Address, addr}, "x"); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if err := many.Put(Ref{Address, "0"}, "changed"); err != nil {
		t.Errorf("changing one of many: %v", err)
	}
	if err := many.Put(Ref{Address, "0"}, ""); err != nil {
		t.Errorf("removing one of many: %v", err)
	}
	if err := many.Put(Ref{Address, addr}, "x"); err != nil {
		t.Errorf("after one was removed: %v", err)
	}

	var large Set
	long := strings.Repeat("x", MaxLabel)
	for i := 0; ; i++ {
		err := large.Put(Ref{Address, strconv.Itoa(i)}, long)
		if errors.Is(err, ErrFull) && i >= maxSize/(MaxLabel+5) && i <= maxSize/MaxLabel {
			break
		}
		if err != nil || i > maxSize/MaxLabel {
			t.Fatalf("label %d: %v", i, err)
		}
	}
}
