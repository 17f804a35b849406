package tor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// When a private Tor is started.
const (
	StartAuto   = "auto"   // where no other runs that can be used, and its program is here
	StartAlways = "always" // at once, and no other is used
	StartNever  = "never"
)

// lockFile in the folder of the private Tor is locked while one is started;
// others look again every lockPoll.
const (
	lockFile = "lock"
	lockPoll = 100 * time.Millisecond
)

// AccessConfig says which Tor a process uses.
type AccessConfig struct {
	// Start is StartAuto, StartAlways or StartNever.
	Start string
	// Folder of the private Tor.
	Folder string
	// Program is Tor's, a path or a name that is looked for in PATH.
	Program string
	// Password of control ports that want one.
	Password control.Credential
	// Controls are the control ports of our own configuration. They and the usual
	// ones are trusted; one that a client names is not, see ServiceConfig.
	Controls []string
	// Progress is told how a private Tor gets into the network; see
	// PrivateConfig. May be nil.
	Progress func(percent int, what string)
	// Logger for which Tor is used, and what a private one complains of; nil
	// means silent.
	Logger *slog.Logger
}

// Access is the Tor of a process. It takes the one that it is told to, but where
// nothing runs on this machine it takes another that does, or starts one. It is
// safe from any goroutine.
type Access struct {
	cfg   AccessConfig
	log   *slog.Logger
	salt  string        // sets our circuits apart from those of other processes
	turn  chan struct{} // has room for one: who searches or starts
	using string        // what was taken last; owned by turn
	usual []Place       // see Search

	mu      sync.Mutex
	private *Private // nil: none yet
	closed  bool
}

// NewAccess does nothing before it is asked.
func NewAccess(cfg AccessConfig) *Access {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Access{cfg: cfg, log: log, salt: rand.Text(), turn: make(chan struct{}, 1)}
}

// Dial is that of a Dialer for a SOCKS port, or of a Tor in its place. An
// identity of 1 to 200 bytes gets circuits of its own among those of all
// processes. Errors are those of Dialer, with what to do.
func (a *Access) Dial(ctx context.Context, socks, identity, address string) (net.Conn, error) {
	if identity == "" {
		return nil, errors.New("a connection through Tor has an identity")
	}
	identity = a.salt + " " + identity
	told := fmt.Errorf("%w is configured", ErrNoTor)
	if a.cfg.Start != StartAlways && socks != "" {
		var conn net.Conn
		if conn, told = (Dialer{SOCKS: socks}).Dial(ctx, identity, address); !errors.Is(told, ErrNoTor) || !onThisMachine(socks) {
			return conn, told
		}
	}
	socks, err := a.instead(ctx, func(p Place) Port { return p.SOCKS })
	if err != nil {
		return nil, fmt.Errorf("%w; %w", told, err)
	}
	return Dialer{SOCKS: socks}.Dial(ctx, identity, address)
}

// Publish is that of a service by the control port of a Tor, or by that of a Tor
// in its place where none at cfg.Control lets us in. The password, and whether the
// control port is trusted, are those of the Access.
func (a *Access) Publish(ctx context.Context, cfg ServiceConfig) (*Service, error) {
	cfg.Password = a.cfg.Password
	cfg.Untrusted = !slices.Contains(a.cfg.Controls, cfg.Control) &&
		!slices.ContainsFunc(usual, func(p Place) bool { return p.Control.Address == numeric(cfg.Control) })
	told := fmt.Errorf("%w is configured", ErrNoTor)
	if a.cfg.Start != StartAlways && cfg.Control != "" {
		var s *Service
		s, told = Publish(ctx, cfg)
		if !errors.Is(told, ErrNoTor) && !errors.Is(told, ErrAuth) || !onThisMachine(cfg.Control) {
			return s, told
		}
	}
	control, err := a.instead(ctx, func(p Place) Port { return p.Control })
	if err != nil {
		return nil, fmt.Errorf("%w; %w", told, err)
	}
	cfg.Control, cfg.Untrusted = control, false
	return Publish(ctx, cfg)
}

// onThisMachine: a port elsewhere was chosen on purpose and is not replaced.
func onThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return true // a Unix socket
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// instead is a port of a Tor that runs or is started. It waits until one that is
// started is in the network.
func (a *Access) instead(ctx context.Context, of func(Place) Port) (address string, err error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	own := a.own()
	if own == nil {
		if address = a.find(ctx, of, false); address != "" {
			return address, nil
		}
		if own, address, err = a.start(ctx, of); own == nil {
			return address, err
		}
	}
	return of(own.place()).Address, own.Ready(ctx)
}

// own is the private Tor of this process, if it runs.
func (a *Access) own() *Private {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.private == nil {
		return nil
	}
	select {
	case <-a.private.Done():
		a.private.Close()
		a.private = nil
	default:
	}
	return a.private
}

// find returns a port of a Tor that runs, or "".
func (a *Access) find(ctx context.Context, of func(Place) Port, onlyPrivate bool) string {
	search := Search{Password: a.cfg.Password, Folder: a.cfg.Folder, usual: a.usual}
	if onlyPrivate || a.cfg.Start == StartAlways {
		search.usual = []Place{}
	}
	for _, p := range Find(ctx, search) {
		if port := of(p); port.Usable {
			if a.using != port.Address {
				a.using = port.Address
				a.log.Info("using a Tor that runs", "which", p.Name, "address", port.Address)
			}
			return port.Address
		}
	}
	return ""
}

// start starts the private Tor, if that is allowed, or finds that another process
// has done so in the meantime: then own is nil.
func (a *Access) start(ctx context.Context, of func(Place) Port) (own *Private, address string, err error) {
	if a.cfg.Start == StartNever {
		return nil, "", fmt.Errorf("%w that can be used runs on this machine, and none may be started (start in [TOR]): start yours", ErrNoTor)
	}
	if _, err := LookProgram(a.cfg.Program); err != nil {
		return nil, "", err
	}
	if err := durable.MkdirAll(durable.OS, a.cfg.Folder, 0o700); err != nil {
		return nil, "", fmt.Errorf("the folder of the private Tor: %w", err)
	}
	lock := flock.New(filepath.Join(a.cfg.Folder, lockFile))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, "", fmt.Errorf("the folder of the private Tor: %w", err)
	}
	defer lock.Close()
	if address = a.find(ctx, of, true); address != "" {
		return nil, address, nil
	}
	a.log.Info("starting a private Tor", "folder", a.cfg.Folder)
	own, err = StartPrivate(ctx, PrivateConfig{Folder: a.cfg.Folder, Program: a.cfg.Program, Progress: a.cfg.Progress, Logger: a.log})
	if err != nil {
		return nil, "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		own.Close()
		return nil, "", net.ErrClosed
	}
	a.private = own
	return own, "", nil
}

// Close ends the private Tor, if this process has one. None is started
// afterwards.
func (a *Access) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.private != nil {
		a.private.Close()
		a.private = nil
	}
}
