package maker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestD3SignedBeforeTheRestart: a maker that starts again still broadcasts what
// it signed before, and tells what it earned by it, once.
func TestD3SignedBeforeTheRestart(t *testing.T) {
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	payer := wallettest.New(t, chain, []sats.Amount{1_000_000})
	folder := t.TempDir()
	path := filepath.Join(folder, "maker.jmw")
	if err := walletAt(t, chain, path, 2_000_000).Close(); err != nil {
		t.Fatal(err)
	}
	node := &relay{}
	var events []string
	// start runs a maker while do lasts.
	start := func(do func(*Maker)) {
		t.Helper()
		w, err := wallet.Open(path, wallettest.Password, chain.Config())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if err := w.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		node.Node = w.Chain()
		m, err := New(Config{
			Wallet: w, Node: withTaker{node}, Terms: bothTerms(), Record: filepath.Join(folder, "accepted"),
			Connect: func(context.Context, Prove) (Daemon, error) { return nil, errors.ErrUnsupported },
			Notify: func(e Event) {
				text := fmt.Sprintf("%T", e)[len("maker."):]
				if e, is := e.(Earned); is {
					text += fmt.Sprintf(" %d of %d", e.Earning, e.Amount)
				}
				events = append(events, text)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer m.accepted.close()
		m.published, m.talks = m.cfg.Terms.Offers(2_000_000), make(map[uint64]*talk)
		m.watch()
		do(m)
	}

	var tx *wire.MsgTx
	var earning sats.Amount
	start(func(m *Maker) {
		d, e := &notes{}, opening(t, payer)
		m.event(t.Context(), d, e)
		change, err := m.talks[1].agreement.Change()
		if err != nil {
			t.Fatal(err)
		}
		if earning, err = m.talks[1].agreement.Earning(); err != nil {
			t.Fatal(err)
		}
		tx = coinjoin(t, last[control.IOAuthRequest](t, d).IOAuth, 1_000_000, int64(change), chain.Params())
		m.event(t.Context(), d, control.TxEvent{Conversation: 1, Taker: e.Taker, Tx: serialise(t, tx)})
		last[control.SigsRequest](t, d)
	})
	events = nil
	start(func(m *Maker) {
		whole := tx.Copy()
		for _, in := range whole.TxIn {
			in.Witness = wire.TxWitness{make([]byte, 72), make([]byte, 33)}
		}
		m.event(t.Context(), &notes{}, control.PushEvent{Taker: "J5other111111111", Tx: serialise(t, whole)})
		if len(node.sent) != 1 || node.sent[0].TxHash() != tx.TxHash() {
			t.Errorf("broadcast were %v", node.sent)
		}
	})
	if events != nil {
		t.Errorf("told before it was mined: %v", events)
	}
	chain.Confirm(tx)
	start(func(*Maker) {})
	start(func(*Maker) {})
	if want := []string{"Seen", fmt.Sprintf("Earned %d of 1000000", earning)}; !slices.Equal(events, want) {
		t.Errorf("told after it was mined: %v, want %v", events, want)
	}
}
