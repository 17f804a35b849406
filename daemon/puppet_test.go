package daemon

import (
	"strings"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// puppet is a participant without a daemon of ours: it says whatever a test
// wants, signed and sealed as it should be or not.
type puppet struct {
	w    *world
	nick protocol.Nick
	pit  string
	key  *seal.Key
	box  *seal.Box // with the other side, once its key was heard
}

func (w *world) puppet(n protocol.Nick) *puppet {
	key, err := seal.NewKey()
	if err != nil {
		w.t.Fatal(err)
	}
	return &puppet{w: w, nick: n, pit: "pit", key: key}
}

// public says something to the room and waits until all is done about it.
func (p *puppet) public(text string) {
	p.w.pits[p.pit].Say(daemontest.Line{From: p.nick, Text: text})
	synctest.Wait()
}

// offers makes the puppet a maker that can be filled.
func (p *puppet) offers() *puppet {
	p.public("!sw0reloffer 0 100000 5000000 0 0.00002")
	return p
}

// say says something in private, signed, and waits until all is done about it.
func (p *puppet) say(to protocol.Nick, command protocol.Command, msg string) {
	p.w.pits[p.pit].Say(private(p.nick, to, command, msg, p.hostID()))
	synctest.Wait()
}

func (p *puppet) hostID() string { return hostIDs[p.pit] }

// hostIDs of the pits of the tests.
var hostIDs = map[string]string{"pit": hostID, "other": "OtherNet", "third": "ThirdNet"}

// meet makes the box with the other side.
func (p *puppet) meet(key string) {
	p.w.t.Helper()
	box, err := p.key.With(key)
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.box = box
}

// seal boxes what a sealed command says.
func (p *puppet) seal(c line.Content) string {
	p.w.t.Helper()
	text, err := p.box.Seal(line.Plaintext(c))
	if err != nil {
		p.w.t.Fatal(err)
	}
	return text
}

// heard returns the fields of the last message of a command to the puppet,
// without key and signature.
func (p *puppet) heard(from protocol.Nick, command protocol.Command) []string {
	p.w.t.Helper()
	all := p.w.said(from, p.nick, command)
	if len(all) == 0 {
		p.w.t.Fatalf("%s said no %s to %s", from, command, p.nick)
	}
	f := strings.Split(all[len(all)-1], " ")
	return f[:len(f)-2]
}

// accept answers the taker's fill with a key.
func (p *puppet) accept(taker protocol.Nick) {
	p.w.t.Helper()
	p.meet(p.heard(taker, protocol.CmdFill)[2])
	p.say(taker, protocol.CmdPubKey, p.key.Public())
}

// fill fills offer 0 of a maker; n tells commitments apart.
func (p *puppet) fill(maker protocol.Nick, n int) string {
	msg := p.fillText(n)
	p.say(maker, protocol.CmdFill, msg)
	return msg
}

func (p *puppet) fillText(n int) string {
	return line.Fields(line.Fill{Amount: 500_000, PubKey: p.key.Public(),
		Commitment: protocol.NewCommitment([32]byte{1, byte(n), byte(n >> 8), byte(n >> 16)})})
}

// begin fills a maker, who must accept, and makes the box.
func (p *puppet) begin(maker protocol.Nick, n int) {
	p.w.t.Helper()
	p.fill(maker, n)
	p.meet(p.heard(maker, protocol.CmdPubKey)[0])
}

func testIOAuth(n int) line.IOAuth {
	o := coins(n)
	content, err := line.ParseSealed(protocol.CmdIOAuth, ioauthText(o))
	if err != nil {
		panic(err)
	}
	return content.(line.IOAuth)
}
