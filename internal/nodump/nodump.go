// Package nodump keeps the memory of a program, where its secrets are, off the
// disk (attack D9).
package nodump

// Set makes sure that a crash of this process, or of one that it starts, leaves
// no core dump, whatever the limits of the shell and GOTRACEBACK say. Windows
// makes none by itself.
func Set() error { return set() }
