// Package vectors reads the known answers that tests compare with: files of
// cases computed by the reference implementation, in each package's testdata.
package vectors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Load returns the cases of testdata/<name>. A file without cases fails the
// test: it would prove nothing.
func Load[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []T `json:"cases"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s holds no cases", name)
	}
	return file.Cases
}
