// Package playground runs a private market on this machine: a block chain, an
// IRC server or directories, a standalone joinmarketd, makers, and a wallet for a taker, all
// funded. Nothing of it leaves loopback, and its coins are worth nothing.
package playground

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/btcsuite/btcd/wire/v2"
	"golang.org/x/sync/errgroup"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircd"
	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// Config says what to run. All fields are required.
type Config struct {
	Dir         string // existing folder for everything; becomes a data folder of jm
	BTCD        string // program files
	Joinmarketd string
	Makers      int
	Onion       bool                             // the market meets at directories, not on IRC; may be false
	Say         func(format string, args ...any) // told what goes on
	Logger      *slog.Logger
}

// Password of the wallets, also in the file PasswordFile of the folder.
const (
	Password     = "playground"
	PasswordFile = "password"
	room         = "joinmarket-pit"
)

// Market is a running playground.
type Market struct {
	cfg    Config
	node   *regtest.Node
	irc    net.Listener   // nil with directories
	nodes  []net.Listener // of directories
	stop   context.CancelFunc
	group  *errgroup.Group
	ending []func() // in the order of starting
}

// Start brings everything up and returns when the makers' offers are out.
func Start(ctx context.Context, cfg Config) (*Market, error) {
	m := &Market{cfg: cfg}
	var run context.Context
	run, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	m.group, run = errgroup.WithContext(run)
	if err := m.start(ctx, run); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}

func (m *Market) start(ctx, run context.Context) error {
	m.cfg.Say("starting btcd on a chain of its own (regtest)")
	if err := m.startNode(ctx); err != nil {
		return fmt.Errorf("starting btcd: %w", err)
	}
	if m.cfg.Onion {
		m.cfg.Say("starting %d directories", directories)
		if err := m.startDirectories(run); err != nil {
			return fmt.Errorf("starting the directories: %w", err)
		}
	} else {
		m.cfg.Say("starting an IRC server")
		if err := m.startIRC(run); err != nil {
			return fmt.Errorf("starting the IRC server: %w", err)
		}
	}
	if err := m.writeConfig(); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	m.cfg.Say("starting joinmarketd, a process of its own")
	if err := m.startDaemon(ctx, run); err != nil {
		return fmt.Errorf("starting joinmarketd: %w", err)
	}
	m.cfg.Say("making and funding %d makers' wallets and yours", m.cfg.Makers)
	makers, err := m.fund(ctx)
	if err != nil {
		return fmt.Errorf("funding the wallets: %w", err)
	}
	m.cfg.Say("waiting for the makers' offers")
	if err := m.startMakers(ctx, run, makers); err != nil {
		return fmt.Errorf("starting the makers: %w", err)
	}
	return nil
}

// Wait returns when something that should run has ended, with the reason, or
// when ctx ends.
func (m *Market) Wait(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- m.group.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// Stop ends everything, in the reverse order of starting, and returns when it
// is gone.
func (m *Market) Stop() error {
	m.stop()
	err := m.group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	for i := len(m.ending) - 1; i >= 0; i-- {
		m.ending[i]()
	}
	return err
}

func (m *Market) startNode(ctx context.Context) (err error) {
	dir := filepath.Join(m.cfg.Dir, "node")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	m.node, err = regtest.Start(ctx, regtest.Config{Kind: regtest.BTCD, Binary: m.cfg.BTCD, Dir: dir})
	if err != nil {
		return err
	}
	m.ending = append(m.ending, func() { m.node.Stop() })
	return nil
}

func (m *Market) startIRC(run context.Context) (err error) {
	m.irc, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := ircd.New(ircd.Config{Name: "irc.playground", Network: "playground"})
	m.group.Go(func() error { return server.Serve(run, m.irc) })
	return nil
}

// writeConfig makes Dir a data folder of jm whose market is this one.
func (m *Market) writeConfig() error {
	rpc := m.node.Access()
	host, port, err := net.SplitHostPort(rpc.Addr)
	if err != nil {
		return err
	}
	place, err := m.place()
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`# Made by jm playground. Nothing here is worth anything.
[DAEMON]
no_daemon = 0
[BLOCKCHAIN]
blockchain_source = btcd
network = regtest
rpc_host = %s
rpc_port = %s
rpc_user = %s
rpc_password = %s
[MESSAGING:playground]
%s[TIMEOUT]
maker_timeout_sec = 20
[POLICY]
max_cj_fee_abs = 10000
max_cj_fee_rel = 0.001
tx_fees = 2000
tx_broadcast = self
minimum_makers = %d
`, host, port, rpc.User, rpc.Password.Reveal(), place, min(m.cfg.Makers, 4))
	for name, content := range map[string]string{"joinmarket.cfg": text, PasswordFile: Password + "\n"} {
		if err := os.WriteFile(filepath.Join(m.cfg.Dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// place is where the market meets, as keys of a message channel.
func (m *Market) place() (string, error) {
	if m.cfg.Onion {
		return m.onionPlace(), nil
	}
	host, port, err := net.SplitHostPort(m.irc.Addr().String())
	return fmt.Sprintf(`host = %s
port = %s
channel = %s
# No throttling: the server is ours.
line_interval_ms = -1
`, host, port, room), err
}

// backend connects to the node.
func (m *Market) backend() (chain.Backend, error) {
	rpc := m.node.Access()
	return btcd.New(btcd.Config{Addr: rpc.Addr, User: rpc.User, Password: rpc.Password, Params: regtest.Params, Logger: m.cfg.Logger})
}

// Mine mines blocks and returns the last one.
func (m *Market) Mine(ctx context.Context, count int) (chain.BlockID, error) {
	return m.node.Mine(ctx, count)
}

// EqualOutputs looks into a block for a transaction and counts its outputs of
// exactly this amount.
func (m *Market) EqualOutputs(ctx context.Context, block chain.BlockID, txid string, amount sats.Amount) (int, error) {
	var text string
	if err := m.node.Client().Call(ctx, "getblock", []any{block.Hash.String(), 0}, &text); err != nil {
		return 0, err
	}
	var found wire.MsgBlock
	if err := found.Deserialize(hex.NewDecoder(strings.NewReader(text))); err != nil {
		return 0, fmt.Errorf("reading block %d: %w", block.Height, err)
	}
	for _, tx := range found.Transactions {
		if tx.TxHash().String() == txid {
			equal := 0
			for _, out := range tx.TxOut {
				if sats.Amount(out.Value) == amount {
					equal++
				}
			}
			return equal, nil
		}
	}
	return 0, fmt.Errorf("transaction %s is not in block %d", txid, block.Height)
}

func password() secret.Text { return secret.NewText(Password) }
