// Package vectors reads the known answers that tests compare with: files of
// cases, most of them computed by the reference implementation, in the testdata
// folder of each package.
package vectors

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Load returns the cases of testdata/<name>. The test fails unless there are
// exactly want: one that was dropped by mistake would prove nothing.
func Load[T any](t testing.TB, name string, want int) []T {
	t.Helper()
	return load[T](t, name, "", want)
}

// Kind is Load for the cases whose field "kind" is the one given.
func Kind[T any](t testing.TB, name, kind string, want int) []T {
	t.Helper()
	return load[T](t, name, kind, want)
}

// Read decodes the whole of testdata/<name>, a JSON file of another form. Whether
// all is there the caller looks at.
func Read(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// Hex are the bytes that a text says.
func Hex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load[T any](t testing.TB, name, kind string, want int) (cases []T) {
	t.Helper()
	var file struct{ Cases []json.RawMessage }
	Read(t, name, &file)
	for _, raw := range file.Cases {
		var of struct{ Kind string }
		if kind != "" && (json.Unmarshal(raw, &of) != nil || of.Kind != kind) {
			continue
		}
		var c T
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cases = append(cases, c)
	}
	if len(cases) != want || want == 0 {
		t.Fatalf("%s has %d cases %s, want %d", name, len(cases), kind, want)
	}
	return cases
}
