package maker

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// paperWallet has the coins that a vector says, whose transactions nobody has
// seen, and keys of a phrase.
type paperWallet struct {
	tree   *keys.Tree
	height int32
	coins  []coins.Coin
	leases coins.Leases
	next   map[int]uint32 // internal branch, by mixdepth
	spent  map[wire.OutPoint]bool
	taker  map[wire.OutPoint]chain.TxOut
}

func (w *paperWallet) Mixdepths() int { return 5 }
func (w *paperWallet) Synced() (chain.Tip, bool) {
	return chain.Tip{BlockID: chain.BlockID{Height: w.height}}, true
}
func (w *paperWallet) Coins() ([]coins.Coin, error)           { return w.coins, nil }
func (w *paperWallet) Subscribe() (<-chan struct{}, func())   { return nil, func() {} }
func (w *paperWallet) SignTx(*wire.MsgTx, []coins.Coin) error { return errors.ErrUnsupported }

func (w *paperWallet) Reserve(r wallet.Reservation) (*coins.Lease, error) {
	return w.leases.Take(r.Purpose, r.TTL, func(leased func(wire.OutPoint) bool) ([]coins.Coin, error) {
		f := coins.Filter{Mixdepth: r.Mixdepth, MinConf: r.MinConf, Tip: w.height, Exclude: leased}
		return coins.Default.Select(f.Apply(w.coins), r.Target)
	})
}

func (w *paperWallet) NextAddress(mixdepth int, branch uint32) (wallet.Address, error) {
	path := keys.Path{Mixdepth: mixdepth, Branch: branch, Index: w.next[mixdepth]}
	w.next[mixdepth]++
	text, err := w.tree.Address(path)
	if err != nil {
		return wallet.Address{}, err
	}
	script, err := w.tree.Script(path)
	return wallet.Address{Text: text, Script: script, Path: path}, err
}

func (w *paperWallet) SignMessage(c coins.Coin, text string) (pubkey, der []byte, err error) {
	key, err := w.tree.PrivateKey(keys.Path{Mixdepth: c.Mixdepth, Branch: c.Branch, Index: c.Index})
	if err != nil {
		return nil, nil, err
	}
	return key.PubKey().SerializeCompressed(), message.Sign(key, text), nil
}

func (w *paperWallet) TxOut(_ context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if txOut, ok := w.taker[out]; ok {
		return txOut, nil
	}
	for _, c := range w.coins {
		if c.OutPoint == out && !w.spent[out] {
			return chain.TxOut{Value: c.Value, Script: c.Script, Confirmations: c.Confirmations(w.height)}, nil
		}
	}
	return chain.TxOut{}, chain.ErrNoTxOut
}

func (w *paperWallet) Broadcast(context.Context, *wire.MsgTx) error { return errors.ErrUnsupported }

// authCase is a case of the corpus.
type authCase struct {
	WalletType string `json:"wallet_type"`
	Mnemonic   string
	Coins      []struct {
		UTXO     string
		Mixdepth int
		Value    sats.Amount
		Height   int32
		Frozen   bool
		Address  string
	} `json:"coins_of_maker"`
	Height     int32
	Offer      vectorOffer
	Amount     sats.Amount
	Revelation string
	Commitment string
	PubKey     string `json:"nacl_pubkey"`
	TakerCoin  []struct {
		UTXO          string
		Value         sats.Amount
		Confirmations int32
		Script        string
	} `json:"coin_of_taker"`
	Tries  int
	Age    int32
	Share  int64 `json:"amount_percent"`
	Valid  bool
	Reason string
	Note   string
	Reply  *struct {
		UTXOs      []string
		AuthPubKey string `json:"auth_pubkey"`
		CJ         string `json:"cj_address"`
		CJMixdepth int    `json:"cj_mixdepth"`
		Change     string `json:"change_address"`
		Signature  string
	}
}

func authCases(t *testing.T) []authCase {
	t.Helper()
	data, err := os.ReadFile("testdata/ioauth_maker.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []authCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 45 {
		t.Fatalf("%d cases in the corpus, want 45", len(file.Cases))
	}
	return file.Cases
}

func (c authCase) wallet(t *testing.T) *paperWallet {
	t.Helper()
	seed, err := keys.ParsePhrase(secret.NewText(c.Mnemonic), secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w := &paperWallet{
		height: c.Height,
		next:   make(map[int]uint32),
		spent:  make(map[wire.OutPoint]bool),
		taker:  make(map[wire.OutPoint]chain.TxOut),
	}
	if w.tree, err = keys.NewTree(seed, &chaincfg.MainNetParams); err != nil {
		t.Fatal(err)
	}
	for _, v := range c.Coins {
		w.coins = append(w.coins, coins.Coin{OutPoint: parseOut(t, v.UTXO), Value: v.Value, Mixdepth: v.Mixdepth, Height: v.Height, Frozen: v.Frozen})
		if v.Height > c.Height { // the reference's height of an unconfirmed coin
			w.coins[len(w.coins)-1].Height = 0
		}
		w.locate(t, &w.coins[len(w.coins)-1], v.Address)
	}
	for _, v := range c.TakerCoin {
		script, err := hex.DecodeString(v.Script)
		if err != nil {
			t.Fatal(err)
		}
		w.taker[parseOut(t, v.UTXO)] = chain.TxOut{Value: v.Value, Confirmations: v.Confirmations, Script: script}
	}
	return w
}

// locate finds the path of a coin's address.
func (w *paperWallet) locate(t *testing.T, c *coins.Coin, addr string) {
	t.Helper()
	for index := range uint32(10) {
		for branch := range uint32(2) {
			path := keys.Path{Mixdepth: c.Mixdepth, Branch: branch, Index: index}
			text, err := w.tree.Address(path)
			if err != nil {
				t.Fatal(err)
			}
			if text != addr {
				continue
			}
			c.Branch, c.Index = branch, index
			c.Script = script(t, addr)
			if branch == keys.Internal {
				w.next[c.Mixdepth] = max(w.next[c.Mixdepth], index+1)
			}
			return
		}
	}
	t.Fatalf("%s is not in mixdepth %d", addr, c.Mixdepth)
}

func parseOut(t *testing.T, text string) wire.OutPoint {
	t.Helper()
	out, err := coins.ParseOutPoint(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// maker returns a maker in the middle of a session that has published the
// offer of the case, and the event of the case.
func (c authCase) maker(t *testing.T, w *paperWallet) (*Maker, control.AuthEvent) {
	t.Helper()
	m, err := New(Config{
		Wallet: w, Node: w,
		Connect: func(context.Context) (Daemon, error) { return nil, errors.ErrUnsupported },
		Terms:   bothTerms(),
		Record:  filepath.Join(t.TempDir(), "accepted"),
		Age:     c.Age, AmountShare: c.Share, Tries: c.Tries,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.accepted.close() })
	m.published = []protocol.Offer{c.Offer.offer()}
	m.talks = make(map[uint64]*talk)
	return m, control.AuthEvent{
		Conversation: 7,
		Taker:        "J5taker111111111",
		OfferID:      c.Offer.ID,
		Amount:       c.Amount,
		Commitment:   protocol.Commitment("P" + c.Commitment),
		Revelation:   c.Revelation,
		PubKey:       c.PubKey,
	}
}

// refusals says why each wrong case of the corpus is refused.
var refusals = map[string]protocol.Reason{
	"index 3":                              protocol.ReasonBadCommitment,
	"commitment of another index":          protocol.ReasonBadCommitment,
	"coin unknown or spent":                protocol.ReasonTakerCoin,
	"too young":                            protocol.ReasonTakerCoin,
	"one satoshi too small":                protocol.ReasonTakerCoin,
	"coin of another key":                  protocol.ReasonTakerCoin,
	"taproot coin":                         protocol.ReasonTakerCoin,
	"bond coin: the failure is not caught": protocol.ReasonTakerCoin,
	"four parts":                           protocol.ReasonBadCommitment,
	"coin text malformed: the failure is not caught":  protocol.ReasonBadCommitment,
	"odd number of digits: the failure is not caught": protocol.ReasonBadCommitment,
	"no mixdepth has enough":                          protocol.ReasonNoFunds,
	"everything frozen":                               protocol.ReasonNoFunds,
	"one satoshi above it":                            protocol.ReasonNoFunds,
}

// TestM5M6AuthVectors: every opening of the corpus is answered as by the
// reference, to the byte, or refused for the right reason.
func TestM5M6AuthVectors(t *testing.T) {
	answered, refused := 0, 0
	for _, c := range authCases(t) {
		name := c.Note + c.Reason
		if c.WalletType == "p2sh-p2wpkh" {
			continue // the one case for a type of wallet that we do not have
		}
		m, e := c.maker(t, c.wallet(t))
		talk, answer, err := m.reveal(t.Context(), e)
		if !c.Valid {
			refused++
			want, ok := refusals[name]
			if strings.HasPrefix(name, "P ") { // other forms of the points
				want, ok = protocol.ReasonBadCommitment, true
			}
			if !ok {
				t.Errorf("%s: no reason named for this case", name)
			}
			if reasonOf(err) != want {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
			if n := m.cfg.Wallet.(*paperWallet).leases.Len(); n != 0 || len(m.accepted.set) != 0 {
				t.Errorf("%s: refused, but %d coins are set aside and %d commitments used", name, n, len(m.accepted.set))
			}
			continue
		}
		answered++
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := control.IOAuth{UTXOs: c.Reply.UTXOs, AuthPubKey: c.Reply.AuthPubKey, CJAddress: c.Reply.CJ,
			ChangeAddress: c.Reply.Change, Signature: c.Reply.Signature}
		got := answer.IOAuth
		if strings.Join(got.UTXOs, ",") != strings.Join(want.UTXOs, ",") || got.AuthPubKey != want.AuthPubKey ||
			got.CJAddress != want.CJAddress || got.ChangeAddress != want.ChangeAddress || got.Signature != want.Signature {
			t.Errorf("%s:\n%+v, want\n%+v", name, got, want)
		}
		if len(talk.lease.Coins) != len(want.UTXOs) || !m.accepted.has([32]byte(mustHex(t, c.Commitment))) {
			t.Errorf("%s: coins are not set aside or the commitment is not used", name)
		}
	}
	if answered != 22 || refused != 22 {
		t.Errorf("%d answered and %d refused of the corpus, want 22 and 22", answered, refused)
	}
}

func mustHex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// firstCase is a maker with the first case of the corpus, which is good.
func firstCase(t *testing.T) (*Maker, *paperWallet, control.AuthEvent) {
	t.Helper()
	c := authCases(t)[0]
	w := c.wallet(t)
	m, e := c.maker(t, w)
	return m, w, e
}

func TestAuthRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Maker, *paperWallet, *control.AuthEvent)
		want   protocol.Reason
	}{
		{"good", func(*Maker, *paperWallet, *control.AuthEvent) {}, ""},
		{"another offer", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.OfferID = 1 }, protocol.ReasonUnknownOffer},
		{"offer withdrawn", func(m *Maker, _ *paperWallet, _ *control.AuthEvent) { m.published = nil }, protocol.ReasonUnknownOffer},
		{"M12 amount below the offer", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.Amount = 27_299 }, protocol.ReasonAmountRange},
		{"amount above the offer", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.Amount = 1_000_000_001 }, protocol.ReasonAmountRange},
		{"negative amount", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.Amount = -1 }, protocol.ReasonAmountRange},
		{"an offer that costs", func(m *Maker, _ *paperWallet, _ *control.AuthEvent) { m.published[0].TxFee = 101 }, protocol.ReasonAmountRange},
		{"session key of 63 digits", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.PubKey = e.PubKey[1:] }, protocol.ReasonBadKey},
		{"session key of 65 digits", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.PubKey += "0" }, protocol.ReasonBadKey},
		{"session key in upper case", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.PubKey = strings.ToUpper(e.PubKey) }, protocol.ReasonBadKey},
		{"session key is a sentence", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) {
			e.PubKey = "I owe the bearer of this text one hundred bitcoin, honest word!!"
		}, protocol.ReasonBadKey},
		{"M1 commitment of another type", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.Commitment = "Q" + e.Commitment[1:] }, protocol.ReasonBadCommitment},
		{"M1 commitment with a blank", func(_ *Maker, _ *paperWallet, e *control.AuthEvent) { e.Commitment += " " }, protocol.ReasonBadCommitment},
		{"M25 the taker's coin is ours", func(_ *Maker, w *paperWallet, e *control.AuthEvent) {
			for out := range w.taker {
				w.coins[3].OutPoint = out
			}
		}, protocol.ReasonTakerCoin},
		{"M28 our coin is spent", func(_ *Maker, w *paperWallet, _ *control.AuthEvent) { w.spent[w.coins[1].OutPoint] = true }, protocol.ReasonBadCoins},
		{"M21 our coin has another value", func(_ *Maker, w *paperWallet, _ *control.AuthEvent) {
			c := w.coins[1]
			w.taker[c.OutPoint] = chain.TxOut{Value: c.Value + 1, Script: c.Script, Confirmations: 1}
		}, protocol.ReasonBadCoins},
		{"M21 our coin has another script", func(_ *Maker, w *paperWallet, _ *control.AuthEvent) {
			c := w.coins[1]
			w.taker[c.OutPoint] = chain.TxOut{Value: c.Value, Script: w.coins[0].Script, Confirmations: 1}
		}, protocol.ReasonBadCoins},
		{"M28 our coin is back in the mempool", func(_ *Maker, w *paperWallet, _ *control.AuthEvent) {
			c := w.coins[1]
			w.taker[c.OutPoint] = chain.TxOut{Value: c.Value, Script: c.Script}
		}, protocol.ReasonBadCoins},
		{"D5 the node is silent", func(m *Maker, _ *paperWallet, _ *control.AuthEvent) { m.cfg.Node = silentNode{} }, protocol.ReasonChain},
		{"D7 the commitment cannot be recorded", func(m *Maker, _ *paperWallet, _ *control.AuthEvent) { m.accepted.file.Close() }, protocol.ReasonInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, w, e := firstCase(t)
			c.change(m, w, &e)
			var got protocol.Reason
			if _, _, err := m.reveal(t.Context(), e); err != nil {
				got = reasonOf(err)
			}
			if got != c.want {
				t.Errorf("reason %q, want %q", got, c.want)
			}
			if c.want != "" && (w.leases.Len() != 0 || len(m.accepted.set) != 0) {
				t.Errorf("refused, but %d coins are set aside and %d commitments used", w.leases.Len(), len(m.accepted.set))
			}
		})
	}
}

type silentNode struct{}

func (silentNode) TxOut(context.Context, wire.OutPoint) (chain.TxOut, error) {
	return chain.TxOut{}, chain.ErrUnreachable
}
func (silentNode) Broadcast(context.Context, *wire.MsgTx) error { return chain.ErrUnreachable }

// TestM1CommitmentInAnySpelling: a commitment is used up in every spelling, for
// every conversation, and over a restart of the maker.
func TestM1CommitmentInAnySpelling(t *testing.T) {
	m, w, e := firstCase(t)
	if _, _, err := m.reveal(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	digits := string(e.Commitment[1:])
	for conversation, spelling := range []string{digits, strings.ToUpper(digits), strings.ToUpper(digits[:1]) + digits[1:]} {
		e.Conversation = uint64(100 + conversation)
		e.Commitment = protocol.Commitment("P" + spelling)
		if _, _, err := m.reveal(t.Context(), e); reasonOf(err) != protocol.ReasonCommitmentUsed {
			t.Errorf("%.5s...: %v, want %s", spelling, err, protocol.ReasonCommitmentUsed)
		}
	}
	if err := m.accepted.close(); err != nil {
		t.Fatal(err)
	}
	again, err := New(m.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer again.accepted.close()
	again.published, again.talks = m.published, make(map[uint64]*talk)
	if _, _, err := again.reveal(t.Context(), e); reasonOf(err) != protocol.ReasonCommitmentUsed {
		t.Errorf("after a restart: %v, want %s", err, protocol.ReasonCommitmentUsed)
	}
	if w.leases.Len() != 1 {
		t.Errorf("%d coins are set aside, want 1", w.leases.Len())
	}
}
