// Package directorytest runs directories for tests.
package directorytest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/directory"
)

// Node is a running directory.
type Node struct {
	*directory.Directory
	Address string // where it listens
	End     func() // ends it; may be called again
}

// Start runs a directory on a loopback port until the test is over, or End is
// called.
func Start(t testing.TB, cfg directory.Config) Node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { d.Handle(nc) })
		}
	})
	end := sync.OnceFunc(func() {
		l.Close()
		d.Stop(ctx, 0)
		cancel()
		running.Wait()
	})
	t.Cleanup(end)
	return Node{d, l.Addr().String(), end}
}
