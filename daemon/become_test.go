package daemon

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestBecome: a watcher takes a role once, and keeps what it heard before.
func TestBecome(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.connect(alice)
		become := func(r control.Role) error {
			return c.call(control.MethodBecome, control.BecomeRequest{Role: r}, nil)
		}
		if err := become(control.RoleTaker); !errors.Is(err, control.ErrState) {
			t.Errorf("before start: %v", err)
		}
		c.enter(control.RoleWatcher)
		maker := w.puppet(bob).offers()
		if err := become(control.RoleWatcher); !errors.Is(err, control.ErrBadRequest) {
			t.Errorf("watcher: %v", err)
		}
		if err := become(control.RoleTaker); err != nil {
			t.Fatal(err)
		}
		for _, r := range []control.Role{control.RoleTaker, control.RoleMaker} {
			if err := become(r); !errors.Is(err, control.ErrState) {
				t.Errorf("%s after taker: %v", r, err)
			}
		}
		if n := c.status().Offers; n != 1 {
			t.Errorf("%d offers", n)
		}
		c.fill(bob)
		synctest.Wait()
		maker.accept(alice)
		expect[control.PubKeyEvent](c)
	})
}

// TestBecomeMaker: offers that are announced afterwards are published and can be
// filled.
func TestBecomeMaker(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		c := w.enter(control.RoleWatcher, bob)
		c.do(control.MethodBecome, control.BecomeRequest{Role: control.RoleMaker}, nil)
		c.do(control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(0)}}, nil)
		if n := len(w.said(bob, "", protocol.Command(protocol.SW0RelOffer))); n != 1 {
			t.Errorf("published %d times", n)
		}
		w.puppet(alice).begin(bob, 1)
	})
}
