package market

import (
	"github.com/joinmarket-go/joinmarket/protocol"
)

// takerEnds are the reasons by which a maker drops out of an attempt.
var takerEnds = []protocol.Reason{
	protocol.ReasonTimeoutFill, protocol.ReasonTimeoutAuth, protocol.ReasonTimeoutTx, protocol.ReasonLeft, protocol.ReasonUnreachable,
	protocol.ReasonBlacklisted, protocol.ReasonRefused, protocol.ReasonMalformed, protocol.ReasonUndecryptable, protocol.ReasonBadKey,
	protocol.ReasonTooManySigs, protocol.ReasonTooLarge, protocol.ReasonClientTimeout, protocol.ReasonDaemonStops,
}

// judge enters the outcome of an attempt and checks what honest makers owed.
func (k *taker) judge(n int, p plan) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for nick, t := range k.talks {
		result := string(t.failed)
		switch {
		case t.failed != "":
		case t.sigs > 0 && t.sigs >= t.coins:
			result = "signed"
		default:
			result = "left open"
		}
		k.m.ledger.ends(k.m.rowOf(k, nick), result)
		honest := k.m.honest(nick)
		if honest == nil {
			continue
		}
		fair := k.sound() && honest.sound() && !k.m.mix.lossy && !k.m.mix.lying && honest.refuses == 0 && p.leaves == ""
		plain := fair && !k.stained[nick] && p.oid < 0 && p.amount >= minSize && p.amount <= maxSize &&
			(n == 0 || p.commitment != k.plans[0].commitment) && !k.m.mix.crowded
		if result != "signed" && (fair && t.key != "" || plain) {
			k.m.ledger.broken("%s and %s are honest and sound, and yet: %s in attempt %d, %+v", k.nick, nick, result, k.attempt, *t)
		}
		k.stained[nick] = k.stained[nick] || result != "signed"
	}
}
