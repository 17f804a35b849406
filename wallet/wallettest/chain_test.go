package wallettest

import (
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

func watching(t *testing.T, c *Chain, birth time.Time, script []byte) *Backend {
	t.Helper()
	b := c.Backend()
	err := b.Watch(t.Context(), []chain.Branch{{
		Script: func(uint32) ([]byte, error) { return script, nil },
		Count:  1,
		Birth:  birth,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func update(t *testing.T, b *Backend, since chain.BlockID) chain.Update {
	t.Helper()
	u, err := b.Sync(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSync(t *testing.T) {
	c := NewChain(&chaincfg.RegressionNetParams)
	script, foreign := []byte{0x51, 1}, []byte{0x51, 2}
	b := watching(t, c, time.Time{}, script)
	first := c.Pay(script, 1000)
	c.Pay(foreign, 1000)
	c.Mine(2)
	u := update(t, b, chain.BlockID{})
	if u.Fork.Height != 0 || u.Tip.Height != 2 || len(u.Txs) != 1 || u.Txs[0].Msg.TxHash() != first.Hash || u.Txs[0].Block.Height != 1 {
		t.Fatalf("from the beginning: %+v", u)
	}
	since := u.Tip.BlockID
	if u := update(t, b, since); u.Fork != since || len(u.Txs) != 0 {
		t.Errorf("nothing new: %+v", u)
	}
	c.Reorg(2)
	u = update(t, b, since)
	if u.Fork.Height != 0 || u.Tip.Height != 3 || len(u.Txs) != 1 || u.Txs[0].Block != (chain.BlockID{}) {
		t.Errorf("after a reorganisation: %+v", u)
	}
	replaced := c.DoubleSpend(first.Hash)
	if u := update(t, b, u.Tip.BlockID); len(u.Txs) != 0 || replaced == nil {
		t.Errorf("after a double spend: %+v", u)
	}
	late := watching(t, c, time.Now().Add(time.Hour), script)
	c.Pay(script, 500)
	c.Mine(1)
	if u := update(t, late, chain.BlockID{}); len(u.Txs) != 0 {
		t.Errorf("before the birth: %+v", u)
	}
}

func TestTxOutAndChanges(t *testing.T) {
	c := NewChain(&chaincfg.RegressionNetParams)
	b := c.Backend()
	out := c.Pay([]byte{0x51}, 1000)
	select {
	case <-b.Changes():
	default:
		t.Error("a payment does not wake the backend")
	}
	for confirmations := range int32(3) {
		got, err := b.TxOut(t.Context(), out)
		if err != nil || got.Value != 1000 || got.Confirmations != confirmations || got.Coinbase {
			t.Errorf("%+v, %v; want %d confirmations", got, err, confirmations)
		}
		c.Mine(1)
	}
	if _, err := b.TxOut(t.Context(), wire.OutPoint{}); !errors.Is(err, chain.ErrNoTxOut) {
		t.Errorf("no such output: %v", err)
	}
	c.SetFeeRate(0)
	if _, err := b.FeeRate(t.Context(), 6); !errors.Is(err, chain.ErrNoEstimate) {
		t.Errorf("no estimate: %v", err)
	}
	down := errors.New("down")
	b.SetDown(down)
	if _, err := b.Tip(t.Context()); !errors.Is(err, chain.ErrUnreachable) || !errors.Is(err, down) {
		t.Errorf("down: %v", err)
	}
}

func TestLockTimes(t *testing.T) {
	c := NewChain(&chaincfg.RegressionNetParams)
	anyone := []byte{0x51} // OP_TRUE
	out := c.Pay(anyone, 100_000)
	c.Mine(20)
	median := update(t, c.Backend(), chain.BlockID{}).Tip.MedianTime.Unix()
	for _, test := range []struct {
		lockTime uint32
		sequence uint32
		final    bool
	}{
		{0, 0, true}, {20, 0, true}, {21, 0, false}, {21, wire.MaxTxInSequenceNum, true},
		{uint32(median) - 1, 0, true}, {uint32(median), 0, false}, {uint32(median), wire.MaxTxInSequenceNum, true},
	} {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(wire.NewTxIn(&out, nil, nil))
		tx.AddTxOut(wire.NewTxOut(90_000, anyone))
		tx.LockTime, tx.TxIn[0].Sequence = test.lockTime, test.sequence
		if got := c.final(tx); got != test.final {
			t.Errorf("lock time %d, sequence %x, median time %d: final %v", test.lockTime, test.sequence, median, got)
		}
	}
	early := wire.NewMsgTx(2)
	early.AddTxIn(wire.NewTxIn(&out, nil, nil))
	early.TxIn[0].Sequence, early.LockTime = 0, 1000
	early.AddTxOut(wire.NewTxOut(90_000, anyone))
	if err := c.Backend().Broadcast(t.Context(), early); !errors.Is(err, chain.ErrRejected) {
		t.Errorf("before its lock time: %v", err)
	}
}
