package amp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// maxBox bounds a box of a client, in bytes: all arguments of any command at the
// greatest size of a value fit.
const maxBox = 512 << 10

// maxAsks is how many asks of a client wait for their turn; then it is not read.
const maxAsks = 16

// callWait bounds a call of the daemon, which answers at once unless it hangs.
const callWait = time.Minute

// Config says whose clients these become.
type Config struct {
	// Serve serves a connection as daemon.Daemon.Serve does. Required.
	Serve func(ctx context.Context, nc net.Conn) error
	// Secret is what it demands.
	Secret control.Secret
	// Logger; nil is silent.
	Logger *slog.Logger
}

// errProtocol: the client asked what it may not ask now.
var errProtocol = errors.New("asked out of order")

// errRefused: the daemon would not do it, for a reason that is in the log.
var errRefused = errors.New("refused")

// client is one client and what the adapter does for it. The loop owns all
// fields but the first group.
type client struct {
	cfg  Config
	log  *slog.Logger
	ctx  context.Context // ends with the client
	conn *amp.Conn
	asks chan amp.Ask
	told chan uint64 // the client took the result of this attempt
	questions

	settings *settings // nil before JMInit
	session  *session  // nil before JMStartMC and after JMShutdown
	stage    stage
	taker    taker
	maker    maker
}

// stage is where a client stands, as the reference counts it.
type stage int

const (
	connected stage = iota // setup awaited
	setUp                  // the only one of a maker
	filled                 // taker: the makers are asked
	reported               // taker: the result is on its way to the client
	ready                  // taker: the transaction may be sent
)

// Serve serves the client at the other end of nc until it is gone or ctx ends,
// and until everything started for it has returned. It owns nc. It returns nil
// when the client closed the connection or ctx ended, otherwise what went wrong.
func Serve(ctx context.Context, nc net.Conn, cfg Config) error {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &client{
		cfg: cfg, log: log.With("client", "amp"), ctx: ctx,
		conn: amp.NewConn(nc, maxBox),
		asks: make(chan amp.Ask, maxAsks), told: make(chan uint64),
	}
	ended := make(chan error, 1)
	go func() { ended <- c.conn.Run(ctx, c.asked) }()
	c.loop()
	c.leave()
	err := <-ended
	if errors.Is(err, amp.ErrClosed) {
		return nil
	}
	return err
}

// asked takes an ask from the reader. Answers to questions are taken there.
func (c *client) asked(a amp.Ask) {
	if answer, ok := c.answers(a.Command); ok {
		c.run(a, answer)
		return
	}
	select {
	case c.asks <- a:
	case <-c.conn.Done():
	}
}

func (c *client) loop() {
	defer c.caught()
	for {
		var events <-chan any
		var gone <-chan struct{}
		if c.session != nil {
			events, gone = c.session.events, c.session.conn.Done()
		}
		select {
		case a := <-c.asks:
			if command, ok := commands[a.Command]; ok {
				c.run(a, func(args *amp.Args) (bool, error) { return command(c, args) })
			} else {
				a.Unhandled()
			}
		case e := <-events:
			c.hear(e)
		case <-c.taker.expired():
			c.report()
		case attempt := <-c.told:
			if attempt == c.taker.attempt && c.stage == reported {
				c.stage = ready
			}
		case <-gone:
			if err := c.session.conn.Err(); errors.Is(err, control.ErrClosed) {
				c.conn.Close() // the daemon stops
			} else {
				c.conn.Abort(fmt.Errorf("the session in the market is over: %w", err))
			}
			return
		case <-c.conn.Done():
			return
		}
	}
}

// caught turns a panic into the end of this client alone. The panic's value may
// hold what no log should, so only the runtime's own errors are logged.
func (c *client) caught() {
	if r := recover(); r != nil {
		fault, _ := r.(runtime.Error)
		c.log.Error("panic in an adapter", "err", fault, "stack", string(debug.Stack()))
		c.conn.Abort(control.ErrInternal)
	}
}

// commands are what a client may ask, beside the answers to questions.
var commands = map[string]func(*client, *amp.Args) (bool, error){
	"JMInit":           (*client).init,
	"JMStartMC":        (*client).start,
	"JMSetup":          (*client).setup,
	"JMShutdown":       (*client).shutdown,
	"JMRequestOffers":  (*client).requestOffers,
	"JMFill":           (*client).fill,
	"JMMakeTx":         (*client).makeTx,
	"JMPushTx":         (*client).pushTx,
	"JMAnnounceOffers": (*client).announceOffers,
	"JMIOAuth":         (*client).ioauth,
	"JMTXSigs":         (*client).txSigs,
}

// run runs a command and answers the client: whether it was accepted, or with
// the error that ends the connection.
func (c *client) run(a amp.Ask, command func(*amp.Args) (bool, error)) {
	args := a.Box.Args()
	accepted, err := command(args)
	if argsErr := args.Err(); argsErr != nil {
		err = argsErr
	}
	switch {
	case errors.Is(err, errRefused):
		c.log.Warn("a client's command is refused", "command", a.Command, "err", err)
		a.Accept(false)
	case err != nil:
		a.Fail(fmt.Errorf("%.40s: %w", a.Command, err))
	default:
		a.Accept(accepted)
	}
}

// hear takes what the daemon tells.
func (c *client) hear(e any) {
	switch e := e.(type) {
	case control.ReadyEvent:
		c.session.ready = true
		c.tell("JMUp", amp.Box{})
	case control.ChannelEvent:
		c.log.Debug("message channel", "channel", e.Channel, "state", e.State, "reason", e.Reason)
	case control.ErrorEvent:
		c.log.Info("a counterparty reports an error", "nick", e.Nick, "text", e.Text)
	default:
		c.hearMaker(e)
		c.hearTaker(e)
	}
}

// tell asks the client for something that it must accept.
func (c *client) tell(command string, args amp.Box) {
	if err := c.conn.Ask(command, args, nil); errors.Is(err, amp.ErrTooLarge) {
		c.log.Warn("not told to the client", "command", command, "err", err)
	}
}

// call asks something of the daemon.
func (c *client) call(method string, req, ans any) error {
	ctx, cancel := context.WithTimeout(c.ctx, callWait)
	defer cancel()
	return c.session.conn.Call(ctx, method, req, ans)
}

// try is call for what a client need not be told when it fails, since a remote
// party may have caused it.
func (c *client) try(method string, req any) {
	if err := c.call(method, req, nil); err != nil {
		c.log.Warn("not done for a client", "err", err)
	}
}

// text is v as the reference writes JSON; v comes from our own types.
func text(v any) string {
	s, err := amp.JSON(v)
	if err != nil {
		panic(err)
	}
	return s
}
