package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestM25OwnIsKnown: own makers are those of this process, by every name they had,
// and those of other wallets in the folder, with their bonds.
func TestM25OwnIsKnown(t *testing.T) {
	s := newScene(t, writing{})
	a := &app{log: slog.New(slog.DiscardHandler)}
	a.cfg.Dir = s.dir
	for _, nick := range []protocol.Nick{"J5first111111111", "J5second11111111"} {
		a.ourNicks.add(nick)
	}
	bond := s.coins[0].String()
	life, err := json.Marshal(makerLife{Version: lifeVersion, Since: 1, Nick: "J5other111111111", Bond: &shownBond{OutPoint: bond}})
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(s.dir, "wallets", "other"+walletExt)
	for path, text := range map[string][]byte{other: nil, lifeFile(other): life, lifeFile(s.path("default")): []byte("{")} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own := a.own()
	for _, nick := range []protocol.Nick{"J5first111111111", "J5second11111111", "J5other111111111"} {
		if !slices.Contains(own.Nicks, nick) {
			t.Errorf("%s is not known: %v", nick, own.Nicks)
		}
	}
	if !slices.Contains(own.Bonds, s.coins[0]) {
		t.Errorf("the bond is not known: %v", own.Bonds)
	}
	for range 3 * maxNicks {
		a.ourNicks.add("J5last1111111111")
	}
	if n := len(a.ourNicks.list()); n != maxNicks {
		t.Errorf("%d nicks are remembered", n)
	}
}

// TestMakerOnlyByDefault: jm yieldgenerator opens its wallet for a maker only, and
// another jm is told what to do about a wallet that is in use.
func TestMakerOnlyByDefault(t *testing.T) {
	s := newScene(t, writing{})
	none, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	a := &app{
		term: &terminal{in: none, out: &s.out, err: &s.talk}, files: sound(), dir: s.dir,
		password: secretSource{file: filepath.Join(s.dir, "password"), fd: -1},
		node:     func() (chain.Backend, error) { return s.chain.Backend(), nil },
	}
	if err := a.load(); err != nil {
		t.Fatal(err)
	}
	w, done, err := a.openMaker(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.Coins()
	if err != nil {
		t.Fatal(err)
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&all[0].OutPoint, nil, nil))
	tx.AddTxOut(wire.NewTxOut(1_000_000, []byte{0x51}))
	if err := w.SignTx(tx, []coins.Coin{all[0]}); !errors.Is(err, wallet.ErrMakerOnly) || exitCode(err) != exitWallet {
		t.Errorf("a payment: %v, exit status %d", err, exitCode(err))
	}
	if code := s.jm(sound(), "wallet", "show"); code != exitWallet || !strings.Contains(s.talk.String(), "jm sendpayment --maker") {
		t.Errorf("exit status %d\n%s", code, s.talk.String())
	}
	life := newLifeWriter(a.files, s.path("default"), a.log)
	life.life.saw(maker.Announced{}, time.Now())
	life.save()
	if code := s.jm(sound(), "wallet", "show"); code != exitWallet || !strings.Contains(s.talk.String(), "Its maker runs, since 20") {
		t.Errorf("exit status %d\n%s", code, s.talk.String())
	}
	life.end()
	done()
	if code := s.jm(sound(), "sendpayment", "0.001", foreign, "--maker=always"); code != exitUsage || !strings.Contains(s.talk.String(), "--maker=stay") {
		t.Errorf("exit status %d\n%s", code, s.talk.String())
	}
	if code := s.jm(sound(), "sendpayment", "0.001", foreign, "-N", "0", "--maker"); code != exitUsage {
		t.Errorf("exit status %d\n%s", code, s.talk.String())
	}
}
