package message

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// textVector is a text signed by the reference implementation.
type textVector struct {
	Network, Message, Reason, WIF, Address, Hash, Signature string
	WalletType                                              string `json:"wallet_type"`
	HeaderByte                                              byte   `json:"header_byte"`
	Valid                                                   bool
}

func privateKey(t testing.TB, wif string) *btcec.PrivateKey {
	t.Helper()
	decoded, err := btcutil.DecodeWIF(wif)
	if err != nil {
		t.Fatal(err)
	}
	return decoded.PrivKey
}

func TestW11SignTextAsReference(t *testing.T) {
	signed := map[string]int{}
	for _, v := range vectors.Load[textVector](t, "text.json", 36) {
		params := &chaincfg.MainNetParams
		if v.Network == "regtest" {
			params = &chaincfg.RegressionNetParams
		}
		if !v.Valid {
			key, _ := btcec.PrivKeyFromBytes([]byte{1})
			want := map[string]error{"refused": ErrText, "mainnet only": ErrNetwork}[v.Reason]
			if sig, err := SignText(key, v.Message, params); want == nil || !errors.Is(err, want) {
				t.Errorf("%s: %s, %v, want %v", v.Reason, sig, err, want)
			}
			continue
		}
		signed[v.WalletType]++
		if h := Hash(v.Message); hex.EncodeToString(h[:]) != v.Hash {
			t.Errorf("Hash(%.40q) = %x, want %s", v.Message, h[:], v.Hash)
		}
		got, err := SignText(privateKey(t, v.WIF), v.Message, params)
		if got != v.Signature || err != nil {
			t.Errorf("%s signs %.40q: %s, %v, want %s", v.Address, v.Message, got, err, v.Signature)
		}
		if raw, _ := b64.Decode(got, compactSize); raw[0] != v.HeaderByte {
			t.Errorf("header %d, want %d", raw[0], v.HeaderByte)
		}
		if err := VerifyText(v.Address, v.Message, v.Signature, params); err != nil {
			t.Errorf("%s signed %.40q: %v", v.Address, v.Message, err)
		}
		if err := VerifyText(v.Address, v.Message+" ", v.Signature, params); !errors.Is(err, ErrSignature) {
			t.Errorf("another text: %v", err)
		}
	}
	if len(signed) != 4 {
		t.Errorf("wallet types %v, want four", signed)
	}
}

// addresses returns those of one key, the uncompressed one last.
func addresses(t *testing.T, pub *btcec.PublicKey, params *chaincfg.Params) map[txbuild.ScriptType]string {
	t.Helper()
	hash := address.Hash160(pub.SerializeCompressed())
	program := append([]byte{0, 20}, hash...)
	out := map[txbuild.ScriptType]string{}
	for kind, script := range map[txbuild.ScriptType][]byte{
		txbuild.P2PKH:  append(append([]byte{0x76, 0xa9, 20}, hash...), 0x88, 0xac),
		txbuild.P2SH:   append(append([]byte{0xa9, 20}, address.Hash160(program)...), 0x87),
		txbuild.P2WPKH: program,
		txbuild.P2WSH:  append([]byte{0, 32}, make([]byte, 32)...),
		txbuild.P2TR:   append([]byte{0x51, 32}, pub.SerializeCompressed()[1:]...),
		"uncompressed": append(append([]byte{0x76, 0xa9, 20}, address.Hash160(pub.SerializeUncompressed())...), 0x88, 0xac),
	} {
		text, err := txbuild.FormatAddress(script, params)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = text
	}
	return out
}

func TestVerifyTextHeaders(t *testing.T) {
	params := &chaincfg.RegressionNetParams
	key, pub := btcec.PrivKeyFromBytes([]byte{7})
	hash := Hash("hello")
	raw := ecdsa.SignCompact(key, hash[:], false)
	point := raw[0] - headerUncompressed
	all := addresses(t, pub, params)
	for kind, headers := range map[txbuild.ScriptType][]byte{
		"uncompressed": {27}, txbuild.P2PKH: {31}, txbuild.P2SH: {31, 35}, txbuild.P2WPKH: {31, 39},
		txbuild.P2WSH: nil, txbuild.P2TR: nil,
	} {
		good := map[int]bool{}
		for _, h := range headers {
			good[int(h+point)] = true
		}
		for header := range 256 {
			raw[0] = byte(header)
			err := VerifyText(all[kind], "hello", b64.Encode(raw), params)
			want := ErrSignature
			switch {
			case good[header]:
				want = nil
			case header < 27 || header > 42:
				want = ErrEncoding
			case headers == nil && errors.Is(err, ErrAddressType):
				want = ErrAddressType // or no point at all is recovered
			}
			if !errors.Is(err, want) {
				t.Errorf("%s with header %d: %v, want %v", kind, header, err, want)
			}
		}
	}
	raw[0] = 31 + point
	sig := b64.Encode(raw)
	if err := VerifyText(all[txbuild.P2WSH], "hello", sig, params); !errors.Is(err, ErrAddressType) {
		t.Errorf("P2WSH: %v", err)
	}
	if err := VerifyText(all[txbuild.P2WPKH], "hello", sig, &chaincfg.MainNetParams); !errors.Is(err, txbuild.ErrAddress) {
		t.Errorf("address of another network: %v", err)
	}
	_, other := btcec.PrivKeyFromBytes([]byte{8})
	if err := VerifyText(addresses(t, other, params)[txbuild.P2WPKH], "hello", sig, params); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	for _, bad := range []string{"", sig + "\n", sig[:84], b64.Encode(raw[:64]), b64.Encode(append(raw, 0)), EncodeSignature(Sign(key, "hello"))} {
		if err := VerifyText(all[txbuild.P2WPKH], "hello", bad, params); !errors.Is(err, ErrEncoding) {
			t.Errorf("%q: %v, want ErrEncoding", bad, err)
		}
	}
	for _, bad := range []string{"", "\xff", strings.Repeat("a", MaxText+1)} {
		if err := VerifyText(all[txbuild.P2WPKH], bad, sig, params); !errors.Is(err, ErrText) {
			t.Errorf("text %.10q: %v, want ErrText", bad, err)
		}
		if _, err := SignText(key, bad, &chaincfg.MainNetParams); !errors.Is(err, ErrText) {
			t.Errorf("text %.10q signed: %v, want ErrText", bad, err)
		}
	}
}

// otherS returns the same signature with the other of its two S values, which
// belongs to the point with the other Y.
func otherS(raw []byte) []byte {
	var s btcec.ModNScalar
	s.SetByteSlice(raw[33:])
	other := s.Negate().Bytes()
	header := (raw[0] - headerUncompressed) ^ 1 + headerUncompressed
	return append(append([]byte{header}, raw[1:33]...), other[:]...)
}

func TestVerifyTextHighS(t *testing.T) {
	v := vectors.Load[textVector](t, "text.json", 36)[0]
	raw, err := b64.Decode(v.Signature, compactSize)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyText(v.Address, v.Message, b64.Encode(otherS(raw)), &chaincfg.MainNetParams); err != nil {
		t.Error(err)
	}
}

// FuzzVerifyText: nobody makes a signature without the key. What is accepted
// is the one that the key made, with its low or its high S.
func FuzzVerifyText(f *testing.F) {
	v := vectors.Load[textVector](f, "text.json", 36)[0]
	for _, c := range vectors.Load[textVector](f, "text.json", 36) {
		f.Add(c.Signature)
	}
	good, err := b64.Decode(v.Signature, compactSize)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b64.Encode(otherS(good)))
	f.Fuzz(func(t *testing.T, signature string) {
		if VerifyText(v.Address, v.Message, signature, &chaincfg.MainNetParams) != nil {
			return
		}
		raw, err := b64.Decode(signature, compactSize)
		if err != nil {
			t.Fatal(err)
		}
		if string(raw) != string(good) && string(raw) != string(otherS(good)) {
			t.Errorf("accepted %s", signature)
		}
	})
}

func BenchmarkVerifyText(b *testing.B) {
	v := vectors.Load[textVector](b, "text.json", 36)[0]
	for b.Loop() {
		if err := VerifyText(v.Address, v.Message, v.Signature, &chaincfg.MainNetParams); err != nil {
			b.Fatal(err)
		}
	}
}
