package control

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// inbox holds the requests of the other side that are not answered yet.
type inbox struct {
	mu      sync.Mutex
	running int
	waiting []*frame
	bytes   int    // of the parameters of all
	idle    func() // to be called when all are answered; may be nil
}

// whenIdle has f called when no request is unanswered, which may be now, and
// perhaps again.
func (in *inbox) whenIdle(f func()) {
	in.mu.Lock()
	in.idle = f
	in.mu.Unlock()
	in.look()
}

func (in *inbox) look() {
	in.mu.Lock()
	f := in.idle
	if in.running > 0 {
		f = nil
	}
	in.mu.Unlock()
	if f != nil {
		f()
	}
}

// take decides over a new request: start it, keep it for later (start false),
// or refuse it.
func (in *inbox) take(f *frame) (start bool, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.running+len(in.waiting) >= MaxOutstanding {
		return false, fmt.Errorf("%w: more than %d requests without answer", ErrLimit, MaxOutstanding)
	}
	if in.bytes+len(f.Params) > maxQueueBytes {
		return false, fmt.Errorf("%w: more than %d MiB of requests without answer", ErrLimit, maxQueueBytes>>20)
	}
	in.bytes += len(f.Params)
	if in.running >= MaxConcurrent {
		in.waiting = append(in.waiting, f)
		return false, nil
	}
	in.running++
	return true, nil
}

// next says that f is answered and returns the one to go on with, if any.
func (in *inbox) next(f *frame) *frame {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.bytes -= len(f.Params)
	if len(in.waiting) == 0 {
		in.running--
		return nil
	}
	f, in.waiting[0] = in.waiting[0], nil
	in.waiting = in.waiting[1:]
	return f
}

// dispatch runs, keeps or refuses a request. It does not wait: a side that
// floods us and does not read the refusals is ErrSlow.
func (c *Conn) dispatch(ctx context.Context, h Handler, wg *sync.WaitGroup, f *frame) error {
	start, err := c.inbox.take(f)
	if err != nil {
		encoded, err := (&frame{ID: f.ID, Error: wireError(err)}).encode(c.writeLimit)
		if err == nil {
			err = c.out.offer(encoded)
		}
		return err
	}
	if start {
		wg.Go(func() {
			for ; f != nil; f = c.inbox.next(f) {
				c.respond(ctx, h, f)
			}
			c.inbox.look()
		})
	}
	return nil
}

// respond runs the handler and queues its answer.
func (c *Conn) respond(ctx context.Context, h Handler, f *frame) {
	if ctx.Err() != nil {
		return
	}
	answer := &frame{ID: f.ID}
	v, err := c.ask(ctx, h, f)
	if err == nil {
		if answer.Result, err = encode(v); err != nil {
			err = fmt.Errorf("own answer: %v", err) // no fault of the asking side: no code
		}
	}
	var encoded []byte
	if err == nil {
		encoded, err = answer.encode(c.writeLimit)
	}
	if err != nil {
		var code Code
		if !errors.As(err, &code) && ctx.Err() == nil {
			c.log.Error("request failed", "method", f.Method, "err", err)
		}
		encoded, err = (&frame{ID: f.ID, Error: wireError(err)}).encode(c.writeLimit)
	}
	if err == nil {
		c.out.put(ctx, encoded) // fails only when the connection is over
	}
}

func (c *Conn) ask(ctx context.Context, h Handler, f *frame) (v any, err error) {
	defer c.caught(f.Method, &err)
	return h.Request(context.WithValue(ctx, idKey{}, f.ID), f.Method, f.Params)
}

type idKey struct{}

// RequestID is the id of the request that a Handler has the context of; 0 for
// any other context.
func RequestID(ctx context.Context) uint64 {
	id, _ := ctx.Value(idKey{}).(uint64)
	return id
}

// caught turns a panic of a handler into an error, so that it costs one request
// or one connection and not the process. The value of the panic may hold what
// no log should: only the runtime's own errors are logged.
func (c *Conn) caught(name string, err *error) {
	if r := recover(); r != nil {
		fault, _ := r.(runtime.Error)
		c.log.Error("handler panicked", "name", name, "err", fault, "stack", string(debug.Stack()))
		*err = fmt.Errorf("%w: handler panicked", ErrInternal)
	}
}
