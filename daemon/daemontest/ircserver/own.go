package ircserver

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircd"
)

// Own runs the small server of package ircd for a network on a loopback port,
// until stop is called or the test ends.
func Own(t testing.TB, network string) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ircd.New(ircd.Config{Network: network}).Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the IRC server ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}
