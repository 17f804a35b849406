package daemon

import (
	"encoding/json"
	"fmt"

	"github.com/joinmarket-go/joinmarket/daemon/orderbook"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// start enters the market: it makes the channels and sets them running.
func (s *session) start(params json.RawMessage) (any, error) {
	r, err := control.Decode[control.StartRequest](params)
	switch {
	case err != nil:
		return nil, err
	case s.role != nil:
		return nil, fmt.Errorf("%w: this connection entered the market before; open another", control.ErrState)
	}
	configs := r.Channels
	if len(configs) == 0 {
		configs = s.d.cfg.Channels
	}
	if len(configs) == 0 {
		return nil, fmt.Errorf("%w: no channels named, and the daemon has no default ones", control.ErrBadRequest)
	}
	var links []*link
	names := []string{}
	for _, cfg := range configs {
		ch, err := s.d.cfg.NewChannel(cfg, r.Nick, r.Network)
		if err != nil {
			return nil, fmt.Errorf("%w: channel %s: %v", control.ErrBadRequest, cfg.Name, err)
		}
		links = append(links, &link{Channel: ch, name: cfg.Name, interval: interval(cfg), state: control.ChannelConnecting})
		names = append(names, cfg.Name)
	}

	s.nick, s.links, s.book = r.Nick, links, orderbook.New(r.Nick)
	s.log = s.log.With("session", r.Nick, "role", r.Role)
	switch r.Role {
	case control.RoleTaker:
		s.role = newTaker(s)
	case control.RoleMaker:
		s.role = newMaker(s)
	default:
		s.role = watcher{}
	}
	for _, l := range links {
		s.runLink(l)
	}
	s.log.Info("client entered the market", "network", r.Network, "channels", names)
	return control.StartAnswer{Channels: names}, nil
}
