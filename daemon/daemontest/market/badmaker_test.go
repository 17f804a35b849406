package market

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// badMakers are the kinds of strangers who offer something. Each plays a maker
// well up to the stage it has drawn; from there on it answers as its kind does.
var badMakers = []string{
	"silent", "slow", "lying", "malformed", "forging", "vanishing", "repeating", "second-key", "hasty", "erring", "elsewhere",
	"announcing", "burning",
}

// badMaker is one of them.
type badMaker struct {
	*stranger
	stage protocol.Command // from which it is bad: fill, auth or tx
	talks map[protocol.Nick]*badTalk
	said  []saying
}

// badTalk is what it knows of a taker.
type badTalk struct {
	own   *session
	taker string // its session key
}

// saying is something that it said.
type saying struct {
	at      *place
	to      protocol.Nick
	command protocol.Command
	msg     string
}

func (m *market) newBadMaker(kind string, nick protocol.Nick) *badMaker {
	s := m.newStranger(kind, nick)
	return &badMaker{stranger: s, stage: pick(s.dice, []protocol.Command{protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx}),
		talks: make(map[protocol.Nick]*badTalk)}
}

func (b *badMaker) run(ctx context.Context) {
	b.come(ctx)
	if !sleep(ctx, b.dice.seconds(0, 2)) {
		return
	}
	for _, p := range b.on {
		b.public(p, "!sw0reloffer 0 100000 5000000 0 0.00002 ~")
	}
	if b.kind == "announcing" {
		b.announce(ctx)
	}
	for {
		select {
		case h := <-b.inbox:
			b.answer(ctx, h)
		case <-ctx.Done():
			return
		}
	}
}

// announce says more offers than anybody wants, some of which are none.
func (b *badMaker) announce(ctx context.Context) {
	for i := range b.dice.between(20, 300) {
		p := b.elsewhere()
		switch b.dice.IntN(7) {
		case 0:
			b.public(p, fmt.Sprintf("!sw0reloffer %d 100000 5000000 0 0.00002 ~", i))
		case 1:
			b.public(p, fmt.Sprintf("!sw0absoffer 0 %d 5000000 0 500 ~", b.dice.between(0, 10_000_000)))
		case 2:
			b.public(p, fmt.Sprintf("!cancel %d", b.dice.IntN(5)))
		case 3:
			b.public(p, mutate(b.dice, "!sw0reloffer 0 100000 5000000 0 0.00002 ~"))
		case 4:
			b.public(p, strings.Repeat("!sw0reloffer 0 100000 5000000 0 0.00002", b.dice.between(2, 60)))
		case 5:
			b.public(p, "!sw0reloffer 0 100000 5000000 0 "+pick(b.dice, []string{"-1", "NaN", "1e999", "0.1e-400", "inf", "1"}))
		case 6:
			for _, t := range b.m.trading {
				b.say(p, t, protocol.CmdSW0RelOffer, "0 100000 5000000 0 0.00002!tbond "+base64.StdEncoding.EncodeToString(b.dice.bytes(protocol.BondProofSize)))
			}
		}
		if i%10 == 0 && !sleep(ctx, b.dice.seconds(0, 2)) {
			return
		}
	}
	for _, p := range b.on {
		b.public(p, "!sw0reloffer 0 100000 5000000 0 0.00002 ~")
	}
}

var stageOrder = []protocol.Command{protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx}

// answer takes a message of a taker.
func (b *badMaker) answer(ctx context.Context, h heard) {
	stage := slices.Index(stageOrder, h.Command)
	if stage < 0 {
		return
	}
	bad := stage >= slices.Index(stageOrder, b.stage)
	t := b.talks[h.from]
	if h.Command == protocol.CmdFill {
		m, err := line.Parse("fill " + h.Msg)
		if err != nil {
			if !b.m.mix.lying {
				b.m.ledger.broken("%s fills %s with %q: %v", h.from, b.nick, h.Msg, err)
			}
			return
		}
		f := m.(line.Fill)
		t = &badTalk{own: b.dice.session(), taker: f.PubKey}
		b.talks[h.from] = t
		if b.kind == "burning" {
			b.m.ledger.says(protocol.CmdHP2, "", "", string(f.Commitment[1:]))
			for _, p := range b.m.places {
				b.public(p, "!hp2 "+string(f.Commitment[1:]))
			}
		}
	}
	if t == nil {
		return
	}
	for _, msg := range b.right(h, t) {
		if !bad {
			b.rightly(h.at, h.from, t, msg)
			continue
		}
		if !b.wrongly(ctx, h, t, msg) {
			return
		}
	}
}

// reply is an answer before it is sealed.
type reply struct {
	command protocol.Command
	text    string
}

// right is how an honest maker answers.
func (b *badMaker) right(h heard, t *badTalk) []reply {
	switch h.Command {
	case protocol.CmdFill:
		return []reply{{protocol.CmdPubKey, t.own.Public()}}
	case protocol.CmdAuth:
		if !t.own.opens(t.taker, h.Msg) {
			return nil
		}
		return []reply{{protocol.CmdIOAuth, ioauthText(b.dice.ioauth(2))}}
	}
	if !t.own.opens(t.taker, h.Msg) {
		return nil
	}
	var all []reply
	for _, sig := range b.dice.sigs(2) {
		all = append(all, reply{protocol.CmdSig, sig})
	}
	return all
}

// rightly says an answer as it should be said.
func (b *badMaker) rightly(at *place, to protocol.Nick, t *badTalk, r reply) {
	told, msg := r.text, r.text
	if r.command == protocol.CmdIOAuth {
		told += t.own.Public()
	}
	if r.command.Sealed() {
		msg = t.own.seal(t.taker, r.text)
	}
	b.m.ledger.says(r.command, b.nick, to, told)
	b.say(at, to, r.command, msg)
	b.said = append(b.said, saying{at, to, r.command, msg})
}

// wrongly says an answer as the kind does. It reports false if no more is to
// come.
func (b *badMaker) wrongly(ctx context.Context, h heard, t *badTalk, r reply) bool {
	d := b.dice
	switch b.kind {
	case "silent":
		return false
	case "slow":
		if !sleep(ctx, d.seconds(1, 100)) {
			return false
		}
		b.rightly(h.at, h.from, t, r)
	case "lying":
		b.lie(h.at, h.from, t, r)
	case "malformed":
		b.m.ledger.anything(r.command, b.nick, h.from) // what is left may be right, and say something else
		if r.command.Sealed() && d.chance(50) {
			b.say(h.at, h.from, r.command, t.own.seal(t.taker, mutate(d, r.text)))
		} else if msg := mutate(d, r.text); msg != r.text {
			b.say(h.at, h.from, r.command, msg)
		}
	case "forging":
		b.forge(h.at, h.from, r.command, r.text)
	case "vanishing":
		b.goAway()
		if !d.chance(50) || !sleep(ctx, d.seconds(1, 60)) {
			return false
		}
		b.come(ctx)
		b.public(h.at, "!sw0reloffer 0 100000 5000000 0 0.00002 ~")
		b.rightly(h.at, h.from, t, r)
	case "repeating":
		b.rightly(h.at, h.from, t, r)
		for range d.between(1, 3) {
			for _, s := range b.said {
				b.say(s.at, s.to, s.command, s.msg)
			}
			b.envelope(h.at, h.from, h.Envelope) // the taker's own, as if it were ours
			b.say(h.at, h.from, h.Command, h.Msg)
		}
	case "second-key":
		b.rightly(h.at, h.from, t, r)
		second := b.dice.session().Public()
		if b.m.mix.lossy || b.m.mix.lying { // it may be the first that arrives
			b.m.ledger.says(protocol.CmdPubKey, b.nick, h.from, second)
		}
		b.say(h.at, h.from, protocol.CmdPubKey, second)
	case "hasty":
		for _, c := range []protocol.Command{protocol.CmdSig, protocol.CmdIOAuth, protocol.CmdTx, protocol.CmdAuth} {
			if c != r.command { // its turn has not come, or is over
				b.say(h.at, h.from, c, t.own.seal(t.taker, d.junk(100)))
			}
		}
		b.rightly(h.at, h.from, t, r)
	case "erring":
		b.say(h.at, h.from, protocol.CmdError, pick(d, []string{"no", "Commitment is BlackListed: x", d.junk(300), strings.Repeat("e", 3000), "oid not found"}))
	case "elsewhere":
		b.rightly(b.elsewhere(), h.from, t, r)
	default:
		b.rightly(h.at, h.from, t, r)
	}
	return true
}

// lie says what has the form of an answer, or nearly, and is none.
func (b *badMaker) lie(at *place, to protocol.Nick, t *badTalk, r reply) {
	d := b.dice
	switch r.command {
	case protocol.CmdPubKey:
		b.say(at, to, r.command, pick(d, []string{strings.Repeat("0", 64), "01" + strings.Repeat("0", 62), strings.ToUpper(d.hex(31)) + "AB", d.hex(31), "",
			"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"}))
	case protocol.CmdIOAuth:
		o := d.ioauth(2)
		switch d.IntN(6) {
		case 0:
			o.UTXOs[1] = o.UTXOs[0]
		case 1:
			o = d.ioauth(protocol.MaxUTXOs + 1)
		case 2:
			o.UTXOs = nil
		case 3:
			o.CJAddress = strings.Repeat("a", 101)
		case 4:
			o.AuthPubKey = "04" + d.hex(64)
		case 5:
			b.say(at, to, r.command, d.session().seal(t.taker, ioauthText(o))) // another box
			return
		}
		b.say(at, to, r.command, t.own.seal(t.taker, ioauthText(o)))
	case protocol.CmdSig:
		switch d.IntN(3) {
		case 0:
			b.say(at, to, r.command, t.own.seal(t.taker, base64.StdEncoding.EncodeToString(d.bytes(protocol.MaxSigScript+1))))
		case 1:
			for range 150 {
				b.rightly(at, to, t, reply{protocol.CmdSig, d.sigs(1)[0]})
			}
		case 2:
			b.say(at, to, r.command, d.session().seal(t.taker, r.text))
		}
	}
}
