package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// retry is how long to wait when the system has no room for a connection.
const retry = time.Second

// Serve accepts clients until ctx ends, and returns when every handle has, nil
// if all went well. handle runs on a goroutine for each connection, which it
// owns; its ctx ends with Serve's. The listener is closed, so that socket and
// cookie file are gone, before the last handles have returned.
func (l *Listener) Serve(ctx context.Context, handle func(context.Context, net.Conn)) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer l.Close()
	defer context.AfterFunc(ctx, l.Close)()

	slots := make(chan struct{}, l.max)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		nc, err := l.accept(ctx)
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("serving %s: %w", l.address, err)
		}
		wg.Go(func() {
			defer func() { <-slots }()
			handle(ctx, nc)
		})
	}
}

// accept waits for a client, also when files or memory are short for a while.
func (l *Listener) accept(ctx context.Context) (net.Conn, error) {
	for {
		nc, err := l.l.Accept()
		if err == nil || !scarce(err) {
			return nc, err
		}
		l.log.Warn("cannot accept a client now", "err", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(retry):
		}
	}
}

func scarce(err error) bool {
	for _, passing := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
