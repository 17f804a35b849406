//go:build !race

package daemon

// floodNicks is how many nicks the flood of a test has.
const floodNicks = 100_000
