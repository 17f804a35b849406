package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exposure is the most that systemd may find the service exposed, in tenths of
// its points from 0 to 10. What is left is that it opens sockets.
const exposure = "13"

// TestUnits: systemd finds no mistake in the units, and little that the services
// could do to the machine.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd-analyze is missing: scripts/install-test-deps.sh installs it")
		}
		t.Skip("no systemd-analyze on this machine")
	}
	for _, name := range []string{"joinmarketd.service", "joinmarketd-directory.service"} {
		t.Run(name, func(t *testing.T) { testUnit(t, analyze, name) })
	}
}

func testUnit(t *testing.T, analyze, name string) {
	unit, err := os.ReadFile("../../packaging/" + name)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable() // it looks whether there is one
	if err != nil {
		t.Fatal(err)
	}
	const installed = "ExecStart=/usr/local/bin/joinmarketd "
	if !strings.Contains(string(unit), "\n"+installed) {
		t.Fatalf("no line %s...", installed)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Replace(string(unit), installed, "ExecStart="+program+" ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), name) {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "security", "--no-pager", "--offline=true", "--threshold="+exposure, path).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}
