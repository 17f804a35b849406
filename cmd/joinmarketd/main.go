// Command joinmarketd speaks the protocol of JoinMarket's participants for its
// clients. It knows no Bitcoin: it has no key, no coin and no node.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/internal/nodump"
)

// version is set by the linker.
var version = "dev"

func main() {
	if err := nodump.Set(); err != nil {
		fmt.Fprintf(os.Stderr, "joinmarketd: %v\n", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	giveUp(ctx, stop, os.Stderr, os.Exit)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// How long the process may take to leave the market when it is told to end: for
// conversations that are worth it, and in all.
const (
	finishWait = 8 * time.Second
	endWait    = 10 * time.Second
)

// giveUp exits some time after ctx ends if nobody did so before. It calls ended
// at that end, so that the next signal ends us at once.
func giveUp(ctx context.Context, ended func(), errw io.Writer, exit func(code int)) {
	context.AfterFunc(ctx, func() {
		ended()
		time.AfterFunc(endWait, func() {
			fmt.Fprintf(errw, "joinmarketd: still not ended after %v; given up\n", endWait)
			exit(1)
		})
	})
}

// options are the flags.
type options struct {
	dir, listen, cookie, cert, key, level, metrics string
	maxClients                                     int // if limited
	limited                                        bool

	amp                string // address
	ampAnyHost, ampTLS bool
}

// maxClients bounds --max-clients, as it does max_clients.
const maxClients = 1000

// errUsage marks mistakes in the arguments.
var errUsage = errors.New("wrong arguments")

// noArguments refuses arguments that are no flags.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: unexpected %q", errUsage, args[0])
	}
	return nil
}

// run serves until ctx ends and returns the exit status.
func run(ctx context.Context, args []string, out, errw io.Writer) int {
	var o options
	cmd := &cobra.Command{
		Use:   "joinmarketd",
		Short: "JoinMarket's messaging daemon",
		Long: `joinmarketd joins the market's message channels for its clients, such as jm. It
has no key, no coin and no node: what must be signed it asks of the client.

It prints "listening on ADDRESS" on standard output when clients can connect,
and logs to standard error and to logs/joinmarketd.log. SIGINT or SIGTERM ends it,
within 10 seconds: nothing new begins, conversations in which coins are open may
be finished, and clients are told; a second one ends it at once. SIGHUP has it
read joinmarket.cfg again. It tells systemd when it is ready and that it lives.
docs/operations.md says more.

Clients connect to a Unix socket that only this user, or a group (see
daemon_socket_mode in joinmarket.cfg), can open, or to a TCP port
of this machine, where they must show the secret in the cookie file.

With --amp it serves the Python programs of JoinMarket 0.9 as well, by their own
commands. These know no secret: EVERY USER OF THIS MACHINE who reaches the port
can take part in the market through this daemon, though not touch the coins of
another client. Do not use --amp-any-host unless something else guards the port.

Exit status: 0 told to end, 1 failed, 2 wrong arguments.`,
		Example: `  joinmarketd
  joinmarketd --listen tcp:127.0.0.1:27183 --cookie-file /run/joinmarket/cookie
  joinmarketd --amp 127.0.0.1:27183
  joinmarketd status
  joinmarketd directory`,
		Args:          noArguments,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.limited = cmd.Flags().Changed("max-clients")
			return o.serve(cmd.Context(), out, errw)
		},
	}
	cmd.SetVersionTemplate("joinmarketd {{.Version}}\n")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(newStatus(&o, out), newDirectory(&o, out, errw))
	f := cmd.PersistentFlags() // of where the daemon is found, too
	f.StringVar(&o.dir, "datadir", "", "data `folder`: joinmarket.cfg and the used commitments (default ~/.joinmarket)")
	f.StringVar(&o.listen, "listen", "", "`address` for clients: unix:/path or tcp:127.0.0.1:port (default: [DAEMON] of joinmarket.cfg)")
	f.StringVar(&o.cookie, "cookie-file", "", "`file` for the secret of TCP clients (default: joinmarketd.cookie in the data folder)")
	f = cmd.Flags()
	f.StringVar(&o.cert, "tls-cert", "", "PEM `file` with a certificate: TLS for TCP clients")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` with its key")
	f.StringVar(&o.level, "log-level", "", "DEBUG, INFO, WARN or ERROR (default: console_log_level)")
	f.StringVar(&o.metrics, "metrics", "", "serve metrics and health on `host:port` of this machine, such as 127.0.0.1:9187 (default: metrics in joinmarket.cfg)")
	f.StringVar(&o.amp, "amp", "", "serve Python clients on `host:port` as well, such as 127.0.0.1:27183")
	f.BoolVar(&o.ampAnyHost, "amp-any-host", false, "let --amp listen beyond this machine, where anybody may connect")
	f.BoolVar(&o.ampTLS, "amp-tls", false, "TLS for --amp (use_ssl of Python clients), with ssl/cert.pem and ssl/key.pem in the data folder")
	f.IntVar(&o.maxClients, "max-clients", 0, "how many clients at a time (default: max_clients in joinmarket.cfg)")
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
