//go:build race

package daemon

// floodNicks: the race detector needs ten times as long for each.
const floodNicks = 10_000
