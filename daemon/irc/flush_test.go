package irc

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
)

// TestFlush: it lasts until the lines of conversations have left, at our own
// pace, and no longer for what waits behind them.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var _ channel.Flusher = (*Channel)(nil)
		h, p := startUp(t, func(*Config) {})
		heard := p.hears()
		go func() {
			for range heard {
			}
		}()
		took := func(ctx context.Context) time.Duration {
			began := time.Now()
			h.ch.Flush(ctx)
			return time.Since(began)
		}
		time.Sleep(time.Minute)
		if d := took(t.Context()); d != 0 {
			t.Errorf("with nothing to send: %v", d)
		}
		const lines = 5
		for i := range lines {
			if err := errors.Join(h.ch.SendPrivate(otherNick, "sig", fmt.Sprint(i)), h.ch.SendPublic([]string{fmt.Sprint("!cancel ", i)})); err != nil {
				t.Fatal(err)
			}
		}
		if d, want := took(t.Context()), (lines-1)*1300*time.Millisecond; d != want {
			t.Errorf("%d lines: %v, want %v", lines, d, want)
		}
		if n := h.ch.Status().Queued; n != lines {
			t.Errorf("%d public lines wait behind", n)
		}
		for i := range lines {
			if err := h.ch.SendPrivate(otherNick, "sig", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d := took(ctx); d != time.Second {
			t.Errorf("no longer than allowed: %v", d)
		}
		time.AfterFunc(2*time.Second, func() { p.conn.Close() })
		if d := took(t.Context()); d > 3*time.Second {
			t.Errorf("although the connection is gone: %v", d)
		}
		h.stop()
		if d := took(t.Context()); d != 0 {
			t.Errorf("after the end: %v", d)
		}
	})
}
