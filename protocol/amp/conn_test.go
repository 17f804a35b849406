package amp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
)

const limit = 1 << 20

// inBubble connects a Conn that runs with the other end of a pipe, in a bubble
// of its own time, and checks in the end why the connection ended.
func inBubble(t *testing.T, want error, asked func(amp.Ask), test func(t *testing.T, c *amp.Conn, nc net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := amp.NewConn(theirs, limit)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(context.Background(), asked) }()
		test(t, c, ours)
		if err := <-ended; !errors.Is(err, want) {
			t.Errorf("ended with %v, want %v", err, want)
		}
		if err := c.Ask("JMUp", amp.Box{}, nil); !errors.Is(err, want) {
			t.Errorf("an ask after the end: %v, want %v", err, want)
		}
		ours.Close()
	})
}

func write(t *testing.T, nc net.Conn, b amp.Box) {
	t.Helper()
	raw, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(raw); err != nil {
		t.Fatal(err)
	}
}

// TestAskAndAnswer: answers find their ask in any order, while asks of the other
// side are taken, and tags count in hexadecimal.
func TestAskAndAnswer(t *testing.T) {
	asked := func(a amp.Ask) { a.Accept(true) }
	inBubble(t, amp.ErrClosed, asked, func(t *testing.T, c *amp.Conn, nc net.Conn) {
		answers := make(chan int, 20)
		for i := range 17 {
			if err := c.Ask("JMUp", amp.Box{}, func(bool) { answers <- i }); err != nil {
				t.Fatal(err)
			}
		}
		r := bufio.NewReader(nc)
		var tags []string
		for range 17 {
			box, err := amp.Read(r, limit)
			if err != nil || box["_command"] != "JMUp" {
				t.Fatal(box, err)
			}
			tags = append(tags, box["_ask"])
		}
		if got := strings.Join(tags, " "); got != "1 2 3 4 5 6 7 8 9 a b c d e f 10 11" {
			t.Errorf("tags %s", got)
		}
		write(t, nc, amp.Box{"_ask": "x", "_command": "JMShutdown"})
		if box, err := amp.Read(r, limit); err != nil || box["_answer"] != "x" || box["accepted"] != "True" {
			t.Errorf("answered %v, %v", box, err)
		}
		for i := len(tags) - 1; i >= 0; i-- {
			write(t, nc, amp.Box{"_answer": tags[i], "accepted": "True"})
			if got := <-answers; got != i {
				t.Errorf("answer %d went to ask %d", i, got)
			}
		}
		nc.Close()
	})
}

// TestHostilePeer: whatever the other side does, the connection ends with the
// right code, and soon.
func TestHostilePeer(t *testing.T) {
	for name, c := range map[string]struct {
		want error
		test func(t *testing.T, c *amp.Conn, nc net.Conn)
	}{
		"says nothing": {amp.ErrTimeout, func(t *testing.T, c *amp.Conn, nc net.Conn) {}},
		"stops in a box": {amp.ErrTimeout, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			nc.Write([]byte{0, 4, 'n'})
		}},
		"goes on for ever, slowly": {amp.ErrTimeout, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			for {
				if _, err := nc.Write([]byte{0, 1, 'k', 0, 0}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}},
		"endless keys": {amp.ErrTooLarge, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			for {
				if _, err := nc.Write([]byte{0, 1, 'k', 0, 0}); err != nil || c.Err() != nil {
					return
				}
			}
		}},
		"giant box": {amp.ErrTooLarge, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			pair := append([]byte{0, 1, 'k', 0xff, 0xff}, make([]byte, amp.MaxValue)...)
			for {
				if _, err := nc.Write(pair); err != nil || c.Err() != nil {
					return
				}
			}
		}},
		"speaks HTTP": {amp.ErrMalformed, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			nc.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		}},
		"goes away": {amp.ErrClosed, func(t *testing.T, c *amp.Conn, nc net.Conn) { nc.Close() }},
		"never answers": {amp.ErrSlow, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			go io.Copy(io.Discard, nc)
			for c.Err() == nil {
				c.Ask("JMUp", amp.Box{}, nil)
				synctest.Wait()
			}
		}},
		"reads nothing": {amp.ErrSlow, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			boxes := 0
			for ; c.Err() == nil; boxes++ {
				b := amp.Box{}
				b.SetBig("orderbook", strings.Repeat("x", 4<<20))
				c.Ask("JMOffers", b, nil)
			}
			if boxes > 5 {
				t.Errorf("%d boxes of 4 MiB were kept", boxes)
			}
		}},
		"reads nothing for long": {amp.ErrSlow, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			write(t, nc, amp.Box{"_command": "JMShutdown"})
			c.Ask("JMUp", amp.Box{}, nil)
		}},
		"refuses": {amp.ErrRefused, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			go io.Copy(io.Discard, nc)
			c.Ask("JMUp", amp.Box{}, nil)
			write(t, nc, amp.Box{"_answer": "1", "accepted": "False"})
		}},
		"answers with an error": {amp.ErrRefused, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			go io.Copy(io.Discard, nc)
			c.Ask("JMUp", amp.Box{}, nil)
			write(t, nc, amp.Box{"_error": "1", "_error_code": "UNKNOWN"})
		}},
		"answers with rubbish": {amp.ErrMalformed, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			go io.Copy(io.Discard, nc)
			c.Ask("JMUp", amp.Box{}, nil)
			write(t, nc, amp.Box{"_answer": "1"})
		}},
		"answers twice": {amp.ErrMalformed, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			go io.Copy(io.Discard, nc)
			c.Ask("JMUp", amp.Box{}, nil)
			write(t, nc, amp.Box{"_answer": "1", "accepted": "True"})
			write(t, nc, amp.Box{"_answer": "1", "accepted": "True"})
		}},
		"unknown command without a tag": {amp.ErrMalformed, func(t *testing.T, c *amp.Conn, nc net.Conn) {
			write(t, nc, amp.Box{"_command": "JMNothing"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := func(a amp.Ask) {
				if a.Command == "JMNothing" {
					a.Unhandled()
				}
			}
			inBubble(t, c.want, asked, c.test)
		})
	}
}

// TestLastWords: what is said before a failure arrives, over a real socket whose
// other end goes on sending.
func TestLastWords(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := amp.NewConn(theirs, limit)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(t.Context(), func(a amp.Ask) { a.Fail(errors.New("boom")) })
	}()
	for range 100 {
		write(t, nc, amp.Box{"_ask": "1", "_command": "JMUp"})
	}
	nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(nc)
	if box, err := amp.Read(r, limit); err != nil || box["_error_code"] != amp.CodeUnknown {
		t.Errorf("heard %v, %v", box, err)
	}
	if box, err := amp.Read(r, limit); err != io.EOF {
		t.Errorf("heard %v, %v after the end", box, err)
	}
	nc.Close()
	<-ended
}

// TestQuotedCommand: an unknown command is named as the reference names it.
func TestQuotedCommand(t *testing.T) {
	for command, want := range map[string]string{
		"JM":               `b'JM'`,
		"it's":             `b"it's"`,
		"it's \"":          `b'it\'s "'`,
		"\\\t\r\n\x00\xff": `b'\\\t\r\n\x00\xff'`,
	} {
		raw, err := amp.Box{"_ask": "1", "_command": command}.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got := converse(t, raw, []int{len(raw)}, func(a amp.Ask) { a.Unhandled() })
		box, err := amp.Read(reader(vectors.Hex(t, got.text)), limit)
		if err != nil || box["_error_description"] != "Unhandled Command: "+want {
			t.Errorf("%q: %v, %v", command, box, err)
		}
	}
}
