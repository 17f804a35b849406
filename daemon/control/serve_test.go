package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a net.Listener that accepts what it is given.
type scripted struct {
	next   chan any // a net.Conn or an error
	closed chan struct{}
}

func (s scripted) Accept() (net.Conn, error) {
	select {
	case next := <-s.next:
		if err, ok := next.(error); ok {
			return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", err)}
		}
		return next.(net.Conn), nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s scripted) Close() error   { close(s.closed); return nil }
func (s scripted) Addr() net.Addr { return nil }

func script(limit int) (scripted, *Listener) {
	s := scripted{make(chan any), make(chan struct{})}
	return s, &Listener{l: s, max: limit, log: slog.New(slog.DiscardHandler), release: func() {}}
}

// TestMaxConns: connections beyond the limit wait, and are served once others
// have ended.
func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := script(2)
		ctx, cancel := context.WithCancel(t.Context())
		var served atomic.Int32
		leave, ended := make(chan struct{}), make(chan error)
		go func() {
			ended <- l.Serve(ctx, func(_ context.Context, nc net.Conn) {
				served.Add(1)
				<-leave
				nc.Close()
			})
		}()
		for range 3 {
			go func() {
				_, nc := net.Pipe()
				s.next <- nc
			}()
		}
		synctest.Wait()
		if n := served.Load(); n != 2 {
			t.Errorf("%d are served at a limit of 2", n)
		}
		leave <- struct{}{}
		synctest.Wait()
		if n := served.Load(); n != 3 {
			t.Errorf("%d were served after one had left", n)
		}
		cancel()
		synctest.Wait()
		select {
		case <-ended:
			t.Error("Serve returned while handles run")
		default:
		}
		close(leave)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := script(1)
		ended := make(chan error)
		served := make(chan time.Time)
		go func() {
			ended <- l.Serve(t.Context(), func(_ context.Context, nc net.Conn) {
				served <- time.Now()
				nc.Close()
			})
		}()
		start := time.Now()
		s.next <- syscall.EMFILE
		_, nc := net.Pipe()
		s.next <- nc
		if d := (<-served).Sub(start); d != retry {
			t.Errorf("served %v after files ran short", d)
		}
		s.next <- syscall.EBADF
		if err := <-ended; !errors.Is(err, syscall.EBADF) {
			t.Error(err)
		}
		<-s.closed // a listener that fails is closed
	})
}
