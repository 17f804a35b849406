package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/logs"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// app is what all commands share: the global flags and what follows from them.
type app struct {
	term          *terminal
	dir           string
	json          bool
	verbose       bool
	daemon        string
	password      secretSource
	passwordStdin bool

	// What tests replace; their zero values are right for use.
	files    durable.System                // where everything is written
	kdf      store.KDF                     // of new wallet files
	node     func() (chain.Backend, error) // in place of the configured one
	channels daemon.NewChannel             // in place of IRC

	ourNicks nicks // of makers in this process

	running bool // the arguments were understood, a command is at work
	cfg     config.Config
	log     *slog.Logger
}

// load reads the configuration and says what is odd about it. Every command
// calls it first.
func (a *app) load() error {
	odd, err := a.read()
	a.sayAll(odd)
	return err
}

// sayAll says what was found.
func (a *app) sayAll(found []finding) {
	for _, f := range found {
		a.term.say("%s", f.Text)
	}
}

// read is load that returns what there is to say.
func (a *app) read() (odd []finding, err error) {
	a.running = true
	if a.files == nil {
		a.files = durable.OS
	}
	if a.passwordStdin {
		a.password.fd = 0
	}
	dir := a.dir
	if dir == "" {
		if dir, err = config.DefaultDir(); err != nil {
			return nil, fmt.Errorf("finding your home folder: %w; name a data folder with --datadir", err)
		}
	}
	if err := durable.MkdirAll(a.files, filepath.Join(dir, "wallets"), 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	cfg, fresh, err := config.LoadOn(a.files, dir)
	if err != nil {
		return nil, err
	}
	a.cfg = cfg
	odd = a.closeToOthers()
	if fresh {
		odd = append(odd, note("configuration", "A new data folder: %s. Look through %s in it before you use money.", dir, config.FileName))
	}
	for _, w := range cfg.Warnings {
		odd = append(odd, note("configuration", "%s: %s", config.FileName, w))
	}
	level := map[string]slog.Level{"DEBUG": slog.LevelDebug, "INFO": slog.LevelWarn, "WARNING": slog.LevelWarn, "ERROR": slog.LevelError}[cfg.Logging.Level]
	if a.verbose {
		level = slog.LevelDebug
	}
	a.term.color = a.term.color && cfg.Logging.Color
	a.log = logs.With(sentences{t: a.term}, logs.At(level), filepath.Join(dir, "logs", "jm.log"))
	return odd, nil
}

// talk lets another program write to the terminal without breaking its lines.
type talk struct{ t *terminal }

func (w talk) Write(p []byte) (int, error) {
	w.t.say("%s", p[:max(len(p)-1, 0)])
	return len(p), nil
}

// print writes a result as one JSON document.
func (a *app) print(v any) error {
	enc := json.NewEncoder(a.term.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// commitmentsFile records the commitments a taker used; a file of its own for
// each test network, as in the reference.
func (a *app) commitmentsFile() string {
	if network := a.networkName(); network != "mainnet" {
		return filepath.Join(a.cfg.Dir, "cmtdata", network+"_commitments.json")
	}
	return a.cfg.Policy.CommitmentsFile
}

// playLog is for the playground, whose makers are not the user's: warnings are
// shown only on request.
func (a *app) playLog() *slog.Logger {
	if !a.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(sentences{t: a.term})
}
