package maker

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func TestM28ConversationsOnBitcoind(t *testing.T) {
	node := chaintest.StartBitcoind(t)
	conversations(t, node, func(name string) (chain.Backend, error) {
		return core.New(core.Config{Node: node.Access(), Wallet: name, Params: regtest.Params, Poll: time.Hour})
	})
}

func TestM28ConversationsOnBTCD(t *testing.T) {
	node := chaintest.StartBTCD(t)
	access := node.Access()
	conversations(t, node, func(string) (chain.Backend, error) {
		return btcd.New(btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params})
	})
}

// onNode is a maker and a taker's wallet, which know the chain from a real node,
// and only as of their last synchronisation.
type onNode struct {
	t            *testing.T
	node         *regtest.Node
	maker, taker *wallet.Wallet
	m            *Maker
	notes        *notes
	talks        uint64      // conversations so far
	shown        *wire.MsgTx // to the maker last
}

// conversations plays whole conversations in which something happens to the
// maker's coins that its wallet does not know yet. Each ends without a coin
// being shown, or without a signature; the undisturbed one ends in a block.
func conversations(t *testing.T, node *regtest.Node, open func(name string) (chain.Backend, error)) {
	x := &onNode{t: t, node: node, notes: &notes{}}
	x.maker, x.taker = x.wallet(open, "maker"), x.wallet(open, "taker")
	x.fund(x.taker, 3_000_000)
	month := x.bond(5_000_000) // has ended, and is thawed
	x.fund(x.maker, 700_000, 800_000, 900_000)
	x.mine(6)
	x.sync()
	x.thaw(month)
	m, err := New(Config{
		Wallet: x.maker, Node: x.maker.Chain(), Terms: bothTerms(), Record: filepath.Join(t.TempDir(), "accepted"),
		Connect: func(context.Context, Prove) (Daemon, error) { return nil, errors.ErrUnsupported },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.accepted.close() })
	x.m = m
	m.published, m.talks = m.cfg.Terms.Offers(10_000_000), make(map[uint64]*talk)

	// Neither a bond nor a frozen coin, whatever is asked.
	frozen := x.coin(900_000)
	if err := x.maker.Freeze(coins.ByUser, frozen.OutPoint); err != nil {
		t.Fatal(err)
	}
	x.refused("more than is free", x.auth(1_600_000), protocol.ReasonNoFunds)
	answer, shown := x.auth(1_000_000).(control.IOAuthRequest)
	if !shown || slices.Contains(answer.UTXOs, frozen.OutPoint.String()) || slices.Contains(answer.UTXOs, month.String()) || len(answer.UTXOs) != 2 {
		t.Fatalf("shown is %+v", answer)
	}

	// Shown, and frozen before the transaction comes.
	for _, out := range []wire.OutPoint{x.coin(700_000).OutPoint, x.coin(800_000).OutPoint} {
		if err := x.maker.Freeze(coins.ByUser, out); err != nil {
			t.Fatal(err)
		}
	}
	if what, is := x.tx(answer, 1_000_000).(control.SigsRequest); is {
		t.Errorf("signed for a frozen coin: %+v", what)
	}
	x.end()
	for _, c := range x.coins() {
		if c.Frozen && c.OutPoint != month {
			x.thaw(c.OutPoint)
		}
	}

	// Spent, before it is shown and after.
	x.spend(x.coin(900_000))
	x.refused("spent before it was shown", x.auth(2_000_000), protocol.ReasonBadCoins)
	x.sync()
	answer = x.auth(1_400_000).(control.IOAuthRequest)
	x.spend(x.coin(800_000))
	x.refused("spent after it was shown", x.tx(answer, 1_400_000), protocol.ReasonBadCoins)
	x.end()
	parent := x.mine(1)
	x.sync()

	// Taken out of the chain between the two.
	x.fund(x.maker, 1_700_000)
	x.mine(1)
	x.sync()
	answer = x.auth(1_500_000).(control.IOAuthRequest)
	for range 2 {
		if parent, err = node.MineBlock(t.Context(), regtest.Block{Parent: parent}); err != nil {
			t.Fatal(err)
		}
	}
	x.refused("reorganised", x.tx(answer, 1_500_000), protocol.ReasonBadCoins)
	x.end()
	x.mine(1)
	x.sync()

	// And what is as the wallet thinks.
	answer = x.auth(1_500_000).(control.IOAuthRequest)
	sigs, signed := x.tx(answer, 1_500_000).(control.SigsRequest)
	if !signed {
		t.Fatalf("the last one: %+v", x.notes.told[len(x.notes.told)-1])
	}
	x.broadcast(sigs)
}

// wallet makes an empty wallet on the node.
func (x *onNode) wallet(open func(string) (chain.Backend, error), name string) *wallet.Wallet {
	x.t.Helper()
	b, err := open(name)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { b.Close() })
	seed, err := keys.NewSeed(secret.Text{})
	if err != nil {
		x.t.Fatal(err)
	}
	cfg := wallet.Config{Params: regtest.Params, Chain: b, KDF: wallettest.LightKDF}
	w, err := wallet.Create(filepath.Join(x.t.TempDir(), name), wallettest.Password, seed, cfg)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { w.Close() })
	if err := w.Sync(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	return w
}

func (x *onNode) mine(count int) chain.BlockID {
	x.t.Helper()
	tip, err := x.node.Mine(x.t.Context(), count)
	if err != nil {
		x.t.Fatal(err)
	}
	return tip
}

func (x *onNode) sync() {
	x.t.Helper()
	if err := errors.Join(x.maker.Sync(x.t.Context()), x.taker.Sync(x.t.Context())); err != nil {
		x.t.Fatal(err)
	}
}

func (x *onNode) pay(script []byte, value sats.Amount) wire.OutPoint {
	x.t.Helper()
	tx, err := x.node.Fund(x.t.Context(), wire.NewTxOut(int64(value), script))
	if err != nil {
		x.t.Fatal(err)
	}
	return wire.OutPoint{Hash: tx.TxHash()}
}

func (x *onNode) fund(w *wallet.Wallet, values ...sats.Amount) {
	x.t.Helper()
	for _, value := range values {
		a, err := w.NextAddress(0, keys.External)
		if err != nil {
			x.t.Fatal(err)
		}
		x.pay(a.Script, value)
	}
}

// bond pays a fidelity bond that ended in January 2020.
func (x *onNode) bond(value sats.Amount) wire.OutPoint {
	x.t.Helper()
	a, err := x.maker.BondAddress(0)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.pay(a.Script, value)
}

func (x *onNode) thaw(out wire.OutPoint) {
	x.t.Helper()
	if err := x.maker.Thaw(out); err != nil {
		x.t.Fatal(err)
	}
}

func (x *onNode) coins() []coins.Coin {
	x.t.Helper()
	all, err := x.maker.Coins()
	if err != nil {
		x.t.Fatal(err)
	}
	return all
}

// coin is the maker's coin of that value.
func (x *onNode) coin(value sats.Amount) coins.Coin {
	x.t.Helper()
	for _, c := range x.coins() {
		if c.Value == value {
			return c
		}
	}
	x.t.Fatalf("no coin of %v", value)
	return coins.Coin{}
}

// spend spends a coin of the maker behind the back of its wallet.
func (x *onNode) spend(c coins.Coin) {
	x.t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	tx.AddTxOut(wire.NewTxOut(int64(c.Value-5000), p2wpkh(9)))
	if err := x.maker.SignTx(tx, []coins.Coin{c}); err != nil {
		x.t.Fatal(err)
	}
	if err := x.maker.Chain().Broadcast(x.t.Context(), tx); err != nil {
		x.t.Fatal(err)
	}
}

// last is what the maker told its daemon last.
func (x *onNode) last() any { return x.notes.told[len(x.notes.told)-1] }

func (x *onNode) refused(when string, told any, want protocol.Reason) {
	x.t.Helper()
	if r, is := told.(control.RefuseRequest); !is || r.Reason != want {
		x.t.Errorf("%s: %+v, want a refusal for %s", when, told, want)
	}
}

// auth opens a new commitment to the taker's coin.
func (x *onNode) auth(amount sats.Amount) any {
	x.t.Helper()
	x.talks++
	clear(x.m.accepted.set) // commitments are not what this is about
	event := opening(x.t, x.taker)
	event.Conversation, event.Amount = x.talks, amount
	x.m.event(x.t.Context(), x.notes, event)
	return x.last()
}

// tx shows the maker a transaction with what it answered.
func (x *onNode) tx(a control.IOAuthRequest, amount sats.Amount) any {
	x.t.Helper()
	change, err := x.m.talks[x.talks].agreement.Change()
	if err != nil {
		x.t.Fatal(err)
	}
	tx := coinjoin(x.t, a.IOAuth, int64(amount), int64(change), regtest.Params)
	all, err := x.taker.Coins()
	if err != nil {
		x.t.Fatal(err)
	}
	tx.TxIn[0].PreviousOutPoint = all[0].OutPoint
	tx.AddTxOut(wire.NewTxOut(int64(all[0].Value-amount-20_000), p2wpkh(8)))
	x.shown = tx
	x.m.event(x.t.Context(), x.notes, control.TxEvent{Conversation: x.talks, Taker: "J5taker111111111", Tx: serialise(x.t, tx)})
	return x.last()
}

// end ends the conversation.
func (x *onNode) end() {
	x.m.event(x.t.Context(), x.notes, control.EndedEvent{Conversation: x.talks})
}

// broadcast has the node take the transaction with all signatures into a block.
func (x *onNode) broadcast(sigs control.SigsRequest) {
	x.t.Helper()
	tx, own := x.shown, x.coins()
	for _, text := range sigs.Sigs {
		pushes, err := txsign.ParsePushes(text)
		if err != nil {
			x.t.Fatal(err)
		}
		for i, in := range tx.TxIn {
			for _, c := range own {
				if in.PreviousOutPoint == c.OutPoint {
					_ = pushes.Place(tx, i, txsign.PrevOut{Value: c.Value, Script: c.Script})
				}
			}
		}
	}
	all, err := x.taker.Coins()
	if err != nil {
		x.t.Fatal(err)
	}
	if err := x.taker.SignTx(tx, all[:1]); err != nil {
		x.t.Fatal(err)
	}
	if err := x.taker.Chain().Broadcast(x.t.Context(), tx); err != nil {
		x.t.Fatal(err)
	}
	// What the taker commits to is spent now, though in no block (attack M6).
	x.refused("M6: the taker's coin is spent in the mempool", x.auth(500_000), protocol.ReasonTakerCoin)
	x.mine(1)
	x.sync()
	if got := x.coin(1_500_000); got.Mixdepth != 1 || got.Height == 0 {
		x.t.Errorf("the maker has %+v", got)
	}
}
