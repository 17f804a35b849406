//go:build !windows

package nodump

import (
	"fmt"
	"runtime"
	"syscall"
)

func set() error {
	var limit syscall.Rlimit
	if runtime.GOOS == "linux" {
		// Linux hands dumps to a program, if one is set up, whatever the limit,
		// but for this one; and a file of one byte is not written.
		limit.Cur, limit.Max = 1, 1
	}
	err := syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	if err != nil && limit.Max > 0 { // it was 0 already, and cannot be raised
		limit.Cur, limit.Max = 0, 0
		err = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	}
	if err != nil {
		return fmt.Errorf("ruling out core dumps, which have secrets: %w", err)
	}
	return nil
}
