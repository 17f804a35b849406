package neutrino

import "context"

// spawn runs a task that Close waits for. It must end soon after b.ctx.
func (b *Backend) spawn(task func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.ctx.Err() != nil {
		return errClosed
	}
	b.tasks.Go(task)
	return nil
}

// await runs a call of the library, which knows no contexts. Where ctx ends
// first, the call goes on until its own time limit or Close.
func await[T any](ctx context.Context, b *Backend, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	done := make(chan result, 1)
	err := b.spawn(func() {
		value, err := call()
		done <- result{value, err}
	})
	if err != nil {
		return none, err
	}
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case <-b.ctx.Done():
		return none, errClosed
	}
}
