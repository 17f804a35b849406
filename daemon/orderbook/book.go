// Package orderbook keeps what a session has heard of others: who is where,
// what they offer, and with which bond.
//
// Everything in it is a claim. Public lines are not signed; private messages
// are, and reach the book only when the signature was verified. So the book
// prefers the signed word: while a nick that once signed is still on the
// channel where it did, its public lines count on that channel alone, and
// whoever bears the same nick on another network changes nothing.
//
// # Limits
//
// At most protocol.MaxOffersPerNick offers a nick, control.MaxBookBonds bonds,
// and as many offers and nicks in all as Size says. A nick's ninth offer is
// refused, the eight stand. When the book is full of nicks or offers, a public
// line adds nothing more, and a signed message takes the place of the nick that
// never signed and was heard of first; if there is none, it adds nothing either.
//
// A Book is owned by one goroutine.
package orderbook

import (
	"cmp"
	"container/list"
	"errors"
	"slices"

	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Size bounds a book.
type Size struct {
	Nicks  int // that are remembered
	Offers int // of all of them; at most protocol.MaxOffers
}

// ErrFull: a limit of the book is reached; what was said is not remembered.
var ErrFull = errors.New("order book is full")

// Source is who said something.
type Source struct {
	Nick    protocol.Nick
	Channel string // name of the channel that delivered it
	Signed  bool   // a private message whose signature was verified
}

// Book is what was heard. The zero value is not usable; see New.
type Book struct {
	own      protocol.Nick
	size     Size
	peers    map[protocol.Nick]*peer
	unsigned list.List // of *peer that never signed, heard of first in front
	offers   int
	bonds    int
	cache    *control.OrderbookAnswer // nil after a change
	left     int                      // nicks that left since Sweep
}

// peer is all that is known of a nick.
type peer struct {
	nick     protocol.Nick
	channels []string // where it is; at most control.MaxChannels
	active   string   // where it is spoken to, empty for nowhere
	proven   string   // where it last signed, while it is still there
	offers   []protocol.Offer
	bond     string
	unsigned *list.Element // its place in Book.unsigned; nil once it signed
}

// New returns an empty book of the session with the given nick, for which bonds
// are made.
func New(own protocol.Nick, size Size) *Book {
	return &Book{own: own, size: size, peers: make(map[protocol.Nick]*peer)}
}

// hear notes that src is on its channel. It returns what is known of it, or nil
// if src is not to be believed: see the package comment.
func (b *Book) hear(src Source) (*peer, error) {
	p := b.peers[src.Nick]
	if p == nil {
		if len(b.peers) >= b.size.Nicks && !(src.Signed && b.evict(nil)) {
			return nil, ErrFull
		}
		p = &peer{nick: src.Nick}
		p.unsigned = b.unsigned.PushBack(p)
		b.peers[src.Nick] = p
	}
	if !slices.Contains(p.channels, src.Channel) {
		p.channels = append(p.channels, src.Channel)
	}
	if src.Signed {
		p.proven, p.active = src.Channel, src.Channel
		if p.unsigned != nil {
			b.unsigned.Remove(p.unsigned)
			p.unsigned = nil
		}
	}
	if p.proven != "" && p.proven != src.Channel {
		return nil, nil
	}
	return p, nil
}

// evict drops the nick that never signed and was heard of first, other than
// keep. It reports whether there was one.
func (b *Book) evict(keep *peer) bool {
	for e := b.unsigned.Front(); e != nil; e = e.Next() {
		if p := e.Value.(*peer); p != keep {
			b.drop(p)
			return true
		}
	}
	return false
}

// drop forgets a nick.
func (b *Book) drop(p *peer) {
	b.offers -= len(p.offers)
	if p.bond != "" {
		b.bonds--
	}
	if len(p.offers) > 0 || p.bond != "" {
		b.cache = nil
	}
	if p.unsigned != nil {
		b.unsigned.Remove(p.unsigned)
	}
	delete(b.peers, p.nick)
	b.left++
}

// put stores an offer of p, in place of an older one of the same id.
func (b *Book) put(p *peer, signed bool, o protocol.Offer) error {
	i, found := p.find(o.ID)
	if found {
		if p.offers[i] != o {
			p.offers[i], b.cache = o, nil
		}
		return nil
	}
	if len(p.offers) >= protocol.MaxOffersPerNick {
		return ErrFull
	}
	for b.offers >= b.size.Offers {
		if !signed || !b.evict(p) {
			return ErrFull
		}
	}
	p.offers = slices.Insert(p.offers, i, o)
	b.offers++
	b.cache = nil
	return nil
}

// remove takes an offer of p out, if it is there.
func (b *Book) remove(p *peer, id protocol.OfferID) {
	if i, found := p.find(id); found {
		p.offers = slices.Delete(p.offers, i, i+1)
		b.offers--
		b.cache = nil
	}
}

// find returns where in p's offers, which are sorted, id is or belongs.
func (p *peer) find(id protocol.OfferID) (int, bool) {
	return slices.BinarySearchFunc(p.offers, id, func(o protocol.Offer, id protocol.OfferID) int {
		return cmp.Compare(o.ID, id)
	})
}

// setBond stores the bond of p in place of an older one.
func (b *Book) setBond(p *peer, proof string) error {
	if p.bond == "" {
		if b.bonds >= control.MaxBookBonds {
			return ErrFull
		}
		b.bonds++
	}
	if p.bond != proof {
		p.bond, b.cache = proof, nil
	}
	return nil
}

// Offer returns an offer of the book.
func (b *Book) Offer(nick protocol.Nick, id protocol.OfferID) (protocol.Offer, bool) {
	if p := b.peers[nick]; p != nil {
		if i, found := p.find(id); found {
			return p.offers[i], true
		}
	}
	return protocol.Offer{}, false
}

// Count returns the number of offers, and of nicks that have one.
func (b *Book) Count() (offers, makers int) {
	for _, p := range b.peers {
		if len(p.offers) > 0 {
			makers++
		}
	}
	return b.offers, makers
}

// RandomMaker draws, from all nicks with an offer but one, uniformly.
func (b *Book) RandomMaker(except protocol.Nick) (protocol.Nick, bool) {
	var makers []protocol.Nick
	for nick, p := range b.peers {
		if len(p.offers) > 0 && nick != except {
			makers = append(makers, nick)
		}
	}
	if len(makers) == 0 {
		return "", false
	}
	return makers[random.N(len(makers))], true
}

// Snapshot returns a copy of the offers and bonds, sorted by nick and offer id.
func (b *Book) Snapshot() control.OrderbookAnswer {
	if b.cache == nil {
		b.cache = b.picture()
	}
	return control.OrderbookAnswer{Offers: slices.Clone(b.cache.Offers), Bonds: slices.Clone(b.cache.Bonds)}
}

func (b *Book) picture() *control.OrderbookAnswer {
	peers := make([]*peer, 0, len(b.peers))
	for _, p := range b.peers {
		if len(p.offers) > 0 || p.bond != "" {
			peers = append(peers, p)
		}
	}
	slices.SortFunc(peers, func(x, y *peer) int { return cmp.Compare(x.nick, y.nick) })
	a := &control.OrderbookAnswer{
		Offers: make([]control.OfferEntry, 0, b.offers),
		Bonds:  make([]control.BondEntry, 0, b.bonds),
	}
	for _, p := range peers {
		for _, o := range p.offers {
			a.Offers = append(a.Offers, control.OfferEntry{Nick: p.nick, Offer: o})
		}
		if p.bond != "" {
			a.Bonds = append(a.Bonds, control.BondEntry{Nick: p.nick, Taker: b.own, Proof: p.bond})
		}
	}
	return a
}
