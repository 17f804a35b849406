package txbuild

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/address/v2/bech32"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

func TestSizesAsReference(t *testing.T) {
	type vector struct {
		Inputs, Outputs []ScriptType
		Valid           bool
		VSize           int64
		FeeAtRate       map[string]sats.Amount `json:"fee_at_rate"`
	}
	for _, v := range vectors.Load[vector](t, "vsize.json", 38) {
		vsize, err := VSize(v.Inputs, v.Outputs)
		if !v.Valid {
			if !errors.Is(err, ErrScript) {
				t.Errorf("VSize(%v, %v) = %d, %v", v.Inputs, v.Outputs, vsize, err)
			}
			continue
		}
		if vsize != v.VSize || err != nil {
			t.Errorf("VSize(%v, %v) = %d, %v, want %d", v.Inputs, v.Outputs, vsize, err, v.VSize)
		}
		for text, want := range v.FeeAtRate {
			rate, _ := strconv.Atoi(text)
			if got, err := Fee(v.Inputs, v.Outputs, sats.Amount(rate)); got != want || err != nil {
				t.Errorf("Fee(%v, %v, %d) = %d, %v, want %d", v.Inputs, v.Outputs, rate, got, err, want)
			}
		}
	}
	for _, rate := range []sats.Amount{-1, sats.Max, sats.Max + 1} {
		if fee, err := Fee([]ScriptType{P2WPKH}, []ScriptType{P2WPKH}, rate); !errors.Is(err, sats.ErrRange) {
			t.Errorf("rate %d: %d, %v", rate, fee, err)
		}
	}
}

var networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams, "testnet": &chaincfg.TestNet3Params,
	"signet": &chaincfg.SigNetParams, "regtest": &chaincfg.RegressionNetParams,
}

func TestAddressesAsReference(t *testing.T) {
	type vector struct {
		Network, Text string
		Valid         bool
		Script        string `json:"script_pubkey"`
	}
	for _, v := range vectors.Load[vector](t, "address.json", 75) {
		script, err := ParseAddress(v.Text, networks[v.Network])
		if !v.Valid {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%s on %s: %x, %v", v.Text, v.Network, script, err)
			}
			continue
		}
		if err != nil || hex.EncodeToString(script) != v.Script {
			t.Errorf("%s on %s: %x, %v, want %s", v.Text, v.Network, script, err, v.Script)
			continue
		}
		back, err := FormatAddress(script, networks[v.Network])
		if err != nil || back != v.Text && back != strings.ToLower(v.Text) {
			t.Errorf("%s is written back as %s, %v", v.Text, back, err)
		}
	}
}

func TestT7AddressOddities(t *testing.T) {
	segwit := func(version byte, program []byte, encode func(string, []byte) (string, error)) string {
		five, err := bech32.ConvertBits(program, 8, 5, true)
		if err != nil {
			t.Fatal(err)
		}
		text, err := encode("bc", append([]byte{version}, five...))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	pubKey, err := address.NewAddressPubKey(vectors.Hex(t, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		&chaincfg.MainNetParams)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"raw public key":               hex.EncodeToString(pubKey.ScriptAddress()),
		"version 1 with 20 bytes":      segwit(1, make([]byte, 20), bech32.EncodeM),
		"version 0 in bech32m":         segwit(0, make([]byte, 20), bech32.EncodeM),
		"version 1 in bech32":          segwit(1, make([]byte, 32), bech32.Encode),
		"version 2":                    segwit(2, make([]byte, 32), bech32.EncodeM),
		"pay to anchor":                segwit(1, []byte{0x4e, 0x73}, bech32.EncodeM),
		"version 0 with 2 bytes":       segwit(0, []byte{1, 2}, bech32.Encode),
		"giant":                        strings.Repeat("1", 10_000),
		"signet is not mainnet":        "tb1qvrv4w4kfsv06a7883pyx26euhwfpadg66d2nad",
		"mixed case":                   "bc1qn0w7kmlmr7tfv7pp034nljdt9sjm9qslxpvu8U",
		"not ASCII":                    "bc1qn0w7kmlmr7tfv7pp034nljdt9sjm9qslxpvu8ú",
		"leading ones without meaning": "11111111111111111111114oLvT2",
	} {
		if script, err := ParseAddress(bad, &chaincfg.MainNetParams); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %x, %v", name, script, err)
		}
	}
	if _, err := ParseAddress("tb1qvrv4w4kfsv06a7883pyx26euhwfpadg66d2nad", &chaincfg.SigNetParams); err != nil {
		t.Errorf("signet: %v", err)
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("bc1qn0w7kmlmr7tfv7pp034nljdt9sjm9qslxpvu8u")
	f.Add("3PyyW5XuZNE3Fhj7VSyjSuHHbVNv4auufx")
	f.Add("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0")
	f.Fuzz(func(t *testing.T, text string) {
		script, err := ParseAddress(text, &chaincfg.MainNetParams)
		if err != nil {
			return
		}
		back, err := FormatAddress(script, &chaincfg.MainNetParams)
		if err != nil || back != text && strings.ToUpper(back) != text {
			t.Errorf("%q is written back as %q, %v", text, back, err)
		}
	})
}
