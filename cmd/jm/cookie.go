package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/config"
)

// cookieFile is the file with which Bitcoin Core lets programs of its user in:
// the configured one, or the one in its usual folder, if nothing is configured
// but what joinmarket.cfg begins with. Empty: user and password count.
func cookieFile(b config.Blockchain, network string) string {
	fresh := (b.User == "" || b.User == "bitcoin") && (b.Password == "" || b.Password == "password")
	here := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, b.Host)
	if b.CookieFile != "" || !fresh || !here {
		return b.CookieFile
	}
	folder := map[string]string{"testnet3": "testnet3", "signet": "signet", "regtest": "regtest"}[network]
	for _, dir := range coreFolders() {
		path := filepath.Join(dir, folder, ".cookie")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// coreFolders are where Bitcoin Core keeps its data unless it is told otherwise.
func coreFolders() []string {
	places := []func() (string, error){os.UserHomeDir}
	name := ".bitcoin"
	switch runtime.GOOS {
	case "windows":
		places, name = []func() (string, error){os.UserCacheDir, os.UserConfigDir}, "Bitcoin" // the local one since Core 28
	case "darwin":
		places, name = []func() (string, error){os.UserConfigDir}, "Bitcoin"
	}
	var folders []string
	for _, place := range places {
		if dir, err := place(); err == nil {
			folders = append(folders, filepath.Join(dir, name))
		}
	}
	return folders
}
