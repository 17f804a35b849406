//go:build unix

package tor

import "syscall"

// apart keeps Ctrl-C in a terminal from ending Tor before us: it ends with us,
// when we have said goodbye through it.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
