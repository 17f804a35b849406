// Package e2e tests the two programs as a user runs them: processes, files,
// sockets, a real node and a real IRC server. It has no code of its own.
package e2e
