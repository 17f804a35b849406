package tortest

import (
	"testing"
	"time"
)

// TestNetwork: a client gets into the network.
func TestNetwork(t *testing.T) {
	start := time.Now()
	n := Start(t)
	t.Logf("started after %v", time.Since(start))
	n.Client(t)
	t.Logf("a client is in the network after %v", time.Since(start))
}
