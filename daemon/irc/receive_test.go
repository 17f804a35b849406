package irc

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// chunkCase is what the reference delivers for received lines.
type chunkCase struct {
	OwnNick protocol.Nick `json:"own_nick"`
	Channel string        `json:"channel"`
	Lines   []string      `json:"lines"`
	Private [][2]string   `json:"private"`
	Public  [][2]string   `json:"public"`
	Answers []string      `json:"answers"`
	Note    string        `json:"note"`
	Valid   bool          `json:"valid"`
	Should  string        `json:"should"`
}

// differently says what is delivered where that is not what the reference does:
// in the cases that are marked as its mistakes, and where this channel promises
// more about a text.
var differently = map[string][]channel.Event{
	"no blank in front of the marker: two characters are cut anyway": nil,
	"prefix and marker only":                                          nil,
	"prefix and more-marker only":                                     nil,
	"sender nick longer than 16 characters is cut to 16":              nil,
	"cut nick shares the buffer of the other sender":                  nil,
	"CTCP PING is answered by the library":                            nil,
	"buffer survives a QUIT of the sender":                            {channel.Left{Nick: otherNick}},
	"prefix without user and host: last character of the nick is cut": {channel.Private{From: otherNick, Text: "!fill x"}},

	"public line with marker is delivered unchanged": {channel.Public{From: otherNick, Text: "!sw0reloffer 0 1 2 3 4"}},
	"public line without prefix is delivered too":    nil, // no command
	"UTF-8 text": nil, // not printable ASCII
}

// TestReceiveVectors sends the lines of the reference's known answers through a
// connection.
func TestReceiveVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/irc_chunks.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []chunkCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 36 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	unused := maps.Clone(differently)
	for _, c := range file.Cases {
		want, answers := c.events(), c.Answers
		if events, ok := unused[c.Note]; ok {
			want, answers = events, nil
			delete(unused, c.Note)
		} else if !c.Valid {
			t.Errorf("%s: marked as a mistake, but not judged here", c.Note)
		}
		t.Run(c.Note, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, want, answers) })
		})
	}
	for note := range unused {
		t.Errorf("no such case: %s", note)
	}
}

func (c chunkCase) events() (events []channel.Event) {
	for _, e := range c.Private {
		events = append(events, channel.Private{From: protocol.Nick(e[0]), Text: e[1]})
	}
	for _, e := range c.Public {
		events = append(events, channel.Public{From: protocol.Nick(e[0]), Text: e[1]})
	}
	return events
}

func (c chunkCase) run(t *testing.T, want []channel.Event, answers []string) {
	h, p := startUp(t, func(cfg *Config) {
		cfg.Nick = c.OwnNick
		prompt(cfg)
	})
	if c.Channel != h.ch.room {
		t.Fatalf("room %s", c.Channel)
	}
	p.say(c.Lines...)
	p.want(answers...)
	for _, e := range want {
		h.want(e)
	}
	// Nothing but the answer to this is said, and nothing more is delivered.
	p.say("PING end")
	p.want("PONG end")
	h.wantNothing()
	h.stop()
}

// TestLinesDroppedAlone: a bad line costs itself only, not the connection.
func TestLinesDroppedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		good := from(otherNick, "PRIVMSG #joinmarket-pit :!orderbook")
		for _, bad := range []string{
			from(otherNick, "PRIVMSG #joinmarket-pit :!orderbook\xff"),
			from(otherNick, "PRIVMSG #joinmarket-pit :!order\x00book"),
			from(otherNick, "PRIVMSG #joinmarket-pit :!order\rbook"),
			from(otherNick, "PRIVMSG #joinmarket-pit :!order\u202ebook"),
			from(otherNick, "PRIVMSG #joinmarket-pit :\x01ACTION waves\x01"),
			from(otherNick, "PRIVMSG #joinmarket-pit"),
			from(otherNick, "PRIVMSG"),
			from(otherNick, ""),
			"", ":", ": ", "@", "@a ", "@a :b c", ":x ", " ", "PRIVMSG", "JOIN", "KICK", "PART", "NICK", "001", "005", "433", "432 x",
			from("Guest", "PRIVMSG #joinmarket-pit :!orderbook"),
			from("J5l4Tz3gAo3zZh4M", "PRIVMSG #joinmarket-pit :!orderbook"), // l is not in base58
			from(ourNick, "PRIVMSG #joinmarket-pit :!orderbook"),
			":srv NOTICE * :" + strings.Repeat("x", maxLine-len(":srv NOTICE * :\r\n")),
		} {
			p.say(bad, good)
			h.want(channel.Public{From: otherNick, Text: "!orderbook"})
		}
		h.wantNothing()
		h.stop()
	})
}

// TestLeft: whoever goes is reported, whatever is said with it.
func TestLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		for _, line := range []string{
			from(otherNick, "QUIT"),
			from(otherNick, "QUIT :tsch\xfc\x01"),
			from(otherNick, "PART #joinmarket-pit"),
			from(otherNick, "PART #joinmarket-pit :\x03"),
			":op!u@h KICK #joinmarket-pit " + string(otherNick) + " :\x03",
			from(otherNick, "NICK :"+string(thirdNick)),
		} {
			p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!auth half ;"), line)
			h.want(channel.Left{Nick: otherNick})
			p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :half ~"))
		}
		for _, line := range []string{
			from(otherNick, "PART #other"),
			":op!u@h KICK #other " + string(otherNick),
			":op!u@h KICK #joinmarket-pit Guest",
			from(otherNick, "JOIN #joinmarket-pit"),
			from("Guest", "QUIT"),
			from("Guest", "NICK :"+string(otherNick)),
			from(ourNick, "QUIT"),
		} {
			p.say(line)
		}
		synctest.Wait()
		h.wantNothing()
		h.stop()
	})
}

// TestN5ChunkTimeout: pieces that come too late do not make a message. The
// other bounds are the joiner's own and tested there.
func TestN5ChunkTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!auth aaa ;"))
		for range 4 {
			p.want("PING srv.example")
			p.say("PONG")
		}
		p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :bbb ~"))
		p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!fill x ~"))
		h.want(channel.Private{From: otherNick, Text: "!fill x"})
		h.stop()
	})
}
