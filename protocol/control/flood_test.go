package control_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestClaimedLengthTakesNoMemory announces large frames and sends little.
func TestClaimedLengthTakesNoMemory(t *testing.T) {
	const peers = 200
	before := heap()
	for range peers {
		p, _ := greeted(t, echo)
		p.send(binary.BigEndian.AppendUint32(nil, control.MaxClientFrame))
		p.send([]byte("{"))
	}
	if used := heap() - before; used > peers*control.MaxClientFrame/4 {
		t.Errorf("%d MiB for %d claims", used>>20, peers)
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestSlowReaderOfEvents: events nobody reads end the connection, at a bounded
// size of the queue.
func TestSlowReaderOfEvents(t *testing.T) {
	for name, text := range map[string]string{"small": "x", "large": strings.Repeat("x", 1<<20)} {
		t.Run(name, func(t *testing.T) {
			nc1, nc2 := net.Pipe()
			_, daemon := connect(t, nc1, nc2, control.Config{})
			run(t, daemon, funcs{})
			defer nc1.Close()
			before := heap()
			sent := 0
			for daemon.Notify("e", note{Text: text}) == nil {
				if sent++; sent > 5000 {
					t.Fatal("the queue has no end")
				}
			}
			if !errors.Is(daemon.Err(), control.ErrSlow) {
				t.Error(daemon.Err())
			}
			if want := min(4096, 16<<20/len(text)); sent < want-2 || sent > want+1 {
				t.Errorf("%d events were queued, want about %d", sent, want)
			}
			if used := heap() - before; used > 4<<20 { // the queue was dropped
				t.Errorf("%d KiB still in use", used>>10)
			}
		})
	}
}

// TestSlowReaderOfAnswers: a client that asks and does not read makes no more
// than the queue's short share wait, and is cut off when it takes nothing.
func TestSlowReaderOfAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		big := note{Text: strings.Repeat("x", 1<<20)}
		var answered atomic.Int32
		p, ended := greeted(t, funcs{request: func(context.Context, string, json.RawMessage) (any, error) {
			answered.Add(1)
			return big, nil
		}})
		for i := range 32 {
			p.send(framed(fmt.Sprintf(`{"id":%d,"method":"m"}`, i+1)))
			synctest.Wait()
		}
		if n := answered.Load(); n > 2+control.MaxConcurrent+1 {
			t.Errorf("%d answers were made for a client that reads none", n)
		}
		start := time.Now()
		if err := <-ended; !errors.Is(err, control.ErrSlow) {
			t.Error(err)
		}
		if d := time.Since(start); d > control.StallTimeout+2*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

// TestFlood sends more requests than may be outstanding. The surplus is refused
// at once, the rest is answered when the handlers are free again, and our own
// call gets its answer meanwhile.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var running, most atomic.Int32
		nc1, nc2 := net.Pipe()
		p := peer{t, nc1}
		accepted := make(chan *control.Conn)
		go func() {
			c, err := control.Accept(t.Context(), nc2, control.Config{})
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		p.send(framed(goodHello))
		p.answer()
		daemon := <-accepted
		run(t, daemon, funcs{request: func(context.Context, string, json.RawMessage) (any, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-release
			return nil, nil
		}})

		const surplus = 10
		for i := range control.MaxOutstanding + surplus {
			go p.send(framed(fmt.Sprintf(`{"id":%d,"method":"m"}`, i+1)))
			synctest.Wait()
		}
		for range surplus {
			if body, err := p.answer(); err != nil || !strings.Contains(body, `"code":"limit"`) {
				t.Fatalf("surplus: %s, %v", body, err)
			}
		}
		if n := most.Load(); n != control.MaxConcurrent {
			t.Errorf("%d requests ran at once", n)
		}

		result := make(chan error)
		go func() { result <- daemon.Call(t.Context(), "sign", nil, nil) }()
		if body, err := p.answer(); err != nil || !strings.Contains(body, `"method":"sign"`) {
			t.Fatalf("our call: %s, %v", body, err)
		}
		p.send(framed(`{"id":1,"result":{}}`))
		if err := <-result; err != nil {
			t.Errorf("our call: %v", err)
		}

		close(release)
		for range control.MaxOutstanding {
			if body, err := p.answer(); err != nil || !strings.Contains(body, `"result"`) {
				t.Fatalf("waiting request: %s, %v", body, err)
			}
		}
	})
}

// TestFloodOfBytes: large requests are counted in bytes as well.
func TestFloodOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := greeted(t, funcs{request: func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		text := strings.Repeat("x", control.MaxClientFrame-100)
		refused := make(chan string)
		go func() {
			body, _ := p.answer()
			refused <- body
		}()
		for i := range 17 {
			p.send(framed(fmt.Sprintf(`{"id":%d,"method":"m","params":"%s"}`, i+1, text)))
		}
		if body := <-refused; !strings.Contains(body, `{"id":17,"error":{"code":"limit"`) {
			t.Errorf("request 17: %s", body)
		}
	})
}
