package directory

import (
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/rate"
)

// Limits are what strangers can have a directory do. A field that is zero means
// that of DefaultLimits.
type Limits struct {
	// Peers is how many connections there may be at a time, and PerCircuit how
	// many of them on one circuit of Tor, where circuits are known.
	Peers, PerCircuit int
	// Hellos bounds those that are answered; more wait for their turn.
	Hellos rate.Rate
	// Lines bounds what is read of one circuit, or of one connection where
	// circuits are not known, and AllLines what is read of all. More waits in
	// the network.
	Lines, AllLines rate.Rate
	// Public bounds public lines of one circuit; more are dropped.
	Public rate.Rate
	// Requests and Offers bound how many requests for the order book, and how
	// many other public lines, are passed on to all; more wait, in an order that
	// package fair has.
	Requests, Offers rate.Rate
	// Broadcast bounds what public lines and notices of leaving cost: bytes a
	// second, to all peers together.
	Broadcast int
	// Strangers bounds private lines to one peer from peers that it has not
	// written to, unless it asked for the order book lately; more are dropped.
	Strangers rate.Rate
	// Queue is how many bytes may wait for one peer, and Memory about how many
	// for all.
	Queue  int
	Memory int64
	// List is how many peers are named in answer to one that asks for them.
	List int
}

// DefaultLimits are for 10,000 peers on a machine of two cores and 1 GiB.
var DefaultLimits = Limits{
	Peers: 10_000, PerCircuit: 8,
	Hellos: rate.Rate{Every: time.Second / 1000, Burst: 1000},
	Lines:  rate.Rate{Every: time.Second / 50, Burst: 200}, AllLines: rate.Rate{Every: time.Second / 20_000, Burst: 2000},
	Public:   rate.Rate{Every: time.Second / 5, Burst: 50},
	Requests: rate.Rate{Every: time.Second / 10, Burst: 100}, Offers: rate.Rate{Every: time.Second / 100, Burst: 1000},
	Broadcast: 32 << 20,
	Strangers: rate.Rate{Every: time.Second / 50, Burst: 1000},
	Queue:     1 << 20, Memory: 128 << 20,
	List: 1000,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	for _, f := range []struct{ field, usual *rate.Rate }{
		{&l.Hellos, &d.Hellos}, {&l.Lines, &d.Lines}, {&l.AllLines, &d.AllLines}, {&l.Public, &d.Public},
		{&l.Requests, &d.Requests}, {&l.Offers, &d.Offers}, {&l.Strangers, &d.Strangers},
	} {
		if *f.field == (rate.Rate{}) {
			*f.field = *f.usual
		}
	}
	for _, f := range []struct{ field, usual *int }{
		{&l.Peers, &d.Peers}, {&l.PerCircuit, &d.PerCircuit}, {&l.Broadcast, &d.Broadcast}, {&l.Queue, &d.Queue}, {&l.List, &d.List},
	} {
		if *f.field == 0 {
			*f.field = *f.usual
		}
	}
	if l.Memory == 0 {
		l.Memory = d.Memory
	}
	return l
}

// Times and sizes that nobody needs to set.
const (
	// helloWait is how long a connection may take to say hello (attack N2), and
	// lineWait how long a line to come whole once it has begun (attack N3).
	helloWait = 15 * time.Second
	lineWait  = 30 * time.Second
	// stallWait is how long one write may take, and slowWait for how long a peer
	// that lets too much wait, and takes less than slowPace bytes a second, may not
	// have caught up.
	stallWait = 30 * time.Second
	slowWait  = 30 * time.Second
	slowPace  = 4 << 10
	// turnWait is how long a hello may wait for its turn; bots wait for a minute.
	turnWait = 40 * time.Second
	// claimWait is how long a hello waits when another has its nick or location,
	// and maxClaims how many wait.
	claimWait = 20 * time.Second
	maxClaims = 1000
	// pingEvery is how often a peer that understands it is asked whether it is
	// there, and pongWait how long one that has answered before may say nothing.
	pingEvery = 60 * time.Second
	pongWait  = 150 * time.Second
	// maxPublic is the greatest length in bytes of a public line: offers and
	// requests are short, and each goes to everybody.
	maxPublic = 2048
	// publicWaiting bounds public lines that wait, publicEach those of a peer.
	publicWaiting = 4096
	publicEach    = 50
	// longMemory is how many bytes of lines may be on their way at a time beyond
	// the little that every peer may have.
	longMemory = 32 << 20
	// maxBatch is about how many bytes of public lines are sent to all at once.
	maxBatch = 64 << 10
	// leaveEvery is how often it is told who has left, and maxLeft of how many at
	// once.
	leaveEvery = time.Second
	maxLeft    = 200
	// leftWaiting bounds those that are still to be told of.
	leftWaiting = 20_000
	// listPart is how many peers a line of an answer names (protocol: get peer
	// list), listEvery how often a peer gets an answer, and listAge how old it
	// may be.
	listPart  = 20
	listEvery = 30 * time.Second
	listAge   = 5 * time.Second
	// MaxMOTD is the greatest length of the operator's text in characters.
	MaxMOTD = 1000
	// askedFor is how long whoever asked for the order book gets answers.
	askedFor = 2 * time.Minute
	// pairsKept is how many conversations are remembered at least, and pairsFor
	// about how long.
	pairsKept = 1 << 17
	pairsFor  = 10 * time.Minute
)
