package daemon

import (
	"encoding/base64"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// proofFor is a bond proof that names its taker.
func proofFor(taker protocol.Nick) string {
	proof := make([]byte, protocol.BondProofSize)
	copy(proof, taker)
	return base64.StdEncoding.EncodeToString(proof)
}

// TestBond: a maker that announced a bond is asked for a proof for each taker,
// and the proof comes with the offers; if there is none, they come alone.
func TestBond(t *testing.T) {
	for name, c := range map[string]struct {
		prove func(control.BondRequest) (control.BondAnswer, error)
		bonds int
	}{
		"proved": {func(r control.BondRequest) (control.BondAnswer, error) {
			return control.BondAnswer{Proof: proofFor(r.Taker)}, nil
		}, 1},
		"error":     {func(control.BondRequest) (control.BondAnswer, error) { return control.BondAnswer{}, errors.New("no") }, 0},
		"malformed": {func(control.BondRequest) (control.BondAnswer, error) { return control.BondAnswer{Proof: "x"}, nil }, 0},
		"no bond":   {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Config{}, func(t *testing.T, w *world) {
				maker := w.enter(control.RoleMaker, bob)
				maker.bond = c.prove
				maker.do(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(0), offer(1)}, Bond: c.prove != nil}, nil)
				taker := w.enter(control.RoleTaker, alice)
				taker.do(control.MethodRefresh, nil, nil)
				synctest.Wait()
				var book control.OrderbookAnswer
				taker.do(control.MethodOrderbook, nil, &book)
				if len(book.Offers) != 2 || len(book.Bonds) != c.bonds {
					t.Fatalf("book %+v", book)
				}
				if c.bonds > 0 && book.Bonds[0] != (control.BondEntry{Nick: bob, Taker: alice, Proof: proofFor(alice)}) {
					t.Errorf("bond %+v", book.Bonds[0])
				}
			})
		})
	}
}

// TestBondsDoNotCrowd: however many ask, and however long the client takes, the
// questions for bonds leave room for others, and everybody gets the offers.
func TestBondsDoNotCrowd(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		client, s := w.inside(bob)
		client.enter(control.RoleMaker)
		stuck := make(chan struct{})
		var asked atomic.Int32
		client.bond = func(control.BondRequest) (control.BondAnswer, error) {
			asked.Add(1)
			<-stuck
			return control.BondAnswer{}, errors.New("too late")
		}
		client.do(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(0)}, Bond: true}, nil)
		for i := range 60 {
			w.pit().Say(daemontest.Line{From: nick(i), Text: "!orderbook"})
		}
		synctest.Wait()
		if b := s.role.(*maker).bonds; b.asking != maxBonds || asked.Load() != maxBonds || len(b.waiting) != 60-maxBonds {
			t.Errorf("%d asked, %d wait", asked.Load(), len(b.waiting))
		}
		w.puppet(alice).begin(bob, 1) // signed and verified meanwhile
		close(stuck)
		for i := range 60 {
			if n := len(w.said(bob, nick(i), protocol.Command(protocol.SW0RelOffer))); n != 1 {
				t.Errorf("taker %d got %d messages", i, n)
			}
		}
	})
}
