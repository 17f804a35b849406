package inprocess_test

import (
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
)

// TestM27BondSeen: whoever asks for offers is shown the maker's fidelity bond,
// by a proof made for it, which it can verify by its own node.
func TestM27BondSeen(t *testing.T) {
	m := newMarket(t, ircServer(t))
	y := m.maker(500, 10_000_000)
	address, err := y.BondAddress((time.Now().Year() - 2018) * 12)
	if err != nil {
		t.Fatal(err)
	}
	out := m.chain.Pay(address.Script, 3_000_000)
	m.chain.Mine(1)
	if e := until[maker.Announced](m, y); e.Bond == nil || e.Bond.OutPoint != out {
		t.Fatalf("announced %+v", e)
	}
	watcher, err := m.connect(m.dialer(), control.RoleWatcher)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	book, err := taker.Book(m.ctx, watcher, taker.BookWait{Enough: 1, Quiet: 100 * time.Millisecond, Limit: deadline})
	if err != nil || len(book.Bonds) != 1 || len(book.Offers) != 2 {
		t.Fatalf("%+v, %v", book, err)
	}
	b := book.Bonds[0]
	proof, err := bond.Parse(b.Proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Verify(string(watcher.Nick()), string(b.Nick)); err != nil || proof.OutPoint != out {
		t.Errorf("%v: %v", proof.OutPoint, err)
	}
	coin, err := y.Chain().TxOut(m.ctx, out)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.CheckCoin(bond.Coin{Script: coin.Script, Confirmations: coin.Confirmations}, m.chain.Height()); err != nil || coin.Value != sats.Amount(3_000_000) {
		t.Error(err)
	}
}
