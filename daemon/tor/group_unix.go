//go:build unix

package tor

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// joinGroup says what to do about a file of Tor's that this user may not open:
// which group to join, if a group may.
func joinGroup(path string) string {
	own, err := user.Current()
	if err != nil {
		return "its rights do not allow it"
	}
	for _, p := range []string{path, filepath.Dir(path)} { // what is in a closed folder cannot be looked at
		info, err := os.Stat(p)
		if err != nil {
			continue
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || info.Mode().Perm()&0o070 == 0 {
			break
		}
		name := strconv.FormatUint(uint64(stat.Gid), 10)
		if group, err := user.LookupGroupId(name); err == nil {
			name = group.Name
		}
		return fmt.Sprintf("run `sudo usermod -aG %s %s` and log in again", name, own.Username)
	}
	return "set CookieAuthFileGroupReadable 1 in torrc, and join the group of the file"
}
