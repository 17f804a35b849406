package playground

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channels"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/random"
	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// startDaemon runs joinmarketd as a process and waits until it listens.
func (m *Market) startDaemon(ctx, run context.Context) error {
	log, err := os.Create(filepath.Join(m.cfg.Dir, "joinmarketd.log"))
	if err != nil {
		return err
	}
	m.ending = append(m.ending, func() { log.Close() })
	cmd := exec.CommandContext(run, m.cfg.Joinmarketd, "--datadir", m.cfg.Dir)
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	listening := make(chan bool, 1)
	m.group.Go(func() error {
		lines := bufio.NewScanner(out)
		listening <- lines.Scan() && strings.HasPrefix(lines.Text(), "listening on ")
		for lines.Scan() {
		}
		if err := cmd.Wait(); run.Err() == nil {
			return fmt.Errorf("joinmarketd ended: %w", errors.Join(err, errors.New("see "+log.Name())))
		}
		return nil
	})
	select {
	case ok := <-listening:
		if !ok {
			return fmt.Errorf("it did not listen; see %s", log.Name())
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lightKDF makes the makers' wallets open at once; their coins are worth
// nothing.
var lightKDF = store.KDF{Memory: 8, Passes: 1, Lanes: 1}

// wallet makes a new wallet in a folder.
func (m *Market) newWallet(dir string, kdf store.KDF) (*wallet.Wallet, error) {
	backend, err := m.backend()
	if err != nil {
		return nil, err
	}
	m.ending = append(m.ending, func() { backend.Close() })
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		return nil, err
	}
	w, err := wallet.Create(filepath.Join(dir, "wallets", "default.jmwallet"), password(), seed,
		wallet.Config{Params: regtest.Params, Chain: backend, KDF: kdf, Logger: m.cfg.Logger})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// fund makes the wallets, pays coins to them and buries these under blocks. It
// closes the taker's, so that jm can open it.
func (m *Market) fund(ctx context.Context) (makers []*wallet.Wallet, err error) {
	var outputs []*wire.TxOut
	pay := func(w *wallet.Wallet, mixdepth int, amount sats.Amount) error {
		a, err := w.NextAddress(mixdepth, keys.External)
		if err == nil {
			outputs = append(outputs, wire.NewTxOut(int64(amount), a.Script))
		}
		return err
	}
	about := func(btc float64) sats.Amount { // a round number would look odd in the picture
		return sats.Amount(btc*float64(sats.PerBTC)) + sats.Amount(random.N(int64(sats.PerBTC/10)))
	}
	for i := range m.cfg.Makers {
		w, err := m.newWallet(m.makerDir(i), lightKDF)
		if err != nil {
			return nil, err
		}
		m.ending = append(m.ending, func() { w.Close() })
		for mixdepth, amount := range []sats.Amount{about(1.2), about(0.8), about(0.3)} {
			if err := pay(w, mixdepth, amount); err != nil {
				return nil, err
			}
		}
		makers = append(makers, w)
	}
	taker, err := m.newWallet(m.cfg.Dir, store.KDF{})
	if err != nil {
		return nil, err
	}
	defer taker.Close()
	for _, coin := range []struct {
		mixdepth int
		amount   sats.Amount
	}{{0, about(0.5)}, {0, about(0.3)}, {0, about(0.2)}, {1, about(0.4)}} {
		if err := pay(taker, coin.mixdepth, coin.amount); err != nil {
			return nil, err
		}
	}
	if _, err := m.node.Fund(ctx, outputs...); err != nil {
		return nil, err
	}
	// Makers want a taker's coin to be five blocks old.
	_, err = m.node.Mine(ctx, 6)
	return makers, err
}

func (m *Market) makerDir(i int) string { return filepath.Join(m.cfg.Dir, "makers", fmt.Sprint(i+1)) }

// startMakers runs the makers in this process, each with a daemon of its own
// inside, and waits until all have announced offers.
func (m *Market) startMakers(ctx, run context.Context, wallets []*wallet.Wallet) error {
	cfg, _, err := config.Load(m.cfg.Dir)
	if err != nil {
		return err
	}
	announced := make(chan struct{}, len(wallets))
	for i, w := range wallets {
		own, err := inprocess.New(daemon.Config{NewChannel: channels.Factory(channels.Config{Logger: m.cfg.Logger}), Logger: m.cfg.Logger})
		if err != nil {
			return err
		}
		m.ending = append(m.ending, func() { own.Close() })
		first := true
		mk, err := maker.New(maker.Config{
			Wallet: w, Node: w.Chain(),
			Connect: func(ctx context.Context, prove maker.Prove) (maker.Daemon, error) {
				return client.Connect(ctx, client.Config{
					Dial: own.Dial, Role: control.RoleMaker, Network: "regtest", Channels: cfg.Channels, Bond: prove, Logger: m.cfg.Logger,
				})
			},
			Terms: maker.Terms{
				Types:    []protocol.OfferType{protocol.SW0RelOffer, protocol.SW0AbsOffer},
				CJFeeAbs: 500 + sats.Amount(100*i), CJFeeRel: fmt.Sprintf("0.0000%d", 2+i%8), MinSize: 100_000,
				Basic: true,
			},
			Reannounce: time.Second, // nobody is there to watch
			Record:     filepath.Join(m.makerDir(i), "accepted"),
			Notify: func(e maker.Event) {
				if offers, ok := e.(maker.Announced); ok && len(offers.Offers) > 0 && first {
					first = false
					announced <- struct{}{}
				}
			},
			Logger: m.cfg.Logger,
		})
		if err != nil {
			return err
		}
		m.group.Go(func() error { return w.Run(run) })
		m.group.Go(func() error { return mk.Run(run) })
	}
	for range wallets {
		select {
		case <-announced:
		case <-ctx.Done():
			return ctx.Err()
		case <-run.Done():
			return context.Cause(run)
		}
	}
	return nil
}
