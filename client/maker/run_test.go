package maker

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// stage is a daemon whose part the test plays.
type stage struct {
	events chan any
	told   chan any
	ended  error
}

func (s *stage) tell(ctx context.Context, what any) error {
	select {
	case s.told <- what:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stage) Ready(context.Context) error { return nil }
func (s *stage) Events() <-chan any          { return s.events }
func (s *stage) Err() error                  { return s.ended }
func (s *stage) Close()                      {}
func (s *stage) Announce(ctx context.Context, r control.AnnounceRequest) error {
	return s.tell(ctx, r.Offers)
}
func (s *stage) IOAuth(ctx context.Context, r control.IOAuthRequest) error { return s.tell(ctx, r) }
func (s *stage) Sigs(ctx context.Context, r control.SigsRequest) error     { return s.tell(ctx, r) }
func (s *stage) Refuse(ctx context.Context, r control.RefuseRequest) error { return s.tell(ctx, r) }

// market is a running maker with a daemon played by the test, and a taker's
// wallet on the same chain.
type market struct {
	t        *testing.T
	chain    *wallettest.Chain
	maker    *wallet.Wallet
	taker    *wallet.Wallet
	sessions chan *stage // each new session of the maker
	events   chan Event  // what the maker told its user
}

func newMarket(t *testing.T, change func(*Config), amounts ...[]sats.Amount) *market {
	t.Helper()
	chain := wallettest.NewChain(&chaincfg.RegressionNetParams)
	x := &market{
		t:        t,
		chain:    chain,
		maker:    wallettest.New(t, chain, amounts...),
		taker:    wallettest.New(t, chain, []sats.Amount{3_000_000, 2_000_000, 1_000_000}),
		sessions: make(chan *stage, 1),
		events:   make(chan Event, 100),
	}
	cfg := Config{
		Wallet: x.maker,
		Node:   x.maker.Chain(),
		Connect: func(context.Context, Prove) (Daemon, error) {
			s := &stage{events: make(chan any), told: make(chan any)}
			x.sessions <- s
			return s, nil
		},
		Terms:  bothTerms(),
		Record: filepath.Join(t.TempDir(), "accepted"),
		// At once, as far as the offers do change.
		Reannounce: 1,
		Notify:     func(e Event) { x.events <- e },
	}
	if change != nil {
		change(&cfg)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("the maker ended: %v", err)
		}
	})
	running.Go(func() { x.maker.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return x
}

// within receives a value that is a T.
func within[T, V any](x *market, c <-chan V) T {
	x.t.Helper()
	select {
	case v := <-c:
		if got, ok := any(v).(T); ok {
			return got
		}
		x.t.Fatalf("%T %+v, want a %T", v, v, *new(T))
	case <-time.After(10 * time.Second):
		x.t.Fatalf("no %T within 10 s", *new(T))
	}
	panic("not reached")
}

// until receives the user's events up to the first T.
func until[T Event](x *market) T {
	x.t.Helper()
	for {
		if e, ok := within[Event](x, x.events).(T); ok {
			return e
		}
	}
}

// fill is the event of a taker that opens a commitment to one of its coins.
func (x *market) fill(conversation uint64, amount sats.Amount) control.AuthEvent {
	x.t.Helper()
	coin := x.takerCoin()
	proof, err := x.taker.Commit(coin, int(conversation)%3)
	if err != nil {
		x.t.Fatal(err)
	}
	return control.AuthEvent{
		Conversation: conversation,
		Taker:        "J5taker111111111",
		Amount:       amount,
		Commitment:   protocol.NewCommitment(proof.Commitment()),
		Revelation:   proof.String(),
		PubKey:       "1ed7ddae22884a57b910cc1a11345bb002c3c93a9959762eb789063d5b8c8c64",
	}
}

func (x *market) takerCoin() coins.Coin {
	x.t.Helper()
	if err := x.taker.Sync(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	all, err := x.taker.Coins()
	if err != nil || len(all) == 0 {
		x.t.Fatalf("the taker has no coins: %v", err)
	}
	return all[0]
}

// join builds the transaction for one maker's answer; the taker leaves fee to
// the miner.
func (x *market) join(a control.IOAuth, amount, change sats.Amount) *wire.MsgTx {
	x.t.Helper()
	coin := x.takerCoin()
	tx := coinjoin(x.t, a, int64(amount), int64(change), x.chain.Params())
	tx.TxIn[0].PreviousOutPoint = coin.OutPoint
	back, err := x.taker.NextAddress(0, keys.Internal)
	if err != nil {
		x.t.Fatal(err)
	}
	tx.AddTxOut(wire.NewTxOut(int64(coin.Value-amount-10_000), back.Script))
	return tx
}

// finish places the maker's signatures and the taker's.
func (x *market) finish(tx *wire.MsgTx, sigs []string, own []coins.Coin) {
	x.t.Helper()
	for _, text := range sigs {
		pushes, err := txsign.ParsePushes(text)
		if err != nil {
			x.t.Fatal(err)
		}
		placed := false
		for i, in := range tx.TxIn {
			for _, c := range own {
				if in.PreviousOutPoint == c.OutPoint && pushes.Place(tx, i, txsign.PrevOut{Value: c.Value, Script: c.Script}) == nil {
					placed = true
				}
			}
		}
		if !placed {
			x.t.Fatal("a signature of the maker fits no input")
		}
	}
	if err := x.taker.SignTx(tx, []coins.Coin{x.takerCoin()}); err != nil {
		x.t.Fatal(err)
	}
}

func TestCoinJoin(t *testing.T) {
	x := newMarket(t, nil, []sats.Amount{700_000, 800_000}, []sats.Amount{500_000})
	d := within[*stage](x, x.sessions)
	offers := within[[]protocol.Offer](x, d.told)
	if len(offers) != 1 || offers[0].Type != protocol.SW0AbsOffer || offers[0].MaxSize != 1_400_000 {
		t.Errorf("offers %+v", offers)
	}
	own, err := x.maker.Coins()
	if err != nil {
		t.Fatal(err)
	}
	d.events <- x.fill(1, 1_000_000)
	answer := within[control.IOAuthRequest](x, d.told)
	if len(answer.UTXOs) != 2 || answer.Conversation != 1 || answer.Validate() != nil {
		t.Errorf("answer %+v: %v", answer, answer.Validate())
	}
	tx := x.join(answer.IOAuth, 1_000_000, 1_500_000-1_000_000+500)
	d.events <- control.TxEvent{Conversation: 1, Taker: "J5taker111111111", Tx: serialise(t, tx)}
	sigs := within[control.SigsRequest](x, d.told)
	x.finish(tx, sigs.Sigs, own)

	d.events <- control.PushEvent{Taker: "J5taker111111111", Tx: serialise(t, tx)}
	// The coins are in the mempool: fewer can be offered, nothing confirmed but
	// what lies in mixdepth 1.
	offers = within[[]protocol.Offer](x, d.told)
	if len(offers) != 1 || offers[0].MaxSize != 470_000 {
		t.Errorf("offers once the coins are spent: %+v", offers)
	}
	x.chain.Mine(1)
	offers = within[[]protocol.Offer](x, d.told)
	if len(offers) != 1 || offers[0].MaxSize != 1_400_000 {
		t.Errorf("offers once the coins came: %+v", offers)
	}
	if e := until[Signed](x); e.TxID != tx.TxHash() || e.Amount != 1_000_000 || e.Earning != 500 {
		t.Errorf("%+v", e)
	}
	if e := until[Seen](x); e.TxID != tx.TxHash() {
		t.Errorf("%+v", e)
	}
	if e := until[Earned](x); e.TxID != tx.TxHash() || e.Earning != 500 || e.Fee != 600 || e.Coins != 2 || e.Value != 1_500_000 || e.Waited <= 0 {
		t.Errorf("%+v", e)
	}
	balances, err := x.maker.Balances()
	if err != nil {
		t.Fatal(err)
	}
	if balances[0].Available != 500_500 || balances[1].Available != 1_500_000 {
		t.Errorf("balances %+v", balances[:2])
	}
}

func TestDeposits(t *testing.T) {
	x := newMarket(t, nil)
	d := within[*stage](x, x.sessions)
	if e := until[Announced](x); len(e.Offers) != 0 {
		t.Errorf("an empty wallet offers %+v", e.Offers)
	}
	address, err := x.maker.NextAddress(0, keys.External)
	if err != nil {
		t.Fatal(err)
	}
	x.chain.Pay(address.Script, 10_000_000)
	x.chain.Mine(1)
	if offers := within[[]protocol.Offer](x, d.told); len(offers) != 2 {
		t.Errorf("offers %+v", offers)
	}
}

func TestReconnects(t *testing.T) {
	x := newMarket(t, nil, []sats.Amount{700_000, 800_000})
	first := within[*stage](x, x.sessions)
	within[[]protocol.Offer](x, first.told)
	fill := x.fill(1, 600_000)
	first.events <- fill
	within[control.IOAuthRequest](x, first.told)
	first.ended = errors.New("the daemon went away")
	close(first.events)

	if e := until[Lost](x); !errors.Is(e.Err, first.ended) || e.Wait < minWait || e.Wait > 2*minWait {
		t.Errorf("%+v", e)
	}
	second := within[*stage](x, x.sessions)
	if offers := within[[]protocol.Offer](x, second.told); len(offers) != 1 {
		t.Errorf("offers %+v", offers)
	}
	// Nothing of the old session is left but that the commitment was used.
	second.events <- control.TxEvent{Conversation: 1, Taker: fill.Taker, Tx: []byte{1}}
	if r := within[control.RefuseRequest](x, second.told); r.Reason != protocol.ReasonUnexpected {
		t.Errorf("%+v", r)
	}
	second.events <- fill
	if r := within[control.RefuseRequest](x, second.told); r.Reason != protocol.ReasonCommitmentUsed {
		t.Errorf("%+v", r)
	}
	balances, err := x.maker.Balances()
	if err != nil || balances[0].Leased != 0 {
		t.Errorf("coins of the old session are set aside: %+v, %v", balances[0], err)
	}
}

// TestM28SpentBeforeSigning: a coin that was spent between revealing and
// signing is not signed for.
func TestM28SpentBeforeSigning(t *testing.T) {
	x := newMarket(t, nil, []sats.Amount{700_000})
	d := within[*stage](x, x.sessions)
	within[[]protocol.Offer](x, d.told)
	own, err := x.maker.Coins()
	if err != nil {
		t.Fatal(err)
	}
	d.events <- x.fill(1, 600_000)
	answer := within[control.IOAuthRequest](x, d.told)
	join := x.join(answer.IOAuth, 600_000, 100_500)

	spend := wire.NewMsgTx(2)
	spend.AddTxIn(wire.NewTxIn(&own[0].OutPoint, nil, nil))
	spend.AddTxOut(wire.NewTxOut(690_000, p2wpkh(3)))
	if err := x.maker.SignTx(spend, own); err != nil {
		t.Fatal(err)
	}
	if err := x.maker.Chain().Broadcast(t.Context(), spend); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.events <- control.TxEvent{Conversation: 1, Taker: "J5taker111111111", Tx: serialise(t, join)}
	}()
	for {
		switch told := within[any](x, d.told).(type) {
		case []protocol.Offer: // the offers shrink meanwhile
		case control.RefuseRequest:
			if told.Reason != protocol.ReasonBadCoins {
				t.Errorf("refused for %s, want %s", told.Reason, protocol.ReasonBadCoins)
			}
			return
		default:
			t.Fatalf("%T %+v", told, told)
		}
	}
}
