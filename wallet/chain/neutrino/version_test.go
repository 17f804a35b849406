package neutrino

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcwallet/walletdb"
)

// TestD13NewerStoreIsLeftAlone: the folder of a newer version is refused, and
// not a byte of it is changed.
func TestD13NewerStoreIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	change(t, dir, func(r walletdb.ReadWriteBucket) error { return r.Put(keyFormat, []byte{storeVersion + 1}) })
	read := func() map[string][]byte {
		t.Helper()
		all := make(map[string][]byte)
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, path := range files {
			if all[path], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	before := read()
	if _, err := reopen(t, dir); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("it was opened: %v", err)
	}
	after := read()
	for path, data := range before {
		if !bytes.Equal(after[path], data) {
			t.Errorf("%s was changed", path)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files became %d", len(before), len(after))
	}
}
