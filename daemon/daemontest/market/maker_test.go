package market

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// maker is an honest maker: a client that answers every taker as it should, but
// for those it refuses by its plan.
type maker struct {
	*client
	dice     dice // of the plan; drawn before anything happens
	offers   []protocol.Offer
	renews   []time.Duration // when it announces anew
	bonded   bool
	coins    int
	refuses  int // one conversation in so many, by its number; 0 for none
	answers  time.Duration
	answered dice // of what it says; protected by talking

	talking sync.Mutex
	known   []protocol.Offer // all that it ever announced
	talks   map[uint64]*makerTalk
}

// makerTalk is what a maker's client knows of a conversation.
type makerTalk struct {
	taker         protocol.Nick
	key           string
	opened, asked bool // by us, and by a tx
	over          bool
}

func (m *market) newMaker(n int, c *client) *maker {
	d := newDice(m.seed, fmt.Sprint("maker ", n))
	k := &maker{client: c, dice: d, answered: newDice(m.seed, fmt.Sprint("maker ", n, " says")), talks: make(map[uint64]*makerTalk),
		coins: d.between(1, 4), answers: d.seconds(0, 2), bonded: d.chance(30)}
	if d.chance(3) {
		k.coins = d.between(20, protocol.MaxUTXOs)
	}
	for id := range d.between(1, 3) {
		k.offers = append(k.offers, d.offer(protocol.OfferID(id)))
	}
	if d.chance(20) {
		k.refuses = 2
	}
	for range d.IntN(3) {
		k.renews = append(k.renews, d.seconds(5, 120))
	}
	c.role, c.hears = control.RoleMaker, k.hear
	return k
}

// run announces, and announces anew.
func (k *maker) run() {
	if !k.enter() {
		return
	}
	k.announce(k.offers)
	for _, wait := range k.renews {
		time.Sleep(wait)
		k.offers = slices.Clone(k.offers)
		k.offers[k.dice.IntN(len(k.offers))].MaxSize++
		k.announce(k.offers)
	}
}

func (k *maker) announce(offers []protocol.Offer) {
	k.talking.Lock()
	k.known = append(k.known, offers...)
	k.talking.Unlock()
	k.call(control.MethodAnnounce, control.AnnounceRequest{Offers: offers, Bond: k.bonded}, nil)
}

// hear takes what the daemon tells.
func (k *maker) hear(event any) {
	k.talking.Lock()
	defer k.talking.Unlock()
	book := k.m.ledger
	switch e := event.(type) {
	case control.AuthEvent:
		book.tells(protocol.CmdAuth, e.Taker, k.nick, fmt.Sprint(e.OfferID, e.Amount, e.Commitment, e.Revelation, e.PubKey))
		book.proves(k.daemon, e.Taker, k.nick, e.Commitment)
		if k.talks[e.Conversation] != nil {
			book.broken("%s: two conversations %d", k.nick, e.Conversation)
		}
		if !slices.Contains(k.known, e.Offer) || e.Amount < e.Offer.MinSize || e.Amount > e.Offer.MaxSize {
			book.broken("%s never offered %v for %d", k.nick, e.Offer, e.Amount)
		}
		k.talks[e.Conversation] = &makerTalk{taker: e.Taker, key: e.PubKey}
		k.requests.Go(func() { k.open(e) })
	case control.TxEvent:
		t := k.talks[e.Conversation]
		if t == nil || t.taker != e.Taker || !t.opened || t.asked || t.over {
			book.broken("%s is told a tx of %s out of order: %+v", k.nick, e.Taker, t)
			return
		}
		t.asked = true
		book.tells(protocol.CmdTx, e.Taker, k.nick, string(e.Tx))
		k.requests.Go(func() { k.sign(e, t) })
	case control.EndedEvent:
		t := k.talks[e.Conversation]
		if t == nil || t.taker != e.Taker || t.over {
			book.broken("%s is told the end of a conversation with %s that is none: %+v", k.nick, e.Taker, t)
			return
		}
		t.over = true
		if !slices.Contains(makerEnds, e.Reason) {
			book.broken("%s: a conversation ended by %q", k.nick, e.Reason)
		}
	case control.PushEvent:
		book.tells(protocol.CmdPush, e.Taker, k.nick, string(e.Tx))
	case control.PubKeyEvent, control.IOAuthEvent, control.SigEvent, control.FailedEvent:
		book.broken("%s, a maker, is told %T", k.nick, e)
	}
}

// makerEnds are the reasons by which a conversation ends for a maker's client.
var makerEnds = []protocol.Reason{
	protocol.ReasonTimeoutTx, protocol.ReasonClientTimeout, protocol.ReasonUnreachable, protocol.ReasonNoFunds,
	protocol.ReasonDaemonStops,
}

// open answers an auth.
func (k *maker) open(e control.AuthEvent) {
	time.Sleep(k.answers)
	if k.refuses > 0 && e.Conversation%uint64(k.refuses) == 0 {
		k.call(control.MethodRefuse, control.RefuseRequest{Conversation: e.Conversation, Reason: protocol.ReasonNoFunds}, nil)
		return
	}
	k.talking.Lock()
	o := k.answered.ioauth(k.coins)
	t := k.talks[e.Conversation]
	t.opened = true
	k.talking.Unlock()
	book := k.m.ledger
	book.allow(protocol.CmdIOAuth, k.nick, e.Taker, 1)
	book.says(protocol.CmdIOAuth, k.nick, e.Taker, ioauthText(o)+e.PubKey)
	if k.call(control.MethodIOAuth, control.IOAuthRequest{Conversation: e.Conversation, IOAuth: o}, nil) == nil {
		book.opens(k.daemon, k.nick, e.Taker, e.Commitment)
	}
}

// sign answers a tx.
func (k *maker) sign(e control.TxEvent, t *makerTalk) {
	time.Sleep(k.answers)
	k.talking.Lock()
	sigs := k.answered.sigs(k.coins)
	k.talking.Unlock()
	book := k.m.ledger
	for _, sig := range sigs {
		book.says(protocol.CmdSig, k.nick, e.Taker, sig)
	}
	book.allow(protocol.CmdSig, k.nick, e.Taker, len(sigs))
	err := k.call(control.MethodSigs, control.SigsRequest{Conversation: e.Conversation, Sigs: sigs}, nil)
	k.talking.Lock()
	defer k.talking.Unlock()
	if err == nil && t.over {
		book.broken("%s signed for %s in a conversation that had ended", k.nick, e.Taker)
	}
	t.over = t.over || err == nil
}

// settled checks, when all time is over, that every conversation had an end.
func (k *maker) settled() {
	k.talking.Lock()
	defer k.talking.Unlock()
	for id, t := range k.talks {
		if !t.over {
			k.m.ledger.broken("%s: conversation %d with %s never ended", k.nick, id, t.taker)
		}
	}
}
