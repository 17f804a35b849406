package labels

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBIP329 reads the fragment of the document.
func TestBIP329(t *testing.T) {
	data, err := os.ReadFile("testdata/bip329.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got, report, err := Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want := []Record{
		{Ref{Tx, txid}, "Transaction", Unsaid},
		{Ref{Address, addr}, "Address", Unsaid},
		{Ref{Output, txid + ":1"}, "Output", Frozen},
		{Ref{Tx, "f546156d9044844e02b181026a1a407abfca62e7ea1159f87bbeaa77b4286c74"}, "Account #1 Transaction", Unsaid},
	}
	if !slices.Equal(got, want) || report != (Report{Skipped: 3}) {
		t.Errorf("%+v, %+v", got, report)
	}
	var text bytes.Buffer
	if err := Write(&text, got[2:3]); err != nil {
		t.Fatal(err)
	}
	if want := `{"type":"output","ref":"` + txid + `:1","label":"Output","spendable":false}` + "\n"; text.String() != want {
		t.Errorf("written as %s", &text)
	}
}

func TestRead(t *testing.T) {
	got, report, err := Read(strings.NewReader("\r\n" +
		`{"ref":"` + strings.ToUpper(txid) + `:7","type":"output","spendable":true,"fmv":{"USD":1233.45},"label":null}` + "\r\n\n" +
		`{"type":"output","ref":"` + txid + `:8","label":"","heights":[1,[2]]}` + "\n" +
		`{"type":"tx","ref":"` + txid + `","Label":"<b>","label":"a\nb","spendable":false}` + "\n" +
		`{"type":"future","ref":""}`))
	want := []Record{
		{Ref{Output, txid + ":7"}, "", Spendable},
		{Ref{Output, txid + ":8"}, "", Unsaid},
		{Ref{Tx, txid}, "a b", Unsaid},
	}
	if err != nil || !slices.Equal(got, want) || report != (Report{Skipped: 1, Altered: 1}) {
		t.Errorf("%+v, %+v, %v", got, report, err)
	}
}

func TestReadRefuses(t *testing.T) {
	good := `{"type":"tx","ref":"` + txid + `","label":"x"}`
	for name, bad := range map[string]string{
		"not JSON":           "label",
		"a list":             `["type"]`,
		"cut":                good[:len(good)-1],
		"two in a line":      good + good,
		"a comma behind":     good + ",",
		"no type":            `{"ref":"` + txid + `"}`,
		"no ref":             `{"type":"tx"}`,
		"type null":          `{"type":null,"ref":"` + txid + `"}`,
		"type a number":      `{"type":1,"ref":"` + txid + `"}`,
		"label a number":     `{"type":"tx","ref":"` + txid + `","label":1}`,
		"spendable a text":   `{"type":"output","ref":"` + txid + `:1","spendable":"false"}`,
		"a field twice":      `{"type":"tx","ref":"` + txid + `","label":"x","label":"y"}`,
		"a foreign twice":    `{"type":"tx","ref":"` + txid + `","z":1,"z":1}`,
		"a field by escapes": `{"type":"tx","ref":"` + txid + `","label":"x","l\u0061bel":"y"}`,
		"a bad coin":         `{"type":"output","ref":"` + txid + `"}`,
		"a bad address":      `{"type":"addr","ref":"bc1 q"}`,
		"not UTF-8":          `{"type":"tx","ref":"` + txid + `","label":"` + "\xff" + `"}`,
		"a long line":        `{"type":"tx","ref":"` + txid + `","label":"` + strings.Repeat("x", maxLine) + `"}`,
		"deep":               `{"type":"tx","ref":"` + txid + `","z":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		if _, _, err := Read(strings.NewReader(good + "\n" + bad + "\n")); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Read(strings.NewReader(strings.Repeat(strings.Repeat(" ", maxLine-1)+"\n", maxFile/maxLine+1))); !errors.Is(err, ErrFile) {
		t.Errorf("a large file: %v", err)
	}
	broken := errors.New("unplugged")
	if _, _, err := Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a broken disk: %v", err)
	}
}

// FuzzRead: what is read is written to what reads the same, and is written so
// again, byte for byte; and it fits a Set.
func FuzzRead(f *testing.F) {
	data, err := os.ReadFile("testdata/bip329.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"type":"addr","ref":"` + addr + `","label":"\u0007\ud800<&>"}`))
	f.Add([]byte(`{"type":"output","ref":"` + txid + `:0","spendable":true,"z":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, _, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := Write(&once, records); err != nil {
			t.Fatal(err)
		}
		again, report, err := Read(bytes.NewReader(once.Bytes()))
		if err != nil || !slices.Equal(again, records) || report != (Report{}) {
			t.Fatalf("%+v became %+v, %+v, %v", records, again, report, err)
		}
		if err := Write(&twice, again); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("%s, then %s, %v", &once, &twice, err)
		}
		var s Set
		for _, r := range records {
			if err := s.Put(r.Ref, r.Label); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
		}
	})
}
