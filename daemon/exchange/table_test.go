package exchange

import (
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

var roles = []control.Role{control.RoleTaker, control.RoleMaker}

func TestTableIsSound(t *testing.T) {
	type key struct {
		role  control.Role
		state State
		input Input
	}
	seen := map[key]bool{}
	reached := map[State]bool{Idle: true, Ended: true}
	for _, row := range Table {
		k := key{row.Role, row.State, row.Input}
		if seen[k] {
			t.Errorf("two rows for %+v", k)
		}
		seen[k] = true
		if !reached[row.State] {
			t.Errorf("%s is left before it is reached", row.State)
		}
		reached[row.Next] = true
		if row.Last != "" {
			reached[row.Last] = true
		}
		if want := row.Input.Command == "auth" || row.Input.Command == "ioauth" || row.Input.Command == "tx" || row.Input.Command == "sig"; row.Sealed() != want {
			t.Errorf("%s sealed: %v", row.Input.Command, row.Sealed())
		}
	}
	for state, wait := range Waits {
		if !reached[state] {
			t.Errorf("%s is waited in but never reached", state)
		}
		if DefaultLimits[wait.Limit] <= 0 || wait.Reason == "" {
			t.Errorf("%s has no limit or reason", state)
		}
		if state.Over() {
			t.Errorf("%s is over and waits", state)
		}
	}
	// Whoever waits can be moved by the one it waits for; a maker never waits
	// for ever.
	for state := range reached {
		wait, waits := Waits[state]
		for _, row := range Table {
			if row.State == state && waits && row.Input.From != wait.For {
				t.Errorf("%s waits for the %s but is moved by the %s", state, wait.For, row.Input.From)
			}
			if row.State == state && row.Role == control.RoleMaker && state != Idle && !waits && !state.Over() {
				t.Errorf("%s has no deadline", state)
			}
		}
	}
}

// TestM9AllSequences plays every sequence of six inputs against the table. The
// one legal path is written down a second time, on its own: an input moves the
// conversation exactly if it is the next one on that path, so no ioauth and no
// sig leaves anywhere else.
func TestM9AllSequences(t *testing.T) {
	paths := map[control.Role][]Input{
		control.RoleMaker: {{Peer, "fill"}, {Peer, "auth"}, {Client, "ioauth"}, {Peer, "tx"}, {Client, "sig"}},
		control.RoleTaker: {{Client, "fill"}, {Peer, "pubkey"}, {Client, "auth"}, {Peer, "ioauth"}, {Client, "tx"}, {Peer, "sig"}},
	}
	var inputs []Input
	for _, from := range []Party{Peer, Client} {
		for _, command := range []protocol.Command{"fill", "pubkey", "auth", "ioauth", "tx", "sig"} {
			inputs = append(inputs, Input{from, command})
		}
	}
	for _, role := range roles {
		path, steps := paths[role], 0
		var play func(state State, done int, depth int)
		play = func(state State, done, depth int) {
			if depth == 0 {
				return
			}
			for _, in := range inputs {
				steps++
				row, err := Step(role, state, in)
				legal := done < len(path) && in == path[done]
				again := role == control.RoleTaker && done == len(path) && in == path[done-1] // more signatures
				switch {
				case err == nil && !legal && !again:
					t.Fatalf("%s: %v moves %s after %d legal steps", role, in, state, done)
				case err != nil && (legal || again):
					t.Fatalf("%s: %v refused in %s after %d legal steps: %v", role, in, state, done, err)
				case legal:
					play(row.Next, done+1, depth-1)
				case again:
					play(row.Next, done, depth-1)
				default:
					if r := err.(*Refusal); r.Reason != protocol.ReasonUnexpected || r.Err != ErrOrder {
						t.Fatalf("refusal %v", err)
					}
					play(state, done, depth-1)
				}
			}
		}
		play(Idle, 0, 6)
		if want := 12 * (12*12*12*12*12*12 - 1) / 11; steps != want {
			t.Errorf("%d steps, want every one of %d", steps, want)
		}
	}
}

// TestEndedStaysEnded: nothing leads out of the end, or out of a maker's
// signature.
func TestEndedStaysEnded(t *testing.T) {
	for _, state := range []State{Ended, MakerSigned} {
		for _, role := range roles {
			for _, row := range Table {
				if _, err := Step(role, state, row.Input); err == nil {
					t.Errorf("%s: %v moves %s", role, row.Input, state)
				}
			}
		}
		if !state.Over() {
			t.Errorf("%s is not over", state)
		}
	}
}
