package prometheus

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
)

// ErrAddress means that the address to listen on is not one of this machine.
var ErrAddress = errors.New("want host:port of this machine, such as 127.0.0.1:9187")

// Config is what a Server is made of.
type Config struct {
	// Address is host:port, with 127.0.0.1, [::1] or localhost as the host; port
	// 0 lets the system choose.
	Address string
	// Metrics, Healthy and Ready are asked for once at a time. An error says why
	// the program does not work, so that a restart is what helps, or why it is of
	// no use now, when a restart does not help.
	Metrics        func(context.Context) []Metric
	Healthy, Ready func(context.Context) error
	// Logger; nil is silent.
	Logger *slog.Logger
}

// Server answers /metrics, /healthz and /readyz. It must be served, or closed.
type Server struct {
	cfg Config
	l   net.Listener
	mu  sync.Mutex // held while the program is asked
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
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { s.say(w, r, s.cfg.Healthy) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.say(w, r, s.cfg.Ready) })
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

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	all := s.cfg.Metrics(r.Context())
	s.mu.Unlock()
	var text bytes.Buffer
	Write(&text, all)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(text.Bytes())
}

// say answers ok, or why not with status 503.
func (s *Server) say(w http.ResponseWriter, r *http.Request, ask func(context.Context) error) {
	s.mu.Lock()
	err := ask(r.Context())
	s.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
