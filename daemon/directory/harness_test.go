package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// world is a directory that runs, with fake time.
type world struct {
	*Directory
	t       *testing.T
	stopped bool // by the test
}

// inWorld runs f with a directory of testnet.
func inWorld(t *testing.T, cfg Config, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.Network == "" {
			cfg.Network = "testnet"
		}
		d, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		w := &world{Directory: d, t: t}
		defer func() {
			if !w.stopped {
				d.Stop(ctx, 0)
			}
			cancel()
			running.Wait()
			if n := d.depot.Used(); n != 0 || d.longs.used != 0 {
				t.Errorf("%d bytes for peers and %d of long lines are left", n, d.longs.used)
			}
		}()
		f(t, w)
	})
}

// bot is a client of the directory.
type bot struct {
	t    *testing.T
	nc   net.Conn
	nick protocol.Nick

	deaf  atomic.Bool  // it does not read any more
	pause atomic.Int64 // it reads after pauses, of so many ns

	mu    sync.Mutex
	lines []string // without ends
	err   error    // of the connection, when it has ended
}

// connect connects a bot that has said nothing.
func (w *world) connect() *bot {
	ours, theirs := net.Pipe()
	go w.Handle(theirs)
	b := &bot{t: w.t, nc: ours}
	w.t.Cleanup(func() { ours.Close() })
	go b.read()
	return b
}

func (b *bot) read() {
	var rest string
	buf := make([]byte, 64<<10)
	for {
		n, err := b.nc.Read(buf)
		if b.deaf.Load() {
			return
		}
		time.Sleep(time.Duration(b.pause.Load()))
		b.mu.Lock()
		rest += string(buf[:n])
		for {
			line, behind, ok := strings.Cut(rest, "\r\n")
			if !ok {
				break
			}
			b.lines = append(b.lines, line)
			rest = behind
		}
		if err != nil {
			b.err = err
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
	}
}

// takeLines returns what has come since it was called last, when all is quiet.
func (b *bot) takeLines() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// take is takeLines as messages.
func (b *bot) take() (all []onion.Message) {
	b.t.Helper()
	for _, line := range b.takeLines() {
		m, err := onion.ParseMessage([]byte(line))
		if err != nil {
			b.t.Fatalf("%.200q: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

// hears wants exactly these messages to have come, each as "type text".
func (b *bot) hears(want ...string) {
	b.t.Helper()
	var got []string
	for _, m := range b.take() {
		got = append(got, fmt.Sprintf("%d %s", m.Type, m.Text))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("%s heard %q, want %q", b.nick, got, want)
	}
}

// ended reports whether the directory has closed the connection.
func (b *bot) ended() bool {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err != nil && errors.Is(b.err, io.EOF)
}

// raw writes bytes; a closed connection takes them.
func (b *bot) raw(text string) {
	b.nc.SetWriteDeadline(time.Now().Add(time.Hour))
	io.WriteString(b.nc, text)
}

func (b *bot) say(t onion.Type, text string) {
	line, err := onion.Message{Type: t, Text: text}.Append(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.raw(string(line))
}

// public says a line to all, private one to a bot.
func (b *bot) public(body string) { b.say(onion.Public, string(b.nick)+"!PUBLIC"+body) }
func (b *bot) private(to protocol.Nick, body string) {
	b.say(onion.Private, string(b.nick)+"!"+string(to)+body)
}

func (b *bot) hello(h onion.ClientHello) {
	b.nick = h.Nick
	if h.Network == "" {
		h.Network = "testnet"
	}
	if h.Location == "" {
		h.Location = onion.NotServing
	}
	m := h.Message()
	b.say(m.Type, m.Text)
}

// join connects a bot that is a peer.
func (w *world) join(h onion.ClientHello) *bot {
	w.t.Helper()
	if h.Nick == "" {
		h.Nick = protocol.RandomNick()
	}
	b := w.connect()
	b.hello(h)
	if w.counts.get(peerJoined) >= uint64(DefaultLimits.Hellos.Burst) {
		time.Sleep(DefaultLimits.Hellos.Every) // its turn
	}
	if !b.accepted() {
		w.t.Fatalf("%s is not accepted", h.Nick)
	}
	return b
}

// accepted reports whether the first line that came is a hello that accepts. Those
// behind it are still to be taken.
func (b *bot) accepted() bool {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == 0 {
		return false
	}
	m, err := onion.ParseMessage([]byte(b.lines[0]))
	b.lines = b.lines[1:]
	h, errHello := onion.ParseDirectoryHello(m.Text)
	return err == nil && m.Type == onion.HelloDirectory && errHello == nil && h.Accepted
}

// counted wants a count.
func (w *world) counted(what cause, want uint64) {
	w.t.Helper()
	synctest.Wait()
	if got := w.counts.get(what); got != want {
		w.t.Errorf("%s/%s is %d, want %d", table[what].family, table[what].name, got, want)
	}
}

const (
	alice = protocol.Nick("J5aaaaaaaaaaaaaa")
	bob   = protocol.Nick("J5bbbbbbbbbbbbbb")
	carol = protocol.Nick("J5cccccccccccccc")
)

// onionOf is a location, a different one for each number.
func onionOf(n int) onion.Location {
	key := make([]byte, 32)
	key[0], key[1] = byte(n), byte(n>>8)
	return onion.Location(onion.OnionHost(key) + ":5222")
}

var modern = onion.Features{onion.FeaturePeerList, onion.FeaturePing}
