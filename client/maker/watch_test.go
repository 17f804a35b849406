package maker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestD4Watch: a signed transaction is followed through whatever the chain
// makes of it, and its coins are set aside until its fate is known.
func TestD4Watch(t *testing.T) {
	for _, c := range []struct {
		name   string
		states string // what the wallet sees, one letter each
		events []string
		held   int // coins set aside at the end
	}{
		{"never broadcast", "uuu", nil, 1},
		{"mined", "umb", []string{"Seen", "Earned"}, 0},
		{"mined unseen", "ub", []string{"Seen", "Earned"}, 0},
		{"evicted and broadcast again", "mumb", []string{"Seen", "Seen", "Earned"}, 0},
		{"seen for long", "mmmm", []string{"Seen"}, 1},
		{"coins spent otherwise", "us", []string{"Spent"}, 0},
		{"replaced", "ms", []string{"Seen", "Spent"}, 0},
		{"nothing more after the end", "bbmu", []string{"Seen", "Earned"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, w, e := firstCase(t)
			d := &notes{}
			m.event(t.Context(), d, e)
			tx := firstTx(t, last[control.IOAuthRequest](t, d).IOAuth)
			m.event(t.Context(), d, control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: serialise(t, tx)})
			var events []string
			m.cfg.Notify = func(e Event) { events = append(events, fmt.Sprintf("%T", e)[len("maker."):]) }

			before := slices.Clone(w.coins)
			ours := coins.Coin{OutPoint: wire.OutPoint{Hash: tx.TxHash()}, Mixdepth: 1}
			for _, state := range c.states {
				w.coins = slices.Clone(before)
				switch state {
				case 'u': // unspent: nothing has happened
				case 's': // spent by something else
					w.spent[w.coins[1].OutPoint] = true
					w.coins = slices.Delete(w.coins, 1, 2)
				case 'm': // in the mempool
					w.coins = append(slices.Delete(w.coins, 1, 2), ours)
				case 'b': // in a block
					ours := ours
					ours.Height = w.height
					w.coins = append(slices.Delete(w.coins, 1, 2), ours)
				}
				m.watch()
			}
			if !slices.Equal(events, c.events) || w.leases.Len() != c.held {
				t.Errorf("%v and %d coins set aside, want %v and %d", events, w.leases.Len(), c.events, c.held)
			}
		})
	}
}

// TestM28BondsAreNotOffered: a fidelity bond that has ended and was thawed is a
// coin of the wallet, but not one to offer.
func TestM28BondsAreNotOffered(t *testing.T) {
	m, w, _ := firstCase(t)
	before, err := m.offered()
	if err != nil {
		t.Fatal(err)
	}
	w.coins = append(w.coins, coins.Coin{Value: 100 * before, Locktime: 1_577_836_800, Height: 1})
	if after, err := m.offered(); after != before || err != nil {
		t.Errorf("with a bond %v may be offered, %v, want %v", after, err, before)
	}
}
