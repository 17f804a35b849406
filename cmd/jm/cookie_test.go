package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/config"
)

// TestCookieOfTheNode: a new joinmarket.cfg needs no credentials for a node of
// the same user, and what the user has set is never passed over.
func TestCookieOfTheNode(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"} {
		t.Setenv(name, home)
	}
	folder := coreFolders()[0]
	if runtime.GOOS == "linux" && folder != filepath.Join(home, ".bitcoin") {
		t.Errorf("the folder is %s", folder)
	}
	put := func(network string) string {
		t.Helper()
		path := filepath.Join(folder, network, ".cookie")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("__cookie__:00"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fresh, _, err := config.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	as := func(change func(*config.Blockchain)) config.Blockchain {
		b := fresh.Blockchain
		change(&b)
		return b
	}
	if got := cookieFile(fresh.Blockchain, "mainnet"); got != "" {
		t.Errorf("without a node: %q", got)
	}
	main, test := put(""), put("signet")
	for name, c := range map[string]struct {
		b       config.Blockchain
		network string
		want    string
	}{
		"mainnet":         {fresh.Blockchain, "mainnet", main},
		"signet":          {fresh.Blockchain, "signet", test},
		"no such network": {fresh.Blockchain, "regtest", ""},
		"cookie set":      {as(func(b *config.Blockchain) { b.CookieFile = "/elsewhere" }), "mainnet", "/elsewhere"},
		"password set":    {as(func(b *config.Blockchain) { b.Password = "mine" }), "mainnet", ""},
		"user set":        {as(func(b *config.Blockchain) { b.User = "me" }), "mainnet", ""},
		"another machine": {as(func(b *config.Blockchain) { b.Host = "10.0.0.7" }), "mainnet", ""},
	} {
		if got := cookieFile(c.b, c.network); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
