package daemon

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestT11Refill: a maker that is asked later hears the same fill as the first
// and takes part like it.
func TestT11Refill(t *testing.T) {
	inWorld(t, Config{}, func(t *testing.T, w *world) {
		taker := w.enter(control.RoleTaker, alice)
		first, second := w.puppet(bob).offers(), w.puppet(carol).offers()
		attempt := taker.fill(bob)
		synctest.Wait()
		taker.do(control.MethodRefill, control.RefillRequest{Attempt: attempt, Makers: []control.MakerOffer{{Nick: carol}}}, nil)
		synctest.Wait()
		if one, two := first.heard(alice, protocol.CmdFill), second.heard(alice, protocol.CmdFill); fmt.Sprint(one) != fmt.Sprint(two) || len(one) == 0 {
			t.Errorf("makers were asked %q and %q", one, two)
		}
		second.accept(alice)
		if e := expect[control.PubKeyEvent](taker); e.Maker != carol || e.Attempt != attempt {
			t.Errorf("%+v", e)
		}
		taker.auth(attempt, carol)
		if len(w.said(alice, carol, protocol.CmdAuth)) != 1 {
			t.Error("the commitment is not opened to the second maker")
		}
		for name, c := range map[string]struct {
			request control.RefillRequest
			code    control.Code
		}{
			"asked before":    {control.RefillRequest{Attempt: attempt, Makers: []control.MakerOffer{{Nick: bob}}}, control.ErrState},
			"other attempt":   {control.RefillRequest{Attempt: attempt + 1, Makers: []control.MakerOffer{{Nick: mal}}}, control.ErrState},
			"beyond the most": {control.RefillRequest{Attempt: attempt, Makers: crowd(protocol.MaxMakers)}, control.ErrLimit},
		} {
			if err := taker.call(control.MethodRefill, c.request, nil); !errors.Is(err, c.code) {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		if n := len(w.said(alice, bob, protocol.CmdFill)); n != 1 {
			t.Errorf("a maker was asked %d times", n)
		}
	})
}

// crowd names n makers.
func crowd(n int) (makers []control.MakerOffer) {
	for i := range n {
		makers = append(makers, control.MakerOffer{Nick: nick(i + 1)})
	}
	return makers
}
