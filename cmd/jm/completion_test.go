package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompletion: the shell is told the wallets that are there, and the data
// folder is not made for it.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "wallets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"default.jmwallet", "savings.jmwallet", "old.jmdat", "default.jmwallet.chain"} {
		if err := os.WriteFile(filepath.Join(dir, "wallets", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	complete := func(dir string, words ...string) []string {
		t.Helper()
		var out, errs bytes.Buffer
		a := &app{term: &terminal{out: &out, err: &errs}}
		if code := a.run(t.Context(), append([]string{"__complete", "--datadir", dir}, words...)); code != 0 {
			t.Fatalf("%s: exit status %d, %s", words, code, errs.String())
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return lines[:len(lines)-1] // the last says what else to complete
	}
	ours := "default savings"
	for line, want := range map[string]string{
		"wallet show":             ours,
		"wallet delete":           ours,
		"wallet psbt show":        ours,
		"sendpayment":             ours,
		"bond list":               ours,
		"wallet bond certificate": ours,
		"tumbler":                 ours,
		"yieldgenerator status":   ours,
		"wallet migrate":          "old.jmdat",
		"wallet create":           "",
		"wallet show default":     "",
	} {
		if got := complete(dir, append(strings.Fields(line), "")...); strings.Join(got, " ") != want {
			t.Errorf("jm %s: completed by %q, want %q", line, got, want)
		}
	}
	none := filepath.Join(dir, "none")
	if got := complete(none, "wallet", "show", ""); len(got) != 0 {
		t.Errorf("without a data folder: %q", got)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("it made the data folder")
	}
}
