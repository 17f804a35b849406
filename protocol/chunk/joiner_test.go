package chunk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
)

// clock is a time that tests move by hand.
type clock struct{ time.Time }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }

func newJoiner() (*Joiner, *clock) {
	c := &clock{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	return NewJoiner(c.now), c
}

func add(t *testing.T, j *Joiner, from protocol.Nick, text string) string {
	t.Helper()
	whole, done, err := j.Add(from, text)
	if err != nil || !done && whole != "" {
		t.Fatalf("%s %q: %q, %v, %v", from, text, whole, done, err)
	}
	return whole
}

// stranger is the n-th of many well-formed nicks.
func stranger(n int) protocol.Nick {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	return protocol.Nick(fmt.Sprintf("J5zzzzzzzzzzzz%c%c", digits[n/58%58], digits[n%58]))
}

func TestN5SendersDoNotMix(t *testing.T) {
	j, _ := newJoiner()
	add(t, j, alice, "!auth aaa ;")
	add(t, j, bob, "!auth bbb ;")
	if _, _, err := j.Add(bob, "no marker"); !errors.Is(err, ErrMarker) {
		t.Fatal(err)
	}
	if got := add(t, j, alice, "AAA ~"); got != "!auth aaaAAA" {
		t.Errorf("joined %q", got)
	}
	if _, _, err := j.Add(bob, "BBB ~"); !errors.Is(err, ErrPrefix) {
		t.Errorf("bob's buffer outlived his mistake: %v", err)
	}
}

func TestN5MistakesDropTheBuffer(t *testing.T) {
	for text, want := range map[string]error{
		"x":                              ErrMarker,
		"x~":                             ErrMarker,
		"x;":                             ErrMarker,
		"x ; ":                           ErrMarker,
		"":                               ErrMarker,
		"x\n ~":                          ErrText,
		strings.Repeat("x", 8190) + " ~": ErrTooLarge,
	} {
		j, _ := newJoiner()
		add(t, j, alice, "!auth aaa ;")
		if got, done, err := j.Add(alice, text); !errors.Is(err, want) || done || got != "" {
			t.Errorf("%.20q: %q, %v, %v", text, got, done, err)
		}
		if len(j.buffers) != 0 || j.total != 0 {
			t.Errorf("%.20q: %d buffers, %d bytes", text, len(j.buffers), j.total)
		}
	}
}

func TestN5SizeAndPieces(t *testing.T) {
	j, _ := newJoiner()
	piece := strings.Repeat("x", 4000)
	add(t, j, alice, "!"+piece[1:]+" ;")
	for range 8 {
		add(t, j, alice, piece+" ;")
	}
	if got := add(t, j, alice, piece+" ~"); len(got) != protocol.MaxMessage {
		t.Errorf("%d bytes", len(got))
	}

	add(t, j, alice, "!"+piece+" ;") // one byte more
	for range 8 {
		add(t, j, alice, piece+" ;")
	}
	if _, _, err := j.Add(alice, piece+" ~"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte too many: %v", err)
	}

	add(t, j, alice, "! ;")
	for range maxPieces - 2 {
		add(t, j, alice, " ;")
	}
	if got := add(t, j, alice, "x ~"); got != "!x" {
		t.Errorf("%d pieces: %q", maxPieces, got)
	}
	add(t, j, alice, "! ;")
	for range maxPieces - 1 {
		add(t, j, alice, " ;")
	}
	if _, _, err := j.Add(alice, "x ~"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d pieces: %v", maxPieces+1, err)
	}
}

func TestN5Age(t *testing.T) {
	j, c := newJoiner()
	add(t, j, alice, "!auth aaa ;")
	c.advance(maxAge)
	if got := add(t, j, alice, "bbb ~"); got != "!auth aaabbb" {
		t.Errorf("joined %q", got)
	}
	add(t, j, alice, "!auth aaa ;")
	c.advance(maxAge + 1)
	if _, _, err := j.Add(alice, "bbb ~"); !errors.Is(err, ErrPrefix) {
		t.Errorf("too late, but %v", err)
	}
	// What is too old is not in the way of a new message.
	add(t, j, alice, "!auth aaa ;")
	c.advance(maxAge + 1)
	if got := add(t, j, alice, "!fill x ~"); got != "!fill x" {
		t.Errorf("joined %q", got)
	}
	// Old buffers of others go when somebody begins.
	add(t, j, bob, "!auth aaa ;")
	c.advance(maxAge + 1)
	add(t, j, alice, "!auth aaa ;")
	if len(j.buffers) != 1 {
		t.Errorf("%d buffers", len(j.buffers))
	}
}

// A flood of beginnings from ever new nicks does not push out a message whose
// pieces keep arriving.
func TestN5FloodOfBeginnings(t *testing.T) {
	j, c := newJoiner()
	add(t, j, alice, "!tx aaa ;")
	for n := range 3000 {
		c.advance(time.Millisecond)
		add(t, j, stranger(n), "!auth aaa ;")
		if n%200 == 0 {
			c.advance(time.Millisecond)
			add(t, j, alice, "b ;")
		}
		if len(j.buffers) > maxBuffers {
			t.Fatalf("%d buffers", len(j.buffers))
		}
	}
	if got := add(t, j, alice, "c ~"); got != "!tx aaa"+strings.Repeat("b", 15)+"c" {
		t.Errorf("joined %q", got)
	}
}

func TestN5TotalSize(t *testing.T) {
	j, c := newJoiner()
	piece := strings.Repeat("x", 8000)
	for n := range maxBuffers {
		for i := range 4 {
			c.advance(time.Millisecond)
			text := piece
			if i == 0 {
				text = "!" + piece
			}
			add(t, j, stranger(n), text+" ;")
			sum := 0
			for _, b := range j.buffers {
				sum += len(b.text)
			}
			if sum != j.total || sum > maxTotal {
				t.Fatalf("%d bytes held, %d counted", sum, j.total)
			}
		}
	}
	if _, _, err := j.Add(stranger(0), "x ~"); !errors.Is(err, ErrPrefix) {
		t.Errorf("the idlest buffer is still there: %v", err)
	}
	if got := add(t, j, stranger(maxBuffers-1), "y ~"); len(got) != 4*8000+2 {
		t.Errorf("the latest message has %d bytes", len(got))
	}
}

func TestDrop(t *testing.T) {
	j, _ := newJoiner()
	add(t, j, alice, "!auth aaa ;")
	j.Drop(alice)
	j.Drop(bob)
	if _, _, err := j.Add(alice, "bbb ~"); !errors.Is(err, ErrPrefix) {
		t.Errorf("joined across a leave: %v", err)
	}
}

func TestOnlyNicksOfTheMarket(t *testing.T) {
	j, _ := newJoiner()
	for _, from := range []protocol.Nick{"", "NickServ", alice + "zzz", alice[:15], "irc.example.org"} {
		if _, _, err := j.Add(from, "!fill x ~"); !errors.Is(err, ErrNick) {
			t.Errorf("%q: %v", from, err)
		}
	}
}

// Whatever comes, the bounds hold, and a message is the pieces of one sender.
func FuzzJoiner(f *testing.F) {
	f.Add("0!auth a ;\n1!fill b ;\n0b ~\n1c ~")
	f.Add("0! ;\n0 ;\n0 ~")
	f.Add("2x\n2!y;\n2!z ~")
	f.Fuzz(func(t *testing.T, script string) {
		j, c := newJoiner()
		begun := make(map[protocol.Nick]string)
		for _, step := range strings.Split(script, "\n") {
			if step == "" {
				continue
			}
			from, text := stranger(int(step[0])%4), step[1:]
			c.advance(time.Second)
			whole, done, err := j.Add(from, text)
			if err != nil {
				delete(begun, from)
				continue
			}
			begun[from] += text[:len(text)-len(last)]
			if done {
				if whole != begun[from] || !strings.HasPrefix(whole, "!") {
					t.Fatalf("joined %q, sent %q", whole, begun[from])
				}
				delete(begun, from)
			}
		}
		sum := 0
		for _, b := range j.buffers {
			sum += len(b.text)
		}
		if sum != j.total || len(j.buffers) > maxBuffers {
			t.Fatalf("%d buffers, %d bytes, %d counted", len(j.buffers), sum, j.total)
		}
	})
}
