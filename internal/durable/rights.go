package durable

import (
	"os"
	"runtime"
)

// OwnerOnly takes away the rights that others than the owner have on a file or
// folder, and reports whether they had any. On Windows, where files take their
// rights from the folder of the user, it does nothing.
func OwnerOnly(path string) (changed bool, err error) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return false, err
	}
	return true, os.Chmod(path, info.Mode().Perm()&0o700)
}
