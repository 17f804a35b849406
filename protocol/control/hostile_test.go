package control_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

const goodHello = `{"hello":{"software":"raw","min":1,"max":1}}`

// framed puts the length before a JSON text.
func framed(body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// peer is the other side, written by hand.
type peer struct {
	t testing.TB
	net.Conn
}

func (p peer) send(raw []byte) {
	p.t.Helper()
	if _, err := p.Write(raw); err != nil {
		p.t.Fatalf("sending: %v", err)
	}
}

// answer reads one frame; io.EOF when the connection has ended.
func (p peer) answer() (body string, err error) {
	var size uint32
	if err := binary.Read(p, binary.BigEndian, &size); err != nil {
		return "", err
	}
	if size > control.MaxFrame {
		return "", fmt.Errorf("frame of %d bytes", size)
	}
	buf := make([]byte, size)
	_, err = io.ReadFull(p, buf)
	return string(buf), err
}

// wantBye reads up to the error frame, which must have this code and be the
// last.
func (p peer) wantBye(code control.Code) {
	p.t.Helper()
	for {
		body, err := p.answer()
		if err != nil {
			p.t.Fatalf("ended without a reason: %v", err)
		}
		var f struct {
			ID    int
			Error *control.Error
		}
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			p.t.Fatal(err)
		}
		if f.Error == nil || f.ID != 0 {
			continue
		}
		if f.Error.Code != code || f.Error.Message == "" {
			p.t.Errorf("ended with %+v, want code %q", f.Error, code)
		}
		break
	}
	if body, err := p.answer(); err == nil {
		p.t.Errorf("after the end came %s", body)
	}
}

// accept starts a daemon end; its Run's error comes on the channel.
func accept(t testing.TB, cfg control.Config, h control.Handler) (peer, <-chan error) {
	nc1, nc2 := net.Pipe()
	t.Cleanup(func() { nc1.Close() })
	ended := make(chan error, 1)
	go func() {
		c, err := control.Accept(context.Background(), nc2, cfg)
		if err == nil {
			err = c.Run(context.Background(), h)
		}
		ended <- err
	}()
	return peer{t, nc1}, ended
}

// greeted is accept after the hellos.
func greeted(t testing.TB, h control.Handler) (peer, <-chan error) {
	t.Helper()
	p, ended := accept(t, control.Config{Software: "d"}, h)
	p.send(framed(goodHello))
	if body, err := p.answer(); err != nil || body != `{"hello":{"software":"d","min":1,"max":1}}` {
		t.Fatalf("daemon's hello: %s, %v", body, err)
	}
	return p, ended
}

func TestRefusedHello(t *testing.T) {
	deep := strings.Repeat("[", control.MaxDepth) + strings.Repeat("]", control.MaxDepth)
	for name, c := range map[string]struct {
		raw  []byte
		want control.Code
	}{
		"zero length":     {framed(""), control.ErrMalformed},
		"oversized":       {[]byte{0x00, 0x00, 0x10, 0x01}, control.ErrTooLarge},
		"gigantic":        {[]byte{0xff, 0xff, 0xff, 0xff}, control.ErrTooLarge},
		"http":            {[]byte("GET / HTTP/1.1\r\n\r\n"), control.ErrTooLarge},
		"garbage":         {framed("\x00\x01\x02"), control.ErrMalformed},
		"array":           {framed("[]"), control.ErrMalformed},
		"null":            {framed("null"), control.ErrMalformed},
		"two values":      {framed(goodHello + goodHello), control.ErrMalformed},
		"not utf-8":       {framed("{\"hello\":{\"software\":\"\xff\",\"min\":1,\"max\":1}}"), control.ErrMalformed},
		"deep":            {framed(`{"hello":{"min":1,"max":1},"x":` + deep + `}`), control.ErrMalformed},
		"no hello":        {framed(`{"id":1,"method":"status"}`), control.ErrMalformed},
		"event first":     {framed(`{"event":"x"}`), control.ErrMalformed},
		"hello and more":  {framed(`{"hello":{"min":1,"max":1},"id":1,"method":"status"}`), control.ErrMalformed},
		"version 0":       {framed(`{"hello":{"min":0,"max":1}}`), control.ErrMalformed},
		"range reversed":  {framed(`{"hello":{"min":2,"max":1}}`), control.ErrMalformed},
		"newer only":      {framed(`{"hello":{"software":"x","min":2,"max":9}}`), control.ErrVersion},
		"long name":       {framed(`{"hello":{"min":1,"max":1,"software":"` + strings.Repeat("x", 65) + `"}}`), control.ErrMalformed},
		"empty feature":   {framed(`{"hello":{"min":1,"max":1,"features":[""]}}`), control.ErrMalformed},
		"many features":   {framed(`{"hello":{"min":1,"max":1,"features":["a"` + strings.Repeat(`,"a"`, 32) + `]}}`), control.ErrMalformed},
		"control letters": {framed(`{"hello":{"min":1,"max":1,"software":"\u001b[31m"}}`), control.ErrMalformed},
		"no secret":       {framed(goodHello), control.ErrUnauthorized},
		"wrong secret":    {framed(`{"hello":{"min":1,"max":1,"secret":"open sesam"}}`), control.ErrUnauthorized},
		"longer secret":   {framed(`{"hello":{"min":1,"max":1,"secret":"open sesame!"}}`), control.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			p, ended := accept(t, control.Config{Secret: "open sesame"}, nil)
			p.send(c.raw[:min(4, len(c.raw))])
			go p.Write(c.raw[min(4, len(c.raw)):]) // may find nobody who reads
			p.wantBye(c.want)
			if err := <-ended; !errors.Is(err, c.want) {
				t.Errorf("Accept: %v", err)
			}
		})
	}
}

// TestUnknownFieldsAreIgnored shows the room to grow.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	p, _ := accept(t, control.Config{Secret: "open sesame"}, echo)
	p.send(framed(`{"hello":{"min":1,"max":7,"secret":"open sesame","colour":"blue","features":["x"]},"more":[{}]}`))
	if body, err := p.answer(); err != nil || !strings.Contains(body, `"hello"`) {
		t.Fatalf("%s, %v", body, err)
	}
	p.send(framed(`{"id":5,"method":"m","params":{"a":1,"b":{}},"priority":9}`))
	if body, err := p.answer(); err != nil || body != `{"id":5,"result":{"a":1,"b":{}}}` {
		t.Errorf("%s, %v", body, err)
	}
}

func TestVersionErrorNamesBothRanges(t *testing.T) {
	nc1, nc2 := net.Pipe()
	p := peer{t, nc2}
	go func() {
		p.answer()
		p.send(framed(`{"hello":{"software":"daemon 9","min":3,"max":4}}`))
		io.Copy(io.Discard, p)
	}()
	_, err := control.Connect(t.Context(), nc1, control.Config{Software: "client 1"})
	if !errors.Is(err, control.ErrVersion) {
		t.Fatal(err)
	}
	for _, part := range []string{"daemon 9", "3 to 4", "client 1", "1 to 1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestAdmitRefuses(t *testing.T) {
	full := fmt.Errorf("%w: 32 clients", control.ErrLimit)
	nc1, nc2 := net.Pipe()
	go control.Accept(t.Context(), nc2, control.Config{Admit: func(control.Hello) error { return full }})
	_, err := control.Connect(t.Context(), nc1, control.Config{})
	if !errors.Is(err, control.ErrLimit) || !strings.HasSuffix(err.Error(), "32 clients") {
		t.Error(err)
	}
}

func TestSilentHello(t *testing.T) {
	hello := map[string]func(context.Context, net.Conn, control.Config) (*control.Conn, error){
		"daemon": control.Accept, "client": control.Connect,
	}
	for name, end := range hello {
		for _, sent := range []string{"", "\x00", "\x00\x00\x00\x20{"} {
			synctest.Test(t, func(t *testing.T) {
				nc1, nc2 := net.Pipe()
				go io.Copy(io.Discard, nc1)
				go nc1.Write([]byte(sent))
				start := time.Now()
				_, err := end(t.Context(), nc2, control.Config{})
				if !errors.Is(err, control.ErrTimeout) || time.Since(start) < control.HelloTimeout || time.Since(start) > control.HelloTimeout+2*time.Second {
					t.Errorf("%s: %v after %v", name, err, time.Since(start))
				}
			})
		}
		synctest.Test(t, func(t *testing.T) {
			_, nc2 := net.Pipe() // not even read from
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := end(ctx, nc2, control.Config{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestRefusedFrames(t *testing.T) {
	deep := strings.Repeat(`{"a":`, control.MaxDepth) + "1" + strings.Repeat("}", control.MaxDepth)
	for name, c := range map[string]struct {
		raw  []byte
		want control.Code
	}{
		"zero length":       {framed(""), control.ErrMalformed},
		"oversized":         {binary.BigEndian.AppendUint32(nil, control.MaxClientFrame+1), control.ErrTooLarge},
		"garbage":           {framed("hello"), control.ErrMalformed},
		"second hello":      {framed(goodHello), control.ErrMalformed},
		"deep":              {framed(`{"id":1,"method":"m","params":` + deep + `}`), control.ErrMalformed},
		"deeper than stack": {framed(strings.Repeat("[", control.MaxClientFrame)), control.ErrMalformed},
		"many members":      {framed(`{"id":1,"method":"m","params":[{}` + strings.Repeat(",{}", control.MaxCommas) + `]}`), control.ErrMalformed},
		"no kind":           {framed(`{}`), control.ErrMalformed},
		"id only":           {framed(`{"id":1}`), control.ErrMalformed},
		"no id":             {framed(`{"method":"m"}`), control.ErrMalformed},
		"negative id":       {framed(`{"id":-1,"method":"m"}`), control.ErrMalformed},
		"request and event": {framed(`{"id":1,"method":"m","event":"e"}`), control.ErrMalformed},
		"result and error":  {framed(`{"id":1,"result":{},"error":{"code":"x","message":""}}`), control.ErrMalformed},
		"long method":       {framed(`{"id":1,"method":"` + strings.Repeat("m", 65) + `"}`), control.ErrMalformed},
		"unknown answer":    {framed(`{"id":1,"result":{}}`), control.ErrMalformed},
		"unknown fault":     {framed(`{"id":9,"error":{"code":"state","message":"x"}}`), control.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			p, ended := greeted(t, echo)
			go p.Write(c.raw)
			p.wantBye(c.want)
			if err := <-ended; !errors.Is(err, c.want) {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

func TestTruncatedFrame(t *testing.T) {
	whole := framed(`{"id":1,"method":"m"}`)
	for cut := range whole {
		p, ended := greeted(t, echo)
		p.send(whole[:cut])
		p.Close()
		want := control.ErrMalformed
		if cut == 0 {
			want = control.ErrClosed
		}
		if err := <-ended; !errors.Is(err, want) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// TestStalledFrame: between frames a peer may be silent, within one it may not.
func TestStalledFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ended := greeted(t, echo)
		time.Sleep(1000 * time.Hour) // of the bubble's clock
		p.send(framed(`{"id":1,"method":"m"}`))
		if _, err := p.answer(); err != nil {
			t.Fatal(err)
		}
		p.send([]byte{0, 0, 1, 0, '{'})
		start := time.Now()
		p.wantBye(control.ErrTimeout)
		if d := time.Since(start); d != control.StallTimeout {
			t.Errorf("ended after %v", d)
		}
		if err := <-ended; !errors.Is(err, control.ErrTimeout) {
			t.Error(err)
		}
	})
}

func TestSecondAnswer(t *testing.T) {
	nc1, nc2 := net.Pipe()
	p := peer{t, nc2}
	go func() {
		p.answer()
		p.send(framed(goodHello))
		p.answer()
		p.send(framed(`{"id":1,"result":{}}`))
		p.send(framed(`{"id":1,"result":{}}`))
		io.Copy(io.Discard, p)
	}()
	c, err := control.Connect(t.Context(), nc1, control.Config{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, c, nil)
	if err := c.Call(t.Context(), "m", nil, nil); err != nil {
		t.Error(err)
	}
	<-c.Done()
	if !errors.Is(c.Err(), control.ErrMalformed) {
		t.Error(c.Err())
	}
}

// TestTooLargeToSend: what exceeds a frame costs its call only.
func TestTooLargeToSend(t *testing.T) {
	client, daemon := pair(t, funcs{}, funcs{request: func(_ context.Context, method string, params json.RawMessage) (any, error) {
		if method == "huge" {
			return note{Text: strings.Repeat("x", control.MaxFrame)}, nil
		}
		return params, nil
	}})
	big := note{Text: strings.Repeat("x", control.MaxClientFrame)}
	for name, err := range map[string]error{
		"request": client.Call(t.Context(), "echo", big, nil),
		"answer":  client.Call(t.Context(), "huge", nil, nil),
		"event":   client.Notify("e", big),
	} {
		if !errors.Is(err, control.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := daemon.Notify("e", big); err != nil { // the daemon's limit is another
		t.Error(err)
	}
	if err := client.Call(t.Context(), "echo", nil, nil); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestSecretPrintsAsStars(t *testing.T) {
	cfg := control.Config{Secret: "open sesame"}
	text := new(bytes.Buffer)
	fmt.Fprintf(text, "%v %+v %#v %s %q %x", cfg, cfg, cfg.Secret, cfg.Secret, cfg.Secret, cfg.Secret)
	asJSON, err := json.Marshal(cfg.Secret)
	if err != nil {
		t.Fatal(err)
	}
	text.Write(asJSON)
	if strings.Contains(text.String(), "sesame") || strings.Contains(text.String(), fmt.Sprintf("%x", "sesame")) {
		t.Error(text)
	}
}
