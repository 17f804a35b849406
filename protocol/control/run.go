package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Run reads and writes until the connection ends, by either side or by ctx, and
// until every handler has returned. It must be called once; nothing is sent
// before. It returns Err.
func (c *Conn) Run(ctx context.Context, h Handler) error {
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, c.Close)()

	var wg sync.WaitGroup
	drained := make(chan struct{})
	wg.Go(func() {
		defer close(drained)
		c.read(ctx, h, &wg)
	})
	wg.Go(func() { c.write(drained) })
	<-c.done
	cancel()
	wg.Wait()
	return c.Err()
}

// read takes frames until the end, then swallows what else comes, so that the
// writer's last words are not destroyed by a reset.
func (c *Conn) read(ctx context.Context, h Handler, wg *sync.WaitGroup) {
	for c.Err() == nil {
		body, err := readBody(c.r, c.readLimit, func(within bool) {
			limit := time.Duration(0) // a connection may be silent between frames
			if within {
				limit = StallTimeout
			}
			c.setDeadline(c.nc.SetReadDeadline, limit)
		})
		if err == nil {
			err = c.take(ctx, h, wg, body)
		}
		var told *Error
		if errors.As(err, &told) || errors.Is(err, ErrClosed) {
			c.lost(err)
		} else if err != nil {
			c.Abort(err)
		}
	}
	io.Copy(io.Discard, c.nc)
}

// take works off one frame without waiting for anything.
func (c *Conn) take(ctx context.Context, h Handler, wg *sync.WaitGroup, body []byte) (err error) {
	f, err := parseFrame(body)
	if err != nil {
		return err
	}
	c.heard.Store(int64(time.Since(c.began)))
	switch f.kind() {
	case kindRequest:
		return c.dispatch(ctx, h, wg, f)
	case kindAnswer:
		return c.calls.answer(f)
	case kindEvent:
		defer c.caught(f.Event, &err)
		h.Event(f.Event, f.Params)
		return nil
	case kindBye:
		return f.Error.received()
	}
	return fmt.Errorf("%w: a second hello", ErrMalformed)
}

// write is the one writer. It closes nc when all is said.
func (c *Conn) write(drained <-chan struct{}) {
	defer c.nc.Close()
	for encoded := c.out.next(); encoded != nil; encoded = c.out.next() {
		err := writeAll(c.nc, encoded, func() { c.setDeadline(c.nc.SetWriteDeadline, StallTimeout) })
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.lost(fmt.Errorf("%w: it took less than %d KiB in %v", ErrSlow, chunkSize>>10, StallTimeout))
			return
		}
		if err != nil {
			// The other side is gone. Why, its last frame may tell the reader.
			select {
			case <-c.done:
			case <-time.After(linger):
				c.lost(networkError(err, false))
			}
			return
		}
		c.out.written(encoded)
	}
	if closeWrite(c.nc) {
		<-drained
	}
}
