package control

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// calls are our requests that have no answer yet.
type calls struct {
	slots chan struct{} // one token for each

	mu   sync.Mutex
	last uint64
	open map[uint64]chan *frame // nil: nobody waits for the answer any more
}

func newCalls() calls {
	return calls{slots: make(chan struct{}, MaxOutstanding), open: make(map[uint64]chan *frame)}
}

// Call sends a request, checked as by Decode, and waits for the answer, which
// is decoded into ans and checked, unless ans is nil. A nil req sends an empty
// object. While MaxOutstanding calls are without an answer it waits for one of
// them. When ctx ends first, the other side may still do what was asked.
//
// An error of the other side is an *Error. Own errors are ErrBadRequest and
// ErrTooLarge (req cannot be sent), ErrMalformed (the answer is none), the
// cause of ctx's end, and the connection's Err.
func (c *Conn) Call(ctx context.Context, method string, req, ans any) error {
	return c.CallAs(ctx, 0, method, req, ans)
}

// CallAs is Call with an id of the caller's, who gives all of them on this
// connection and none twice; 0 lets the connection count. After a resume a
// command is repeated under its id, and done once (docs/control-protocol.md,
// Resume).
func (c *Conn) CallAs(ctx context.Context, id uint64, method string, req, ans any) error {
	if err := c.call(ctx, id, method, req, ans); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func (c *Conn) call(ctx context.Context, id uint64, method string, req, ans any) error {
	params, err := encode(req)
	if err != nil {
		return err
	}
	select {
	case c.calls.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.done:
		return c.Err()
	}
	id, answer := c.calls.begin(id)
	encoded, err := (&frame{ID: id, Method: method, Params: params}).encode(c.writeLimit)
	if err == nil {
		err = c.out.put(ctx, encoded)
	}
	if err != nil {
		c.calls.forget(id)
		if ended := c.Err(); ended != nil {
			return ended
		}
		return err
	}
	select {
	case f := <-answer:
		return f.into(ans)
	case <-ctx.Done():
		c.calls.abandon(id)
		return context.Cause(ctx)
	case <-c.done:
	}
	select {
	case f := <-answer: // came just before the end
		return f.into(ans)
	default:
		return c.Err()
	}
}

// begin opens a call that has a slot, under the id or, for 0, the next number.
func (cs *calls) begin(id uint64) (uint64, chan *frame) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if id == 0 {
		cs.last++
		id = cs.last
	}
	answer := make(chan *frame, 1)
	cs.open[id] = answer
	return id, answer
}

// forget takes back a call that was never sent.
func (cs *calls) forget(id uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, id)
	<-cs.slots
}

// abandon keeps the slot of a call until its answer comes, as the other side
// still counts it.
func (cs *calls) abandon(id uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if _, ok := cs.open[id]; ok {
		cs.open[id] = nil
	}
}

// answer delivers. An answer to nothing that we asked, or a second one, shows
// that the other side has lost count; it ends the connection.
func (cs *calls) answer(f *frame) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	answer, ok := cs.open[f.ID]
	if !ok {
		return fmt.Errorf("%w: answer to request %d, which is not open", ErrMalformed, f.ID)
	}
	delete(cs.open, f.ID)
	<-cs.slots
	if answer != nil {
		answer <- f
	}
	return nil
}

// into decodes an answer.
func (f *frame) into(ans any) error {
	if f.Error != nil {
		return f.Error.received()
	}
	if ans == nil {
		return nil
	}
	if err := json.Unmarshal(f.Result, ans); err != nil {
		return fmt.Errorf("%w: answer: %v", ErrMalformed, err)
	}
	if v, ok := ans.(validator); ok {
		if err := v.Validate(); err != nil {
			return fmt.Errorf("%w: answer: %v", ErrMalformed, err)
		}
	}
	return nil
}
