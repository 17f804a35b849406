package tortest

import "testing"

// TestNetwork: a client gets into the network.
func TestNetwork(t *testing.T) { Start(t).Client(t) }
