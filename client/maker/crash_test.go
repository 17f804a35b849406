package maker

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
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
	event := opening(t, payer)
	commitment, err := event.Commitment.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(t.TempDir(), "accepted")
	m, err := New(Config{
		Wallet: w, Node: withTaker{w.Chain()}, Terms: bothTerms(), Record: record,
		Connect: func(context.Context, Prove) (Daemon, error) { return nil, errors.ErrUnsupported },
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
	m.event(t.Context(), d, event)
	if !shown {
		t.Errorf("no coins were shown: %+v", d.told)
	}
}

// TestD3PowerCutAtEveryOperation: whatever the maker was doing, what it showed
// is never shown again, and what it signed for stays set aside after a restart,
// until it is spent or the time is over.
func TestD3PowerCutAtEveryOperation(t *testing.T) {
	operations := cutConversation(t, 0, durabletest.Kept)
	if operations < 3*5 { // the addresses, the record, the signature
		t.Fatalf("only %d operations", operations)
	}
	for at := 1; at <= operations; at++ {
		for _, loss := range durabletest.Losses() {
			cutConversation(t, at, loss)
		}
	}
}

// cutConversation takes part in a CoinJoin until the power is cut at an
// operation of the disk, and starts again. It returns the number of operations.
func cutConversation(t *testing.T, at int, loss durabletest.Loss) int {
	t.Helper()
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	payer := wallettest.New(t, chain, []sats.Amount{1_000_000})
	folder := t.TempDir()
	path, record := filepath.Join(folder, "maker.jmw"), filepath.Join(folder, "accepted")
	if err := walletAt(t, chain, path, 2_000_000).Close(); err != nil {
		t.Fatal(err)
	}
	disk := durabletest.New(durabletest.Fault{At: at, Err: durabletest.ErrPower})
	cfg := chain.Config()
	cfg.Files = disk
	d, event := &notes{}, opening(t, payer)
	// Whatever fails from here on ends the maker.
	func() {
		w, err := wallet.Open(path, wallettest.Password, cfg)
		if err != nil {
			return
		}
		defer w.Close()
		if err := w.Sync(t.Context()); err != nil {
			return
		}
		m, err := New(Config{
			Wallet: w, Node: withTaker{w.Chain()}, Terms: bothTerms(), Record: record, Files: disk,
			Connect: func(context.Context, Prove) (Daemon, error) { return nil, errors.ErrUnsupported },
		})
		if err != nil {
			return
		}
		defer m.accepted.close()
		m.published, m.talks = m.cfg.Terms.Offers(2_000_000), make(map[uint64]*talk)
		m.event(t.Context(), d, event)
		if talk := m.talks[1]; talk != nil {
			change, err := talk.agreement.Change()
			if err != nil {
				t.Fatal(err)
			}
			tx := coinjoin(t, last[control.IOAuthRequest](t, d).IOAuth, 1_000_000, int64(change), chain.Params())
			m.event(t.Context(), d, control.TxEvent{Conversation: 1, Taker: event.Taker, Tx: serialise(t, tx)})
		}
	}()
	if err := disk.Crash(loss); err != nil {
		t.Fatal(err)
	}

	var shown *control.IOAuth
	signed := false
	for _, what := range d.told {
		switch what := what.(type) {
		case control.IOAuthRequest:
			shown = &what.IOAuth
		case control.SigsRequest:
			signed = true
		}
	}
	if at == 0 && !signed {
		t.Fatalf("without a cut: %+v", d.told)
	}
	again, err := wallet.Open(path, wallettest.Password, chain.Config())
	if err != nil {
		t.Fatalf("cut at %d, %s: %v", at, loss, err)
	}
	defer again.Close()
	accepted, err := openAccepted(durable.OS, record)
	if err != nil {
		t.Fatalf("cut at %d, %s: %v", at, loss, err)
	}
	defer accepted.close()
	if err := again.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	lease, err := again.Reserve(wallet.Reservation{Target: 1, Purpose: "another", TTL: time.Minute})
	if signed != errors.Is(err, coins.ErrFunds) && (signed || loss == durabletest.Lost) {
		t.Errorf("cut at %d, %s: signed %v, and after the restart: %v, %v", at, loss, signed, lease, err)
	}
	if shown == nil {
		return len(disk.Operations())
	}
	commitment, err := event.Commitment.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !accepted.has(commitment) {
		t.Errorf("cut at %d, %s: coins were shown, and the commitment may be used again", at, loss)
	}
	for mixdepth := range again.Mixdepths() {
		next, err := again.NextAddress(mixdepth, keys.Internal)
		if err != nil {
			t.Fatal(err)
		}
		if next.Text == shown.CJAddress || next.Text == shown.ChangeAddress {
			t.Errorf("cut at %d, %s: %s would be given away again", at, loss, next.Text)
		}
	}
	return len(disk.Operations())
}

// opening is a taker's opened commitment to its first coin.
func opening(t testing.TB, payer *wallet.Wallet) control.AuthEvent {
	t.Helper()
	all, err := payer.Coins()
	if err != nil {
		t.Fatal(err)
	}
	proof, err := payer.Commit(all[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	return control.AuthEvent{
		Conversation: 1, Taker: "J5taker111111111", Amount: 1_000_000,
		Commitment: protocol.NewCommitment(proof.Commitment()), Revelation: proof.String(),
		PubKey: "1ed7ddae22884a57b910cc1a11345bb002c3c93a9959762eb789063d5b8c8c64",
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
