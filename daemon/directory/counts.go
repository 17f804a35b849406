package directory

import "sync/atomic"

// cause is what is counted. Nothing that a peer sends makes a counter.
type cause uint8

const (
	peerJoined cause = iota // a hello was accepted
	peerLeft

	// Connections that did not become peers.

	refusedFull    // as many as there may be
	refusedCircuit // too many of one circuit
	refusedHeader  // no PROXY line
	refusedHello   // something else than a hello came first, or nothing in time
	refusedProgram // another program, version, nick or location
	refusedNetwork
	refusedHeld // another has the nick or the location

	// Peers whose connection was closed.

	closedForm    // a line that is none
	closedDrip    // a line that took too long to come
	closedMemory  // too much on its way of all, and this was the oldest
	closedSlow    // it did not read
	closedSilent  // it does not answer any more
	closedCrowd   // its circuit had many places, another needed one
	closedAsTwice // it came again on the same circuit

	// Lines that came.

	inPublic
	inRequest // for the order book
	inPrivate
	inList // requests for the peer list
	inPing // and answers to ours

	// Lines that came and were not passed on.

	dropForm    // no line of the market
	dropSender  // the sender is not who sends
	dropType    // not spoken by peers, at least not now
	dropLong    // longer than may be passed on
	dropPublic  // too many public lines of one circuit
	dropQueue   // too many public lines wait
	dropNobody  // the addressee is not here
	dropFull    // too much waits for the addressee
	dropUnasked // too many lines of strangers for the addressee
	dropList    // asked for the peer list again too soon

	// Lines that went out.

	outPublic // to all, once for each
	outPrivate
	outHint  // locations
	outLeft  // peers that left, to all
	outLists // answers

	slowed // lines, and hellos, that had to wait for their turn

	causes // how many there are
)

// families are the metrics that the causes are counted in.
var families = []struct{ name, help, label string }{
	{"peers", "Peers that came and went.", "event"},
	{"refused", "Connections that did not become peers.", "cause"},
	{"closed", "Peers whose connection was closed.", "cause"},
	{"lines_in", "Lines that came.", "kind"},
	{"dropped", "Lines that came and were not passed on.", "cause"},
	{"lines_out", "Lines that went out; those to all count once.", "kind"},
	{"slowed", "Lines and hellos that waited for their turn.", ""},
}

// table has family and label of each cause.
var table = [causes]struct{ family, name string }{
	peerJoined: {"peers", "joined"}, peerLeft: {"peers", "left"},
	refusedFull: {"refused", "full"}, refusedCircuit: {"refused", "circuit"}, refusedHeader: {"refused", "header"},
	refusedHello: {"refused", "hello"}, refusedProgram: {"refused", "program"}, refusedNetwork: {"refused", "network"},
	refusedHeld: {"refused", "held"},
	closedForm:  {"closed", "form"}, closedDrip: {"closed", "drip"}, closedMemory: {"closed", "memory"},
	closedSlow: {"closed", "slow"}, closedSilent: {"closed", "silent"}, closedCrowd: {"closed", "crowd"}, closedAsTwice: {"closed", "twice"},
	inPublic: {"lines_in", "public"}, inRequest: {"lines_in", "request"}, inPrivate: {"lines_in", "private"},
	inList: {"lines_in", "list"}, inPing: {"lines_in", "ping"},
	dropForm: {"dropped", "form"}, dropSender: {"dropped", "sender"}, dropType: {"dropped", "type"}, dropLong: {"dropped", "long"},
	dropPublic: {"dropped", "public"}, dropQueue: {"dropped", "queue"}, dropNobody: {"dropped", "nobody"},
	dropFull: {"dropped", "full"}, dropUnasked: {"dropped", "unasked"}, dropList: {"dropped", "list"},
	outPublic: {"lines_out", "public"}, outPrivate: {"lines_out", "private"}, outHint: {"lines_out", "hint"},
	outLeft: {"lines_out", "left"}, outLists: {"lines_out", "list"},
	slowed: {"slowed", ""},
}

// String is family and name, or the family if it has one cause only.
func (c cause) String() string {
	if table[c].name == "" {
		return table[c].family
	}
	return table[c].family + "/" + table[c].name
}

// counts has one counter for each cause.
type counts [causes]atomic.Uint64

func (c *counts) add(what cause, n int) { c[what].Add(uint64(n)) }
func (c *counts) inc(what cause)        { c[what].Add(1) }
func (c *counts) get(what cause) uint64 { return c[what].Load() }
