package outbox

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// peer takes what is written, when it is let.
type peer struct {
	mu     sync.Mutex
	got    bytes.Buffer
	most   int // of one write
	let    chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newPeer() *peer { return &peer{let: make(chan struct{}, 1<<20), closed: make(chan struct{})} }

func (p *peer) Write(b []byte) (int, error) {
	select {
	case <-p.let:
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = max(p.most, len(b))
	return p.got.Write(b)
}

func (p *peer) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *peer) open() { close(p.let) }

func busy(b *Box) time.Duration {
	since, _ := b.Busy(time.Now())
	return since
}

// TestOrder: everything is written once, in its order, in writes of at most a
// chunk, whatever the sizes and whoever is slow.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draw := rand.New(rand.NewSource(1))
		d := &Depot{Most: 1 << 30, Memory: 1 << 40}
		p := newPeer()
		b := New(d, p)
		var want bytes.Buffer
		for i := range 2000 {
			part := make([]byte, 1+draw.Intn([]int{10, 1000, 50_000}[i%3]))
			draw.Read(part)
			want.Write(part)
			if err := b.Put(part, Kind(i%2 == 0)); err != nil {
				t.Fatal(err)
			}
			if draw.Intn(3) == 0 {
				p.let <- struct{}{}
			}
		}
		p.open()
		synctest.Wait()
		if !bytes.Equal(p.got.Bytes(), want.Bytes()) || p.most > chunk {
			t.Errorf("%d bytes of %d, up to %d at once", p.got.Len(), want.Len(), p.most)
		}
		if d.Used() != 0 || b.Waiting() != 0 || busy(b) != 0 || b.Stalled(time.Now()) != 0 {
			t.Errorf("%d bytes are counted, %d wait", d.Used(), b.Waiting())
		}
		d.Wait()
	})
}

// TestN3SlowPeer: a peer that does not read gets its bound and no more, and it can
// be told for how long it has not read.
func TestN3SlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Depot{Most: 100_000, Memory: 1 << 40}
		p := newPeer()
		b := New(d, p)
		line, taken := make([]byte, 1000), 0
		for ; b.Put(line, Own) == nil; taken++ {
			synctest.Wait()
		}
		if err := b.Put(line, Shared); !errors.Is(err, ErrFull) || taken < 99 || taken > 101 {
			t.Errorf("%d lines taken, then %v", taken, err)
		}
		time.Sleep(time.Minute)
		p.let <- struct{}{}
		synctest.Wait()
		if since, bytes := b.Busy(time.Now()); since != time.Minute || bytes == 0 || b.Stalled(time.Now()) != 0 {
			t.Errorf("busy for %v, %d bytes", since, bytes)
		}
		time.Sleep(time.Minute)
		if now := time.Now(); busy(b) != 2*time.Minute || b.Stalled(now) != time.Minute {
			t.Errorf("busy for %v, stalled for %v", busy(b), b.Stalled(now))
		}
		b.Close()
		if err := b.Put(line, Own); !errors.Is(err, ErrClosed) || d.Used() != 0 {
			t.Errorf("closed: %v, %d bytes are counted", err, d.Used())
		}
		p.Close()
		d.Wait()
	})
}

// TestMemoryIsShared: thousands that do not read leave memory for one that does,
// and all together keep the bound but for one line each.
func TestN3MemoryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 2000
		d := &Depot{Most: 1 << 20, Memory: 16 << 20}
		line := make([]byte, 1000)
		var peers []*peer
		var boxes []*Box
		for range slow {
			p := newPeer()
			peers = append(peers, p)
			boxes = append(boxes, New(d, p))
		}
		for range 100 {
			for _, b := range boxes {
				b.Put(line, Own)
			}
		}
		most := d.Memory + int64(slow*len(line)) // a box that is empty takes a line
		if used := d.Used(); used > most || used < d.Memory/2 {
			t.Errorf("%d of %d bytes are used", used, most)
		}
		quick := newPeer()
		quick.open()
		b := New(d, quick)
		for range 100 {
			if err := b.Put(line, Own); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for i, b := range boxes {
			b.Close()
			peers[i].Close()
		}
		d.Wait()
		if quick.got.Len() != 100*len(line) || d.Used() != 0 {
			t.Errorf("the quick one got %d bytes; %d are counted", quick.got.Len(), d.Used())
		}
	})
}

// TestSharedBytesCountOnce: what is in all boxes is in memory once, and leaves the
// bound of what is not alone.
func TestSharedBytesCountOnce(t *testing.T) {
	d := &Depot{Most: 1 << 20, Memory: 1000}
	p := newPeer()
	b := New(d, p)
	for range 100 {
		if err := b.Put(make([]byte, 1000), Shared); err != nil {
			t.Fatal(err)
		}
	}
	if d.Used() != 0 {
		t.Errorf("%d bytes are counted", d.Used())
	}
	b.Close()
	p.Close()
	d.Wait()
}

// TestBrokenConnection: when a write fails, the box is closed and the connection
// with it.
func TestBrokenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Depot{Most: 1 << 20, Memory: 1 << 20}
		p := newPeer()
		b := New(d, broken{p})
		b.Put([]byte("x"), Own)
		synctest.Wait()
		select {
		case <-p.closed:
		default:
			t.Error("the connection is open")
		}
		if err := b.Put([]byte("x"), Own); !errors.Is(err, ErrClosed) || d.Used() != 0 {
			t.Errorf("%v, %d bytes are counted", err, d.Used())
		}
		d.Wait()
	})
}

type broken struct{ *peer }

func (broken) Write([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
