// Package vectors reads the known answers that tests compare with: files of
// cases, most of them computed by the reference implementation, in the testdata
// folder of each package.
package vectors

import (
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

func load[T any](t testing.TB, name, kind string, want int) (cases []T) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
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
