package maker

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestD1RecordedBeforeShown: when coins and addresses leave, the disk knows that
// the commitment is used and the addresses are given away. Whatever crashes
// from then on, neither happens a second time.
func TestD1RecordedBeforeShown(t *testing.T) {
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	payer := wallettest.New(t, chain, []sats.Amount{1_000_000})
	path := filepath.Join(t.TempDir(), "maker.jmw")
	w := walletAt(t, chain, path, 2_000_000)
	taker, err := payer.Coins()
	if err != nil {
		t.Fatal(err)
	}
	proof, err := payer.Commit(taker[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	commitment := proof.Commitment()
	record := filepath.Join(t.TempDir(), "accepted")
	m, err := New(Config{
		Wallet: w, Node: w.Chain(), Terms: bothTerms(), Record: record,
		Connect: func(context.Context) (Daemon, error) { return nil, errors.ErrUnsupported },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.accepted.close()
	m.published, m.talks = m.cfg.Terms.Offers(2_000_000), make(map[uint64]*talk)

	shown := false
	d := &notes{shown: func(a control.IOAuth) {
		shown = true
		text, err := os.ReadFile(record)
		if err != nil || string(text) != hex.EncodeToString(commitment[:])+"\n" {
			t.Errorf("the record has %q (%v)", text, err)
		}
		// What a crash would leave of the wallet now.
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		left := filepath.Join(t.TempDir(), "left.jmw")
		if err := os.WriteFile(left, file, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := wallet.Open(left, wallettest.Password, chain.Config())
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		for mixdepth := range again.Mixdepths() {
			next, err := again.NextAddress(mixdepth, keys.Internal)
			if err != nil {
				t.Fatal(err)
			}
			if next.Text == a.CJAddress || next.Text == a.ChangeAddress {
				t.Errorf("%s would be given away again", next.Text)
			}
		}
	}}
	m.event(t.Context(), d, control.AuthEvent{
		Conversation: 1, Taker: "J5taker111111111", Amount: 1_000_000,
		Commitment: protocol.NewCommitment(commitment), Revelation: proof.String(),
		PubKey: "1ed7ddae22884a57b910cc1a11345bb002c3c93a9959762eb789063d5b8c8c64",
	})
	if !shown {
		t.Errorf("no coins were shown: %+v", d.told)
	}
}

// walletAt makes a wallet at a path, with one coin.
func walletAt(t *testing.T, chain *wallettest.Chain, path string, value sats.Amount) *wallet.Wallet {
	t.Helper()
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Create(path, wallettest.Password, seed, chain.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	address, err := w.NextAddress(0, keys.External)
	if err != nil {
		t.Fatal(err)
	}
	chain.Pay(address.Script, value)
	chain.Mine(1)
	if err := w.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}
