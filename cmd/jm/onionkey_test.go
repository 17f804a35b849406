package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestKeptOnionKey: the key is made once, for its owner alone, and goes to onion
// channels only; a file that is something else is left alone.
func TestKeptOnionKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "maker.key")
	a := &app{files: durable.OS, log: slog.New(slog.DiscardHandler)}
	own := []control.ChannelConfig{{Type: control.TypeIRC}, {Type: control.TypeOnion}}
	if all, err := a.withOnionService(own); err != nil || all[1].OnionKey != "" {
		t.Errorf("without a file: %v", err)
	}
	a.cfg.OnionKeyFile = path
	first, err := a.withOnionService(own)
	if err != nil || first[0].OnionKey != "" || !protocol.IsHex(string(first[1].OnionKey), 32) || own[1].OnionKey != "" {
		t.Fatalf("%v, %v", first, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := a.withOnionService(own); err != nil || again[1].OnionKey != first[1].OnionKey {
		t.Errorf("the second time: another, %v", err)
	}
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.withOnionService(own); err == nil {
		t.Error("a file that is no key is taken")
	}
	if data, _ := os.ReadFile(path); string(data) != "something else\n" {
		t.Error("a file that is no key is written")
	}
}

// TestOnionServiceOfTor: the address of a service that Tor has is told to onion
// channels.
func TestOnionServiceOfTor(t *testing.T) {
	const address = "satoshi2vcg5e2ept7tjkzlkpomkobqmgtsjzegg6wipnoajadissead.onion"
	a := &app{files: durable.OS, log: slog.New(slog.DiscardHandler)}
	a.cfg.OnionServiceDir = t.TempDir()
	own := []control.ChannelConfig{{Type: control.TypeIRC}, {Type: control.TypeOnion}}
	if _, err := a.withOnionService(own); err == nil {
		t.Error("an empty folder is a service")
	}
	if err := os.WriteFile(filepath.Join(a.cfg.OnionServiceDir, "hostname"), []byte(address+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := a.withOnionService(own)
	if err != nil || all[0].OnionAddress != "" || all[1].OnionAddress != address {
		t.Errorf("%+v, %v", all, err)
	}
}
