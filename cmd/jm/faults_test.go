package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
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

// writing is a command that writes, as a row of the table of faults.
type writing struct {
	name string
	// prepare readies the scene, on a sound disk; nil: nothing to do.
	prepare func(*scene)
	// args are its words.
	args func(*scene) []string
	// happened tells whether what it is for is in the files.
	happened func(*scene) bool
	// again are the exit statuses, besides 0, that it may have when it is run
	// once more after it happened.
	again []int
	// failed are its exit statuses when a write fails; nil: exitWallet.
	failed []int
	// stands: what was written is not taken back when its last flush fails.
	stands bool
}

// TestW2FaultAtEveryOperation runs every command that writes again and again,
// with the power cut or an error at each operation of the disk in turn. Then
// the old or the new state is there, whatever was shown or sent is remembered,
// and the same command succeeds.
func TestW2FaultAtEveryOperation(t *testing.T) {
	for _, row := range writings {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			operations := row.sound(t)
			for at := 1; at <= operations; at++ {
				row.cut(t, at)
				// A full disk stays full; a bad sector is one.
				row.fail(t, durabletest.Fault{At: at, Err: []error{syscall.ENOSPC, syscall.EROFS}[at%2], Stays: true})
				row.fail(t, durabletest.Fault{At: at, Err: syscall.EIO})
			}
		})
	}
}

// sound runs the command without a fault and returns how many operations it
// takes.
func (w writing) sound(t *testing.T) int {
	t.Helper()
	s := newScene(t, w)
	disk := durabletest.New(durabletest.Fault{})
	if code := s.jm(disk, w.args(s)...); code != exitOK || !w.happened(s) {
		t.Fatalf("%s without a fault: exit status %d, happened: %v\n%s%s", w.name, code, w.happened(s), s.out.String(), s.talk.String())
	}
	operations := disk.Operations()
	if len(operations) < 5 {
		t.Fatalf("%s writes %v only", w.name, operations)
	}
	s.remembers()
	return len(operations)
}

// cut cuts the power at an operation.
func (w writing) cut(t *testing.T, at int) {
	t.Helper()
	s := newScene(t, w)
	disk := durabletest.New(durabletest.Fault{At: at, Err: durabletest.ErrPower})
	code := s.jm(disk, w.args(s)...)
	left := filepath.Join(t.TempDir(), "left")
	if err := os.CopyFS(left, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	// All files are flushed before they get their names, so that with Kept it is
	// as with Torn.
	for _, loss := range []durabletest.Loss{durabletest.Lost, durabletest.Torn} {
		s.name = fmt.Sprintf("power cut at %s (%d), %s", last(disk, at), at, loss)
		if err := errors.Join(os.RemoveAll(s.dir), os.CopyFS(s.dir, os.DirFS(left)), disk.Crash(loss)); err != nil {
			t.Fatal(err)
		}
		if code == exitOK && !w.happened(s) {
			t.Errorf("%s: it said that it was done, and is not\n%s%s", s.name, s.out.String(), s.talk.String())
		}
		s.remembers()
	}
	s.after(w)
}

// fail makes operations fail, and mends the disk afterwards.
func (w writing) fail(t *testing.T, f durabletest.Fault) {
	t.Helper()
	s := newScene(t, w)
	disk := durabletest.New(f)
	code := s.jm(disk, w.args(s)...)
	s.name = fmt.Sprintf("%v at %s (%d)", f.Err, last(disk, f.At), f.At)
	switch happened := w.happened(s); {
	case code == exitOK && !happened:
		t.Errorf("%s: it said that it was done, and is not\n%s%s", s.name, s.out.String(), s.talk.String())
	case happened && w.stands && strings.Contains(s.talk.String(), durable.ErrUnsure.Error()):
	case happened && code != exitOK && code != exitUnsure && !strings.Contains(s.talk.String(), "may be in force"):
		t.Errorf("%s: it failed with %d, and happened all the same\n%s%s", s.name, code, s.out.String(), s.talk.String())
	case code == exitOK || code == exitUnsure:
	case w.failed == nil && code != exitWallet, w.failed != nil && !slices.Contains(w.failed, code):
		t.Errorf("%s: exit status %d\n%s%s", s.name, code, s.out.String(), s.talk.String())
	}
	disk.Mend()
	s.remembers()
	s.after(w)
}

// last names an operation.
func last(disk *durabletest.Disk, at int) string {
	if names := disk.Operations(); at <= len(names) {
		return names[at-1]
	}
	return "the end"
}

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
	return a.run(s.t.Context(), append([]string{"--datadir", s.dir, "--password-file", filepath.Join(s.dir, "password")}, args...))
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
	code := s.jm(sound(), w.args(s)...)
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
	for _, tx := range s.chain.Mempool() {
		if id := tx.TxHash(); !pending[id] {
			s.t.Errorf("%s: %v is sent and forgotten", s.name, id)
		}
		for _, out := range tx.TxOut {
			paid[string(out.PkScript)] = true
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
