package daemon

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/commitment"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// fill takes a taker's !fill. If it is good the taker is answered with a session
// key of its own, and its commitment is reserved; if not, with the text that the
// reference sends, or with nothing.
//
// A nick has one conversation at a time, and while it lasts a further fill of
// the same nick is ignored, whatever it says: anybody who kept an old one could
// otherwise send it again and end the taker's conversation (attack M8).
func (k *maker) fill(from protocol.Nick, on *link, msg string) {
	log := k.s.log.With("nick", from)
	if t := k.talks[from]; t != nil {
		log.Debug("fill ignored: there is a conversation", "conversation", t.ID, "state", t.State())
		return
	}
	if now := time.Now(); !k.limits.fill.Allow(from, now) || !k.limits.fillLong.Allow(from, now) {
		k.s.d.counts.Inc(count.LimitFills)
		log.Debug("fill ignored: too many of this nick")
		return
	}
	text, value := k.judge(from, msg)
	if text != "" {
		log.Debug("fill refused", "answer", text)
		if k.mayRefuse() {
			k.excuse(from, on, text)
			if value != nil {
				k.handOn(*value, from)
			}
		}
		return
	}
	if value == nil {
		log.Debug("fill ignored: malformed")
		return
	}
	if len(k.talks) >= k.s.d.cfg.Bounds.Conversations {
		k.s.d.counts.Inc(count.LimitConversations)
		log.Debug("fill ignored: too many conversations")
		return
	}
	k.open(from, on, msg, *value)
}

// open begins a conversation by a fill that was judged good but for its key.
func (k *maker) open(from protocol.Nick, on *link, msg string, value commitment.Value) {
	c, err := exchange.NewMaker(from, k.lastID+1)
	if err != nil {
		k.s.log.Error("no conversation begun", "err", err)
		return
	}
	said, err := c.Receive(protocol.CmdFill, msg)
	if err != nil {
		if errors.Is(err, exchange.ErrOrder) || !k.mayRefuse() {
			return
		}
		key := strings.Split(msg, " ")[2] // all else was judged
		k.excuse(from, on, quoting("Invalid nacl pubkey: ", key))
		return
	}
	reserved, err := k.s.d.used.Reserve(value, from, k.s.nick)
	if err != nil {
		// Another taker, or another maker of this daemon, was faster.
		if k.mayRefuse() {
			k.excuse(from, on, blacklisted+commitment.Hex(value))
		}
		return
	}
	k.lastID++
	fill := said.(line.Fill)
	offer, _ := k.offer(fill.OfferID)
	t := &makerTalk{talk: talk{Conversation: c, on: on.name}, fill: fill, offer: offer, reserved: reserved}
	k.talks[from] = t
	k.s.d.counts.Inc(count.ConversationBegun)
	k.s.log.Info("conversation begun", "conversation", t.ID, "nick", from)
	k.s.send(&outgoing{to: from, command: protocol.CmdPubKey, msg: t.PubKey(), talk: &t.talk, failed: func(err error) {
		k.finish(t, sendReason(err))
	}})
	k.await(t)
}

// excuse answers a fill that is not taken, there where it came: when the order
// book is full, its nick is known to be nowhere.
func (k *maker) excuse(to protocol.Nick, on *link, text string) {
	k.s.send(&outgoing{to: to, command: protocol.CmdError, msg: text, via: on.name})
}

// mayRefuse reports whether one more fill may be answered with a refusal.
func (k *maker) mayRefuse() bool {
	return k.s.allowed(k.limits.refusals.Allow(time.Now()), count.LimitRefusals)
}

// blacklisted begins the text for a commitment that was used. Takers look for
// the word "blacklist" to decide whether another commitment may help.
const blacklisted = "Commitment is blacklisted: "

// number is what the reference reads as one, as far as we follow: it takes
// other signs too, which nobody sends.
var number = regexp.MustCompile(`^[+-]?[0-9]+$`)

// judge checks the fields of a fill, but for the key, in the order in which the
// reference does, so that of several faults the same one is answered. It returns
// the text to answer, or the commitment, or neither when nothing is to be
// answered; both when the commitment is known as used.
func (k *maker) judge(from protocol.Nick, msg string) (text string, value *commitment.Value) {
	f := strings.Split(msg, " ")
	if len(f) < 3 {
		return "list index out of range", nil
	}
	for _, field := range f[:2] {
		if !number.MatchString(field) {
			return quoting("invalid literal for int() with base 10: '", field+"'"), nil
		}
	}
	if len(f) < 4 || f[3] == "" {
		return "", nil
	}
	if f[3][0] != 'P' {
		return quoting("Unsupported commitment type: ", f[3][:1]), nil
	}
	v, err := protocol.Commitment(f[3]).Bytes()
	if err != nil {
		return "", nil
	}
	if errors.Is(k.s.d.used.Check(v, from, k.s.nick), commitment.ErrUsed) {
		return blacklisted + f[3][1:], &v
	}
	id, ok := protocol.ParseNumber(f[0], 1<<63-1)
	offer, known := k.offer(protocol.OfferID(id))
	if !ok || !known {
		return "oid not found", nil
	}
	amount, ok := protocol.ParseNumber(f[1], int64(sats.Max))
	if a := sats.Amount(amount); !ok || a < offer.MinSize || a > offer.MaxSize {
		return "amount out of range", nil
	}
	return "", &v
}

// offer returns an announced offer.
func (k *maker) offer(id protocol.OfferID) (protocol.Offer, bool) {
	i := slices.IndexFunc(k.offers, func(o protocol.Offer) bool { return o.ID == id })
	if i < 0 {
		return protocol.Offer{}, false
	}
	return k.offers[i], true
}
