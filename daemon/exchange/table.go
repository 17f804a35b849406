// Package exchange holds the order of a conversation between a taker and a
// maker: which command may come next, from whom, and how long it is waited for.
//
// The order is data: Table has one row for each step, Waits one for each state
// that does not last. What is in no row is refused and changes nothing, so that
// repeated, reordered or foreign messages cannot move a conversation (attacks
// M9, M10, T9). Seen from both ends:
//
//	taker                              maker
//	  | client: fill                     |
//	  |------------ fill --------------->| idle -> keyed
//	  |<----------- pubkey --------------|
//	  | filled -> keyed                  |
//	  | client: auth                     |
//	  |------------ auth (sealed) ------>| keyed -> authed
//	  |                                  | client: ioauth
//	  |<----------- ioauth (sealed) -----| authed -> revealed
//	  | authed -> opened                 |
//	  | client: tx                       |
//	  |------------ tx (sealed) -------->| revealed -> asked
//	  |                                  | client: sigs
//	  |<----------- sig (sealed), ... ---| asked -> signed
//	  | signing -> done                  |
//
// A Conversation is a place in that table with what belongs to it: the box, the
// session key, and the messages that were already acted on.
package exchange

import (
	"errors"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// State is where a conversation stands.
type State string

// The states. Those of a maker that wait for its client are Authed and Asked;
// those of a taker are Keyed and Opened.
const (
	Idle State = "idle" // before the first message, both roles

	TakerFilled  State = "taker:filled"  // fill sent, pubkey awaited
	TakerKeyed   State = "taker:keyed"   // pubkey came
	TakerAuthed  State = "taker:authed"  // auth sent, ioauth awaited
	TakerOpened  State = "taker:opened"  // ioauth came
	TakerSigning State = "taker:signing" // tx sent, signatures awaited
	TakerDone    State = "taker:done"    // a signature for every coin came; more are passed on

	MakerKeyed    State = "maker:keyed"    // pubkey sent, auth awaited
	MakerAuthed   State = "maker:authed"   // auth came
	MakerRevealed State = "maker:revealed" // ioauth sent, tx awaited
	MakerAsked    State = "maker:asked"    // tx came
	MakerSigned   State = "maker:signed"   // signatures sent

	Ended State = "ended" // by a deadline, a refusal, or the other side's absence
)

// Party is who may move a conversation.
type Party string

// The parties. The counterparty's message counts only when its signature was
// verified and its form is right.
const (
	Peer   Party = "peer"
	Client Party = "client"
)

// Input is something that wants to move a conversation: a command that came
// from the peer, or one that our client asks to send.
type Input struct {
	From    Party
	Command protocol.Command
}

// Row is one step: in State, Input leads to Next. An input of the peer is told
// to our client, except that a maker answers fill with pubkey by itself; an
// input of the client is sent to the peer.
type Row struct {
	Role  control.Role
	State State
	Input Input
	Next  State
	// Last is where the input leads instead when with it a signature for every
	// coin of the maker has come; empty if that makes no difference.
	Last State
}

// Sealed reports whether the row's command travels in the box.
func (r Row) Sealed() bool { return r.Input.Command.Sealed() }

// Table is the order of a conversation.
var Table = []Row{
	{Role: control.RoleTaker, State: Idle, Input: Input{Client, protocol.CmdFill}, Next: TakerFilled},
	{Role: control.RoleTaker, State: TakerFilled, Input: Input{Peer, protocol.CmdPubKey}, Next: TakerKeyed},
	{Role: control.RoleTaker, State: TakerKeyed, Input: Input{Client, protocol.CmdAuth}, Next: TakerAuthed},
	{Role: control.RoleTaker, State: TakerAuthed, Input: Input{Peer, protocol.CmdIOAuth}, Next: TakerOpened},
	{Role: control.RoleTaker, State: TakerOpened, Input: Input{Client, protocol.CmdTx}, Next: TakerSigning},
	{Role: control.RoleTaker, State: TakerSigning, Input: Input{Peer, protocol.CmdSig}, Next: TakerSigning, Last: TakerDone},
	{Role: control.RoleTaker, State: TakerDone, Input: Input{Peer, protocol.CmdSig}, Next: TakerDone, Last: TakerDone},

	{Role: control.RoleMaker, State: Idle, Input: Input{Peer, protocol.CmdFill}, Next: MakerKeyed},
	{Role: control.RoleMaker, State: MakerKeyed, Input: Input{Peer, protocol.CmdAuth}, Next: MakerAuthed},
	{Role: control.RoleMaker, State: MakerAuthed, Input: Input{Client, protocol.CmdIOAuth}, Next: MakerRevealed},
	{Role: control.RoleMaker, State: MakerRevealed, Input: Input{Peer, protocol.CmdTx}, Next: MakerAsked},
	{Role: control.RoleMaker, State: MakerAsked, Input: Input{Client, protocol.CmdSig}, Next: MakerSigned},
}

// Wait says who must act in a state, what it means when that does not happen,
// and after how long.
type Wait struct {
	For    Party
	Reason protocol.Reason
	Limit  Limit
}

// Limit names one of Limits.
type Limit string

// The limits.
const (
	LimitStage  Limit = "stage"  // a taker waits for a maker, in each stage
	LimitFill   Limit = "fill"   // a taker waits for further makers' pubkey, from the first one on
	LimitAuth   Limit = "auth"   // a maker waits for auth
	LimitTx     Limit = "tx"     // a maker waits for tx
	LimitClient Limit = "client" // a maker's client is to answer
)

// Limits are the lengths of the waits.
type Limits map[Limit]time.Duration

// DefaultLimits is how long is waited if nothing else is said. Over Tor an answer
// may take 100 s; where makers are faster a taker waits less, see Pace. It opens
// its commitment to nobody before all have answered fill or had their time, and
// makers wait no longer than LimitAuth meanwhile (attack M7): so LimitFill leaves
// some of that for sending. A maker waits for tx longer than for auth: between
// the two the taker gathers the others.
var DefaultLimits = Limits{
	LimitStage:  control.DefaultDeadline,
	LimitFill:   40 * time.Second,
	LimitAuth:   60 * time.Second,
	LimitTx:     300 * time.Second,
	LimitClient: 60 * time.Second,
}

// Waits has the states that end by themselves. A taker's Keyed and Opened do
// not: its client goes on when it has heard enough makers, and a new attempt
// ends them.
var Waits = map[State]Wait{
	TakerFilled:  {Peer, protocol.ReasonTimeoutFill, LimitStage},
	TakerAuthed:  {Peer, protocol.ReasonTimeoutAuth, LimitStage},
	TakerSigning: {Peer, protocol.ReasonTimeoutTx, LimitStage},

	MakerKeyed:    {Peer, protocol.ReasonTimeoutAuth, LimitAuth},
	MakerAuthed:   {Client, protocol.ReasonClientTimeout, LimitClient},
	MakerRevealed: {Peer, protocol.ReasonTimeoutTx, LimitTx},
	MakerAsked:    {Client, protocol.ReasonClientTimeout, LimitClient},
}

// Step is the transition function: the row by which in moves a conversation in
// that state, or a *Refusal if there is none.
func Step(role control.Role, state State, in Input) (Row, error) {
	for _, row := range rows[state] {
		if row.Input == in && row.Role == role {
			return row, nil
		}
	}
	return Row{}, &Refusal{Command: in.Command, State: state, Reason: protocol.ReasonUnexpected, Err: ErrOrder}
}

// rows is Table by state.
var rows = func() map[State][]Row {
	m := make(map[State][]Row)
	for _, row := range Table {
		m[row.State] = append(m[row.State], row)
	}
	return m
}()

// Over reports whether a conversation in state s has done what it was for, or
// never will: another may take its place.
func (s State) Over() bool { return s == Ended || s == TakerDone || s == MakerSigned }

// Opened reports whether in state s the taker's commitment has been opened to
// the maker, which costs it one try of a few, and the conversation goes on.
func (s State) Opened() bool {
	switch s {
	case TakerAuthed, TakerOpened, TakerSigning, MakerAuthed, MakerRevealed, MakerAsked:
		return true
	}
	return false
}

// ErrOrder means that a command may not come in the state the conversation is
// in.
var ErrOrder = errors.New("may not come now")

// Refusal is a message, or a request of the client, on which was not acted. It
// repeats nothing of what a peer wrote, so it can be logged.
type Refusal struct {
	Command protocol.Command
	State   State
	Reason  protocol.Reason
	Err     error
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s refused (%s, %s): %v", r.Command, r.State, r.Reason, r.Err)
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Err }
