package daemon

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// inWorldOf is inWorld with several pits, "pit" first.
func inWorldOf(t *testing.T, names []string, test func(t *testing.T, w *world)) {
	inWorld(t, Config{Channels: channels(names...)}, func(t *testing.T, w *world) {
		for _, name := range names[1:] {
			w.pits[name] = daemontest.NewPit(name, hostIDs[name])
		}
		test(t, w)
	})
}

// stages are the messages of a CoinJoin in their order.
var stages = []protocol.Command{protocol.CmdFill, protocol.CmdPubKey, protocol.CmdAuth, protocol.CmdIOAuth, protocol.CmdTx, protocol.CmdSig}

// coinJoin plays a CoinJoin of alice with bob, both with daemons of ours, and
// calls after when a stage's message was said.
func coinJoin(t *testing.T, w *world, after func(protocol.Command)) {
	maker, taker := w.maker(bob), w.enter(control.RoleTaker, alice)
	taker.do(control.MethodRefresh, nil, nil)
	synctest.Wait()
	attempt := taker.fill(bob)
	synctest.Wait()
	after(protocol.CmdFill)
	after(protocol.CmdPubKey)
	expect[control.PubKeyEvent](taker)
	taker.auth(attempt, bob)
	synctest.Wait()
	after(protocol.CmdAuth)
	id := expect[control.AuthEvent](maker).Conversation
	maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: id, IOAuth: coins(2)}, nil)
	synctest.Wait()
	after(protocol.CmdIOAuth)
	expect[control.IOAuthEvent](taker)
	taker.tx(attempt, bob)
	synctest.Wait()
	after(protocol.CmdTx)
	expect[control.TxEvent](maker)
	maker.do(control.MethodSigs, control.SigsRequest{Conversation: id, Sigs: []string{testSig, testSig}}, nil)
	synctest.Wait()
	after(protocol.CmdSig)
	for range 2 {
		expect[control.SigEvent](taker)
	}
	taker.quiet()
	maker.quiet()
	for _, c := range []*client{taker, maker} {
		if n := c.status().Conversations; n != 0 {
			t.Errorf("%s has %d conversations left", c.nick, n)
		}
	}
}

// TestM9ChannelDiesAtEachStage: whichever message is lost with the channel that
// carried it, the taker's or the maker's, the CoinJoin comes to its end over
// another one.
func TestM9ChannelDiesAtEachStage(t *testing.T) {
	for _, names := range [][]string{{"pit", "other"}, {"pit", "other", "third"}} {
		for _, stage := range stages {
			t.Run(fmt.Sprintf("%d channels, %s", len(names), stage), func(t *testing.T) {
				inWorldOf(t, names, func(t *testing.T, w *world) {
					hit := ""
					for name, p := range w.pits {
						p.Lose(func(l daemontest.Line) bool {
							lost := strings.HasPrefix(l.Text, "!"+string(stage)+" ") && (hit == "" || hit == name)
							if lost {
								hit = name
							}
							return lost
						})
					}
					coinJoin(t, w, func(said protocol.Command) {
						if said != stage {
							return
						}
						if hit == "" {
							t.Fatalf("no %s was said", stage)
						}
						w.pits[hit].Break()
						synctest.Wait()
					})
				})
			})
		}
	}
}

// TestM9EveryChannelDiesInTurn: of three channels one is up at a time, another
// one for each stage.
func TestM9EveryChannelDiesInTurn(t *testing.T) {
	names := []string{"pit", "other", "third"}
	inWorldOf(t, names, func(t *testing.T, w *world) {
		turn := 0
		coinJoin(t, w, func(protocol.Command) {
			w.pits[names[turn%3]].Break()
			w.pits[names[(turn+2)%3]].Mend()
			turn++
			synctest.Wait()
			for _, n := range []protocol.Nick{alice, bob} { // they are heard again where they came back
				w.pits[names[(turn+1)%3]].Say(daemontest.Line{From: n, Text: "!orderbook"})
			}
			synctest.Wait()
		})
	})
}

// TestN10DuplicateOfEveryMessage: each message of both sides comes once more
// over every other channel, signed for that one; nothing happens twice.
func TestN10DuplicateOfEveryMessage(t *testing.T) {
	names := []string{"pit", "other", "third"}
	inWorldOf(t, names, func(t *testing.T, w *world) {
		seen := map[string]int{}
		coinJoin(t, w, func(protocol.Command) {
			said := map[string][]daemontest.Line{}
			for _, name := range names {
				said[name] = w.pits[name].Lines()[seen[name]:]
			}
			for name, lines := range said {
				for _, l := range lines {
					command, rest, _ := strings.Cut(strings.TrimPrefix(l.Text, "!"), " ")
					f := strings.Split(rest, " ")
					if l.To == "" || protocol.Command(command).Offer() {
						continue
					}
					for _, to := range names {
						if to != name {
							w.pits[to].Say(private(l.From, l.To, protocol.Command(command), strings.Join(f[:len(f)-2], " "), hostIDs[to]))
						}
					}
				}
			}
			synctest.Wait()
			for _, name := range names {
				seen[name] = len(w.pits[name].Lines())
			}
		})
		for _, stage := range stages {
			n := 0
			for _, name := range names {
				for _, l := range w.pits[name].Lines() {
					if strings.HasPrefix(l.Text, "!"+string(stage)+" ") {
						n++
					}
				}
			}
			want := len(names)
			if stage == protocol.CmdSig {
				want *= 2
			}
			if n != want {
				t.Errorf("%s said %d times with its repetitions, want %d", stage, n, want)
			}
		}
	})
}

// TestN12OneChannelIsEnough: the others never come up.
func TestN12OneChannelIsEnough(t *testing.T) {
	inWorldOf(t, []string{"pit", "other", "third"}, func(t *testing.T, w *world) {
		w.pits["pit"].Break()
		w.pits["third"].Break()
		coinJoin(t, w, func(protocol.Command) {})
	})
}
