//go:build unix

package main

import (
	"log/slog"
	"syscall"
)

// enough warns when the system lets us open fewer files than there may be peers.
func enough(peers int, log *slog.Logger) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil && uint64(files.Cur) < uint64(peers+moreConns+100) {
		log.Warn("fewer files can be open than there may be peers", "files", files.Cur, "max_peers", peers)
	}
}
