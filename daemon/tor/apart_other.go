//go:build !unix

package tor

import "syscall"

// apart keeps Ctrl-C in a terminal from ending Tor before us; not here.
func apart() *syscall.SysProcAttr { return nil }
