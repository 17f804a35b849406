package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// What is kept of a session's events, for a client that comes back.
const (
	maxKept      = 1024    // events
	maxKeptBytes = 1 << 20 // of their frames
)

// questionWait is how long the client may take for a signature or a verdict:
// less than any wait for a counterparty, so that the right one is blamed.
const questionWait = 20 * time.Second

// endpoint is the client of a session, on whichever connection it just is.
type endpoint struct {
	// lasting says that the client may come back: both hellos have
	// control.FeatureResume.
	lasting bool

	mu    sync.Mutex
	conn  *control.Conn   // nil while the client is away
	back  chan struct{}   // closed when conn is set
	told  uint64          // events so far
	kept  []control.Event // the last of them
	bytes int             // of kept
}

func newEndpoint(conn *control.Conn) *endpoint {
	return &endpoint{lasting: conn.Peer().Has(control.FeatureResume), conn: conn, back: make(chan struct{})}
}

// tell sends an event, or keeps it until the client is back. It fails only if
// the event breaks the control protocol, which is our own fault.
func (p *endpoint) tell(name string, v any) error {
	e, err := control.NewEvent(name, v)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lasting {
		p.told++
		p.kept = append(p.kept, e)
		p.bytes += e.Size()
		for len(p.kept) > maxKept || p.bytes > maxKeptBytes {
			p.bytes -= p.kept[0].Size()
			p.kept[0] = control.Event{}
			p.kept = p.kept[1:]
		}
	}
	if p.conn != nil {
		p.conn.Send(e) // fails only if the connection is over
	}
	return nil
}

// ask puts a question to the client. One that a connection took with it is put
// again when the client is back.
func (p *endpoint) ask(ctx context.Context, question string, req, ans any) error {
	for {
		conn, back := p.current()
		if conn == nil {
			select {
			case <-back:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		answered, err := p.askOn(ctx, conn, question, req, ans)
		if answered {
			return err
		}
		p.part(conn)
	}
}

// askOn asks on one connection. answered is false if the connection ended and
// the client may come back.
func (p *endpoint) askOn(ctx context.Context, conn *control.Conn, question string, req, ans any) (answered bool, err error) {
	asked := time.Now()
	wait, cancel := context.WithTimeout(ctx, questionWait)
	defer cancel()
	err = conn.Call(wait, question, req, ans)
	if err == nil || !p.lasting || ctx.Err() != nil {
		return true, err
	}
	if wait.Err() != nil && !conn.Heard().After(asked) {
		conn.Abort(fmt.Errorf("%w: no answer and no other sign of life for %v", control.ErrTimeout, questionWait))
		return false, nil
	}
	return conn.Err() == nil || !errors.Is(err, conn.Err()), err
}

func (p *endpoint) current() (conn *control.Conn, back <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn, p.back
}

// part notes that a connection is over.
func (p *endpoint) part(conn *control.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == conn && conn != nil {
		p.conn, p.back = nil, make(chan struct{})
	}
}

// meet goes on over another connection with a client that got as many events.
// It sends those it lacks, and reports how many of them are kept no more.
func (p *endpoint) meet(conn *control.Conn, events uint64) (missed uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if events > p.told {
		return 0, fmt.Errorf("%w: %d events came, only %d were told", control.ErrBadRequest, events, p.told)
	}
	first := p.told - uint64(len(p.kept))
	if events < first {
		missed, events = first-events, first
	}
	for _, e := range p.kept[events-first:] {
		conn.Send(e)
	}
	if p.conn == nil {
		close(p.back)
	}
	p.conn = conn
	return missed, nil
}
