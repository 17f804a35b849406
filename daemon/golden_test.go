package daemon

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// frame is one of the control protocol, as docs/control-protocol.md has it.
type frame struct {
	Hello  json.RawMessage `json:"hello,omitempty"`
	ID     uint64          `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
	Event  string          `json:"event,omitempty"`
}

// kind is how the document draws a frame of the daemon.
func (f frame) kind() string {
	switch {
	case f.Hello != nil:
		return "<-- hello"
	case f.Event != "":
		return "<-- event " + f.Event
	case f.Method != "":
		return "<.. " + f.Method
	case f.Result != nil:
		return "<-- {"
	}
	return "error " + string(f.Error)
}

// wire is a client without any code of ours: bytes of frames.
type wire struct {
	t      *testing.T
	w      *world
	nc     net.Conn
	frames chan frame
	served chan error
}

func (c *wire) connect() {
	var theirs net.Conn
	c.nc, theirs = net.Pipe()
	nc, frames, served := c.nc, make(chan frame, 1000), make(chan error, 1)
	c.frames, c.served = frames, served
	go func() { served <- c.w.d.Serve(context.Background(), theirs) }()
	go func() {
		defer close(frames)
		for {
			var size uint32
			if binary.Read(nc, binary.BigEndian, &size) != nil {
				return
			}
			body := make([]byte, size)
			var f frame
			if _, err := io.ReadFull(nc, body); err != nil || json.Unmarshal(body, &f) != nil {
				return
			}
			frames <- f
		}
	}()
}

func (c *wire) send(f frame) {
	c.t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		c.t.Fatal(err)
	}
}

// heard are the frames that came, once all that is under way has been done.
// Questions are answered.
func (c *wire) heard() (got []frame) {
	c.t.Helper()
	for {
		synctest.Wait()
		select {
		case f, open := <-c.frames:
			if !open {
				c.t.Fatal("the connection ended")
			}
			got = append(got, f)
			switch f.Method {
			case control.QuestionSign:
				var r control.SignRequest
				c.read(f.Params, &r)
				c.send(frame{ID: f.ID, Result: text(control.SignAnswer{PubKey: fakeKey(bob), Signature: fakeSignature(fakeKey(bob), r.Text)})})
			case control.QuestionVerify:
				c.send(frame{ID: f.ID, Result: text(control.VerifyAnswer{Valid: true})})
			}
		default:
			return got
		}
	}
}

func (c *wire) read(raw json.RawMessage, v any) {
	c.t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		c.t.Fatalf("%s: %v", raw, err)
	}
}

func text(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// TestDocumentedResume plays the sequence that docs/control-protocol.md draws of
// a client that comes back, frame by frame: whether the command whose answer it
// did not get was done, or not even read.
func TestDocumentedResume(t *testing.T) {
	doc, err := os.ReadFile("../docs/control-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## Resume\n")
	_, drawn, _ := strings.Cut(section, "```text\n")
	drawn, _, ok := strings.Cut(drawn, "```")
	if !ok {
		t.Fatal("no sequence")
	}
	for name, done := range map[string]bool{"not read": false, "done": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				playResume(t, w, strings.Split(strings.TrimSpace(drawn), "\n")[1:], done)
			})
		})
	}
}

var drawnID = regexp.MustCompile(`\(id (\d+)\)`)

func playResume(t *testing.T, w *world, lines []string, done bool) {
	c := &wire{t: t, w: w}
	c.connect()
	defer func() {
		c.nc.Close()
		<-c.served
	}()
	taker := w.puppet(alice)
	var (
		token, latest control.Credential
		id            uint64 // of the conversation, 7 in the document
		events        int
		got           []frame
		began, paid   bool
	)
	hear := func() {
		for _, f := range c.heard() {
			if f.Event != "" {
				events++
			}
			got = append(got, f)
		}
	}
	// take removes the first frame of a kind.
	take := func(kind string) frame {
		t.Helper()
		hear()
		i := slices.IndexFunc(got, func(f frame) bool { return strings.HasPrefix(f.kind(), kind) })
		if i < 0 {
			t.Fatalf("no %s; there is %v", kind, got)
		}
		f := got[i]
		got = slices.Delete(got, i, i+1)
		return f
	}
	params := map[string]func() any{
		"start":    func() any { return control.StartRequest{Role: control.RoleMaker, Nick: bob, Network: "regtest"} },
		"announce": func() any { return control.AnnounceRequest{Offers: []protocol.Offer{offer(0)}} },
		"ioauth":   func() any { return control.IOAuthRequest{Conversation: id, IOAuth: coins(1)} },
		"resume":   func() any { return control.ResumeRequest{Token: token, Events: uint64(events)} },
		"status":   func() any { return control.StatusRequest{} },
	}
	steps := 0
	for _, l := range lines {
		l = strings.TrimPrefix(strings.TrimSpace(l), "|")
		word := strings.Fields(strings.TrimLeft(l, "-<.= "))
		switch {
		case strings.HasPrefix(l, "==="):
			c.connect()
		case strings.HasPrefix(l, "--- hello"):
			c.send(frame{Hello: json.RawMessage(`{"software":"test","min":1,"max":1,"features":["resume"]}`)})
		case strings.HasPrefix(l, "--- "):
			m, f := drawnID.FindStringSubmatch(l), frame{Method: word[0]}
			if m == nil || params[word[0]] == nil {
				t.Fatalf("what is %q?", l)
			}
			c.read(json.RawMessage(m[1]), &f.ID)
			f.Params = text(params[word[0]]())
			breaks := strings.Contains(l, "---> X")
			if !breaks || done {
				c.send(f)
			}
			if breaks {
				synctest.Wait() // done, and nothing of it is heard
				c.nc.Close()
				<-c.served
				got = nil
			}
		case strings.HasPrefix(l, "<-- event "):
			if word[1] == control.EventAuth && !began {
				began = true
				hear()
				taker.say(bob, protocol.CmdFill, taker.fillText(1))
				hear() // verdict and signature
				taker.meet(taker.heard(bob, protocol.CmdPubKey)[0])
				taker.say(bob, protocol.CmdAuth, taker.seal(testAuth))
			}
			for _, name := range word[1:] {
				if name = strings.TrimSuffix(name, ","); !regexp.MustCompile("^[a-z]+$").MatchString(name) {
					break
				}
				f := take("<-- event " + name)
				if name == control.EventAuth {
					var e control.AuthEvent
					c.read(f.Params, &e)
					id = e.Conversation
				}
			}
		case strings.HasPrefix(l, "<.. "):
			if word[0] == control.QuestionVerify && !paid {
				paid = true
				hear()
				if n := taker.answers(bob, protocol.CmdIOAuth); n != 1 {
					t.Fatalf("!ioauth was said %d times", n)
				}
				got = slices.DeleteFunc(got, func(f frame) bool { return f.Method != "" })
				taker.say(bob, protocol.CmdTx, taker.seal(line.Tx{Tx: testTx}))
			}
			take("<.. " + word[0])
		case strings.HasPrefix(l, "<-- "):
			kind := "<-- {"
			if word[0] == "hello" {
				kind = "<-- hello"
			}
			f := take(kind)
			switch {
			case strings.Contains(l, "token A"):
				var r control.StartAnswer
				c.read(f.Result, &r)
				token = r.Token
			case strings.Contains(l, "token B"):
				var r control.ResumeAnswer
				c.read(f.Result, &r)
				latest = r.Token
				if len(r.Conversations) != 1 || r.Conversations[0].Conversation != id {
					t.Errorf("conversations %+v", r.Conversations)
				}
			}
		case strings.TrimSpace(strings.Trim(l, "|")) == "" || strings.HasPrefix(strings.TrimSpace(l), "|"):
			continue // what only the daemon knows
		default:
			t.Fatalf("what is %q?", l)
		}
		steps++
	}
	if steps < 20 || events != 4 || !paid || latest == "" || latest == token {
		t.Errorf("%d steps, %d events", steps, events)
	}
	if err := w.resume(token); err == nil {
		t.Error("token A is not void")
	}
}
