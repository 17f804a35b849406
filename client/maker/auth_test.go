package maker

import (
	"context"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

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
	for _, c := range vectors.Load[authCase](t, "ioauth_maker.json", 45) {
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
		if len(talk.lease.Coins) != len(want.UTXOs) || !m.accepted.has([32]byte(vectors.Hex(t, c.Commitment))) {
			t.Errorf("%s: coins are not set aside or the commitment is not used", name)
		}
	}
	if answered != 22 || refused != 22 {
		t.Errorf("%d answered and %d refused of the corpus, want 22 and 22", answered, refused)
	}
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
func (silentNode) MinFeeRate(context.Context) (sats.Amount, error) { return 1000, nil }
func (silentNode) Broadcast(context.Context, *wire.MsgTx) error    { return chain.ErrUnreachable }

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
