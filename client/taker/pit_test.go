package taker

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/identity"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// A pit is a daemon with a market of makers behind it, all in memory. Every
// command is answered at once, by honest makers unless twist changes what they
// say.
type pit struct {
	t      *testing.T
	chain  *wallettest.Chain
	wallet *wallet.Wallet // of the taker
	path   string         // of the commitment file
	makers []*maker
	events chan any
	gone   error // why the session is over

	attempt    uint64
	amount     sats.Amount
	commitment [32]byte
	lastKey    int
	asked      []string // commands in their order, with the nicks

	cannotOpen bool // the makers are only names, without coins

	// twist, if not nil, is given what a maker answers to a command and returns
	// what the taker gets instead.
	twist func(command string, m *maker, answer []any) []any
}

// maker is an honest maker with coins, each of a key of its own.
type maker struct {
	p     *pit
	nick  protocol.Nick
	offer protocol.Offer
	key   string // of the session
	coins []coins.Coin
	keys  map[wire.OutPoint]*btcec.PrivateKey

	opened     []coins.Coin
	cj, change []byte // output scripts
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

// join adds a maker.
func (p *pit) join(offer protocol.Offer, values ...sats.Amount) *maker {
	id, err := identity.New()
	if err != nil {
		p.t.Fatal(err)
	}
	m := &maker{p: p, nick: id.Nick(), offer: offer, keys: map[wire.OutPoint]*btcec.PrivateKey{},
		key: hex.EncodeToString(bytes.Repeat([]byte{byte(len(p.makers) + 1)}, 32))}
	for _, value := range values {
		m.earn(value)
	}
	p.chain.Mine(1)
	p.makers = append(p.makers, m)
	return m
}

// earn pays the maker a coin, unconfirmed until the next block.
func (m *maker) earn(value sats.Amount) coins.Coin {
	key, script := m.p.newKey()
	c := coins.Coin{OutPoint: m.p.chain.Pay(script, value), Value: value, Script: script}
	m.coins, m.keys[c.OutPoint] = append(m.coins, c), key
	return c
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
	cfg.Files, cfg.Mixdepths = fastDisk{durable.OS}, 2
	return wallettest.NewWith(p.t, p.chain, cfg, values)
}

// fastDisk does not wait for the disk: no test here cuts the power.
type fastDisk struct{ durable.System }

func (d fastDisk) SyncDir(string) error { return nil }

func (d fastDisk) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := d.System.Create(name, perm)
	return fastFile{f}, err
}

type fastFile struct{ durable.File }

func (fastFile) Sync() error { return nil }

// sync lets the taker's wallet see the chain.
func (p *pit) sync() {
	p.t.Helper()
	if err := p.wallet.Sync(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pit) maker(nick protocol.Nick) *maker {
	i := slices.IndexFunc(p.makers, func(m *maker) bool { return m.nick == nick })
	if i < 0 {
		p.t.Fatalf("no maker %s", nick)
	}
	return p.makers[i]
}

// answer hands the taker what a maker answers.
func (p *pit) answer(command string, m *maker, answer []any) {
	p.asked = append(p.asked, command+" "+string(m.nick))
	if p.twist != nil {
		answer = p.twist(command, m, answer)
	}
	for _, e := range answer {
		p.events <- e
	}
}

func (p *pit) Events() <-chan any              { return p.events }
func (p *pit) Err() error                      { return p.gone }
func (p *pit) Ready(ctx context.Context) error { return ctx.Err() }

func (p *pit) Refresh(context.Context) error {
	p.asked = append(p.asked, "orderbook")
	return p.gone
}

func (p *pit) Status(context.Context) (control.StatusAnswer, error) {
	return control.StatusAnswer{Offers: len(p.makers), Makers: len(p.makers)}, p.gone
}

func (p *pit) Orderbook(context.Context) (ans control.OrderbookAnswer, err error) {
	for _, m := range p.makers {
		ans.Offers = append(ans.Offers, control.OfferEntry{Nick: m.nick, Offer: m.offer})
	}
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

func (p *pit) Auth(_ context.Context, r control.AuthRequest) error {
	if err := r.Validate(); err != nil {
		p.t.Errorf("auth: %v", err)
	}
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

// open chooses coins and shows them, with fresh addresses.
func (m *maker) open(amount sats.Amount) control.IOAuthEvent {
	fee, err := m.offer.Fee(amount)
	if err != nil {
		m.p.t.Fatal(err)
	}
	if m.opened, err = coins.Default.Select(m.coins, amount+m.offer.TxFee+27_301-fee); err != nil {
		m.p.t.Fatal(err)
	}
	_, m.cj = m.p.newKey()
	_, m.change = m.p.newKey()
	e := control.IOAuthEvent{Attempt: m.p.attempt, Maker: m.nick, PubKey: m.key}
	e.CJAddress, e.ChangeAddress = addressText(m.p.t, m.cj), addressText(m.p.t, m.change)
	e.AuthPubKey, e.Signature = m.authorise(m.opened[0], m.key)
	for _, c := range m.opened {
		e.UTXOs = append(e.UTXOs, c.OutPoint.String())
	}
	return e
}

// authorise signs a session key with the key of a coin.
func (m *maker) authorise(c coins.Coin, sessionKey string) (pubKey, signature string) {
	key := m.keys[c.OutPoint]
	return hex.EncodeToString(key.PubKey().SerializeCompressed()), message.EncodeSignature(message.Sign(key, sessionKey))
}

func (p *pit) Tx(_ context.Context, r control.TxRequest) error {
	if err := r.Validate(); err != nil {
		p.t.Errorf("tx: %v", err)
	}
	for _, nick := range r.Makers {
		tx := new(wire.MsgTx)
		if err := tx.DeserializeNoWitness(bytes.NewReader(r.Tx)); err != nil {
			p.t.Fatal(err)
		}
		m := p.maker(nick)
		p.answer("tx", m, m.sign(tx))
	}
	return p.gone
}

// sign checks what matters to a maker and signs.
func (m *maker) sign(tx *wire.MsgTx) (answer []any) {
	fee, _ := m.offer.Fee(m.p.amount)
	for script, want := range map[string]sats.Amount{
		string(m.cj):     m.p.amount,
		string(m.change): coins.Sum(m.opened) - m.p.amount - m.offer.TxFee + fee,
	} {
		paid := 0
		for _, out := range tx.TxOut {
			if string(out.PkScript) == script && sats.Amount(out.Value) == want {
				paid++
			}
		}
		if paid != 1 {
			m.p.t.Errorf("%s is paid %d times", m.nick, paid)
		}
	}
	for i, in := range tx.TxIn {
		if m.signInput(tx, i) {
			pushes, err := txsign.PushesOf(in)
			if err != nil {
				m.p.t.Fatal(err)
			}
			answer = append(answer, control.SigEvent{Attempt: m.p.attempt, Maker: m.nick, Sig: pushes.Encode()})
		}
	}
	if len(answer) != len(m.opened) {
		m.p.t.Errorf("%d of the %d coins of %s are in the transaction", len(answer), len(m.opened), m.nick)
	}
	return answer
}

// signInput signs an input if it spends a coin of the maker.
func (m *maker) signInput(tx *wire.MsgTx, input int) bool {
	for _, c := range m.coins {
		if tx.TxIn[input].PreviousOutPoint == c.OutPoint {
			if err := txsign.Sign(tx, input, txsign.PrevOut{Value: c.Value, Script: c.Script}, m.keys[c.OutPoint]); err != nil {
				m.p.t.Fatal(err)
			}
			return true
		}
	}
	return false
}

// withheld is what a twist of "push" returns for a maker that does not
// broadcast.
var withheld = []any{}

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
	if p.twist != nil && p.twist("push", m, nil) != nil {
		return p.gone
	}
	if err := p.wallet.Chain().Broadcast(ctx, tx); err != nil {
		p.t.Errorf("the transaction is refused: %v", err)
	}
	return p.gone
}

// config is a taker's configuration for the market.
func (p *pit) config() Config {
	p.t.Helper()
	store, err := commitments.Open(commitments.Config{Path: p.path, Files: fastDisk{durable.OS}, Tries: 3, Age: 5, Percent: 20})
	if err != nil {
		p.t.Fatal(err)
	}
	return Config{Wallet: p.wallet, Daemon: p, Commitments: store, Limits: Limits{Abs: 50_000, Rel: "0.01"},
		FeeRate: feerate.Policy{TxFees: 3, Factor: "0.2", Absurd: 350_000}, Broadcast: Self}
}

// payment asks for n makers, of whom at least least must answer.
func payment(amount sats.Amount, n, least int) Payment {
	return Payment{Amount: amount, Destination: "bcrt1qvrv4w4kfsv06a7883pyx26euhwfpadg6cyn72y", Makers: n, MinMakers: least}
}

// outcome is what a run came to.
type outcome struct {
	Result
	quote Quote
	err   error
}

// run makes an attempt with consent to every quote.
func (p *pit) run(cfg Config, pay Payment) (o outcome) {
	p.t.Helper()
	taker, err := New(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	o.Result, o.err = taker.Run(p.t.Context(), pay, func(q Quote) error {
		o.quote = q
		return nil
	})
	return o
}

// leased is how many satoshis of the taker are set aside.
func (p *pit) leased() (sum sats.Amount) {
	p.t.Helper()
	balances, err := p.wallet.Balances()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, b := range balances {
		sum += b.Leased
	}
	return sum
}

// wantFailure checks that an attempt failed for a reason, with all coins free
// and nothing sent to the network.
func (p *pit) wantFailure(o outcome, step Step, reason protocol.Reason) {
	p.t.Helper()
	var e *Error
	if !errors.As(o.err, &e) || e.Step != step || e.Reason != reason {
		p.t.Errorf("ended with %v, want %s in step %s", o.err, reason, step)
	}
	if n := p.leased(); n != 0 {
		p.t.Errorf("%v are still set aside after the failure", n)
	}
	if txs := p.chain.Mempool(); len(txs) != 0 {
		p.t.Errorf("%d transactions were sent", len(txs))
	}
}

// wantDropped checks that exactly these makers were left out, for a reason.
func (p *pit) wantDropped(o outcome, reason protocol.Reason, makers ...*maker) {
	p.t.Helper()
	got := map[protocol.Nick]protocol.Reason{}
	for _, d := range o.Dropped {
		got[d.Nick] = d.Reason
	}
	for _, m := range makers {
		if got[m.nick] != reason {
			p.t.Errorf("%s was left out for %q, want %q", m.nick, got[m.nick], reason)
		}
	}
	if len(o.Dropped) != len(makers) {
		p.t.Errorf("left out: %v, want %d makers", o.Dropped, len(makers))
	}
}

// wantJoin checks a transaction that succeeded against the chain, the quote and
// the invariants: all values add up, everybody has what was agreed, and nobody
// overpays.
func (p *pit) wantJoin(o outcome, makers int) {
	p.t.Helper()
	if o.err != nil {
		p.t.Fatalf("%v; left out: %v", o.err, o.Dropped)
	}
	tx, _ := p.chain.Tx(o.Tx.TxHash())
	if tx == nil {
		p.t.Fatal("the network does not show the transaction")
	}
	if len(o.Parts) != makers+1 {
		p.t.Fatalf("%d parts, want %d", len(o.Parts), makers+1)
	}
	paid := map[string]sats.Amount{}
	var in, out sats.Amount
	for _, o := range tx.TxOut {
		paid[string(o.PkScript)] += sats.Amount(o.Value)
		out += sats.Amount(o.Value)
	}
	inputs := 0
	for _, part := range o.Parts {
		for _, i := range part.Inputs {
			in += i.Value
			inputs++
		}
		if paid[string(part.CJOut)] != o.Amount || paid[string(part.Change.Script)] != part.Change.Value {
			p.t.Errorf("%q receives %d and %d, want %d and %d", part.Nick, paid[string(part.CJOut)],
				paid[string(part.Change.Script)], o.Amount, part.Change.Value)
		}
	}
	if in != out+o.MinerFee || inputs != len(tx.TxIn) || o.MinerFee <= 0 {
		p.t.Errorf("in %d from %d of %d coins, out %d, miner fee %d", in, inputs, len(tx.TxIn), out, o.MinerFee)
	}
	own := o.Parts[0]
	var spent sats.Amount
	for _, i := range own.Inputs {
		spent += i.Value
	}
	if cost := spent - own.Change.Value - o.Amount; cost != o.Cost() || cost > o.quote.MaxCost() {
		p.t.Errorf("the taker pays %d, the result says %d, the quote at most %d", cost, o.Cost(), o.quote.MaxCost())
	}
	if o.Amount != o.quote.Amount {
		p.t.Errorf("amount %d, quoted %d", o.Amount, o.quote.Amount)
	}
	if tx.Version != 2 || tx.LockTime == 0 || int32(tx.LockTime) > p.chain.Height() || tx.TxIn[0].Sequence != 0xfffffffe {
		p.t.Errorf("version %d, locktime %d, sequence %x", tx.Version, tx.LockTime, tx.TxIn[0].Sequence)
	}
}

// logged collects log lines.
func logged(cfg *Config) *strings.Builder {
	var b strings.Builder
	cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &b
}

// failingChain is a backend whose Broadcast fails, with or without effect.
type failingChain struct {
	chain.Backend
	err    error
	effect bool
}

func (c failingChain) Broadcast(ctx context.Context, tx *wire.MsgTx) error {
	if c.effect {
		return errors.Join(c.Backend.Broadcast(ctx, tx), c.err)
	}
	return c.err
}

// otherChain is a wallet with another backend.
type otherChain struct {
	*wallet.Wallet
	backend chain.Backend
}

func (w otherChain) Chain() chain.Backend { return w.backend }

// addressText is the address of a script on the test network.
func addressText(t *testing.T, script []byte) string {
	t.Helper()
	text, err := txbuild.FormatAddress(script, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
