package config

import (
	"fmt"
	"path/filepath"

	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// Directory is [DIRECTORY] (ours): joinmarketd as a directory node.
type Directory struct {
	// Listen is where Tor connects to: host:port of this machine, or unix:/path.
	Listen string
	// Location is the onion and its port, as lists of peers tell it; empty: they
	// do not, or it is learnt from the service.
	Location string
	// Publish has the Tor at TorControl make the onion service, of which the key
	// is kept in ServiceDir; else Tor's own configuration makes it.
	Publish    bool
	TorControl string // host:port or unix:/path
	ServiceDir string
	// Circuits: Tor writes before each connection which circuit it comes by.
	Circuits bool
	MOTD     string // for everybody; "\n" ends a line
	Metrics  string // host:port, or empty: nowhere
	// Limits.
	MaxPeers, PeersPerCircuit int
	BroadcastKiB, MemoryMiB   int // a second, to all peers together; waiting for all
}

// defaultDirectory is what an empty section means.
func defaultDirectory(dir string) Directory {
	return Directory{Listen: "127.0.0.1:5222", TorControl: "localhost:9051", ServiceDir: filepath.Join(dir, "directory-service"),
		MaxPeers: 10_000, PeersPerCircuit: 8, BroadcastKiB: 32 << 10, MemoryMiB: 128}
}

func setDirectoryLocation(c *Config, v string) error {
	if v != "" {
		if at, err := onion.ParseLocation(v, true); err != nil || !at.Serving() {
			return fmt.Errorf("want the onion service and its port, 56 characters and .onion:5222")
		}
	}
	c.Directory.Location = v
	return nil
}
