// Package nodump keeps the memory of a program, where its secrets are, off the
// disk after a crash (attack D9).
//
// Swap is not its business. Locking single pages would keep nothing in: the
// runtime and the libraries copy secrets over the heap and the stacks. Locking
// all memory counts what the runtime has mapped, most of it never touched,
// against RLIMIT_MEMLOCK, and when that is used up mapping more fails, which ends
// a Go program. docs/wallet.md says what the user can do.
package nodump

// Set makes sure that a crash of this process, or of one that it starts, leaves
// no core dump, whatever the limits of the shell and GOTRACEBACK say. Windows
// makes none by itself.
func Set() error { return set() }
