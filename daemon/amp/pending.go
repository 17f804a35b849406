package amp

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// pending are the questions of one kind that the client has not answered. The
// reference's commands have no number by which question and answer find each
// other: the client repeats what it was asked. Those asked the same wait in
// line.
type pending[K comparable, A any] struct {
	mu   sync.Mutex
	open map[K][]chan A // nil before the first
}

// wait puts a question by calling ask, and waits for its answer.
func (p *pending[K, A]) wait(ctx context.Context, key K, ask func() error) (answer A, err error) {
	ch := make(chan A, 1)
	p.mu.Lock()
	if p.open == nil {
		p.open = make(map[K][]chan A)
	}
	p.open[key] = append(p.open[key], ch)
	p.mu.Unlock()
	if err := ask(); err != nil {
		p.forget(key, ch)
		return answer, fmt.Errorf("%w: %v", control.ErrTooLarge, err) // or the client is gone, and nobody listens
	}
	select {
	case answer = <-ch:
		return answer, nil
	case <-ctx.Done():
		p.forget(key, ch)
		return answer, fmt.Errorf("%w: no answer of the client", control.ErrTimeout)
	}
}

func (p *pending[K, A]) forget(key K, ch chan A) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[key] = slices.DeleteFunc(p.open[key], func(c chan A) bool { return c == ch })
	if len(p.open[key]) == 0 {
		delete(p.open, key)
	}
}

// answer gives the oldest question its answer. It reports whether there is one.
func (p *pending[K, A]) answer(key K, answer A) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.open[key]
	if len(waiting) == 0 {
		return false
	}
	waiting[0] <- answer
	if p.open[key] = waiting[1:]; len(waiting) == 1 {
		delete(p.open, key)
	}
	return true
}
