package market

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// trouble is what is wrong with a client of ours, or with its way to the daemon.
type trouble string

const (
	sound trouble = ""
	blink trouble = "blinking" // its connection breaks, and it is back at once, which harms nothing
	torn  trouble = "torn"     // its connection breaks, and it comes back, in time or too late
	gone  trouble = "gone"     // it dies without a word
	mute  trouble = "mute"     // for a while it answers no question
	deaf  trouble = "deaf"     // for a while it reads nothing
	rude  trouble = "rude"     // it asks for what may not be
	shut  trouble = "shut"     // its daemon is stopped
)

// troubles are those that befall one client.
var troubles = []trouble{blink, torn, gone, mute, deaf, rude}

// client is a scripted client of a daemon.
type client struct {
	m        *market
	nick     protocol.Nick
	role     control.Role
	daemon   int
	channels []control.ChannelConfig
	trouble  trouble
	most     time.Duration // it takes for an answer
	watches  bool          // it enters as a watcher, and takes its role then
	hears    func(event any)

	mu       sync.Mutex
	conn     *control.Conn // the latest
	nc       net.Conn
	served   chan struct{} // closed when both ends of the latest are through
	next     chan struct{} // closed when there is one after the latest, or none will be
	ids      atomic.Uint64 // of commands, on all connections
	token    control.Credential
	count    uint64 // events so far
	muted    bool
	stuck    chan struct{} // while it reads nothing
	ready    chan struct{} // closed with the event
	isReady  bool
	requests sync.WaitGroup
}

// connect opens a connection that serves itself.
func (c *client) connect() (*control.Conn, error) {
	ours, theirs := net.Pipe()
	d, served, through := c.m.daemons[c.daemon], make(chan struct{}), make(chan struct{})
	go func() {
		d.Serve(context.Background(), theirs)
		close(through)
	}()
	conn, err := control.Connect(context.Background(), &gated{ours, c}, control.Config{Software: "simulator", Features: []string{control.FeatureResume}})
	if err != nil {
		<-through
		return nil, err
	}
	go func() {
		conn.Run(context.Background(), c)
		<-through
		close(served)
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc, c.served = ours, served
	return conn, nil
}

// use has commands sent on a connection, those too that the one before took with
// it.
func (c *client) use(conn *control.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		close(c.next)
	}
	c.conn, c.next = conn, make(chan struct{})
}

// gated is a connection that is not read while the client is deaf.
type gated struct {
	net.Conn
	c *client
}

func (g *gated) Read(b []byte) (int, error) {
	g.c.mu.Lock()
	stuck := g.c.stuck
	g.c.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	return g.Conn.Read(b)
}

// enter enters the market; it reports false where it could not.
func (c *client) enter() bool {
	conn, err := c.connect()
	if err != nil {
		if c.trouble != shut {
			c.m.ledger.broken("%s is not let in: %v", c.nick, err)
		}
		return false
	}
	c.use(conn)
	var a control.StartAnswer
	r := control.StartRequest{Role: c.role, Nick: c.nick, Network: "regtest", Channels: c.channels}
	if c.watches {
		r.Role = control.RoleWatcher
	}
	if c.call(control.MethodStart, r, &a) != nil ||
		c.watches && c.call(control.MethodBecome, control.BecomeRequest{Role: c.role}, nil) != nil {
		return false
	}
	c.mu.Lock()
	c.token = a.Token
	c.mu.Unlock()
	select {
	case <-c.ready:
		return true
	case <-time.After(5 * time.Minute): // all pits may be broken for a while
		if c.sound() && !c.m.mix.lossy {
			c.m.ledger.broken("%s: the market was not ready in five minutes", c.nick)
		}
		return false
	}
}

// sound: nothing is wrong with the client itself.
func (c *client) sound() bool { return c.trouble == sound || c.trouble == blink }

// codes are the errors that a command may have.
var codes = []error{
	control.ErrBadRequest, control.ErrState, control.ErrLimit, control.ErrTooLarge, control.ErrUnknownMethod,
	control.ErrResume, control.ErrClosed, control.ErrTimeout, control.ErrSlow,
}

// call has the daemon do something. Its errors are coded. Over a connection that
// breaks and is followed by another one it is done once.
func (c *client) call(method string, req, ans any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	id := c.ids.Add(1)
	var err error
	for {
		c.mu.Lock()
		conn, next := c.conn, c.next
		c.mu.Unlock()
		err = conn.CallAs(ctx, id, method, req, ans)
		if conn.Err() == nil || c.trouble != blink {
			break
		}
		select {
		case <-next:
			continue
		case <-ctx.Done():
		}
		break
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		if c.trouble != deaf && c.trouble != mute {
			c.m.ledger.broken("%s: %s had no answer in two minutes", c.nick, method)
		}
	case !c.sound() && errors.Is(err, control.ErrMalformed): // half a frame
	case !slices.ContainsFunc(codes, func(code error) bool { return errors.Is(err, code) }):
		c.m.ledger.broken("%s: %s failed without a good code: %v", c.nick, method, err)
	case c.trouble == sound && errors.Is(err, control.ErrClosed):
		c.m.ledger.broken("%s: the connection is over: %v", c.nick, err)
	}
	return err
}

// delay is how long the client takes for something, by what that is, as
// questions come in any order.
func (c *client) delay(of string) {
	if c.most == 0 {
		return
	}
	h := fnv.New64a()
	h.Write([]byte(of))
	time.Sleep(time.Duration(h.Sum64()%uint64(c.most/time.Millisecond)) * time.Millisecond)
}

// Request answers questions.
func (c *client) Request(ctx context.Context, method string, params json.RawMessage) (any, error) {
	c.mu.Lock()
	muted := c.muted
	c.mu.Unlock()
	if muted {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.delay(string(params))
	switch method {
	case control.QuestionSign:
		r, err := control.Decode[control.SignRequest](params)
		if err != nil {
			c.m.ledger.broken("%s is asked to sign nonsense: %v", c.nick, err)
			return nil, err
		}
		return control.SignAnswer{PubKey: fakeKey(c.nick), Signature: fakeSignature(fakeKey(c.nick), r.Text)}, nil
	case control.QuestionVerify:
		r, err := control.Decode[control.VerifyRequest](params)
		if err != nil {
			c.m.ledger.broken("%s is asked to verify nonsense: %v", c.nick, err)
			return nil, err
		}
		return control.VerifyAnswer{Valid: r.PubKey == fakeKey(r.Nick) && r.Signature == fakeSignature(r.PubKey, r.Text)}, nil
	case control.QuestionBond:
		if r, err := control.Decode[control.BondRequest](params); err == nil && c.role == control.RoleMaker {
			return control.BondAnswer{Proof: fakeBond(c.nick, r.Taker)}, nil
		}
	}
	c.m.ledger.broken("%s is asked %s", c.nick, method)
	return nil, control.ErrUnknownMethod
}

// Event takes what the daemon tells.
func (c *client) Event(name string, params json.RawMessage) {
	v, err := control.DecodeEvent(name, params)
	if err != nil || v == nil {
		c.m.ledger.broken("%s is told %s, which is none: %v", c.nick, name, err)
		return
	}
	c.mu.Lock()
	c.count++
	_, ready := v.(control.ReadyEvent)
	again := ready && c.isReady
	if ready && !c.isReady {
		c.isReady = true
		close(c.ready)
	}
	c.mu.Unlock()
	if again {
		c.m.ledger.broken("%s: ready twice", c.nick)
	}
	c.hears(v)
}

// tear breaks the connection, waits and comes back; broken is called in between.
// It reports whether the session goes on.
func (c *client) tear(away time.Duration, broken func()) bool {
	c.mu.Lock()
	served := c.served
	c.nc.Close()
	c.mu.Unlock()
	broken()
	<-served
	time.Sleep(away)
	conn, err := c.connect()
	if err != nil {
		return false
	}
	defer c.use(conn)
	c.mu.Lock()
	r := control.ResumeRequest{Token: c.token, Events: c.count}
	c.mu.Unlock()
	var a control.ResumeAnswer
	switch err := conn.CallAs(context.Background(), c.ids.Add(1), control.MethodResume, r, &a); {
	case errors.Is(err, control.ErrResume) && away > 50*time.Second:
		return false
	case err != nil:
		c.m.ledger.broken("%s does not get back after %v: %v", c.nick, away, err)
		return false
	case a.Nick != c.nick || a.Role != c.role:
		c.m.ledger.broken("%s gets back to the session of %s", c.nick, a.Nick)
	}
	c.mu.Lock()
	c.token = a.Token
	c.count += a.Missed
	c.mu.Unlock()
	return true
}

// leave ends the client: with a word or without.
func (c *client) leave(word bool) {
	c.mu.Lock()
	conn, served := c.conn, c.served
	c.mu.Unlock()
	if conn == nil {
		return
	}
	if word {
		conn.CallAs(context.Background(), c.ids.Add(1), control.MethodLeave, nil, nil)
	}
	conn.Close()
	<-served
}
