package daemon

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
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
	if s.guest && s.d.full() {
		return nil, fmt.Errorf("%w: this daemon serves as many clients as it may; come back later", control.ErrLimit)
	}
	s.guest = false
	configs := r.Channels
	if len(configs) == 0 {
		configs = s.d.Channels()
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
		links = append(links, &link{Channel: ch, name: cfg.Name, interval: interval(cfg), state: control.ChannelConnecting,
			anonymous: s.anonymous(cfg, r.Network)})
		names = append(names, cfg.Name)
	}

	since := time.Now()
	if err := s.d.present.enter(s, control.SessionStatus{Role: r.Role, Since: since.Unix()}); err != nil {
		return nil, err
	}
	s.since, s.nick, s.links, s.book = since, r.Nick, links, orderbook.New(r.Nick, orderbook.Size{Nicks: s.d.cfg.Bounds.Nicks, Offers: s.d.cfg.Bounds.Offers})
	s.log = s.log.With("session", r.Nick)
	s.play(r.Role)
	for _, l := range links {
		s.runLink(l)
	}
	s.sweepLater()
	s.log.Info("client entered the market", "role", r.Role, "network", r.Network, "channels", names)
	return control.StartAnswer{Channels: names, Resumption: s.resumption(nil)}, nil
}

func (s *session) play(r control.Role) {
	s.plays = r
	switch r {
	case control.RoleTaker:
		s.role = newTaker(s)
	case control.RoleMaker:
		s.role = newMaker(s)
		for _, l := range s.links {
			if ch, ok := l.Channel.(channel.Server); ok {
				ch.Serve()
			}
		}
	default:
		s.role = watcher{}
	}
}

// become gives a watcher another role. What it heard so far stays in the book.
func (s *session) become(params json.RawMessage) (any, error) {
	r, err := control.Decode[control.BecomeRequest](params)
	if err != nil {
		return nil, err
	}
	if _, ok := s.role.(watcher); !ok {
		return nil, notFor(control.MethodBecome, "taker or maker")
	}
	s.play(r.Role)
	s.log.Info("client takes a role", "role", r.Role)
	return nil, nil
}
