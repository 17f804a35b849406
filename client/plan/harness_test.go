package plan

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/schedule"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

var params = &chaincfg.RegressionNetParams

// Addresses of nobody.
var addresses = []string{
	"bcrt1qn4azn66akqsptluqvv4shn5jweeessgl6emzcy",
	"mgkHvCe29EbCRvZPH77dUjBHBgNQUTHh2x",
	"2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
}

// bench is a wallet with coins, a chain, and a plan to carry out.
type bench struct {
	t      testing.TB
	chain  *wallettest.Chain
	wallet *wallet.Wallet
	keeper *Keeper
	said   []string
}

func newBench(t testing.TB, amounts ...[]sats.Amount) *bench {
	t.Helper()
	c := wallettest.NewChain(params)
	b := &bench{t: t, chain: c, wallet: wallettest.New(t, c, amounts...)}
	b.open(durable.OS)
	return b
}

// open makes a Keeper for the plan, as a new process does.
func (b *bench) open(files durable.System) {
	b.t.Helper()
	if b.keeper == nil {
		b.keeper = &Keeper{path: filepath.Join(b.t.TempDir(), "plans", "test.json")}
	}
	keeper, err := NewKeeper(b.keeper.path, files, params)
	if err != nil {
		b.t.Fatal(err)
	}
	b.keeper = keeper
}

// begin makes the plan of a schedule.
func (b *bench) begin(tumble bool, lines ...string) *Plan {
	b.t.Helper()
	var entries []schedule.Entry
	for _, line := range lines {
		e, err := schedule.Parse([]byte(line), params)
		if err != nil {
			b.t.Fatal(err)
		}
		entries = append(entries, e...)
	}
	id, err := b.wallet.ID()
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := Make(entries, Plan{Wallet: id, Network: "regtest", Made: time.Now().UTC().Truncate(time.Second), Tumble: tumble,
		MinMakers: 2, Least: schedule.MinFraction})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.keeper.Begin(p); err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) config(attempt Attempt) Config {
	return Config{Keeper: b.keeper, Wallet: b.wallet, Attempt: attempt, Progress: func(text string) { b.said = append(b.said, text) }}
}

// alive keeps the wallet up to date, with a block every ten minutes, until stop
// is called.
func (b *bench) alive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{}, 2)
	go func() {
		defer func() { ended <- struct{}{} }()
		if err := b.wallet.Run(ctx); err != nil {
			b.t.Error(err)
		}
	}()
	go func() {
		defer func() { ended <- struct{}{} }()
		for tick := time.NewTicker(10 * time.Minute); ; {
			select {
			case <-tick.C:
				b.chain.Mine(1)
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		<-ended
	}
}

// fee is what a payment of pay costs.
const fee sats.Amount = 1000

// pay is an attempt. maker is a coin of somebody else that takes part, worth
// nothing here; nil for none. send is how the transaction leaves.
func pay(w taker.Wallet, p taker.Payment, maker *wire.OutPoint, send func(tx *wire.MsgTx) error) error {
	lease, err := w.Reserve(wallet.Reservation{Mixdepth: p.Mixdepth, Target: p.Amount + fee, Sweep: p.Amount == 0, MinConf: 1,
		Purpose: "test", TTL: time.Hour})
	if err != nil {
		return &taker.Error{Step: taker.StepChoose, Reason: taker.ReasonOf(err), Err: err}
	}
	defer lease.Release()
	tx := wire.NewMsgTx(2)
	if maker != nil {
		tx.AddTxIn(wire.NewTxIn(maker, nil, nil))
	}
	for _, c := range lease.Coins {
		tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	}
	total, amount := coins.Sum(lease.Coins), p.Amount
	if amount == 0 {
		amount = total - fee
	}
	script, err := txbuild.ParseAddress(p.Destination, params)
	if err != nil {
		return err
	}
	tx.AddTxOut(wire.NewTxOut(int64(amount), script))
	if change := total - fee - amount; change > txbuild.Dust {
		back, err := w.NextAddress(p.Mixdepth, keys.Internal)
		if err != nil {
			return err
		}
		tx.AddTxOut(wire.NewTxOut(int64(change), back.Script))
	}
	if err := w.SignTx(tx, lease.Coins); err != nil {
		return err
	}
	return send(tx)
}

// publish is an attempt that succeeds.
func publish(ctx context.Context, w taker.Wallet, p taker.Payment) (taker.Result, error) {
	return taker.Result{}, pay(w, p, nil, func(tx *wire.MsgTx) error { return w.Publish(ctx, tx) })
}

// paid returns what the blocks pay to an address, for each
// transaction.
func (b *bench) paid(address string) (amounts []sats.Amount) {
	b.t.Helper()
	script, err := txbuild.ParseAddress(address, params)
	if err != nil {
		b.t.Fatal(err)
	}
	book, err := b.wallet.History()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, row := range book.Rows {
		tx := b.wallet.Tx(row.TxID)
		for _, out := range tx.TxOut {
			if bytes.Equal(out.PkScript, script) {
				amounts = append(amounts, sats.Amount(out.Value))
			}
		}
	}
	return amounts
}

// late brings a transaction to the network, unless its coins are gone.
func (b *bench) late(tx *wire.MsgTx) {
	// Whether it is taken is the chain's affair.
	_ = b.chain.Backend().Broadcast(context.Background(), tx)
}

var errLuck = errors.New("no luck")
