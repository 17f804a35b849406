package tor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

const (
	// uploadWait bounds how long a new service may take to be known.
	uploadWait = 3 * time.Minute
	// byeWait bounds the farewell of a service.
	byeWait = 2 * time.Second
	// maxUploaded bounds the addresses of other services that are remembered
	// while our own is not known yet.
	maxUploaded = 64
)

// Proof of work at the door (attack N13), for Tor from 0.4.9.2 on: so many
// clients a second are let in without one, so many at once.
const powFlags = " PoWDefensesEnabled=1 PoWQueueRate=25 PoWQueueBurst=250"

var powSince = [4]int{0, 4, 9, 2}

// ServiceConfig describes an onion service.
type ServiceConfig struct {
	// Control is Tor's control port: host:port or unix:/path.
	Control string
	// Password of the control port, where it wants one.
	Password control.Credential
	// Untrusted: somebody else named the control port. It gets no secret that it
	// might not know, neither the password nor a cookie as it is.
	Untrusted bool
	// Key makes the address. Nil: Tor makes one, which nobody keeps.
	Key *Key
	// Target is where connections go, a port of this machine: host:port or
	// unix:/path. It should listen already.
	Target string
	// MaxStreams bounds the streams of one client's circuit at a time; 0: no
	// bound.
	MaxStreams int
	// Logger for what goes wrong without harm; nil means silent.
	Logger *slog.Logger
}

// Service is an onion service that Tor has for us. It lives as long as the
// connection to the control port.
type Service struct {
	conn    *conn
	address string
}

// Address ends with ".onion"; the port is that of package onion.
func (s *Service) Address() string { return s.address }

// Done is closed when the service is no more: after Close, or because Tor or the
// connection to it ended. Another Publish makes it anew.
func (s *Service) Done() <-chan struct{} { return s.conn.done }

// Close ends the service. An error means that Tor did not say so; the service
// ends all the same.
func (s *Service) Close() error {
	defer s.conn.close()
	select {
	case <-s.conn.done:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), byeWait)
	defer cancel()
	_, err := s.conn.do(ctx, "DEL_ONION "+strings.TrimSuffix(s.address, ".onion"))
	return err
}

// Publish makes an onion service and waits until it is known to the network: to
// one of the places where its clients look, within three minutes or the time of
// ctx. Errors match ErrNoTor, ErrAuth, ErrRefused, ErrNotTor, ErrUnreachable or
// that of ctx.
func Publish(ctx context.Context, cfg ServiceConfig) (*Service, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, uploadWait,
		fmt.Errorf("%w: after %v the network does not know the onion service; is Tor connected?", ErrUnreachable, uploadWait))
	defer cancel()
	known := newUploads()
	c, err := open(ctx, cfg.Control, known.event)
	if err != nil {
		return nil, err
	}
	address, err := c.publish(ctx, cfg)
	if err == nil {
		err = known.wait(ctx, c, address)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("onion service: %w", err)
	}
	return &Service{c, address}, nil
}

func (c *conn) publish(ctx context.Context, cfg ServiceConfig) (address string, err error) {
	g, err := c.login(ctx, cfg.Password, !cfg.Untrusted)
	if err != nil {
		return "", err
	}
	if _, err := c.do(ctx, "SETEVENTS HS_DESC"); err != nil {
		return "", err
	}
	r, err := c.addOnion(ctx, cfg, atLeast(g.version, powSince))
	if err != nil {
		return "", err
	}
	id, _ := r.value("ServiceID=")
	address = id + ".onion"
	if !onion.IsOnion(address) || cfg.Key != nil && address != cfg.Key.Address() {
		return "", fmt.Errorf("%w: a service of the address %.80q", ErrNotTor, address)
	}
	return address, nil
}

// addOnion tries with proof of work first, if pow is set: a Tor can be built
// without.
func (c *conn) addOnion(ctx context.Context, cfg ServiceConfig, pow bool) (reply, error) {
	key, flags := "NEW:ED25519-V3", " Flags=DiscardPK"
	if cfg.Key != nil {
		key, flags = cfg.Key.blob(), ""
	}
	command := "ADD_ONION " + key + flags
	if cfg.MaxStreams > 0 {
		command += " MaxStreams=" + strconv.Itoa(cfg.MaxStreams)
	}
	target := " Port=" + strconv.Itoa(onion.Port) + "," + literal(cfg.Target)
	if pow {
		r, err := c.do(ctx, command+powFlags+target)
		if !errors.Is(err, ErrRefused) {
			return r, err
		}
		if cfg.Logger != nil {
			cfg.Logger.Warn("no proof of work protects the onion service", "err", err)
		}
	}
	return c.do(ctx, command+target)
}

// literal is a target without a name, which Tor would have to look up.
func literal(target string) string {
	if host, port, err := net.SplitHostPort(target); err == nil && host == "localhost" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return target
}

// atLeast compares a version such as "0.4.9.2-alpha (git-...)"; an unreadable
// one is old.
func atLeast(version string, least [4]int) bool {
	version, _, _ = strings.Cut(version, " ")
	version, _, _ = strings.Cut(version, "-")
	parts := strings.Split(version, ".")
	for i, want := range least {
		if i >= len(parts) {
			return false
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < want {
			return false
		}
		if n > want {
			return true
		}
	}
	return true
}

// uploads are the services that the network has come to know.
type uploads struct {
	mu      sync.Mutex
	known   map[string]bool
	failed  map[string]string // why the last upload failed
	changed chan struct{}     // has room for one
}

func newUploads() *uploads {
	return &uploads{known: make(map[string]bool), failed: make(map[string]string), changed: make(chan struct{}, 1)}
}

// event takes a reply such as "650 HS_DESC UPLOADED address ...".
func (u *uploads) event(r reply) {
	words := strings.Fields(r.lines[0].text)
	if len(words) < 3 || words[0] != "HS_DESC" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	address := words[2] + ".onion"
	if len(u.known)+len(u.failed) >= maxUploaded { // others' on a busy Tor, which repeats ours
		clear(u.known)
		clear(u.failed)
	}
	switch words[1] {
	case "UPLOADED":
		u.known[address] = true
	case "FAILED":
		u.failed[address] = words[len(words)-1]
	}
	select {
	case u.changed <- struct{}{}:
	default:
	}
}

// wait returns when an address is known.
func (u *uploads) wait(ctx context.Context, c *conn, address string) error {
	for {
		u.mu.Lock()
		known, failed := u.known[address], u.failed[address]
		u.mu.Unlock()
		if known {
			return nil
		}
		select {
		case <-u.changed:
		case <-c.done:
			return c.err
		case <-ctx.Done():
			err := context.Cause(ctx)
			if failed != "" {
				err = fmt.Errorf("%w (%.100q)", err, failed)
			}
			return err
		}
	}
}
