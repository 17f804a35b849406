package transcript

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

func load(t *testing.T) []Conversation {
	t.Helper()
	all, err := Golden()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no golden conversations")
	}
	return all
}

func TestRecordingsAreReadWhole(t *testing.T) {
	for _, c := range load(t) {
		text, err := golden.ReadFile(folder + "/" + c.Name)
		if err != nil {
			t.Fatal(err)
		}
		var written bytes.Buffer
		for _, l := range c.Lines {
			written.WriteString(l.String() + "\n")
		}
		if !bytes.Equal(written.Bytes(), text) {
			t.Errorf("%s is written back differently", c.Name)
		}
	}
}

// Every message of the reference passes chunk, envelope and line inwards and
// comes out again byte for byte.
func TestEveryMessageIsRewrittenByteForByte(t *testing.T) {
	for _, c := range load(t) {
		commands := make(map[protocol.Command]int)
		lines := 0
		for _, who := range c.participants() {
			messages, err := c.Seen(who)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages {
				commands[m.Command()]++
				lines += len(m.Lines)
				if got := rewrite(t, m); !slices.Equal(got, m.Lines) {
					t.Errorf("%s: %s from %s: rewritten %q, was %q", c.Name, m.Command(), m.From, got, m.Lines)
				}
			}
		}
		for _, want := range []protocol.Command{
			protocol.CmdOrderbook, protocol.CmdSW0RelOffer, protocol.CmdFill, protocol.CmdPubKey, protocol.CmdAuth,
			protocol.CmdIOAuth, protocol.CmdTx, protocol.CmdSig, protocol.CmdHP2,
		} {
			if commands[want] == 0 {
				t.Errorf("%s: no %s", c.Name, want)
			}
		}
		if want := privmsgs(c); lines != want {
			t.Errorf("%s: %d lines rewritten of %d", c.Name, lines, want)
		}
	}
}

// privmsgs counts them without the code under test.
func privmsgs(c Conversation) (n int) {
	for _, l := range c.Lines {
		n += strings.Count(l.Raw, "PRIVMSG ")
	}
	return n
}

// rewrite parses a message and writes its lines anew.
func rewrite(t *testing.T, m Message) []string {
	t.Helper()
	if m.Room != "" {
		texts, err := chunk.Pack(m.Room, groups(t, m.Text))
		if err != nil {
			t.Fatal(err)
		}
		return texts
	}
	e, err := envelope.Parse(m.Text)
	if err != nil {
		t.Fatalf("%q: %v", m.Text, err)
	}
	rest := groups(t, e.Text())
	msg := strings.TrimPrefix(strings.Join(rest, ""), "!"+string(e.Command)+" ")
	again := envelope.Envelope{Command: e.Command, Msg: msg, PubKey: e.PubKey, Signature: e.Signature}
	texts, err := chunk.Split(m.To, string(again.Command), again.Body())
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// groups parses the groups of a line and writes each anew.
func groups(t *testing.T, text string) []string {
	t.Helper()
	split, err := line.Split(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var written []string
	for _, g := range split {
		parsed, err := line.Parse(g)
		if err != nil {
			t.Fatalf("%q: %v", g, err)
		}
		written = append(written, string(line.Append(nil, parsed)))
	}
	return written
}

// What one side sent in private, the other received, if it was recorded.
func TestBothSidesSawTheSame(t *testing.T) {
	for _, c := range load(t) {
		taker, err := c.Taker()
		if err != nil {
			t.Fatal(err)
		}
		makers, err := c.Makers()
		if err != nil {
			t.Fatal(err)
		}
		if want := int(c.Name[len("irc-")] - '0'); len(makers) < want {
			t.Errorf("%s: makers %v", c.Name, makers)
		}
		for _, maker := range makers {
			for _, pair := range [][2]protocol.Nick{{taker, maker}, {maker, taker}} {
				out := texts(t, c, pair[0], true, pair)
				in := texts(t, c, pair[1], false, pair)
				if !slices.Equal(in, out) {
					t.Errorf("%s: %s sent %d messages, %s received %d", c.Name, pair[0], len(out), pair[1], len(in))
				}
			}
			if len(texts(t, c, taker, true, [2]protocol.Nick{taker, maker})) == 0 && !spare(t, c, maker) {
				t.Errorf("%s: nothing was said to %s", c.Name, maker)
			}
		}
	}
}

// spare reports whether a maker was asked for offers only.
func spare(t *testing.T, c Conversation, maker protocol.Nick) bool {
	t.Helper()
	messages, err := c.Seen(maker)
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(messages, func(m Message) bool { return m.Command() == protocol.CmdPubKey })
}

// texts are the private messages from pair[0] to pair[1], seen by one of them.
func texts(t *testing.T, c Conversation, by protocol.Nick, sent bool, pair [2]protocol.Nick) []string {
	t.Helper()
	messages, err := c.Seen(by)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range messages {
		if m.Sent == sent && m.From == pair[0] && m.To == pair[1] {
			all = append(all, m.Text)
		}
	}
	return all
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "x", "11:20:51.841519 a -> :6667 NICK a", "11:20:51.841519 a => :6667 | NICK a",
		"11:20:51 a -> :6667 | NICK a", "31:20:51.841519 a -> :6667 | NICK a", "11:20:51.841519 a -> | NICK a",
	} {
		if lines, err := Parse(strings.NewReader(text)); !errors.Is(err, ErrLine) {
			t.Errorf("%q: %v, %v", text, lines, err)
		}
	}
}

// What parses is written back byte for byte.
func FuzzParse(f *testing.F) {
	f.Add("11:20:51.841519 J5C2aPX1QYb5dMKg -> :6667 | # connection opened")
	f.Add("11:20:57.047615 port39888 <- :6667 | :J5C2aPX1QYb5dMKg!~x@127.0.0.1 PRIVMSG #pit :!orderbook")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLine(text)
		if err == nil && l.String() != text {
			t.Errorf("%q is written back as %q", text, l)
		}
	})
}
