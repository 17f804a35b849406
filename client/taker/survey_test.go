package taker

import (
	"fmt"
	"math"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestT13Survey: a maker counts once, nicks with one bond have one place, and
// offers of other wallets have none.
func TestT13Survey(t *testing.T) {
	offer := func(nick protocol.Nick, id int, kind protocol.OfferType) control.OfferEntry {
		return control.OfferEntry{Nick: nick, Offer: protocol.Offer{ID: protocol.OfferID(id), Type: kind, MinSize: 100_000, MaxSize: 1_000_000, CJFee: "500"}}
	}
	bond := func(n uint32, value float64) ProvenBond {
		return ProvenBond{OutPoint: wire.OutPoint{Index: n}, Value: value}
	}
	all := Survey([]control.OfferEntry{
		offer("J5bare", 0, protocol.SW0AbsOffer), offer("J5bare", 1, protocol.SW0AbsOffer), offer("J5nested", 0, protocol.SWAbsOffer),
		offer("J5small", 0, protocol.SW0AbsOffer), offer("J5large", 0, protocol.SW0AbsOffer), offer("J5twin", 0, protocol.SW0AbsOffer),
		offer("J5plain", 0, protocol.SW0AbsOffer),
	}, map[protocol.Nick]ProvenBond{"J5small": bond(1, 10), "J5large": bond(2, 30), "J5twin": bond(2, 30), "J5nested": bond(3, 1e9)}, 2, 0.2)

	var nicks []protocol.Nick
	shares, chances := 0.0, 0.0
	for _, s := range all {
		nicks = append(nicks, s.Nick)
		shares, chances = shares+s.Share, chances+s.Chance
		if s.Twin != (s.Nick == "J5twin") || s.Twin && (s.Share != 0 || s.Chance != 0) {
			t.Errorf("%+v", s)
		}
	}
	want := []protocol.Nick{"J5large", "J5twin", "J5small", "J5bare", "J5plain"}
	for i := range want {
		if len(nicks) != len(want) || nicks[i] != want[i] {
			t.Fatalf("the makers are %v, want %v", nicks, want)
		}
	}
	if all[0].Share != 0.2/4+0.8*30/40 || all[3].Share != 0.2/4 {
		t.Errorf("shares of %v and %v", all[0].Share, all[3].Share)
	}
	if math.Abs(shares-1) > 1e-12 || math.Abs(chances-2) > 0.1 {
		t.Errorf("the shares add up to %v, the chances to %v", shares, chances)
	}
}

// BenchmarkSurvey surveys a market of 200 makers, half of them with a bond.
func BenchmarkSurvey(b *testing.B) {
	var offers []control.OfferEntry
	bonds := map[protocol.Nick]ProvenBond{}
	for i := range 200 {
		nick := protocol.Nick(fmt.Sprintf("J5maker%d", i))
		offers = append(offers, control.OfferEntry{Nick: nick, Offer: protocol.Offer{
			Type: protocol.SW0AbsOffer, MinSize: 100_000, MaxSize: 1_000_000, CJFee: "500",
		}})
		if i%2 == 0 {
			bonds[nick] = ProvenBond{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: float64(i*i + 1)}
		}
	}
	for b.Loop() {
		if all := Survey(offers, bonds, 9, 0.125); len(all) != 200 {
			b.Fatal(len(all))
		}
	}
}
