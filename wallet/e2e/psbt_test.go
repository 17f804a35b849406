package e2e

import (
	"bytes"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestPSBTWithBitcoinCore hands PSBTs to and fro between a wallet of ours and
// wallets of Bitcoin Core: one that has the same keys, one that only watches the
// same addresses, and one of somebody else.
func TestPSBTWithBitcoinCore(t *testing.T) {
	t.Parallel()
	p := onBitcoind(t)
	p.mine(t, int(regtest.Params.CoinbaseMaturity)+10)
	for _, kind := range allTypes {
		t.Run(string(kind), func(t *testing.T) {
			seed := newSeed(t)
			cfg := config(p.backend(t, ""))
			cfg.Type = kind
			x := exchange{p: p, holder: p.holderWith(t, again(t, seed), cfg)}
			x.earn(0, 300_000, 200_000)
			x.earn(1, 70_000)
			x.cold = x.offline()
			x.keys, x.eyes = p.coreWallet(t, "keys", false, true), p.coreWallet(t, "eyes", true, true)
			x.eyes.take(x.descriptors()...)
			x.keys.take(withKeys(t, seed, kind, x.descriptors())...)
			for name, w := range map[string]coreWallet{"watching": x.eyes, "with the keys": x.keys} {
				if got := w.balance(); got != 570_000 {
					t.Errorf("Bitcoin Core %s sees %v", name, got)
				}
			}
			t.Run("Ours", x.ours)
			t.Run("Theirs", x.theirs)
			t.Run("Joint", x.joint)
		})
	}
}

// exchange is a wallet of ours and what Bitcoin Core has of it.
type exchange struct {
	p *place
	*holder
	cold       psbt.Signer // the same wallet, offline
	keys, eyes coreWallet
}

// offline opens a copy of the wallet on a machine without a node.
func (h *holder) offline() psbt.Signer {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "cold.jmw")
	copyFiles(h.t, h.path, path)
	w, err := wallet.Open(path, wallettest.Password, config(nil))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { w.Close() })
	signer, err := w.PSBTSigner()
	if err != nil {
		h.t.Fatal(err)
	}
	return signer
}

// ours is made here, and signed there and here: each signature is as good as the
// other, and so is each program for finishing it.
func (x exchange) ours(t *testing.T) {
	x.t = t
	tx, q, err := spend.Unsigned(timed(t), x.paying, spend.Payment{Outputs: []txbuild.Output{{Value: 400_000, Script: nobody}}}, agree)
	if err != nil {
		t.Fatal(err)
	}
	spent := make([]psbt.Coin, len(tx.TxIn))
	for i, in := range tx.TxIn {
		for _, c := range q.Inputs {
			if c.OutPoint == in.PreviousOutPoint {
				spent[i] = psbt.Coin{Value: c.Value, Script: c.Script, Previous: x.Tx(c.OutPoint.Hash)}
			}
		}
	}
	made, err := psbt.Unsigned(tx, spent, x.cold.Origin)
	if err != nil {
		t.Fatal(err)
	}
	blank := encode(t, made)
	there, here := x.keys.process(blank, true), x.sign(blank, x.cold, 2)
	var combined string
	x.keys.node("combinepsbt", &combined, []string{here, there})
	for name, text := range map[string]string{"signed there": there, "signed here": here, "combined": combined} {
		byUs, byCore := finish(t, text), x.finalize(text)
		if !bytes.Equal(byUs, byCore) {
			t.Errorf("%s: finished as\n%x\nby us and\n%x\nby Bitcoin Core", name, byUs, byCore)
		}
		if fee := x.accepted(byUs); fee != q.Fee {
			t.Errorf("%s: the node takes a fee of %v, quoted %v", name, fee, q.Fee)
		}
	}
}

// theirs is made by Bitcoin Core, which watches our addresses, and signed here
// without a node.
func (x exchange) theirs(t *testing.T) {
	x.t = t
	var made struct{ PSBT string }
	change := x.address(0, keys.Internal)
	x.eyes.node("walletcreatefundedpsbt", &made, []any{},
		[]any{map[string]string{addressOf(t, nobody): "0.00400000"}}, 0, map[string]any{"changeAddress": change.Text, "fee_rate": 3})
	p := decode(t, made.PSBT)
	s := p.Summary(x.cold)
	if !s.FeeTold || s.Fee == 0 || len(s.Outputs) != 2 {
		t.Errorf("%+v", s)
	}
	for _, in := range s.Inputs {
		if in.Origin == nil || !in.Proven || in.Refused != nil {
			t.Errorf("our input: %+v", in)
		}
	}
	for _, out := range s.Outputs {
		if own := !bytes.Equal(out.Script, nobody); own != (out.Origin != nil) {
			t.Errorf("output: %+v", out)
		}
	}
	text := x.sign(made.PSBT, x.cold, len(s.Inputs))
	raw := x.finalize(text)
	if !bytes.Equal(raw, finish(t, text)) {
		t.Error("finished in two ways")
	}
	if fee := x.accepted(raw); fee != s.Fee {
		t.Errorf("a fee of %v, shown %v", fee, s.Fee)
	}
}

// joint spends a coin of each of two parties, who sign for themselves in either
// order or at the same time.
func (x exchange) joint(t *testing.T) {
	x.t = t
	other := x.p.coreWallet(t, "other", false, false)
	var theirs string
	other.node("getnewaddress", &theirs)
	script, err := txbuild.ParseAddress(theirs, regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	foreign, own := x.p.fund(t, script, 90_000), x.coin(70_000)
	x.p.mine(t, 1)
	var text string
	x.keys.node("createpsbt", &text,
		[]any{
			map[string]any{"txid": own.OutPoint.Hash.String(), "vout": own.OutPoint.Index},
			map[string]any{"txid": foreign.TxID(), "vout": 0},
		},
		[]any{
			map[string]string{addressOf(t, nobody): "0.00100000"},
			map[string]string{theirs: "0.00030000"},
			map[string]string{x.address(1, keys.Internal).Text: "0.00028000"},
		})
	text = other.process(x.eyes.process(text, false), false)
	s := decode(t, text).Summary(x.cold)
	if s.Fee != 2000 || s.Inputs[0].Origin == nil || s.Inputs[1].Origin != nil || !s.Inputs[1].Told ||
		s.Outputs[0].Origin != nil || s.Outputs[1].Origin != nil || s.Outputs[2].Origin == nil {
		t.Errorf("%+v", s)
	}
	here, there := x.sign(text, x.cold, 1), other.process(text, true)
	for name, half := range map[string]string{"ours": here, "theirs": there} {
		if missing, err := decode(t, half).Finalize(); missing != 1 || err != nil {
			t.Errorf("with signatures of %s only, %d inputs are missing, %v", name, missing, err)
		}
	}
	var combined string
	x.keys.node("combinepsbt", &combined, []string{there, here})
	for name, text := range map[string]string{"we first": other.process(here, true), "they first": x.sign(there, x.cold, 1), "at once": combined} {
		raw := finish(t, text)
		if !bytes.Equal(raw, x.finalize(text)) {
			t.Errorf("%s: finished in two ways", name)
		}
		if fee := x.accepted(raw); fee != 2000 {
			t.Errorf("%s: a fee of %v", name, fee)
		}
	}
}

// accepted returns the fee with which the node would take a transaction.
func (x exchange) accepted(raw []byte) sats.Amount {
	x.t.Helper()
	var results []struct {
		Allowed bool
		Reason  string `json:"reject-reason"`
		Fees    struct{ Base rpc.BTC }
	}
	x.keys.node("testmempoolaccept", &results, []string{hex.EncodeToString(raw)})
	if len(results) != 1 || !results[0].Allowed {
		x.t.Fatalf("the node does not take it: %+v", results)
	}
	return sats.Amount(results[0].Fees.Base)
}

func addressOf(t *testing.T, script []byte) string {
	t.Helper()
	text, err := txbuild.FormatAddress(script, regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t *testing.T, text string) *psbt.Packet {
	t.Helper()
	p, err := psbt.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t *testing.T, p *psbt.Packet) string {
	t.Helper()
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sign adds our signatures.
func (x exchange) sign(text string, s psbt.Signer, count int) string {
	x.t.Helper()
	p := decode(x.t, text)
	if n, err := p.Sign(s); n != count || err != nil {
		x.t.Fatalf("signed %d of %d: %v", n, count, err)
	}
	return encode(x.t, p)
}

// finish makes the transaction as we do.
func finish(t *testing.T, text string) []byte {
	t.Helper()
	p := decode(t, text)
	if missing, err := p.Finalize(); missing != 0 || err != nil {
		t.Fatalf("%d inputs are not signed: %v", missing, err)
	}
	tx, err := p.Extract()
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

// finalize makes it as Bitcoin Core does.
func (x exchange) finalize(text string) []byte {
	x.t.Helper()
	var r struct {
		Hex      string
		Complete bool
	}
	x.keys.node("finalizepsbt", &r, text)
	raw, err := hex.DecodeString(r.Hex)
	if !r.Complete || err != nil {
		x.t.Fatalf("Bitcoin Core does not finalize it: %+v, %v", r, err)
	}
	return raw
}
