package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/daemon/control"
	"github.com/joinmarket-go/joinmarket/daemon/directory"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/logs"
	"github.com/joinmarket-go/joinmarket/internal/prometheus"
	"github.com/joinmarket-go/joinmarket/internal/sdnotify"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// directoryOptions are the flags of joinmarketd directory.
type directoryOptions struct {
	options
	at, location, status string
	testing              bool
}

func newDirectory(o *options, out, errw io.Writer) *cobra.Command {
	var d directoryOptions
	cmd := &cobra.Command{
		Use:   "directory",
		Short: "Be a directory node, where the bots of the onion channel meet",
		Long: `Be a directory node of the onion message channel: it passes on what bots say to
all and to each other, and tells who has left. It keeps nothing and needs no
wallet, no node and no key but that of its onion service.

It listens for Tor on this machine only. docs/directory.md says how to set up the
onion service, and what to watch. The settings are in [DIRECTORY] of joinmarket.cfg.

It prints "directory on ADDRESS" on standard output when peers can connect. SIGHUP
has it read motd and limits again. SIGINT or SIGTERM ends it: connections end one
after the other within 8 seconds, so that peers do not all come back at once. A
second signal ends it at once.

Exit status: 0 told to end, 1 failed, 2 wrong arguments.`,
		Example: `  joinmarketd directory
  joinmarketd directory --testing --at 127.0.0.1:8081
  joinmarketd directory status`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"listen", "cookie-file"} {
				if cmd.Flags().Changed(name) {
					return fmt.Errorf("%w: --%s is for clients, of which a directory has none; Tor connects to --at", errUsage, name)
				}
			}
			d.options = *o
			return d.serve(cmd.Context(), out, errw)
		},
	}
	f := cmd.PersistentFlags()
	f.StringVar(&d.status, "status-socket", "", "Unix `socket` that tells the status (default: directory.sock in the data folder)")
	f = cmd.Flags()
	f.StringVar(&d.at, "at", "", "`address` for Tor: 127.0.0.1:port or unix:/path (default: listen of [DIRECTORY])")
	f.StringVar(&d.location, "location", "", "the onion service and its `port`, as peers are told it (default: location of [DIRECTORY])")
	f.BoolVar(&d.testing, "testing", false, "without Tor, on this machine alone: peers may have addresses such as 127.0.0.1:8082")
	f.StringVar(&d.level, "log-level", "", "DEBUG, INFO, WARN or ERROR (default: console_log_level)")
	f.StringVar(&d.metrics, "metrics", "", "serve metrics and health on `host:port` of this machine (default: metrics of [DIRECTORY])")
	cmd.AddCommand(newDirectoryStatus(o, &d, out))
	return cmd
}

// spread is for how long connections are ended, one after the other, before the
// process ends; it is within endWait.
const spread = finishWait

// errTestnet refuses to let peers of real coins meet without Tor.
var errTestnet = errors.New("--testing is without Tor: set network = testnet, signet or regtest in [BLOCKCHAIN]")

// serve runs the directory until ctx ends.
func (o directoryOptions) serve(ctx context.Context, out, errw io.Writer) error {
	set, err := o.load(errw, "directory.log")
	if err != nil {
		return err
	}
	cfg, log := set.cfg, set.log.With(logs.Part, "directory")
	if o.testing && cfg.Blockchain.Network == "mainnet" {
		return errTestnet
	}
	listener, err := o.listen(cfg, log)
	if err != nil {
		return err
	}
	defer listener.Close()
	published, location, err := o.publish(ctx, cfg, listener.Address(), log)
	if err != nil {
		return err
	}
	d, err := directory.New(directory.Config{
		Network: cfg.Blockchain.Network, Location: location, MOTD: motd(cfg), Circuits: cfg.Directory.Circuits,
		Loopback: o.testing, Limits: directoryLimits(cfg), Logger: log,
	})
	if err != nil {
		return fmt.Errorf("[DIRECTORY] motd: %w", err)
	}
	status, err := control.Listen(control.Config{Address: "unix:" + o.statusSocket(cfg), Log: log})
	if err != nil {
		return err
	}
	defer status.Close()
	running, end := context.WithCancel(context.WithoutCancel(ctx)) // until the peers are gone
	defer end()
	services := []service{
		func(ctx context.Context) error {
			return listener.Serve(ctx, func(_ context.Context, nc net.Conn) { d.Handle(nc) })
		},
		func(ctx context.Context) error {
			defer end()
			<-ctx.Done()
			log.Info("told to end", "within", endWait)
			d.Stop(context.WithoutCancel(ctx), spread)
			return nil
		},
		func(context.Context) error { return d.Run(running) },
		func(ctx context.Context) error {
			return status.Serve(ctx, func(_ context.Context, nc net.Conn) { d.Tell(nc) })
		},
		directoryReloader{o, set, d}.run,
		published,
	}
	if address := o.metricsOf(cfg); address != "" {
		m, err := prometheus.Listen(prometheus.Config{Address: address, Metrics: d.Metrics, Healthy: d.Healthy, Ready: d.Healthy, Logger: log})
		if err != nil {
			return err
		}
		defer m.Close()
		services = append(services, m.Serve)
		fmt.Fprintf(out, "metrics on http://%s/metrics\n", m.Address())
	}
	fmt.Fprintf(out, "directory on %s\n", listener.Address())
	log.Info("directory serves", "network", cfg.Blockchain.Network, "location", location)
	return together(ctx, append(services, beats{sdnotify.FromEnv(os.Getenv), d.Healthy, log}.run))
}

// listen takes the address that Tor connects to.
func (o directoryOptions) listen(cfg config.Config, log *slog.Logger) (*control.Listener, error) {
	address := cfg.Directory.Listen
	if o.at != "" {
		address = o.at
	}
	if !strings.HasPrefix(address, "unix:") {
		address = "tcp:" + address
	}
	enough(cfg.Directory.MaxPeers, log)
	return control.Listen(control.Config{Address: address, NoCookie: true, SocketMode: cfg.Daemon.SocketMode, SocketGroup: cfg.Daemon.SocketGroup,
		MaxConns: cfg.Directory.MaxPeers + moreConns, Log: log})
}

// moreConns are accepted beyond the peers, so that the directory, not the queue of
// the system, decides who has no place.
const moreConns = 200

// motd is the operator's text.
func motd(cfg config.Config) string { return strings.ReplaceAll(cfg.Directory.MOTD, `\n`, "\n") }

func directoryLimits(cfg config.Config) directory.Limits {
	return directory.Limits{Peers: cfg.Directory.MaxPeers, PerCircuit: cfg.Directory.PeersPerCircuit,
		Broadcast: cfg.Directory.BroadcastKiB << 10, Memory: int64(cfg.Directory.MemoryMiB) << 20}
}

func (o directoryOptions) metricsOf(cfg config.Config) string {
	if o.metrics != "" {
		return o.metrics
	}
	return cfg.Directory.Metrics
}

func (o directoryOptions) statusSocket(cfg config.Config) string {
	if o.status != "" {
		return o.status
	}
	return filepath.Join(cfg.Dir, "directory.sock")
}

// locationOf is what peers are told.
func (o directoryOptions) locationOf(cfg config.Config, listens string) (onion.Location, error) {
	text := cfg.Directory.Location
	if o.location != "" {
		text = o.location
	}
	if text == "" && o.testing {
		text = strings.TrimPrefix(listens, "tcp:")
	}
	if text == "" {
		return "", nil
	}
	at, err := onion.ParseLocation(text, o.testing)
	if err != nil || !at.Serving() {
		return "", fmt.Errorf("%w: location %.80q: want the onion service and its port, 56 characters and .onion:5222", errUsage, text)
	}
	return at, nil
}

func newDirectoryStatus(o *options, d *directoryOptions, out io.Writer) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Ask the running directory where it stands",
		Long: `Ask the running directory where it stands: its peers, what waits, and what was
refused or dropped. docs/directory.md says what to do about it.

Exit status: 0 it answered, 1 it did not.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.options = *o
			cfg, err := d.read()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), statusWait)
			defer cancel()
			nc, err := new(net.Dialer).DialContext(ctx, "unix", d.statusSocket(cfg))
			if err != nil {
				return fmt.Errorf("no directory runs there, or for another user: %w", err)
			}
			s, err := directory.Ask(ctx, nc)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(out, s)
			}
			_, err = io.WriteString(out, s.Text(time.Now()))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}
