package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// TestD3PendingListTellsWhatIsHeld: the list has what a maker was given to send,
// and what this wallet signed as a maker, with the coins and how long they are
// set aside.
func TestD3PendingListTellsWhatIsHeld(t *testing.T) {
	s := newScene(t, writing{})
	deal := wallet.Deal{Tx: wire.NewMsgTx(2), Amount: 1_000_000, Earning: 250}
	deal.Tx.AddTxIn(wire.NewTxIn(&s.coins[0], nil, nil))
	deal.Tx.AddTxOut(wire.NewTxOut(1_000_000, []byte{0x51}))
	given := deal.Tx.Copy()
	given.TxIn[0].PreviousOutPoint = s.coins[1]
	s.with("default", func(w *wallet.Wallet) bool {
		if err := w.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		lease, err := w.Lease("a taker", time.Minute, func(wallet.Choice) ([]coins.Coin, error) {
			all, err := w.Coins()
			for _, c := range all {
				if c.OutPoint == s.coins[0] {
					return []coins.Coin{c}, nil
				}
			}
			return nil, err
		})
		if err == nil {
			err = w.Hold(lease, time.Hour, deal)
		}
		if err == nil {
			err = w.Keep(given)
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	text := s.must("wallet", "pending", "list")
	for _, words := range []string{
		given.TxHash().String(), "a maker was given it to send",
		deal.Tx.TxHash().String(), "signed as a maker, 0.01000000 BTC, earns 250 sat", "set aside until 20", s.coins[0].String(),
	} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not in\n%s", words, text)
		}
	}
	if alone := s.must("wallet", "pending"); alone != text {
		t.Errorf("jm wallet pending alone prints\n%s", alone)
	}
	if code := s.jm(sound(), "wallet", "pending", "lst"); code != exitUsage {
		t.Errorf("an unknown command of the group: exit status %d", code)
	}
	var list struct {
		Pending []pendingTx
		Signed  []signedTx
	}
	if err := json.Unmarshal([]byte(s.must("--json", "wallet", "pending", "list")), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Pending) != 1 || !list.Pending[0].Others || len(list.Signed) != 1 || list.Signed[0].State != "lost" ||
		len(list.Signed[0].Coins) != 1 || list.Signed[0].Until == "" {
		t.Errorf("%+v", list)
	}
}

// TestT20PendingListTellsDoubleSpends: a CoinJoin of which a maker's coin is gone
// is listed as such, and our coin is free.
func TestT20PendingListTellsDoubleSpends(t *testing.T) {
	s := newScene(t, writing{})
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&s.coins[0], nil, nil))
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: s.coins[0].Hash, Index: 77}, nil, nil)) // the chain has none
	tx.AddTxOut(wire.NewTxOut(1_000_000, []byte{0x51}))
	s.with("default", func(w *wallet.Wallet) bool {
		if err := w.Keep(tx); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if text := s.must("wallet", "pending", "list"); !strings.Contains(text, "a maker was given it to send") {
		t.Errorf("at first\n%s", text)
	}
	s.chain.Mine(6)
	if text := s.must("wallet", "pending", "list"); !strings.Contains(text, tx.TxHash().String()) || !strings.Contains(text, "another participant spent a coin of it otherwise") {
		t.Errorf("six blocks later\n%s", text)
	}
	if text := s.must("wallet", "pending", "list", "--json"); !strings.Contains(text, `"state": "double-spent"`) {
		t.Errorf("as JSON\n%s", text)
	}
	if text := s.must("wallet", "show"); strings.Contains(text, "set aside") || strings.Contains(text, "leased") {
		t.Errorf("the coin is not free:\n%s", text)
	}
}
