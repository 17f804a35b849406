package wallet_test

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// keptJoin is a wallet with a pending transaction, in which a coin of a maker takes
// part that anybody can spend.
func keptJoin(t *testing.T, c *wallettest.Chain) (w *wallet.Wallet, path string, tx *wire.MsgTx, theirs wire.OutPoint) {
	t.Helper()
	w, path = create(t, newSeed(t), c.Config())
	c.Pay(next(t, w, 0, keys.External).Script, 10_000)
	theirs = c.Pay([]byte{0x51}, 5_000)
	c.Mine(6)
	sync(t, w)
	coin := list(t, w)[0]
	tx = wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&theirs, nil, nil))
	tx.AddTxIn(wire.NewTxIn(&coin.OutPoint, nil, nil))
	tx.AddTxOut(wire.NewTxOut(12_000, []byte{0x51}))
	if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
		t.Fatal(err)
	}
	if err := w.Keep(tx); err != nil {
		t.Fatal(err)
	}
	sync(t, w)
	return w, path, tx, theirs
}

// spendElsewhere puts another spend of the maker's coin into the mempool.
func spendElsewhere(t *testing.T, c *wallettest.Chain, out wire.OutPoint) *wire.MsgTx {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&out, nil, nil))
	tx.AddTxOut(wire.NewTxOut(3_000, []byte{0x51}))
	if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestT20DoubleSpent: a maker spends its coin otherwise after all have signed. Six
// blocks later the CoinJoin is over, our coin is free, and the list says why, also
// after a restart.
func TestT20DoubleSpent(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, path, tx, theirs := keptJoin(t, c)
	spendElsewhere(t, c, theirs)
	for range 10 { // in the mempool it counts for nothing
		sync(t, w)
	}
	c.Mine(1)
	for n := range 6 {
		sync(t, w)
		if p := w.Pending(); len(p) != 1 || p[0].Spent || balances(t, w)[0].Leased != 10_000 {
			t.Fatalf("after %d blocks: %+v, %+v", n+1, p, balances(t, w)[0])
		}
		if n == 2 { // what was noted is on the disk
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if w, err = wallet.Open(path, wallettest.Password, c.Config()); err != nil {
				t.Fatal(err)
			}
			defer w.Close()
		}
		c.Mine(1)
	}
	sync(t, w)
	p := w.Pending()
	if len(p) != 1 || !p[0].Spent || p[0].Seen || p[0].ID != tx.TxHash() {
		t.Fatalf("%+v", p)
	}
	if got := balances(t, w)[0]; got.Leased != 0 || got.Available != 10_000 {
		t.Errorf("%+v", got)
	}
	if sent, err := w.Resend(t.Context()); sent != 0 || err != nil {
		t.Errorf("%d sent again, %v", sent, err)
	}
	if lease := reserve(t, w, wallet.Reservation{Target: 10_000}); len(lease.Coins) != 1 {
		t.Errorf("%+v", lease)
	}
	if err := w.Forget(tx.TxHash()); err != nil {
		t.Error(err)
	}
}

// A spend that a reorganisation takes back, or that is mined late, frees nothing.
func TestT20DoubleSpendTakenBack(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, _, tx, theirs := keptJoin(t, c)
	defer w.Close()
	theft := spendElsewhere(t, c, theirs)
	c.Mine(5)
	sync(t, w)
	c.Reorg(5)
	c.Evict(theft.TxHash())
	c.Mine(1)
	sync(t, w)
	c.Mine(4)
	sync(t, w)
	if p := w.Pending(); len(p) != 1 || p[0].Spent {
		t.Fatalf("%+v", p)
	}
	if balances(t, w)[0].Available != 0 {
		t.Error("the coin is free")
	}
	if sent, err := w.Resend(t.Context()); sent != 1 || err != nil {
		t.Errorf("%d sent again, %v", sent, err)
	}
	c.Mine(1)
	sync(t, w)
	if p := w.Pending(); len(p) != 1 || p[0].Confirmations != 1 || p[0].ID != tx.TxHash() {
		t.Errorf("%+v", p)
	}
}

// A node that gives no answer tells nothing.
func TestT20NoAnswer(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w, _, _, theirs := keptJoin(t, c)
	defer w.Close()
	spendElsewhere(t, c, theirs)
	c.Mine(10)
	w.Chain().(*wallettest.Backend).SetDown(errors.New("gone"))
	if err := w.Sync(t.Context()); err == nil {
		t.Error("synchronised without a node")
	}
	if p := w.Pending(); p[0].Spent || balances(t, w)[0].Leased != sats.Amount(10_000) {
		t.Errorf("%+v", p)
	}
}
