package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOnionPlayground: a market at directories, made and used by the programs as
// a user would.
func TestOnionPlayground(t *testing.T) {
	t.Parallel()
	btcd := filepath.Join(programs, "btcd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", btcd, "github.com/btcsuite/btcd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "jm"), "playground", "--once", "--onion", "--makers", "3", "--datadir", t.TempDir())
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "with 4 equal outputs") || !strings.Contains(talk.String(), "2 directories") {
		t.Errorf("%v\n%s\n%s", err, out, talk.String())
	}
}
