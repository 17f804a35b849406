package taker

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/identity"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/internal/durable/durabletest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// A pit is a daemon with a market of makers behind it, all in memory. Every
// command is answered at once, by honest makers unless twist changes what they
// say.
type pit struct {
	t      *testing.T
	chain  *wallettest.Chain
	wallet *wallet.Wallet // of the taker
	node   *failingChain  // of the wallet that was made last
	path   string         // of the commitment file
	makers []*maker
	bonds  []control.BondEntry
	events chan any
	learnt time.Duration // between two lines, by the daemon's word
	gone   error         // why the session is over

	attempt    uint64
	amount     sats.Amount
	commitment [32]byte
	revelation string // the last
	lastKey    int
	asked      []string // commands in their order, with the nicks

	cannotOpen bool // the makers are only names, without coins
	old        bool // the daemon knows no refill

	shown  []*wire.MsgTx    // the transactions of all attempts
	pushed []chainhash.Hash // those that makers were to broadcast

	// reply, if not nil, is given what a maker answers to a command and returns
	// what the taker gets instead, and after how long.
	reply func(command string, m *maker, answer []any) ([]any, time.Duration)
	// twist, if not nil, is given what a maker answers to a command and returns
	// what the taker gets instead.
	twist func(command string, m *maker, answer []any) []any
}

const btc = sats.PerBTC

// newPit makes a market of n makers with coins of 1.0 and 0.7 BTC, and a taker
// with coins of 0.5, 0.4 and 0.3 BTC in mixdepth 0.
func newPit(t *testing.T, n int) *pit {
	t.Helper()
	p := &pit{t: t, chain: wallettest.NewChain(&chaincfg.RegressionNetParams), events: make(chan any, 1000),
		path: filepath.Join(t.TempDir(), "commitments.json")}
	p.wallet = p.newWallet(btc/2, btc*4/10, btc*3/10)
	for i := range n {
		p.join(protocol.Offer{Type: protocol.SW0AbsOffer, MaxSize: 10 * btc, CJFee: fmt.Sprint(1000 + 100*i)}, btc, btc*7/10)
	}
	p.sync()
	return p
}

// join adds a maker and confirms its coins.
func (p *pit) join(offer protocol.Offer, values ...sats.Amount) *maker {
	m := p.enlist(offer, values...)
	p.chain.Mine(1)
	return m
}

// enlist adds a maker with coins that are not confirmed yet.
func (p *pit) enlist(offer protocol.Offer, values ...sats.Amount) *maker {
	id, err := identity.New()
	if err != nil {
		p.t.Fatal(err)
	}
	m := &maker{p: p, nick: id.Nick(), offer: offer, keys: map[wire.OutPoint]*btcec.PrivateKey{},
		key: hex.EncodeToString(bytes.Repeat([]byte{byte(len(p.makers) + 1)}, 32))}
	for _, value := range values {
		m.earn(value)
	}
	p.makers = append(p.makers, m)
	return m
}

// newKey returns a key nobody had before, and its P2WPKH script.
func (p *pit) newKey() (*btcec.PrivateKey, []byte) {
	p.lastKey++
	key, pub := btcec.PrivKeyFromBytes([]byte{byte(p.lastKey >> 8), byte(p.lastKey)})
	return key, append([]byte{0, 20}, address.Hash160(pub.SerializeCompressed())...)
}

// newWallet makes a wallet with these coins in mixdepth 0.
func (p *pit) newWallet(values ...sats.Amount) *wallet.Wallet {
	cfg := p.chain.Config()
	cfg.Files, cfg.Mixdepths = durabletest.Hasty(durable.OS), 2
	p.node = &failingChain{Backend: cfg.Chain}
	cfg.Chain = p.node
	return wallettest.NewWith(p.t, p.chain, cfg, values)
}

// sync lets the taker's wallet see the chain.
func (p *pit) sync() {
	p.t.Helper()
	if err := p.wallet.Sync(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// answer hands the taker what a maker answers.
func (p *pit) answer(command string, m *maker, answer []any) {
	p.asked = append(p.asked, command+" "+string(m.nick))
	if p.twist != nil {
		answer = p.twist(command, m, answer)
	}
	deliver := func() {
		for _, e := range answer {
			p.events <- e
		}
	}
	if p.reply == nil {
		deliver()
		return
	}
	var delay time.Duration
	answer, delay = p.reply(command, m, answer)
	if len(answer) > 0 {
		time.AfterFunc(delay, deliver)
	}
}

func (p *pit) Events() <-chan any { return p.events }

func (p *pit) Nick() protocol.Nick { return "J5ENesYLEgVVH8Ls" }

func (p *pit) Err() error { return p.gone }

func (p *pit) Ready(ctx context.Context) error { return ctx.Err() }

func (p *pit) Refresh(context.Context) error {
	p.asked = append(p.asked, "orderbook")
	return p.gone
}

func (p *pit) Status(context.Context) (control.StatusAnswer, error) {
	return control.StatusAnswer{Offers: len(p.makers), Makers: len(p.makers), Channels: []control.ChannelEvent{
		{Channel: "irc", State: control.ChannelUp, LineInterval: p.learnt}, {Channel: "other", State: control.ChannelUp},
	}}, p.gone
}

func (p *pit) Orderbook(context.Context) (ans control.OrderbookAnswer, err error) {
	for _, m := range p.makers {
		ans.Offers = append(ans.Offers, control.OfferEntry{Nick: m.nick, Offer: m.offer})
	}
	ans.Bonds = p.bonds
	return ans, p.gone
}

func (p *pit) Fill(_ context.Context, r control.FillRequest) (control.FillAnswer, error) {
	if err := r.Validate(); err != nil {
		p.t.Errorf("fill: %v", err)
	}
	c, err := r.Commitment.Bytes()
	if err != nil {
		p.t.Error(err)
	}
	p.attempt++
	p.amount, p.commitment = r.Amount, c
	for _, mo := range r.Makers {
		m := p.maker(mo.Nick)
		p.answer("fill", m, []any{control.PubKeyEvent{Attempt: p.attempt, Maker: m.nick, PubKey: m.key}})
	}
	return control.FillAnswer{Attempt: p.attempt}, p.gone
}

func (p *pit) Refill(_ context.Context, r control.RefillRequest) error {
	if err := r.Validate(); err != nil || r.Attempt != p.attempt {
		p.t.Errorf("refill of attempt %d: %v", r.Attempt, err)
	}
	if p.old {
		return control.ErrUnknownMethod
	}
	for _, mo := range r.Makers {
		m := p.maker(mo.Nick)
		p.answer("fill", m, []any{control.PubKeyEvent{Attempt: p.attempt, Maker: m.nick, PubKey: m.key}})
	}
	return p.gone
}

func (p *pit) Auth(_ context.Context, r control.AuthRequest) error {
	if err := r.Validate(); err != nil {
		p.t.Errorf("auth: %v", err)
	}
	p.revelation = r.Revelation
	proof, err := podle.ParseRevelation(r.Revelation)
	if err != nil {
		p.t.Error(err)
	}
	if _, err := proof.Verify(p.commitment, 3); err != nil {
		p.t.Errorf("makers refuse the commitment: %v", err)
	}
	for _, nick := range r.Makers {
		m := p.maker(nick)
		var answer []any
		if !p.cannotOpen {
			answer = []any{m.open(p.amount)}
		}
		p.answer("auth", m, answer)
	}
	return p.gone
}

func (p *pit) Tx(_ context.Context, r control.TxRequest) error {
	if err := r.Validate(); err != nil {
		p.t.Errorf("tx: %v", err)
	}
	for i, nick := range r.Makers {
		tx := new(wire.MsgTx)
		if err := tx.DeserializeNoWitness(bytes.NewReader(r.Tx)); err != nil {
			p.t.Fatal(err)
		}
		if i == 0 {
			p.shown = append(p.shown, tx)
		}
		m := p.maker(nick)
		p.answer("tx", m, m.sign(tx))
	}
	return p.gone
}

func (p *pit) Push(ctx context.Context, r control.PushRequest) error {
	if err := r.Validate(); err != nil {
		p.t.Errorf("push: %v", err)
	}
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(r.Tx)); err != nil {
		p.t.Fatal(err)
	}
	m := p.maker(r.Maker)
	p.asked = append(p.asked, "push "+string(m.nick))
	p.pushed = append(p.pushed, tx.TxHash())
	if first := p.pushed[0]; tx.TxHash() != first {
		p.t.Errorf("two transactions were pushed: %v and %v (attack T21)", first, tx.TxHash())
	}
	if p.twist != nil && p.twist("push", m, nil) != nil {
		return p.gone
	}
	if err := p.wallet.Chain().Broadcast(ctx, tx); err != nil {
		p.t.Errorf("the transaction is refused: %v", err)
	}
	return p.gone
}

// config is a taker's configuration for the market, for one attempt.
func (p *pit) config() Config {
	p.t.Helper()
	store, err := commitments.Open(commitments.Config{Path: p.path, Files: durabletest.Hasty(durable.OS), Tries: 3, Age: 5, Percent: 20})
	if err != nil {
		p.t.Fatal(err)
	}
	return Config{Wallet: p.wallet, Daemon: p, Commitments: store, Limits: Limits{Abs: 50_000, Rel: "0.01"},
		FeeRate: feerate.Policy{TxFees: 3, Factor: "0.2", Absurd: 350_000}, Broadcast: Self,
		Retries: -1}
}

// payment asks for n makers, of whom at least least must answer.
func payment(amount sats.Amount, n, least int) Payment {
	return Payment{Amount: amount, Destination: "bcrt1qvrv4w4kfsv06a7883pyx26euhwfpadg6cyn72y", Makers: n, MinMakers: least}
}
