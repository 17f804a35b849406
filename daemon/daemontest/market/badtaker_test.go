package market

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// badTakers are the kinds of strangers who fill makers. Each plays a taker well
// up to the stage it has drawn; from there on it does as its kind does.
var badTakers = []string{
	"silent", "slow", "lying", "malformed", "forging", "vanishing", "repeating", "refilling", "hasty", "second-tx", "elsewhere",
	"reusing", "pushing", "telling",
}

// badTaker is one of them.
type badTaker struct {
	*stranger
	stage      protocol.Command // from which it is bad
	commitment protocol.Commitment
	filled     []filling
	said       []saying
	aliases    int
}

// filling is a fill that it said to the maker of the moment.
type filling struct {
	oid    int
	amount sats.Amount
	c      protocol.Commitment
	key    *session
}

func (m *market) newBadTaker(kind string, nick protocol.Nick) *badTaker {
	s := m.newStranger(kind, nick)
	b := &badTaker{stranger: s, stage: pick(s.dice, stageOrder), commitment: s.dice.commitment()}
	if kind == "reusing" {
		b.stage = protocol.CmdFill
	}
	return b
}

func (b *badTaker) run(ctx context.Context) {
	b.come(ctx)
	if b.m.mix.lossy || b.m.mix.lying { // a second message may be the first that arrives
		for _, k := range b.m.makers {
			b.m.ledger.anything(protocol.CmdAuth, b.nick, k.nick)
			b.m.ledger.anything(protocol.CmdTx, b.nick, k.nick)
		}
	}
	for range b.dice.between(1, 4) {
		for _, k := range some(b.dice, b.m.makers) {
			if !sleep(ctx, b.dice.seconds(0, 30)) {
				return
			}
			b.try(ctx, k)
		}
	}
	<-ctx.Done()
}

// bad reports whether it has come to its stage.
func (b *badTaker) bad(stage protocol.Command) bool {
	return slices.Index(stageOrder, stage) >= slices.Index(stageOrder, b.stage)
}

// try has a conversation with a maker.
func (b *badTaker) try(ctx context.Context, k *maker) {
	d, at := b.dice, b.elsewhere()
	if b.kind != "reusing" && b.kind != "alias" {
		b.commitment = d.commitment()
	}
	b.filled = nil
	f := b.fill(ctx, at, k, filling{0, d.amount(), b.commitment, d.session()})
	if f.key == nil || !b.after(ctx, at, k, protocol.CmdFill) {
		return
	}
	h, ok := b.next(ctx, k.nick, protocol.CmdPubKey, d.seconds(2, 40))
	if !ok {
		return
	}
	key, _, _ := strings.Cut(h.Msg, " ")
	auth := line.Plaintext(d.auth())
	for _, was := range b.filled { // whichever of them was answered
		b.m.ledger.says(protocol.CmdAuth, b.nick, k.nick, fmt.Sprint(was.oid, was.amount, canonical(was.c), auth, key))
	}
	b.sealed(ctx, at, k, protocol.CmdAuth, f.key.seal(key, auth), key)
	if !b.after(ctx, at, k, protocol.CmdAuth) {
		return
	}
	if _, ok := b.next(ctx, k.nick, protocol.CmdIOAuth, d.seconds(2, 70)); !ok {
		return
	}
	if b.kind == "second-tx" && b.bad(protocol.CmdAuth) {
		b.say(at, k.nick, protocol.CmdAuth, f.key.seal(key, line.Plaintext(d.auth())))
	}
	tx := line.Tx{Tx: d.tx()}
	b.m.ledger.says(protocol.CmdTx, b.nick, k.nick, string(tx.Tx))
	b.sealed(ctx, at, k, protocol.CmdTx, f.key.seal(key, line.Plaintext(tx)), key)
	if b.kind == "second-tx" && b.bad(protocol.CmdTx) {
		b.say(at, k.nick, protocol.CmdTx, f.key.seal(key, line.Plaintext(line.Tx{Tx: d.tx()})))
	}
	if b.after(ctx, at, k, protocol.CmdTx) {
		_, ok := b.next(ctx, k.nick, protocol.CmdSig, d.seconds(2, 30))
		if ok && b.kind == "second-tx" {
			b.say(at, k.nick, protocol.CmdTx, f.key.seal(key, line.Plaintext(line.Tx{Tx: d.tx()})))
		}
	}
}

// rightly says a fill as it should be.
func (b *badTaker) rightly(at *place, to protocol.Nick, f filling) {
	b.m.ledger.fills(b.nick, to, f.c)
	msg := fillText(f)
	b.filled = append(b.filled, f)
	b.say(at, to, protocol.CmdFill, msg)
	b.said = append(b.said, saying{at, to, protocol.CmdFill, msg})
}

func fillText(f filling) string {
	return fmt.Sprintf("%d %d %s %s", f.oid, f.amount, f.key.Public(), f.c)
}

// fill fills a maker, and returns what it expects an answer to.
func (b *badTaker) fill(ctx context.Context, at *place, k *maker, f filling) filling {
	d, to := b.dice, k.nick
	if !b.bad(protocol.CmdFill) {
		b.rightly(at, to, f)
		return f
	}
	switch b.kind {
	case "lying":
		text := fillText(f)
		b.say(at, to, protocol.CmdFill, pick(d, []string{
			"", "0", "0 x", "0 500000", "0 500000 " + f.key.Public(), strings.Replace(text, "P", "Q", 1), text[:len(text)-2],
			strings.Replace(text, string(f.c), "P"+strings.Repeat("zz", 32), 1), fmt.Sprint("99 ", text[2:]), fmt.Sprintf("0 1 %s %s", f.key.Public(), f.c),
			fmt.Sprintf("0 99999999999999999999 %s %s", f.key.Public(), f.c), fmt.Sprintf("-1 500000 %s %s", f.key.Public(), f.c),
			fmt.Sprintf("0 500000 %s %s", strings.Repeat("0", 64), f.c), fmt.Sprintf("0 500000 %s %s", f.key.Public()[1:], f.c),
		}))
		return filling{}
	case "malformed":
		b.m.ledger.anything(protocol.CmdAuth, b.nick, to)
		b.m.ledger.allow(protocol.CmdPubKey, to, b.nick, 1)
		b.say(at, to, protocol.CmdFill, mutate(d, fillText(f)))
		return filling{}
	case "forging":
		b.forge(at, to, protocol.CmdFill, fillText(f))
		return filling{}
	case "reusing":
		for range d.between(1, 3) {
			b.alias(ctx, k, f)
		}
	}
	b.rightly(at, to, f)
	return f
}

const letters = "ABCDEFGH"

// alias has another nick use the same commitment at the same time, perhaps in
// other letters, and play the taker to the end.
func (b *badTaker) alias(ctx context.Context, k *maker, f filling) {
	b.aliases++
	a := b.m.newBadTaker("alias", b.nick[:len(b.nick)-4]+protocol.Nick([]byte{letters[b.aliases/8%8], letters[b.aliases%8], 'O', 'O'}))
	a.on, a.commitment, a.stage = b.on, f.c, protocol.CmdTx
	if a.dice.chance(50) {
		a.commitment = "P" + protocol.Commitment(strings.ToUpper(string(f.c[1:])))
	}
	b.m.strangers.Go(func() {
		a.come(ctx)
		for _, k := range append([]*maker{k}, some(a.dice, b.m.makers)...) {
			a.try(ctx, k)
		}
	})
}

// sealed says auth or tx, well or as the kind does.
func (b *badTaker) sealed(ctx context.Context, at *place, k *maker, command protocol.Command, msg, key string) {
	d, own := b.dice, b.filled[0].key
	if !b.bad(command) {
		b.say(at, k.nick, command, msg)
		return
	}
	switch b.kind {
	case "silent":
		return
	case "slow":
		sleep(ctx, d.seconds(1, 100))
	case "lying":
		msg = pick(d, []string{
			d.session().seal(key, "x"), own.seal(key, d.junk(500)), own.seal(key, strings.Repeat("QUFB", 10_000)),
			own.seal(key, "a|b|c|d|e"), strings.Repeat("A", 39_000), "=", d.junk(100),
		})
	case "malformed":
		if changed := mutate(d, msg); changed != msg {
			b.say(at, k.nick, command, changed)
		}
	case "forging":
		b.forge(at, k.nick, command, own.seal(key, line.Plaintext(d.auth())))
		return
	case "hasty":
		for _, c := range []protocol.Command{protocol.CmdTx, protocol.CmdSig, protocol.CmdIOAuth, protocol.CmdPubKey} {
			if c != command {
				b.say(at, k.nick, c, own.seal(key, line.Plaintext(line.Tx{Tx: d.tx()})))
			}
		}
	case "elsewhere":
		at = b.elsewhere()
	}
	b.say(at, k.nick, command, msg)
	b.said = append(b.said, saying{at, k.nick, command, msg})
	if b.kind == "second-tx" && command == protocol.CmdAuth {
		b.say(at, k.nick, command, own.seal(key, line.Plaintext(d.auth())))
	}
}

// after is what the kind does when it has said something. It reports false if it
// goes on no further.
func (b *badTaker) after(ctx context.Context, at *place, k *maker, stage protocol.Command) bool {
	d := b.dice
	if !b.bad(stage) {
		return true
	}
	switch b.kind {
	case "silent":
		return false
	case "vanishing":
		b.goAway()
		sleep(ctx, d.seconds(1, 30))
		if ctx.Err() == nil {
			b.come(ctx)
		}
		return d.chance(50)
	case "repeating":
		for range d.between(1, 3) {
			for _, s := range b.said {
				if s.command == protocol.CmdFill {
					b.m.ledger.allow(protocol.CmdPubKey, s.to, b.nick, 1)
				}
				b.say(s.at, s.to, s.command, s.msg)
			}
		}
	case "refilling": // the same, and others
		b.rightly(at, k.nick, b.filled[0])
		b.rightly(at, k.nick, filling{0, d.amount(), d.commitment(), d.session()})
		b.rightly(at, k.nick, filling{0, b.filled[0].amount, b.filled[0].c, d.session()})
	case "pushing":
		for range d.between(1, 20) {
			tx := d.tx()
			b.m.ledger.says(protocol.CmdPush, b.nick, k.nick, string(tx))
			b.say(at, k.nick, protocol.CmdPush, strings.Fields(line.Fields(line.Push{Tx: tx}))[0])
		}
	case "telling": // of used commitments, in private and to all
		for range d.between(1, 10) {
			c := strings.ToUpper(string(d.commitment()[1:]))
			b.m.ledger.says(protocol.CmdHP2, "", "", strings.ToLower(c))
			b.say(at, k.nick, protocol.CmdHP2, c)
			b.public(at, "!hp2 "+mutate(d, c))
			b.public(at, "!hp2 "+c)
		}
	}
	return true
}
