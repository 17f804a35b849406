package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/exchange"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// mute is a channel that is up and keeps nothing of what is said on it but the
// latest messages of one command.
type mute struct {
	said chan protocol.Nick // who was sent a pubkey, if it is to be known
	keys chan string
}

func (m *mute) Name() string { return "pit" }
func (m *mute) Run(ctx context.Context, sink func(channel.Event)) error {
	sink(channel.State{State: control.ChannelUp, HostID: hostID})
	<-ctx.Done()
	return nil
}
func (m *mute) SendPublic([]string) error { return nil }
func (m *mute) SendPrivate(to protocol.Nick, command, body string) error {
	if m.keys != nil && command == string(protocol.CmdPubKey) {
		m.said <- to
		m.keys <- body[:64]
	}
	return nil
}

// wallet is a client that signs and believes at once.
type wallet struct {
	auths chan time.Time
	ready chan struct{} // closed when the market can be used
}

func (c *wallet) Request(_ context.Context, method string, params json.RawMessage) (any, error) {
	if method == control.QuestionVerify {
		return control.VerifyAnswer{Valid: true}, nil
	}
	r, err := control.Decode[control.SignRequest](params)
	if err != nil {
		return nil, err
	}
	return control.SignAnswer{PubKey: fakeKey(bob), Signature: fakeSignature(fakeKey(bob), r.Text)}, nil
}

func (c *wallet) Event(name string, _ json.RawMessage) {
	switch name {
	case control.EventAuth:
		c.auths <- time.Now()
	case control.EventReady:
		close(c.ready)
	}
}

// benchMaker runs a maker's session with one offer until it can be used.
func benchMaker(b testing.TB, bounds Bounds, ch *mute) (*session, *wallet) {
	b.Helper()
	d, err := New(Config{Bounds: bounds, Limits: exchange.Limits{exchange.LimitAuth: time.Hour}, Channels: channels("pit"),
		NewChannel: func(control.ChannelConfig, protocol.Nick, string) (channel.Channel, error) { return ch, nil }})
	if err != nil {
		b.Fatal(err)
	}
	ours, theirs := net.Pipe()
	sessions := make(chan *session, 1)
	go func() {
		conn, err := control.Accept(context.Background(), theirs, control.Config{})
		if err != nil {
			b.Error(err)
			return
		}
		o := newDoor(d, conn)
		sessions <- o.to.Load()
		o.open(context.Background())
	}()
	conn, err := control.Connect(context.Background(), ours, control.Config{Software: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	w := &wallet{auths: make(chan time.Time, 1000), ready: make(chan struct{})}
	go conn.Run(context.Background(), w)
	b.Cleanup(func() { conn.Close(); d.Close() })
	for _, c := range []struct {
		method string
		params any
	}{
		{control.MethodStart, control.StartRequest{Role: control.RoleMaker, Nick: bob, Network: "regtest"}},
		{control.MethodAnnounce, control.AnnounceRequest{Offers: []protocol.Offer{offer(0)}}},
	} {
		if err := conn.Call(context.Background(), c.method, c.params, nil); err != nil {
			b.Fatal(err)
		}
	}
	<-w.ready
	return <-sessions, w
}

// call does something in the session's loop and waits until it is done.
type call struct {
	do   func()
	done chan struct{}
}

func (c call) happen(*session) { c.do(); close(c.done) }

func (s *session) inLoop(do func()) {
	c := call{do, make(chan struct{})}
	s.post(c)
	<-c.done
}

// settled waits until no message waits for a verdict or a signature.
func (s *session) settled() {
	for waits := true; waits; {
		s.inLoop(func() { waits = len(s.in.queues)+len(s.out.queues) > 0 })
		runtime.Gosched()
	}
}

func (s *session) say(from protocol.Nick, command protocol.Command, msg string) {
	e := envelope.Envelope{Command: command, Msg: msg, PubKey: fakeKey(from), Signature: fakeSignature(fakeKey(from), msg)}
	s.post(seen{s.links[0], channel.Private{From: from, Text: e.String()}})
}

func benchFill(key *seal.Key, n int) string {
	return line.Fields(line.Fill{Amount: 500_000, PubKey: key.Public(),
		Commitment: protocol.NewCommitment([32]byte{1, byte(n), byte(n >> 8), byte(n >> 16)})})
}

// BenchmarkOrderbookFlood: a second of 10,000 requests, each of another nick,
// costs less than a second of one core.
func BenchmarkOrderbookFlood(b *testing.B) {
	s, _ := benchMaker(b, Bounds{}, &mute{})
	nicks := make([]protocol.Nick, 30_000)
	for i := range nicks {
		nicks[i] = nick(i)
	}
	i := 0
	for b.Loop() {
		s.post(seen{s.links[0], channel.Public{From: nicks[i%len(nicks)], Text: "!orderbook"}})
		i++
	}
	s.settled()
	b.ReportMetric(10_000*b.Elapsed().Seconds()/float64(i)*100, "%core-at-10000/s")
}

// inUse is what is in use.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// fillBook has 1,000 makers offer 8 things each, and 250 more, to 10,000 offers.
func (s *session) fillBook() {
	for i := range 1250 {
		text := ""
		for id := range 8 {
			text += fmt.Sprintf("!sw0reloffer %d 100000 %d 0 0.000%02d", id, 1_000_000+i, id+1)
		}
		s.post(seen{s.links[0], channel.Public{From: nick(200_000 + i), Text: text}})
	}
	s.inLoop(func() { s.book.Snapshot() })
}

// BenchmarkRelay: 200 conversations at once, on one core; from a taker's auth to
// the event for the client, with the client's verdict on the signature in
// between.
func BenchmarkRelay(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var took []time.Duration
	for b.Loop() {
		s, w, boxes := manyTalks(b)
		for nick, sealed := range boxes {
			start := time.Now()
			s.say(nick, protocol.CmdAuth, sealed)
			took = append(took, (<-w.auths).Sub(start))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkConversations: 200 takers open their commitments to one maker at the
// same instant, on one core; how long until its client has heard them all.
func BenchmarkConversations(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var took time.Duration
	n := 0
	for b.Loop() {
		s, w, boxes := manyTalks(b)
		start := time.Now()
		for nick, sealed := range boxes {
			s.say(nick, protocol.CmdAuth, sealed)
		}
		for range boxes {
			<-w.auths
		}
		took += time.Since(start)
		n++
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(n), "ms-for-200")
	b.ReportMetric(0, "ns/op")
}

// manyTalks opens 200 conversations of one maker, up to the taker's turn. It
// returns each taker's sealed auth.
func manyTalks(b *testing.B) (*session, *wallet, map[protocol.Nick]string) {
	b.Helper()
	const talks = 200
	ch := &mute{said: make(chan protocol.Nick, talks), keys: make(chan string, talks)}
	s, w := benchMaker(b, Bounds{Conversations: talks}, ch)
	key, err := seal.NewKey()
	if err != nil {
		b.Fatal(err)
	}
	boxes := make(map[protocol.Nick]string)
	for i := range talks {
		s.say(nick(i), protocol.CmdFill, benchFill(key, i))
		to := <-ch.said
		box, err := key.With(<-ch.keys)
		if err != nil {
			b.Fatal(err)
		}
		if boxes[to], err = box.Seal(line.Plaintext(testAuth)); err != nil {
			b.Fatal(err)
		}
	}
	if len(boxes) != talks {
		b.Fatalf("%d conversations", len(boxes))
	}
	return s, w, boxes
}
