package control

import (
	"context"
	"fmt"
	"sync"
)

const (
	// Events end the connection beyond these.
	maxQueueBytes  = 2 * MaxFrame
	maxQueueFrames = 4096
	// Requests and answers wait while more than this is queued. The last one
	// let in may be of MaxFrame, which stays below maxQueueBytes.
	shortQueueBytes  = 1 << 20
	shortQueueFrames = 1024
)

// outbox is the queue of encoded frames in front of the one writer. The bytes
// of a frame count until it is written whole.
type outbox struct {
	mu     sync.Mutex
	frames [][]byte
	bytes  int
	closed bool
	ready  chan struct{} // holds a token when frames or closed may have changed
	short  chan struct{} // closed, and replaced, when the queue has become shorter
}

func newOutbox() *outbox {
	return &outbox{ready: make(chan struct{}, 1), short: make(chan struct{})}
}

// offer queues a frame at once. Its errors are ErrSlow when the queue is full
// and ErrClosed.
func (o *outbox) offer(encoded []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return ErrClosed
	case o.bytes+len(encoded) > maxQueueBytes || len(o.frames) >= maxQueueFrames:
		return fmt.Errorf("%w: too much waits to be sent", ErrSlow)
	}
	o.add(encoded)
	return nil
}

// put waits until the queue is short, then adds the frame.
func (o *outbox) put(ctx context.Context, encoded []byte) error {
	for {
		o.mu.Lock()
		if o.closed {
			o.mu.Unlock()
			return ErrClosed
		}
		if o.bytes <= shortQueueBytes && len(o.frames) <= shortQueueFrames {
			o.add(encoded)
			o.mu.Unlock()
			return nil
		}
		short := o.short
		o.mu.Unlock()
		select {
		case <-short:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (o *outbox) add(encoded []byte) {
	o.frames = append(o.frames, encoded)
	o.bytes += len(encoded)
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// next waits for the oldest frame and takes it out; its bytes count until
// written is called. Nil means that the outbox was finished and is empty.
func (o *outbox) next() []byte {
	for {
		o.mu.Lock()
		if len(o.frames) > 0 {
			defer o.mu.Unlock()
			encoded := o.frames[0]
			o.frames[0] = nil
			o.frames = o.frames[1:]
			return encoded
		}
		closed := o.closed
		o.mu.Unlock()
		if closed {
			return nil
		}
		<-o.ready
	}
}

// written says that the frame from next is out.
func (o *outbox) written(encoded []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(encoded)
	o.wake()
}

// wake makes every put look again.
func (o *outbox) wake() {
	close(o.short)
	o.short = make(chan struct{})
}

// finish lets nothing more in but last, if there is one. What is queued stays if
// keep.
func (o *outbox) finish(keep bool, last []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if !keep {
		o.frames = nil
	}
	if last != nil {
		o.frames = append(o.frames, last)
	}
	o.signal()
	o.wake()
}
