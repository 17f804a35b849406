// Package daemontest has a message channel in memory, for tests of whole
// conversations without a network. Its subfolders have IRC servers for the
// tests of real ones.
package daemontest
