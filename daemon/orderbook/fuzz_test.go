package orderbook

import (
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// FuzzHear: whatever two nicks say, the book holds only valid offers within its
// limits, one nick changes nothing of the other's, and what is handed on is
// written back as it was understood.
func FuzzHear(f *testing.F) {
	f.Add("!sw0reloffer 0 100000 5000000 0 0.00002!cancel 0", "!orderbook!hp2 "+proof()[:64], true)
	f.Add("!sw0absoffer 7 1 5000000 0 5!tbond "+proof(), "!sw0reloffer 7 1 2 3 broken", false)
	f.Add("!!orderbook ~", "!cancel x!cancel 1", true)
	f.Fuzz(func(t *testing.T, first, second string, sign bool) {
		b := New(own, usual)
		hear(t, b, signed(bob, "a"), offer(0, 100_000))
		for _, text := range []string{first, second} {
			others, _ := b.Hear(Source{alice, "a", sign}, text)
			for _, m := range others {
				written := string(line.Append(nil, m))
				again, err := line.Parse(written[1:])
				if err != nil || again.Command() != m.Command() {
					t.Fatalf("%q was handed on as %q, which does not parse: %v", text, written, err)
				}
			}
		}
		want(t, b, bob, 100_000)
		a := b.Snapshot()
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		if len(a.Offers) > 1+protocol.MaxOffersPerNick || len(a.Offers) != b.offers || len(a.Bonds) != b.bonds || len(a.Bonds) > 0 && !sign {
			t.Fatalf("%d offers, %d counted, %d bonds", len(a.Offers), b.offers, len(a.Bonds))
		}
	})
}
