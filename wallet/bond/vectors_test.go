package bond

import (
	"encoding/hex"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/message"
)

// unix is a time in seconds.
type unix int64

func (u unix) time() time.Time { return time.Unix(int64(u), 0) }

type coinVector struct {
	UTXO          string
	Value         sats.Amount
	Confirmations int32
	Script        string
	BlockTime     unix `json:"block_time"`
}

func (c *coinVector) coin(t testing.TB) Coin {
	return Coin{Script: vectors.Hex(t, c.Script), Confirmations: c.Confirmations}
}

type vector struct {
	Kind             string
	Valid            bool
	ReferenceAccepts bool `json:"reference_accepts"`
	Should           string
	Reason, Note     string

	// create and verify
	Proof         string
	MakerNick     string `json:"maker_nick"`
	TakerNick     string `json:"taker_nick"`
	WellFormed    bool   `json:"well_formed"`
	UTXOPrivKey   string `json:"utxo_privkey"`
	UTXOPubKey    string `json:"utxo_pubkey"`
	CertPrivKey   string `json:"cert_privkey"`
	CertPubKey    string `json:"cert_pubkey"`
	TxID          string
	Vout          uint32
	Locktime      int64
	CertExpiry    uint16 `json:"cert_expiry"`
	MessageForm   string `json:"cert_message_form"`
	CertMessage   string `json:"cert_message"`
	CertHash      string `json:"cert_message_hash"`
	CertSignature string `json:"cert_signature"`
	NickMessage   string `json:"nick_message"`
	NickSignature string `json:"nick_signature"`
	RedeemScript  string `json:"redeem_script"`
	ScriptPubKey  string `json:"script_pubkey"`

	// coin and values
	Height int32
	Coin   *coinVector
	Bonds  []struct{ Counterparty, TakerNick, Proof string }
	Coins  []coinVector
	Values map[string]float64

	// values
	Amount       sats.Amount
	Confirmation unix    `json:"confirmation_time"`
	Current      unix    `json:"current_time"`
	MedianTime   unix    `json:"median_time"`
	InterestRate float64 `json:"interest_rate"`
	Exponent     float64
	Value        float64

	Timenumber int
}

func key(t testing.TB, text string) *btcec.PrivateKey {
	t.Helper()
	k, _ := btcec.PrivKeyFromBytes(vectors.Hex(t, text))
	return k
}

func (c vector) outPoint(t testing.TB) wire.OutPoint {
	t.Helper()
	hash, err := chainhash.NewHashFromStr(c.TxID)
	if err != nil {
		t.Fatal(err)
	}
	return *wire.NewOutPoint(hash, c.Vout)
}

func TestCreateVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "bond_proof.json", "create", 13) {
		bondKey, certKey := key(t, c.UTXOPrivKey), key(t, c.CertPrivKey)
		locktime := uint32(c.Locktime)
		cert := Certify(bondKey, [33]byte(vectors.Hex(t, c.CertPubKey)), c.CertExpiry)
		signed := cert.binary()
		if c.MessageForm == "ascii" { // as hardware signs
			signed = cert.Text()
			cert.Signature = message.Sign(bondKey, signed)
		}
		if hash := message.Hash(signed); hex.EncodeToString([]byte(signed)) != c.CertMessage || hex.EncodeToString(hash[:]) != c.CertHash {
			t.Errorf("certificate %q with hash %x, want %s", signed, hash, c.CertMessage)
		}
		if got := hex.EncodeToString(cert.Signature); got != c.CertSignature {
			t.Errorf("signature of the certificate %s, want %s", got, c.CertSignature)
		}
		if got := hex.EncodeToString(cert.BondKey[:]); got != c.UTXOPubKey {
			t.Errorf("key of the bond %s, want %s", got, c.UTXOPubKey)
		}
		p, err := cert.Prove(certKey, c.outPoint(t), locktime, c.TakerNick, c.MakerNick)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(p.NickSignature); got != c.NickSignature {
			t.Errorf("signature of the nicks %s, want %s", got, c.NickSignature)
		}
		if text, err := p.Encode(); text != c.Proof || err != nil {
			t.Errorf("proof %s, %v; want %s", text, err, c.Proof)
		}
		redeem := Redeem(locktime, cert.BondKey)
		if got := hex.EncodeToString(redeem); got != c.RedeemScript {
			t.Errorf("redeem script %s, want %s", got, c.RedeemScript)
		}
		if got := hex.EncodeToString(Script(redeem)); got != c.ScriptPubKey {
			t.Errorf("output script %s, want %s", got, c.ScriptPubKey)
		}
		if back, pubKey, err := ParseRedeem(redeem); back != locktime || pubKey != cert.BondKey || err != nil {
			t.Errorf("ParseRedeem(%x) = %d, %x, %v", redeem, back, pubKey, err)
		}
	}
}

func TestM27VerifyVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "bond_proof.json", "verify", 52) {
		p, err := Parse(c.Proof)
		if err != nil && !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v has no code", c.Reason, err)
		}
		if c.Should == "either" { // padding that nobody writes
			if err == nil {
				t.Errorf("%s%s: parsed", c.Note, c.Reason)
			}
			continue
		}
		if !c.WellFormed && err == nil {
			t.Errorf("%s: parsed", c.Reason)
		}
		if err == nil {
			err = p.Verify(c.TakerNick, c.MakerNick)
			if err != nil && !errors.Is(err, ErrNick) && !errors.Is(err, ErrCertificate) {
				t.Errorf("%s: %v has no code", c.Reason, err)
			}
		}
		if (err == nil) != c.Valid {
			t.Errorf("%s%s: %v, want valid %v", c.Note, c.Reason, err, c.Valid)
		}
		if !c.Valid {
			continue
		}
		if p.OutPoint != c.outPoint(t) || p.Locktime != uint32(c.Locktime) || p.Expiry != c.CertExpiry ||
			hex.EncodeToString(p.Key[:]) != c.CertPubKey || hex.EncodeToString(p.BondKey[:]) != c.UTXOPubKey {
			t.Errorf("%s: read as %+v", c.Note, p)
		}
	}
}

func TestM27CoinVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "bond_proof.json", "coin", 16) {
		p, err := Parse(c.Proof)
		if err != nil {
			t.Fatal(err)
		}
		if c.Coin == nil { // the node says chain.ErrNoTxOut; a caller that forgets has an empty coin
			c.Coin = &coinVector{}
		}
		err = p.CheckCoin(c.Coin.coin(t), c.Height)
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, ErrCoin) {
			t.Errorf("%s%s: %v, want valid %v", c.Note, c.Reason, err, c.Valid)
		}
	}
}

// close tells whether two values differ by rounding only.
func close(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// TestM27ValuesVectors judges the bonds of an order book as a taker does: the
// first valid proof for a coin counts.
func TestM27ValuesVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "bond_proof.json", "values", 7) {
		rates := Rates{c.InterestRate, c.Exponent}
		known := make(map[string]coinVector)
		for _, coin := range c.Coins {
			known[coin.UTXO] = coin
		}
		got := make(map[string]float64)
		counted := make(map[wire.OutPoint]bool)
		for _, b := range c.Bonds {
			p, err := Parse(b.Proof)
			if err != nil || p.Verify(b.TakerNick, b.Counterparty) != nil || counted[p.OutPoint] {
				continue
			}
			counted[p.OutPoint] = true
			coin, ok := known[p.OutPoint.String()]
			if !ok || p.CheckCoin(coin.coin(t), c.Height) != nil {
				continue
			}
			got[b.Counterparty] = rates.Value(coin.Value, coin.BlockTime.time(), p.Locktime, c.MedianTime.time())
		}
		if len(got) != len(c.Values) {
			t.Errorf("%s: values %v, want %v", c.Note, got, c.Values)
		}
		for nick, want := range c.Values {
			if !close(got[nick], want) {
				t.Errorf("%s: %s has the value %v, want %v", c.Note, nick, got[nick], want)
			}
		}
	}
}

func TestValueVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "bond_value.json", "bond_value", 24) {
		rates := Rates{c.InterestRate, c.Exponent}
		if err := rates.Check(); err != nil {
			t.Errorf("%+v: %v", rates, err)
		}
		got := rates.Value(c.Amount, c.Confirmation.time(), uint32(c.Locktime), c.Current.time())
		if !close(got, c.Value) {
			t.Errorf("%s: %v, want %v", c.Note, got, c.Value)
		}
	}
}

func TestLocktimeVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "locktime.json", "timenumber", 14) {
		got, err := Locktime(c.Timenumber)
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, ErrMonth) || c.Valid && int64(got) != c.Locktime {
			t.Errorf("Locktime(%d) = %d, %v; want %d, valid %v", c.Timenumber, got, err, c.Locktime, c.Valid)
		}
	}
	for _, c := range vectors.Kind[vector](t, "locktime.json", "locktime", 11) {
		got, err := Timenumber(uint32(c.Locktime))
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, ErrMonth) || c.Valid && got != c.Timenumber {
			t.Errorf("Timenumber(%d) = %d, %v; want %d, valid %v", c.Locktime, got, err, c.Timenumber, c.Valid)
		}
	}
}

// TestA5 is the worked example of the protocol document: a bond and its two
// forms of certificate.
func TestA5(t *testing.T) {
	const bondKey, certKey = "3dddc48a6d1bcdeced8effebb564dd191915dd19580a351d06529c7990f42acf",
		"ffe2d8c68c5d0a8cd33d72043a7995508fbf15c7673534a54dbb9dbe2d34bdfd"
	certPub := [33]byte(key(t, certKey).PubKey().SerializeCompressed())
	cert := Certify(key(t, bondKey), certPub, Expiry(250_000))
	if cert.Text() != "fidelity-bond-cert|031da2f2f595842734ab610c4b7eaf62fb460d5cc2d4b70d785558fe75c728ae31|125" {
		t.Errorf("text %q", cert.Text())
	}
	n, err := ParseMonth("2027-01")
	if err != nil {
		t.Fatal(err)
	}
	locktime, err := Locktime(n)
	if err != nil || locktime != 1_798_761_600 {
		t.Errorf("locktime %d, %v", locktime, err)
	}
	if got := hex.EncodeToString(Script(Redeem(locktime, cert.BondKey))); got != "002067a174ae6de532fcf4e3fa0345fb9ce70ff99009964eb791fc199262168b7177" {
		t.Errorf("script %s", got)
	}
	out := vector{TxID: "a8d8905009108c2d87b340e603b970974ebf4b9fa7b3443a0b2ceadb61aeea44", Vout: 3}.outPoint(t)
	binary, err := cert.Prove(key(t, certKey), out, locktime, "J5RtdqCV2FhX92mO", "J54ArGJCoQNAPu4T")
	if err != nil {
		t.Fatal(err)
	}
	text := binary
	text.Signature = message.Sign(key(t, bondKey), cert.Text())
	for _, p := range []Proof{binary, text} {
		if err := p.Verify("J5RtdqCV2FhX92mO", "J54ArGJCoQNAPu4T"); err != nil {
			t.Error(err)
		}
		encoded, err := p.Encode()
		if raw, b64Err := b64.Decode(encoded, Size); err != nil || b64Err != nil || len(raw) != Size || len(encoded) != 336 {
			t.Errorf("proof %q, %v, %v", encoded, err, b64Err)
		}
	}
	for signature, want := range map[string]string{
		hex.EncodeToString(binary.Signature):     "30450221009b95d4ad6a6279eea37e83e823eb76af62a7fd8ed634ccd562d34f528f60207c02202debf75f035d17f3729c78d875c756caac85407ba156b9e22982c77c32b78f82",
		hex.EncodeToString(text.Signature):       "304502210091097eaeda1c62a0dec84f3e3d85672f3d63224d803705146a741146d1dcd28402203d533a8606bf62f41dc0fafed991477b48751fe250c605a2f533712c369af140",
		hex.EncodeToString(binary.NickSignature): "304402201298e205312c6d5d0d59b1001d3014b227247820ad6f3a81414af90c7e914f7502203e72ba84554e3f37effe19660cbff9eab86ee1893776207bb41cc4e3fc8f6b7a",
	} {
		if signature != want {
			t.Errorf("signature %s, want %s", signature, want)
		}
	}
}
