package e2e

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

// depth of reorganisations, in blocks.
const depth = 6

// reorganisation takes six blocks back, with a deposit and an own payment, which
// then come into other blocks.
func reorganisation(t *testing.T, p *place) {
	h := p.holder(t, "")
	h.earn(0, 500_000, 200_000)
	parent := p.tip(t)
	p.fund(t, h.address(1, keys.External).Script, 300_000)
	r := h.pay(100_000, nobody, h.coin(500_000))
	p.awaitMempool(t, r.Tx)
	p.mine(t, depth)
	h.catchUp()
	want := h.balances()
	change := 400_000 - r.Quote.Fee
	if want[0].Available != 200_000+change || want[1].Available != 300_000 || len(h.Pending()) != 0 {
		t.Fatalf("six blocks deep: %+v", want)
	}

	p.mineOn(t, parent, depth+1)
	h.catchUp()
	if b := h.balances(); b[0].Available != 200_000 || b[1].Available != 0 {
		t.Errorf("taken back: %+v", b)
	}
	if !p.light {
		h.await("what is unconfirmed again", func() bool {
			b := h.balances()
			return b[0].Unconfirmed == change && b[1].Unconfirmed == 300_000
		})
	}
	p.awaitMempool(t, r.Tx)
	p.mine(t, 1)
	h.catchUp()
	if got := h.balances(); !slices.Equal(got, want) {
		t.Errorf("in other blocks: %+v, want %+v", got, want)
	}
}

// conflict takes a deposit back for good, and what was paid from it.
func conflict(t *testing.T, p *place) {
	payer, h := p.holder(t, "payer"), p.holder(t, "payee")
	payer.earn(0, 500_000)
	h.earn(1, 50_000)
	parent := p.tip(t)
	coin := payer.coin(500_000)
	deposit := payer.sign(1000, h.address(0, keys.External).Script, coin)
	takenBack := payer.sign(2000, payer.address(0, keys.Internal).Script, coin)
	block := p.mineOn(t, parent, 1, deposit)
	h.catchUp()
	got := h.coin(499_000)
	p.mineOn(t, p.mineOn(t, block, 1, h.sign(1000, h.address(1, keys.Internal).Script, got)), depth-2)
	h.catchUp()
	if b := h.balances(); b[0].Total() != 0 || b[1].Available != 548_000 {
		t.Fatalf("before: %+v", b)
	}

	p.mineOn(t, parent, depth+1, takenBack)
	h.catchUp()
	payer.catchUp()
	if b := h.balances(); b[0].Total() != 0 || b[1].Total() != 50_000 {
		t.Errorf("taken back: %+v", b)
	}
	if !p.light { // which knows no more of it
		h.awaitSpent(got)
	}
	h.refuses(wallet.ErrNotOurs, got) // M28
	if got := payer.available(0); got != 498_000 {
		t.Errorf("the payer has %v", got)
	}
}

// evicted: the node restarts, and its mempool is empty. What was paid to the
// wallet is gone, what it pays is not: the coins stay set aside until the
// payment is sent again or given up.
func evicted(t *testing.T, p *place) {
	payer, h := p.holder(t, "payer"), p.holder(t, "payee")
	payer.earn(0, 900_000)
	h.earn(0, 500_000, 400_000, 300_000)
	kept := h.pay(100_000, nobody, h.coin(500_000))
	dropped := h.pay(100_000, nobody, h.coin(400_000))
	late := h.sign(1000, nobody, h.coin(300_000))
	address := h.address(1, keys.Internal)
	deposit := payer.pay(50_000, address.Script)
	h.await("the deposit", func() bool { return h.balances()[1].Unconfirmed == 50_000 })
	before := h.balances()

	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := h.Sync(timed(t)); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("without a node: %v", err)
	}
	if got := h.balances(); !slices.Equal(got, before) {
		t.Errorf("without a node: %+v, want the last known %+v", got, before)
	}
	if _, err := h.Reserve(wallet.Reservation{Target: 1, TTL: time.Minute}); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("coins set aside without a node: %v", err)
	}
	if err := h.Publish(timed(t), late); !errors.Is(err, wallet.ErrKept) {
		t.Errorf("sent without a node: %v", err)
	}
	if err := p.Resume(timed(t)); err != nil {
		t.Fatal(err)
	}

	h.await("the eviction", func() bool { return h.balances()[1].Total() == 0 })
	if b := h.balances()[0]; b.Leased != 1_200_000 || b.Total() != b.Leased {
		t.Errorf("evicted: %+v", b)
	}
	if _, err := h.Reserve(wallet.Reservation{Target: 1, TTL: time.Minute}); !errors.Is(err, coins.ErrFunds) {
		t.Errorf("a coin of an evicted payment is given out: %v", err)
	}
	if a := h.address(1, keys.Internal); a.Path.Index <= address.Path.Index {
		t.Errorf("address %d is handed out after %d", a.Path.Index, address.Path.Index)
	}
	if err := h.Forget(dropped.Tx.TxHash()); err != nil {
		t.Fatal(err)
	}
	if got := h.available(0); got != 400_000 {
		t.Errorf("given up: %v available", got)
	}
	if n, err := h.Resend(timed(t)); n != 2 || err != nil {
		t.Errorf("sent %d again: %v", n, err)
	}
	payer.catchUp()
	if n, err := payer.Resend(timed(t)); n != 1 || err != nil {
		t.Errorf("the payer sent %d again: %v", n, err)
	}
	has := p.mempool(t)
	if len(has) != 3 || !has[kept.Tx.TxHash()] || !has[late.TxHash()] || !has[deposit.Tx.TxHash()] {
		t.Errorf("the node has %v", has)
	}
	p.mine(t, 1)
	h.catchUp()
	if b := h.balances(); b[0].Available != 800_000-kept.Quote.Fee || b[0].Total() != b[0].Available || b[1].Available != 50_000 {
		t.Errorf("at the end: %+v", b)
	}
}
