package wallet_test

import (
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// fundBond has coins of the wallet pay outputs, the first to a bond, and returns
// the bond as the wallet lists it.
func fundBond(t *testing.T, c *wallettest.Chain, w *wallet.Wallet, from []coins.Coin, to ...*wire.TxOut) wallet.Bond {
	t.Helper()
	tx := wire.NewMsgTx(2)
	for _, coin := range from {
		tx.AddTxIn(wire.NewTxIn(&coin.OutPoint, nil, nil))
	}
	for _, out := range to {
		tx.AddTxOut(out)
	}
	if err := w.SignTx(tx, from); err != nil {
		t.Fatal(err)
	}
	if err := w.Chain().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	c.Mine(1)
	sync(t, w)
	all := bonds(t, w)
	at := slices.IndexFunc(all, func(b wallet.Bond) bool { return b.OutPoint == wire.OutPoint{Hash: tx.TxHash()} })
	if at < 0 {
		t.Fatalf("no bond of %v among %+v", tx.TxHash(), all)
	}
	return all[at]
}

// joined makes the wallet the owner of one of the equal outputs of a CoinJoin,
// and of the change of it.
func joined(t *testing.T, c *wallettest.Chain, w *wallet.Wallet, equal, change sats.Amount) (out, rest coins.Coin) {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: [32]byte{1}, Index: uint32(c.Height())}, nil, nil))
	for _, value := range []sats.Amount{equal, change} {
		a, err := w.NextAddress(0, keys.Internal)
		if err != nil {
			t.Fatal(err)
		}
		tx.AddTxOut(wire.NewTxOut(int64(value), a.Script))
	}
	for i, value := range []sats.Amount{equal, change + 1} {
		tx.AddTxOut(wire.NewTxOut(int64(value), append([]byte{0, 20, byte(i)}, make([]byte, 19)...)))
	}
	c.Confirm(tx)
	sync(t, w)
	for _, coin := range list(t, w) {
		switch coin.OutPoint {
		case wire.OutPoint{Hash: tx.TxHash()}:
			out = coin
		case wire.OutPoint{Hash: tx.TxHash(), Index: 1}:
			rest = coin
		}
	}
	return out, rest
}

func TestP6LinksOfABond(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{900_000, 800_000})
	deposits := list(t, w)
	out, rest := joined(t, c, w, 500_000, 300_000)
	again, _ := joined(t, c, w, 400_000, 200_000)
	month := nextMonth(t)
	bondAddress(t, w, month)
	sync(t, w)
	bondOut := func(value int64) *wire.TxOut { return wire.NewTxOut(value, bondAddress(t, w, month).Script) }
	own, err := w.NextAddress(0, keys.Internal)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, b wallet.Bond, want ...wallet.Link) {
		t.Helper()
		equal := func(a, b wallet.Link) bool {
			return a.Kind == b.Kind && a.Coin.OutPoint == b.Coin.OutPoint && a.Coin.Value == b.Coin.Value
		}
		if !slices.EqualFunc(b.Links, want, equal) || b.Confirmed.IsZero() {
			t.Errorf("P6: %s: %+v, want %+v", what, b.Links, want)
		}
	}

	// What a payment would do is told before it is made.
	if links, isBond := w.BondSources(bondAddress(t, w, month).Script, []coins.Coin{out, deposits[0], rest}); !isBond ||
		len(links) != 2 || links[0].Coin.OutPoint != deposits[0].OutPoint || links[1].Kind != wallet.LinkSource {
		t.Errorf("P6: %v, %+v", isBond, links)
	}
	if links, isBond := w.BondSources(own.Script, deposits); isBond || links != nil {
		t.Errorf("P6: an ordinary address: %+v", links)
	}

	expect("from an output of a CoinJoin, whole", fundBond(t, c, w, []coins.Coin{out}, bondOut(490_000)))
	expect("from a deposit", fundBond(t, c, w, deposits[:1], bondOut(890_000)),
		wallet.Link{Kind: wallet.LinkSource, Coin: deposits[0]})
	expect("from the change of a CoinJoin", fundBond(t, c, w, []coins.Coin{rest}, bondOut(290_000)),
		wallet.Link{Kind: wallet.LinkSource, Coin: rest})
	b := fundBond(t, c, w, []coins.Coin{again}, bondOut(100_000), wire.NewTxOut(290_000, own.Script))
	change := coins.Coin{OutPoint: wire.OutPoint{Hash: b.OutPoint.Hash, Index: 1}, Value: 290_000}
	expect("with change", b, wallet.Link{Kind: wallet.LinkChange, Coin: change})
	b = fundBond(t, c, w, deposits[1:2], bondOut(300_000), bondOut(490_000))
	twin := coins.Coin{OutPoint: wire.OutPoint{Hash: b.OutPoint.Hash, Index: 1}, Value: 490_000}
	expect("two at once", b, wallet.Link{Kind: wallet.LinkSource, Coin: deposits[1]}, wallet.Link{Kind: wallet.LinkBond, Coin: twin})

	at := c.Pay(bondAddress(t, w, month).Script, 700_000)
	sync(t, w)
	find := func() wallet.Bond {
		all := bonds(t, w)
		return all[slices.IndexFunc(all, func(b wallet.Bond) bool { return b.OutPoint == at })]
	}
	if b := find(); !b.Confirmed.IsZero() {
		t.Errorf("unconfirmed: %+v", b)
	}
	c.Mine(1)
	sync(t, w)
	expect("from somebody else", find(), wallet.Link{Kind: wallet.LinkPayer})
}

// TestP6RenewedBond: what is paid from a bond is tied to it.
func TestP6RenewedBond(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c)
	c.Pay(bondAddress(t, w, lastMonth(t)).Script, 700_000)
	c.Mine(1)
	sync(t, w)
	old := bonds(t, w)[0]
	thaw(t, w, old.OutPoint)
	tx := release(old.Coin, old.LockTime())
	tx.TxOut[0].PkScript = bondAddress(t, w, nextMonth(t)).Script
	if err := w.SignTx(tx, []coins.Coin{old.Coin}); err != nil {
		t.Fatal(err)
	}
	if err := w.Chain().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	sync(t, w)
	all := bonds(t, w)
	if len(all) != 1 || len(all[0].Links) != 1 || all[0].Links[0].Kind != wallet.LinkBond || all[0].Links[0].Coin.OutPoint != old.OutPoint {
		t.Errorf("P6: %+v", all)
	}
}
