package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// ErrAddress means that the address to listen on is not one of this machine.
var ErrAddress = errors.New("want host:port of this machine, such as 127.0.0.1:9187")

// Config is what a Server is made of.
type Config struct {
	// Address is host:port, with 127.0.0.1, [::1] or localhost as the host; port
	// 0 lets the system choose.
	Address string
	// Status is that of the daemon; it is asked for once at a time.
	Status func(context.Context) control.StatusAnswer
	// Counts are those of the daemon.
	Counts *count.Set
	// Logger; nil is silent.
	Logger *slog.Logger
}

// Server answers /metrics, /healthz and /readyz. It must be served, or closed.
type Server struct {
	cfg Config
	l   net.Listener
	mu  sync.Mutex // held while the daemon is asked
}

// Listen takes the address.
func Listen(cfg Config) (*Server, error) {
	host, port, err := net.SplitHostPort(cfg.Address)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || !loopback(host) {
		return nil, fmt.Errorf("metrics on %q: %w", cfg.Address, ErrAddress)
	}
	if host == "localhost" {
		host = "127.0.0.1" // not what a resolver makes of it
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, l: l}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Address is host:port, with the port that was chosen.
func (s *Server) Address() string { return s.l.Addr().String() }

// Close stops listening.
func (s *Server) Close() { s.l.Close() }

// Serve answers until ctx ends, and returns when all is answered.
func (s *Server) Serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { say(w, Healthy(s.ask(r.Context()))) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { say(w, Ready(s.ask(r.Context()))) })
	server := &http.Server{
		Handler: local(mux), ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(s.l); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// local refuses requests that a web page had a browser of this machine make, by
// a name of its own for our address.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !loopback(host) {
			http.Error(w, "not by this name", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) ask(ctx context.Context) control.StatusAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Status(ctx)
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	var text bytes.Buffer
	write(&text, &picture{s.ask(r.Context()), s.cfg.Counts})
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(text.Bytes())
}

// say answers ok, or why not with status 503.
func say(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Healthy tells whether a daemon works: all its sessions answer. If not, a
// restart is what helps.
func Healthy(a control.StatusAnswer) error {
	busy := 0
	for _, s := range a.Sessions {
		busy += truth(s.Busy)
	}
	if busy > 0 {
		return fmt.Errorf("%d of %d sessions do not answer", busy, len(a.Sessions))
	}
	return nil
}

// Ready tells whether a daemon has a way to the market: a channel of some session
// is up, or no client is in the market, so that none is wanted. If not, a restart
// does not help.
func Ready(a control.StatusAnswer) error {
	channels := 0
	for _, s := range a.Sessions {
		channels += len(s.Channels)
		for _, c := range s.Channels {
			if c.State == string(control.ChannelUp) {
				return nil
			}
		}
	}
	if len(a.Sessions) > 0 {
		return fmt.Errorf("none of %d channels is up", channels)
	}
	return nil
}
