// Command joinmarketd speaks the protocol of JoinMarket's participants for its
// clients. It knows no Bitcoin: it has no key, no coin and no node.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/amp"
	"github.com/joinmarket-go/joinmarket/daemon/control"
	"github.com/joinmarket-go/joinmarket/daemon/irc"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/logs"
	"github.com/joinmarket-go/joinmarket/internal/nodump"
)

// version is set by the linker.
var version = "dev"

func main() {
	if err := nodump.Set(); err != nil {
		fmt.Fprintf(os.Stderr, "joinmarketd: %v\n", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	dir, listen, cookie, cert, key, level string
	maxClients                            int

	amp                string // address
	ampAnyHost, ampTLS bool
}

// maxClients bounds --max-clients: each client may take some 50 MB at worst.
const maxClients = 1000

// errUsage marks mistakes in the arguments.
var errUsage = errors.New("wrong arguments")

// run serves until ctx ends and returns the exit status.
func run(ctx context.Context, args []string, out, errw io.Writer) int {
	var o options
	cmd := &cobra.Command{
		Use:   "joinmarketd",
		Short: "JoinMarket's messaging daemon",
		Long: `joinmarketd joins the market's message channels for its clients, such as jm. It
has no key, no coin and no node: what must be signed it asks of the client.

It prints "listening on ADDRESS" on standard output when clients can connect,
and logs to standard error and to logs/joinmarketd.log. SIGINT or SIGTERM ends it: it leaves the market for
its clients first.

Clients connect to a Unix socket that only this user can open, or to a TCP port
of this machine, where they must show the secret in the cookie file.

With --amp it serves the Python programs of JoinMarket 0.9 as well, by their own
commands. These know no secret: EVERY USER OF THIS MACHINE who reaches the port
can take part in the market through this daemon, though not touch the coins of
another client. Do not use --amp-any-host unless something else guards the port.

Exit status: 0 told to end, 1 failed, 2 wrong arguments.`,
		Example: `  joinmarketd
  joinmarketd --listen tcp:127.0.0.1:27183 --cookie-file /run/joinmarket/cookie
  joinmarketd --amp 127.0.0.1:27183`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: unexpected %q", errUsage, args[0])
			}
			return nil
		},
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), o, out, errw) },
	}
	cmd.SetVersionTemplate("joinmarketd {{.Version}}\n")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	f := cmd.Flags()
	f.StringVar(&o.dir, "datadir", "", "data `folder`: joinmarket.cfg and the used commitments (default ~/.joinmarket)")
	f.StringVar(&o.listen, "listen", "", "`address` for clients: unix:/path or tcp:127.0.0.1:port (default: [DAEMON] of joinmarket.cfg)")
	f.StringVar(&o.cookie, "cookie-file", "", "`file` for the secret of TCP clients (default: joinmarketd.cookie in the data folder)")
	f.StringVar(&o.cert, "tls-cert", "", "PEM `file` with a certificate: TLS for TCP clients")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` with its key")
	f.StringVar(&o.level, "log-level", "", "DEBUG, INFO, WARN or ERROR (default: console_log_level)")
	f.StringVar(&o.amp, "amp", "", "serve Python clients on `host:port` as well, such as 127.0.0.1:27183")
	f.BoolVar(&o.ampAnyHost, "amp-any-host", false, "let --amp listen beyond this machine, where anybody may connect")
	f.BoolVar(&o.ampTLS, "amp-tls", false, "TLS for --amp (use_ssl of Python clients), with ssl/cert.pem and ssl/key.pem in the data folder")
	f.IntVar(&o.maxClients, "max-clients", daemon.DefaultMaxClients, "how many clients at a time")
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(errw)
	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(errw, "joinmarketd: %v\nTry: joinmarketd --help\n", err)
		return 2
	}
	fmt.Fprintf(errw, "joinmarketd: %v\n", err)
	return 1
}

func serve(ctx context.Context, o options, out, errw io.Writer) error {
	cfg, log, err := o.load(errw)
	if err != nil {
		return err
	}
	if o.maxClients < 1 || o.maxClients > maxClients {
		return fmt.Errorf("%w: --max-clients %d: want 1 to %d", errUsage, o.maxClients, maxClients)
	}
	if o.amp == "" && (o.ampTLS || o.ampAnyHost) {
		return fmt.Errorf("%w: --amp-tls and --amp-any-host need --amp", errUsage)
	}
	at := control.Config{Address: o.listen, CertFile: o.cert, KeyFile: o.key, MaxConns: 2 * o.maxClients, Log: log}
	if at.Address == "" {
		at.Address = cfg.Daemon.Address()
	}
	if strings.HasPrefix(at.Address, "tcp:") {
		at.CookieFile = cfg.Daemon.CookieFile
		if o.cookie != "" {
			at.CookieFile = o.cookie
		}
	}
	listener, err := control.Listen(at)
	if err != nil {
		return err
	}
	defer listener.Close()
	d, err := daemon.New(daemon.Config{
		NewChannel:  irc.Factory(log),
		Channels:    cfg.Channels,
		Commitments: cfg.Policy.BlacklistFile,
		Bounds:      daemon.Bounds(cfg.Limits),
		Version:     "joinmarketd " + version,
		Secret:      listener.Secret(),
		MaxClients:  o.maxClients,
		Logger:      log,
	})
	if err != nil {
		return err
	}
	defer d.Close()
	serving := []func(context.Context) error{func(ctx context.Context) error {
		return listener.Serve(ctx, logged(log, d.Serve))
	}}
	if o.amp != "" {
		python, err := o.listenAMP(cfg.Dir, log)
		if err != nil {
			return err
		}
		defer python.Close()
		adapter := amp.Config{Serve: d.Serve, Secret: listener.Secret(), Logger: log}
		serving = append(serving, func(ctx context.Context) error {
			return python.Serve(ctx, logged(log, func(ctx context.Context, nc net.Conn) error { return amp.Serve(ctx, nc, adapter) }))
		})
		fmt.Fprintf(out, "listening for Python clients on %s\n", python.Address())
	}
	fmt.Fprintf(out, "listening on %s\n", listener.Address())
	return together(ctx, serving)
}

// logged serves a connection and logs what went wrong.
func logged(log *slog.Logger, serve func(context.Context, net.Conn) error) func(context.Context, net.Conn) {
	return func(ctx context.Context, nc net.Conn) {
		if err := serve(ctx, nc); err != nil {
			log.Warn("a client's connection broke", "err", err)
		}
	}
}

// together runs all until ctx ends or one fails, and returns when all have, with
// the first error.
func together(ctx context.Context, all []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(all))
	for _, f := range all {
		go func() { errs <- f(ctx) }()
	}
	var first error
	for range all {
		err := <-errs
		cancel()
		if first == nil {
			first = err
		}
	}
	return first
}

// load reads the configuration and makes the logger.
func (o options) load(errw io.Writer) (config.Config, *slog.Logger, error) {
	dir := o.dir
	if dir == "" {
		var err error
		if dir, err = config.DefaultDir(); err != nil {
			return config.Config{}, nil, fmt.Errorf("finding the home folder: %w; name a data folder with --datadir", err)
		}
	}
	cfg, _, err := config.Load(dir)
	if err != nil {
		return cfg, nil, err
	}
	level := o.level
	if level == "" {
		level = map[string]string{"WARNING": "WARN"}[cfg.Logging.Level]
	}
	if level == "" {
		level = cfg.Logging.Level
	}
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return cfg, nil, fmt.Errorf("%w: --log-level %q: want DEBUG, INFO, WARN or ERROR", errUsage, level)
	}
	log := logs.New(errw, logs.At(least), filepath.Join(dir, "logs", "joinmarketd.log"))
	for _, w := range cfg.Warnings {
		log.Warn(config.FileName + ": " + w)
	}
	return cfg, log, nil
}
