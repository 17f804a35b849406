package market

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// taker is an honest taker: a client that fills makers as its plan says, honest
// ones and others, and goes on with whoever answers.
type taker struct {
	*client
	plans []plan
	push  bool
	wakes chan struct{} // an event came

	mu      sync.Mutex
	attempt uint64
	talks   map[protocol.Nick]*takerTalk // of the attempt
	stained map[protocol.Nick]bool       // makers with whom something was left open
}

// plan is one attempt.
type plan struct {
	after      time.Duration
	makers     []protocol.Nick // all there are, in the order of preference
	want       int
	refill     time.Duration // after it has waited so long it asks further makers; 0 for never
	amount     sats.Amount
	oid        int // -1 for one of the book's
	commitment protocol.Commitment
	auth       line.Auth
	tx         []byte
	deadline   time.Duration
	leaves     protocol.Command // it goes away before this; empty for never
}

// takerTalk is what a taker's client knows of a conversation.
type takerTalk struct {
	oid    protocol.OfferID
	key    string
	opened bool
	sent   bool // the tx
	coins  int
	sigs   int
	failed protocol.Reason
}

// answered reports whether the maker has done its part of a stage, or will not.
func (t *takerTalk) answered(stage protocol.Command) bool {
	switch {
	case t.failed != "":
		return true
	case stage == protocol.CmdFill:
		return t.key != ""
	case stage == protocol.CmdAuth:
		return t.opened
	}
	return t.sigs >= t.coins
}

func (m *market) newTaker(n int, c *client) *taker {
	d := newDice(m.seed, fmt.Sprint("taker ", n))
	k := &taker{client: c, wakes: make(chan struct{}, 1), stained: make(map[protocol.Nick]bool), push: d.chance(30)}
	for i := range d.between(1, 3) {
		p := plan{after: d.seconds(1, 30), want: d.between(1, 6), amount: d.amount(), oid: -1, commitment: d.commitment(),
			auth: d.auth(), tx: d.tx()}
		if i > 0 {
			p.after += 15 * time.Second
		}
		for _, i := range d.Perm(len(m.offering)) {
			p.makers = append(p.makers, m.offering[i])
		}
		if d.chance(30) {
			p.deadline = d.seconds(30, 100)
		}
		if d.chance(30) {
			p.refill = d.seconds(1, 20)
		}
		switch d.IntN(20) {
		case 0:
			p.oid = 7
		case 1:
			p.amount = pick(d, []sats.Amount{1, minSize - 1, maxSize * 2, sats.Max})
		case 2:
			if i > 0 {
				p.commitment = k.plans[0].commitment
			}
		case 3, 4:
			p.leaves = pick(d, []protocol.Command{protocol.CmdAuth, protocol.CmdTx})
		case 5:
			p.tx = d.bytes(protocol.MaxTx)
		}
		k.plans = append(k.plans, p)
	}
	c.role, c.hears = control.RoleTaker, k.hear
	return k
}

func (k *taker) run() {
	if !k.enter() {
		return
	}
	for i, p := range k.plans {
		k.call(control.MethodRefresh, nil, nil)
		time.Sleep(p.after)
		if k.try(i, p) != nil {
			return
		}
	}
}

// try makes one attempt; an error means that the client is done.
func (k *taker) try(n int, p plan) error {
	var book control.OrderbookAnswer
	if err := k.call(control.MethodOrderbook, nil, &book); err != nil {
		return err
	}
	asked, talks := k.choose(book, p, p.want), make(map[protocol.Nick]*takerTalk)
	if len(asked) == 0 {
		return nil
	}
	for _, m := range asked {
		talks[m.Nick] = &takerTalk{oid: m.OfferID}
	}
	r := control.FillRequest{Amount: p.amount, Commitment: p.commitment, Deadline: p.deadline, Makers: asked}
	k.mu.Lock()
	k.attempt++
	k.talks = talks
	attempt := k.attempt
	k.mu.Unlock()
	defer k.judge(n, p)
	var a control.FillAnswer
	if err := k.call(control.MethodFill, r, &a); err != nil {
		return err
	}
	if a.Attempt != attempt {
		k.m.ledger.broken("%s: attempt %d is called %d", k.nick, attempt, a.Attempt)
	}
	for _, stage := range []protocol.Command{protocol.CmdFill, protocol.CmdAuth, protocol.CmdTx} {
		if stage == p.leaves {
			return nil
		}
		if err := k.say(stage, p); err != nil {
			return err
		}
		if stage == protocol.CmdFill && p.refill > 0 {
			k.further(book, p)
		}
		if !k.wait(stage, p) {
			return nil
		}
	}
	return k.give(p)
}

// choose chooses from the book, in the order of preference, and notes that those
// are to be filled.
func (k *taker) choose(book control.OrderbookAnswer, p plan, want int) (chosen []control.MakerOffer) {
	for _, b := range book.Bonds {
		if b.Taker != k.nick || !k.m.mix.lying && k.m.honest(b.Nick) != nil && b.Proof != fakeBond(b.Nick, k.nick) {
			k.m.ledger.broken("%s has a bond of %s that was not made for it", k.nick, b.Nick)
		}
	}
	for _, nick := range p.makers {
		i := slices.IndexFunc(book.Offers, func(o control.OfferEntry) bool { return o.Nick == nick })
		if i < 0 || len(chosen) == want {
			continue
		}
		id := book.Offers[i].ID
		if p.oid >= 0 {
			id = protocol.OfferID(p.oid)
		}
		chosen = append(chosen, control.MakerOffer{Nick: nick, OfferID: id})
		k.m.ledger.allow(protocol.CmdFill, k.nick, nick, 1)
		k.m.ledger.fills(k.nick, nick, p.commitment)
	}
	return chosen
}

// further asks, after a while, the makers that were not asked yet.
func (k *taker) further(book control.OrderbookAnswer, p plan) {
	time.Sleep(p.refill)
	p.makers = slices.DeleteFunc(slices.Clone(p.makers), func(nick protocol.Nick) bool { return k.talks[nick] != nil })
	asked := k.choose(book, p, p.want)
	if len(asked) == 0 {
		return
	}
	k.mu.Lock()
	for _, m := range asked {
		k.talks[m.Nick] = &takerTalk{oid: m.OfferID}
	}
	k.mu.Unlock()
	if k.call(control.MethodRefill, control.RefillRequest{Attempt: k.attempt, Makers: asked}, nil) != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, m := range asked {
			delete(k.talks, m.Nick)
		}
	}
}

// going are the makers that are still in the attempt, sorted.
func (k *taker) going() (list []protocol.Nick) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, nick := range k.m.offering {
		if t := k.talks[nick]; t != nil && t.failed == "" {
			list = append(list, nick)
		}
	}
	return list
}

// say says auth or tx to those who are in.
func (k *taker) say(stage protocol.Command, p plan) error {
	if stage == protocol.CmdFill {
		return nil // said
	}
	makers := k.going()
	if len(makers) == 0 {
		return nil
	}
	book := k.m.ledger
	for _, m := range makers {
		book.allow(stage, k.nick, m, 1)
		k.mu.Lock()
		t := k.talks[m]
		if stage == protocol.CmdAuth {
			book.says(stage, k.nick, m, fmt.Sprint(t.oid, p.amount, p.commitment, line.Plaintext(p.auth), t.key))
		} else {
			book.says(stage, k.nick, m, string(p.tx))
			t.sent = true
		}
		k.mu.Unlock()
	}
	if stage == protocol.CmdAuth {
		return k.call(control.MethodAuth, control.AuthRequest{Attempt: k.attempt, Makers: makers, Revelation: line.Plaintext(p.auth)}, nil)
	}
	return k.call(control.MethodTx, control.TxRequest{Attempt: k.attempt, Makers: makers, Tx: p.tx}, nil)
}

// wait waits until all makers have done their part of a stage or failed, for
// which they have a time. It reports whether there is anybody to go on with.
func (k *taker) wait(stage protocol.Command, p plan) bool {
	most := control.DefaultDeadline
	if p.deadline > 0 {
		most = p.deadline
	}
	late := time.Second
	if k.trouble == blink {
		late = 10 * time.Second // it may hear the end when it is back
	}
	timeout := time.After(most + late)
	for {
		waiting := protocol.Nick("")
		k.mu.Lock()
		for nick, t := range k.talks {
			if !t.answered(stage) {
				waiting = nick
			}
		}
		k.mu.Unlock()
		if waiting == "" {
			return len(k.going()) > 0
		}
		select {
		case <-k.wakes:
		case <-timeout:
			if k.sound() {
				k.m.ledger.broken("%s: %s of %s has neither answer nor end after %v", k.nick, stage, waiting, most)
			}
			return false
		}
	}
}

// give has a maker broadcast the transaction, perhaps.
func (k *taker) give(p plan) error {
	makers := k.going()
	if !k.push || len(makers) == 0 {
		return nil
	}
	k.m.ledger.allow(protocol.CmdPush, k.nick, makers[0], 1)
	k.m.ledger.says(protocol.CmdPush, k.nick, makers[0], string(p.tx))
	k.call(control.MethodPush, control.PushRequest{Maker: makers[0], Tx: p.tx}, nil)
	return nil
}

// hear takes what the daemon tells.
func (k *taker) hear(event any) {
	book := k.m.ledger
	k.mu.Lock()
	defer k.mu.Unlock()
	find := func(attempt uint64, maker protocol.Nick, good func(t *takerTalk) bool) *takerTalk {
		if attempt+1 == k.attempt {
			return nil // it was told while we asked for the next attempt
		}
		t := k.talks[maker]
		if attempt != k.attempt || t == nil || t.failed != "" || !good(t) {
			book.broken("%s is told %T of %s in attempt %d out of order: %+v", k.nick, event, maker, attempt, t)
			return nil
		}
		return t
	}
	switch e := event.(type) {
	case control.PubKeyEvent:
		if t := find(e.Attempt, e.Maker, func(t *takerTalk) bool { return t.key == "" }); t != nil {
			book.tells(protocol.CmdPubKey, e.Maker, k.nick, e.PubKey)
			t.key = e.PubKey
		}
	case control.IOAuthEvent:
		if t := find(e.Attempt, e.Maker, func(t *takerTalk) bool { return t.key == e.PubKey && !t.opened }); t != nil {
			book.tells(protocol.CmdIOAuth, e.Maker, k.nick, ioauthText(e.IOAuth)+e.PubKey)
			t.opened, t.coins = true, len(e.UTXOs)
		}
	case control.SigEvent:
		if t := find(e.Attempt, e.Maker, func(t *takerTalk) bool { return t.sent && t.sigs < protocol.MaxUTXOs+10 }); t != nil {
			book.tells(protocol.CmdSig, e.Maker, k.nick, e.Sig)
			t.sigs++
		}
	case control.FailedEvent:
		if t := find(e.Attempt, e.Maker, func(*takerTalk) bool { return true }); t != nil {
			t.failed = e.Reason
			if !slices.Contains(takerEnds, e.Reason) {
				book.broken("%s: %s failed by %q", k.nick, e.Maker, e.Reason)
			}
		}
	case control.AuthEvent, control.TxEvent, control.PushEvent, control.EndedEvent:
		book.broken("%s, a taker, is told %T", k.nick, e)
	}
	select {
	case k.wakes <- struct{}{}:
	default:
	}
}
