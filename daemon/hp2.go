package daemon

import (
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// maxHanded bounds the commitments that are remembered as published for others.
const maxHanded = 10_000

// hear takes a commitment that somebody publishes as used. It is hearsay: the
// line is not signed. So it counts from the next fill on and never against an
// open conversation (attack M3), and its number is bounded (attack M2).
func (k *maker) hear(from protocol.Nick, m line.HP2) {
	v, err := m.Commitment.Bytes()
	if err != nil || k.s.d.used.Known(v) {
		return
	}
	now := time.Now()
	if !k.s.allowed(k.limits.hear.Allow(from, now) && k.limits.allHear.Allow(now), count.LimitHear) {
		return
	}
	k.s.d.used.Hear(v)
}

// relay has a commitment published for another maker, who does not want to be
// known as the one who was asked. Nor do we as the one who was told: a courier
// does it. Each value goes out once (attack M24).
func (k *maker) relay(from protocol.Nick, m line.HP2) {
	v, err := m.Commitment.Bytes()
	if err != nil || k.handed[v] {
		return
	}
	now := time.Now()
	if !k.s.allowed(k.limits.relay.Allow(from, now) && k.limits.allRelay.Allow(now), count.LimitRelay) {
		return
	}
	k.remember(v)
	k.courier.give(group(m))
}

// remember notes that a commitment is published for somebody.
func (k *maker) remember(v commitment.Value) {
	if len(k.handed) >= maxHanded {
		clear(k.handed)
	}
	k.handed[v] = true
}

// handOn asks some other maker, drawn at random, to publish a used commitment.
func (k *maker) handOn(v commitment.Value, taker protocol.Nick) {
	nick, ok := k.s.book.RandomMaker(taker)
	if !ok {
		return
	}
	hp2 := line.HP2{Commitment: protocol.NewCommitment(v)}
	k.s.send(&outgoing{to: nick, command: protocol.CmdHP2, msg: line.Fields(hp2)})
}
