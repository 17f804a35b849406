package maker

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

func TestM28OnBitcoind(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	b, err := core.New(core.Config{Node: node.Access(), Wallet: "maker", Params: regtest.Params, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ownCoins(t, node, b)
}

func TestM28OnBTCD(t *testing.T) {
	node := chaintest.StartBTCD(t)
	access := node.Access()
	b, err := btcd.New(btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ownCoins(t, node, b)
}

// ownCoins asks a real node what is asked before coins are revealed, and again
// before they are signed for: whatever the wallet believes, a coin that was
// spent, or came out of the chain, is not used.
func ownCoins(t *testing.T, node *regtest.Node, b chain.Backend) {
	m := &Maker{cfg: Config{Node: b}}
	judge := func(when string, c coins.Coin, want protocol.Reason) {
		t.Helper()
		err := m.checkOwn(t.Context(), []coins.Coin{c})
		var refused *refusal
		if want == "" && err != nil || want != "" && (!errors.As(err, &refused) || refused.reason != want) {
			t.Errorf("%s: %v, want %q", when, err, want)
		}
	}
	mine := func() chain.BlockID {
		t.Helper()
		tip, err := node.Mine(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return tip
	}
	anyone := []byte{txscript.OP_TRUE}
	program := sha256.Sum256(anyone)
	script := append([]byte{txscript.OP_0, sha256.Size}, program[:]...)
	fund := func() coins.Coin {
		t.Helper()
		tx, err := node.Fund(t.Context(), wire.NewTxOut(700_000, script))
		if err != nil {
			t.Fatal(err)
		}
		return coins.Coin{OutPoint: wire.OutPoint{Hash: tx.TxHash()}, Value: 700_000, Script: script}
	}

	coin := fund()
	judge("unconfirmed", coin, protocol.ReasonBadCoins)
	mine()
	judge("confirmed", coin, "")
	other := coin
	other.Value++
	judge("of another value", other, protocol.ReasonBadCoins)
	spend := wire.NewMsgTx(2)
	spend.AddTxIn(wire.NewTxIn(&coin.OutPoint, nil, wire.TxWitness{anyone}))
	spend.AddTxOut(wire.NewTxOut(690_000, script))
	if err := b.Broadcast(t.Context(), spend); err != nil {
		t.Fatal(err)
	}
	judge("spent in the mempool", coin, protocol.ReasonBadCoins)
	parent := mine()
	judge("spent in a block", coin, protocol.ReasonBadCoins)

	coin = fund()
	mine()
	judge("confirmed", coin, "")
	for range 2 {
		tip, err := node.MineBlock(t.Context(), regtest.Block{Parent: parent})
		if err != nil {
			t.Fatal(err)
		}
		parent = tip
	}
	judge("reorganised", coin, protocol.ReasonBadCoins)
	mine()
	judge("confirmed again", coin, "")
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	judge("without a node", coin, protocol.ReasonChain)
}
