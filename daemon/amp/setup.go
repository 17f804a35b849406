package amp

import (
	"fmt"
	"reflect"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// settings are what JMInit says.
type settings struct {
	network   string
	asked     any // the channels as the client put them, to compare
	channels  []control.ChannelConfig
	minMakers int64
	timeout   time.Duration // of a taker's first phase
}

// maxTimeout bounds maker_timeout_sec.
const maxTimeout = 24 * time.Hour

// init stores settings. With the same channels as before the session goes on.
// bcsource, dust_threshold and blacklist_location are read and not used: the
// first is shown to IRC servers, the second is a constant of the market, and no
// client names a file on this machine.
func (c *client) init(args *amp.Args) (bool, error) {
	var asked any
	args.Text("bcsource")
	args.Integer("dust_threshold")
	args.Text("blacklist_location")
	args.JSON("chan_configs", &asked)
	var elements []channelElement
	args.JSON("chan_configs", &elements)
	minMakers, timeout := args.Integer("minmakers"), args.Integer("maker_timeout_sec")
	s := &settings{network: args.Text("network"), asked: asked}
	if err := args.Err(); err != nil {
		return false, err
	}
	if !minMakers.IsInt64() || !timeout.IsInt64() || timeout.Sign() <= 0 || timeout.Int64() > int64(maxTimeout/time.Second) {
		return false, fmt.Errorf("%w: maker_timeout_sec %v, want 1 to %.0f; minmakers %v", errRefused, timeout, maxTimeout.Seconds(), minMakers)
	}
	s.minMakers, s.timeout = minMakers.Int64(), time.Duration(timeout.Int64())*time.Second
	var err error
	if s.channels, err = c.channels(elements, s.network); err != nil {
		return false, err
	}
	if old := c.settings; old != nil && (old.network != s.network || !reflect.DeepEqual(old.asked, s.asked)) {
		c.leave()
	}
	c.settings = s
	c.tell("JMInitProto", amp.Box{
		"nick_hash_length": amp.Integer(nickHash), "nick_max_encoded": amp.Integer(nickEncoded),
		"joinmarket_nick_header": nickHeader, "joinmarket_version": amp.Integer(protocol.Version),
	})
	return true, nil
}

// start enters the market, or begins another round in it.
func (c *client) start(args *amp.Args) (bool, error) {
	nick := protocol.Nick(args.Text("nick"))
	switch {
	case args.Err() != nil:
		return false, args.Err()
	case c.settings == nil:
		return false, fmt.Errorf("%w: before JMInit", errProtocol)
	}
	c.taker.stop()
	c.stage = connected
	if c.session != nil && c.session.nick == nick {
		if c.session.ready {
			c.tell("JMUp", amp.Box{})
		}
		return true, nil
	}
	c.leave()
	return true, c.enter(nick)
}

// roles are the texts of JMSetup.
var roles = map[string]control.Role{"TAKER": control.RoleTaker, "MAKER": control.RoleMaker}

// setup takes a role and begins a round: a taker asks for offers, a maker makes
// its own known.
func (c *client) setup(args *amp.Args) (bool, error) {
	role, ok := roles[args.Text("role")]
	bonded := args.Boolean("use_fidelity_bond")
	var offers []offer
	if role == control.RoleMaker {
		args.JSON("initdata", &offers)
	} else {
		var ignored any
		args.JSON("initdata", &ignored)
	}
	switch {
	case args.Err() != nil:
		return false, args.Err()
	case !ok:
		return false, fmt.Errorf("%w: a role that is none", errProtocol)
	case c.session == nil || c.stage != connected:
		return false, fmt.Errorf("%w: JMSetup without JMStartMC", errProtocol)
	}
	if s := c.session; s.role != role {
		if err := c.call(control.MethodBecome, control.BecomeRequest{Role: role}, nil); err != nil {
			return false, err
		}
		s.role = role
	}
	if role == control.RoleMaker {
		c.maker.bonded = bonded
		if err := c.announce(offers); err != nil {
			return false, err
		}
	}
	c.tell("JMSetupDone", amp.Box{})
	if role == control.RoleTaker {
		c.try(control.MethodRefresh, nil)
	}
	c.stage = setUp
	return true, nil
}

// shutdown leaves the market.
func (c *client) shutdown(*amp.Args) (bool, error) {
	c.leave()
	return true, nil
}

// in reports whether the client takes part in a role; ErrProtocol otherwise.
func (c *client) in(role control.Role) error {
	if c.session == nil || c.session.role != role {
		return fmt.Errorf("%w: not as a %s", errProtocol, role)
	}
	return nil
}
