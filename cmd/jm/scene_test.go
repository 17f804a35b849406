package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// scene is a data folder, with the wallet default, and a chain of its own.
type scene struct {
	t     *testing.T
	name  string // of what happened, for messages
	dir   string
	chain *wallettest.Chain

	coins     []wire.OutPoint  // of the wallet, the first four in mixdepth 0
	address   string           // of the wallet, handed out and paid
	txid      chainhash.Hash   // of what prepare sent
	passwords []secret.Text    // that may open the wallet now
	params    *chaincfg.Params // of other wallets than default
	out, talk bytes.Buffer     // what the command printed
	pit       *pit             // where others are met; nil: nowhere
	meets     func(*scene, context.Context)
}

const foreign = "bcrt1ql5e9d9f6l0wzwg9sv22ulk2lzk4ptucpltl82x"

func newScene(t *testing.T, w writing) *scene {
	t.Helper()
	s := &scene{t: t, dir: t.TempDir(), chain: wallettest.NewChain(&chaincfg.RegressionNetParams), passwords: []secret.Text{wallettest.Password}}
	for name, text := range map[string]string{
		"joinmarket.cfg": "[BLOCKCHAIN]\nnetwork = regtest\n[POLICY]\nmax_cj_fee_abs = 5000\nmax_cj_fee_rel = 0.01\n",
		"password":       wallettest.Password.Reveal() + "\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"wallets", "logs", "cmtdata"} {
		if err := os.Mkdir(filepath.Join(s.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.chain.Config()
	cfg.Files, cfg.Mixdepths = sound(), 2
	own, err := wallet.Create(s.path("default"), wallettest.Password, seed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for _, mixdepth := range []int{0, 0, 0, 0, 1} {
		a, err := own.NextAddress(mixdepth, keys.External)
		if err != nil {
			t.Fatal(err)
		}
		s.address = a.Text
		s.coins = append(s.coins, s.chain.Pay(a.Script, 2_000_000))
	}
	s.chain.Mine(wallettest.Confirmations)
	if err := own.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	own.Close()
	if w.prepare != nil {
		w.prepare(s)
	}
	s.meets = w.meets
	return s
}

// sound is a disk without a fault that does not wait for the real one.
func sound() durable.System { return durabletest.New(durabletest.Fault{}) }

func (s *scene) path(name string) string { return filepath.Join(s.dir, "wallets", name+walletExt) }

// jm runs a command on a disk and returns its exit status.
func (s *scene) jm(disk durable.System, args ...string) int {
	s.t.Helper()
	s.out.Reset()
	s.talk.Reset()
	none, err := os.Open(os.DevNull)
	if err != nil {
		s.t.Fatal(err)
	}
	defer none.Close()
	a := &app{
		term:  &terminal{in: none, lines: bufio.NewReader(none), out: &s.out, err: &s.talk},
		files: disk, kdf: wallettest.LightKDF,
		node: func() (chain.Backend, error) { return s.chain.Backend(), nil },
	}
	if s.pit != nil {
		a.channels = s.pit.join
	}
	args = append([]string{"--datadir", s.dir, "--password-file", filepath.Join(s.dir, "password")}, args...)
	if s.meets == nil {
		return a.run(s.t.Context(), args)
	}
	ctx, interrupt := context.WithCancel(s.t.Context())
	defer interrupt()
	code := make(chan int, 1)
	go func() {
		defer interrupt()
		code <- a.run(ctx, args)
	}()
	s.meets(s, ctx)
	interrupt()
	return <-code
}

// must runs a command that succeeds.
func (s *scene) must(args ...string) string {
	s.t.Helper()
	if code := s.jm(sound(), args...); code != exitOK {
		s.t.Fatalf("%s: jm %q: exit status %d\n%s", s.name, args, code, s.talk.String())
	}
	return s.out.String()
}

// open opens a wallet as the files are now; nil if there is none.
func (s *scene) open(name string) *wallet.Wallet {
	s.t.Helper()
	cfg := s.chain.Config()
	cfg.Files = sound()
	if name != "default" && s.params != nil {
		cfg.Params = s.params
	}
	var failures error
	for _, password := range s.passwords {
		w, err := wallet.Open(s.path(name), password, cfg)
		if err == nil {
			return w
		}
		failures = errors.Join(failures, err)
	}
	if !errors.Is(failures, fs.ErrNotExist) {
		s.t.Errorf("%s: the wallet opens no more: %v", s.name, failures)
	}
	return nil
}

// with lets ask look into a wallet; without one the answer is no.
func (s *scene) with(name string, ask func(*wallet.Wallet) bool) bool {
	s.t.Helper()
	w := s.open(name)
	if w == nil {
		return false
	}
	defer w.Close()
	return ask(w)
}

// after checks what must hold after a fault, and runs the command again.
func (s *scene) after(w writing) {
	s.t.Helper()
	happened := w.happened(s)
	joins := s.joins()
	code := s.jm(sound(), w.args(s)...)
	if w.meets != nil && s.joins() == joins {
		s.t.Errorf("%s: once more: no CoinJoin\n%s", s.name, s.talk.String())
	}
	if code != exitOK && !(happened && slices.Contains(w.again, code)) {
		s.t.Errorf("%s: once more: exit status %d (happened before: %v)\n%s%s", s.name, code, happened, s.out.String(), s.talk.String())
	}
	s.remembers()
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmp") {
			s.t.Errorf("%s: %s is left behind", s.name, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

var addresses = regexp.MustCompile(`bcrt1[0-9a-z]+`)

// remembers checks that the wallet knows what it has sent, and gives away no
// address a second time.
func (s *scene) remembers() {
	s.t.Helper()
	shown := make(map[string]bool)
	for _, a := range addresses.FindAllString(s.out.String()+s.talk.String(), -1) {
		shown[a] = true
	}
	paid := make(map[string]bool)
	w := s.open("default")
	if w == nil {
		return // a row of its own says whether that is right
	}
	defer w.Close()
	pending := make(map[chainhash.Hash]bool)
	for _, p := range w.Pending() {
		pending[p.ID] = true
	}
	for _, signed := range w.Signed() {
		pending[signed.ID] = true
	}
	for _, tx := range s.chain.Mempool() {
		if id := tx.TxHash(); !pending[id] {
			s.t.Errorf("%s: %v is sent and forgotten", s.name, id)
		}
		for _, out := range tx.TxOut {
			paid[string(out.PkScript)] = true
		}
	}
	if s.pit != nil {
		s.repeatsNothing()
		for _, tx := range s.pit.txs {
			for _, out := range tx.TxOut {
				paid[string(out.PkScript)] = true
			}
		}
		for _, a := range s.pit.revealed {
			shown[a] = true
		}
	}
	for mixdepth := range w.Mixdepths() {
		for _, branch := range []uint32{keys.External, keys.Internal} {
			a, err := w.NextAddress(mixdepth, branch)
			if err != nil {
				s.t.Fatalf("%s: %v", s.name, err)
			}
			if shown[a.Text] || paid[string(a.Script)] {
				s.t.Errorf("D1: %s: %s goes out a second time", s.name, a.Text)
			}
		}
	}
}
