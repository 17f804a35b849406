package chunk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
)

const (
	us    protocol.Nick = "J54Tz3gAo3zZh4MZ"
	alice protocol.Nick = "J5ENesYLEgVVH8Ls"
	bob   protocol.Nick = "J57DSUm6NfScN3T6"
	pit                 = "#joinmarket-pit"
)

type chunkCase struct {
	Kind, Channel, Command, Payload, Text string
	Nick                                  protocol.Nick
	OwnNick                               string `json:"own_nick"`
	Offers, Lines                         []string
	Private, Public                       [][2]string
	Valid                                 bool
	Should, Reason, Note                  string
}

// whole puts "PRIVMSG target :" in front of texts.
func whole(target string, texts []string) []string {
	lines := make([]string, len(texts))
	for i, text := range texts {
		lines[i] = "PRIVMSG " + target + " :" + text
	}
	return lines
}

func TestVectorsPrivateSent(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[chunkCase](t, "irc_chunks.json", 98) {
		if c.Kind != "send_private" {
			continue
		}
		seen++
		texts, err := Split(c.Nick, c.Command, c.Payload)
		if err != nil {
			t.Errorf("%s of %d bytes: %v", c.Command, len(c.Payload), err)
			continue
		}
		// The invalid ones are those where the reference tells pieces apart by
		// value instead of position.
		if lines := whole(string(c.Nick), texts); slices.Equal(lines, c.Lines) != c.Valid {
			t.Errorf("%s: lines %q, reference %q (%s)", c.Command, lines, c.Lines, c.Reason)
		}
		checkRejoins(t, c.Nick, c.Command, c.Payload, texts)
	}
	if seen == 0 {
		t.Error("no vectors of private messages")
	}
}

// checkRejoins checks the lines of a message and that a peer reads it.
func checkRejoins(t *testing.T, to protocol.Nick, command, body string, texts []string) {
	t.Helper()
	j := NewJoiner(time.Now)
	for i, line := range whole(string(to), texts) {
		if len(line) > MaxLine || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("line %d of %s: %q", i, command, line)
		}
		got, done, err := j.Add(alice, texts[i])
		if ends := i == len(texts)-1; err != nil || done != ends || done && got != "!"+command+" "+body {
			t.Fatalf("line %d of %d: joined %q, %v, %v", i, len(texts), got, done, err)
		}
	}
	if len(j.buffers) != 0 || j.total != 0 {
		t.Fatalf("%d buffers, %d bytes left", len(j.buffers), j.total)
	}
}

func TestVectorsPublicSent(t *testing.T) {
	seen := make(map[string]int)
	for _, c := range vectors.Load[chunkCase](t, "irc_chunks.json", 98) {
		var groups []string
		switch c.Kind {
		case "send_public_offers":
			groups = c.Offers
		case "send_public_text":
			for _, g := range strings.Split(c.Text, "!")[1:] {
				groups = append(groups, "!"+g)
			}
		default:
			continue
		}
		seen[c.Kind]++
		texts, err := Pack(c.Channel, groups)
		if err != nil {
			t.Errorf("%q: %v", groups, err)
			continue
		}
		lines := whole(c.Channel, texts)
		// The invalid ones are those where the reference exceeds the limit.
		if slices.Equal(lines, c.Lines) != c.Valid {
			t.Errorf("lines %q, reference %q (%s)", lines, c.Lines, c.Reason)
		}
		checkPacked(t, c.Channel, groups, texts)
	}
	if len(seen) != 2 {
		t.Errorf("vectors of public lines: %v", seen)
	}
}

func checkPacked(t *testing.T, channel string, groups, texts []string) {
	t.Helper()
	var read string
	for i, line := range whole(channel, texts) {
		text, err := Public(texts[i])
		if err != nil || len(line) > MaxLine {
			t.Fatalf("%q: %d bytes, %v", line, len(line), err)
		}
		read += text
	}
	if want := strings.Join(groups, ""); read != want {
		t.Fatalf("read %q, want %q", read, want)
	}
}

// What is delivered where the vectors leave the choice or we read differently.
var ours = map[string][][2]string{
	"UTF-8 text":             nil, // a line is printable ASCII
	"prefix and marker only": nil, // the blank is missing
	"prefix without user and host: last character of the nick is cut": {{string(alice), "!fill x"}},
}

func TestVectorsReceived(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[chunkCase](t, "irc_chunks.json", 98) {
		if c.Kind != "receive" {
			continue
		}
		seen++
		want, public := c.Private, c.Public
		if !c.Valid {
			want = nil // "ignore", "drop": what we do in place of the reference
		}
		if other, ok := ours[c.Note]; ok {
			want = other
		}
		if c.Note == "public line without prefix is delivered too" {
			public = nil // it says nothing in the market
		}
		gotPrivate, gotPublic := receive(t, c)
		if !slices.Equal(gotPrivate, want) {
			t.Errorf("%s: private %q, want %q", c.Note, gotPrivate, want)
		}
		for i := range public {
			public[i][1] = strings.TrimSuffix(public[i][1], " ~")
		}
		if !slices.Equal(gotPublic, public) {
			t.Errorf("%s: public %q, want %q", c.Note, gotPublic, public)
		}
	}
	if seen == 0 {
		t.Error("no vectors of what is received")
	}
}

// receive plays the lines of a case as a connection does.
func receive(t *testing.T, c chunkCase) (private, public [][2]string) {
	t.Helper()
	j := NewJoiner(time.Now)
	for _, line := range c.Lines {
		prefix, rest, _ := strings.Cut(line, " ")
		nick, _, _ := strings.Cut(strings.TrimPrefix(prefix, ":"), "!")
		command, rest, _ := strings.Cut(rest, " ")
		target, text, _ := strings.Cut(rest, " :")
		switch {
		case command == "QUIT":
			j.Drop(protocol.Nick(nick))
		case command == "PRIVMSG" && target == c.OwnNick:
			if got, done, err := j.Add(protocol.Nick(nick), text); done {
				private = append(private, [2]string{nick, got})
			} else if err == nil && len(j.buffers) == 0 {
				t.Errorf("%q is neither kept nor refused", line)
			}
		case command == "PRIVMSG" && target == c.Channel:
			if got, err := Public(text); err == nil {
				public = append(public, [2]string{nick, got})
			}
		}
	}
	return private, public
}

func TestN21OneMessageIsOneLine(t *testing.T) {
	for _, bad := range []string{"\r", "\n", "\r\n", "\x00", "\x01", "\x10", "\x7f", "\x80", "é", "\u2028", "a\nQUIT :x"} {
		if texts, err := Split(us, "fill", "0 1"+bad); !errors.Is(err, ErrText) {
			t.Errorf("body with %q: %q, %v", bad, texts, err)
		}
		if texts, err := Split(us, "fill"+bad, "0 1"); !errors.Is(err, ErrText) {
			t.Errorf("command with %q: %q, %v", bad, texts, err)
		}
		if texts, err := Split(us[:15]+protocol.Nick(bad), "fill", "0 1"); !errors.Is(err, ErrTarget) {
			t.Errorf("nick with %q: %q", bad, texts)
		}
		if texts, err := Pack(pit, []string{"!orderbook", "!cancel 0" + bad}); !errors.Is(err, ErrText) {
			t.Errorf("group with %q: %q, %v", bad, texts, err)
		}
		if texts, err := Pack(pit+bad, []string{"!orderbook"}); !errors.Is(err, ErrTarget) {
			t.Errorf("room with %q: %q, %v", bad, texts, err)
		}
		if text, err := Public("!orderbook" + bad); !errors.Is(err, ErrText) {
			t.Errorf("public line with %q: %q, %v", bad, text, err)
		}
		j := NewJoiner(time.Now)
		if text, _, err := j.Add(alice, "!fill "+bad+" ~"); !errors.Is(err, ErrText) {
			t.Errorf("private line with %q: %q, %v", bad, text, err)
		}
	}
}

func TestN21TargetsAreOneWord(t *testing.T) {
	for _, target := range []string{"", "#a b", "#a,#b", "#a :x", ":a"} {
		if texts, err := Pack(target, []string{"!orderbook"}); !errors.Is(err, ErrTarget) {
			t.Errorf("room %q: %q", target, texts)
		}
		if texts, err := Split(protocol.Nick(target), "fill", "x"); !errors.Is(err, ErrTarget) {
			t.Errorf("nick %q: %q", target, texts)
		}
	}
}

func TestSplitSizes(t *testing.T) {
	body := strings.Repeat("A", protocol.MaxMessage-len("!tx "))
	texts, err := Split(us, "tx", body)
	if err != nil || len(texts) > maxPieces {
		t.Fatalf("%d lines, %v", len(texts), err)
	}
	checkRejoins(t, us, "tx", body, texts)
	if _, err := Split(us, "tx", body+"A"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := Split(us, strings.Repeat("x", 500), "A"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("command of 500 bytes: %v", err)
	}
}

func TestPackKeepsKindsApart(t *testing.T) {
	offer, cancel, hp2 := "!sw0reloffer 0 1 2 3 0.1", "!cancel 0", "!hp2 00"
	texts, err := Pack(pit, []string{cancel, cancel, offer, offer, "!orderbook", "!orderbook", hp2, hp2, offer, cancel})
	want := []string{
		cancel + cancel, offer + offer + " ~", "!orderbook", "!orderbook", hp2, hp2, offer + " ~", cancel,
	}
	if err != nil || !slices.Equal(texts, want) {
		t.Errorf("%q, %v; want %q", texts, err, want)
	}
	if texts, err := Pack(pit, nil); err != nil || len(texts) != 0 {
		t.Errorf("nothing: %q, %v", texts, err)
	}
}

// A receiver reads at most MaxGroups groups of a line.
func TestPackCountsGroups(t *testing.T) {
	groups := slices.Repeat([]string{"!cancel 0"}, protocol.MaxGroups+1)
	texts, err := Pack(pit, groups)
	if err != nil || len(texts) != 2 || strings.Count(texts[0], "!") != protocol.MaxGroups {
		t.Errorf("%q, %v", texts, err)
	}
}

func TestPackRefuses(t *testing.T) {
	for group, want := range map[string]error{
		"":                             ErrPrefix,
		"orderbook":                    ErrPrefix,
		"!cancel 0!fill 0":             ErrPrefix, // two groups in one would evade the packing
		"!" + strings.Repeat("x", 450): ErrTooLarge,
	} {
		if texts, err := Pack(pit, []string{group}); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v", group, texts, err)
		}
	}
	limit := MaxLine - len("PRIVMSG "+pit+" :")
	if _, err := Pack(pit, []string{"!" + strings.Repeat("x", limit-1)}); err != nil {
		t.Errorf("a full line: %v", err)
	}
	if _, err := Pack(pit, []string{"!reloffer " + strings.Repeat("x", limit-len("!reloffer "))}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a full line without room for the marker: %v", err)
	}
}

func TestPublicSizes(t *testing.T) {
	if _, err := Public("!" + strings.Repeat("x", MaxReceived-1)); err != nil {
		t.Error(err)
	}
	if _, err := Public("!" + strings.Repeat("x", MaxReceived)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}
