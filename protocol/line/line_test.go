package line

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/b64"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

var (
	hex32  = strings.Repeat("0a", 32)
	pubkey = "02" + hex32
	proof  = strings.Repeat("AAAA", protocol.BondProofSize/3)
	txText = b64.Encode(make([]byte, minTx))
	derSig = b64.Encode(make([]byte, 71))
	boxed  = b64.Encode(make([]byte, 60))
)

// plain has one canonical group of every command that travels in the clear.
var plain = map[string]Message{
	"orderbook": Orderbook{},
	"sw0reloffer 0 100000 79000000 0 0.00002": Offer{protocol.Offer{
		Type: protocol.SW0RelOffer, MinSize: 100_000, MaxSize: 79_000_000, CJFee: "0.00002",
	}},
	"sw0absoffer 9223372036854775807 27300 2100000000000000 2100000000000000 500": Offer{protocol.Offer{
		Type: protocol.SW0AbsOffer, ID: 1<<63 - 1, MinSize: 27_300, MaxSize: sats.Max, TxFee: sats.Max, CJFee: "500",
	}},
	"reloffer 1 27300 27300 5 0": Offer{protocol.Offer{
		Type: protocol.RelOffer, ID: 1, MinSize: 27_300, MaxSize: 27_300, TxFee: 5, CJFee: "0",
	}},
	"absoffer 1 27300 27300 5 0": Offer{protocol.Offer{
		Type: protocol.AbsOffer, ID: 1, MinSize: 27_300, MaxSize: 27_300, TxFee: 5, CJFee: "0",
	}},
	"swreloffer 1 27300 27300 5 1e-05": Offer{protocol.Offer{
		Type: protocol.SWRelOffer, ID: 1, MinSize: 27_300, MaxSize: 27_300, TxFee: 5, CJFee: "1e-05",
	}},
	"swabsoffer 1 27300 27300 5 0": Offer{protocol.Offer{
		Type: protocol.SWAbsOffer, ID: 1, MinSize: 27_300, MaxSize: 27_300, TxFee: 5, CJFee: "0",
	}},
	"tbond " + proof: TBond{proof},
	"cancel 3":       Cancel{3},
	"fill 0 50000000 " + hex32 + " P" + hex32: Fill{
		OfferID: 0, Amount: 50_000_000, PubKey: hex32, Commitment: protocol.Commitment("P" + hex32),
	},
	"pubkey " + hex32:         PubKey{hex32},
	"error   two  blanks  ~ ": ErrorText{"  two  blanks  ~ "},
	"push " + txText:          Push{make([]byte, minTx)},
	"hp2 " + hex32:            HP2{protocol.Commitment("P" + hex32)},
	"auth " + boxed:           Sealed{protocol.CmdAuth, boxed},
	"ioauth " + boxed:         Sealed{protocol.CmdIOAuth, boxed},
	"tx " + boxed:             Sealed{protocol.CmdTx, boxed},
	"sig " + boxed:            Sealed{protocol.CmdSig, boxed},
}

// sealed has one canonical plaintext of every command that travels in a box.
var sealed = map[string]Content{
	hex32 + ":4294967295|" + pubkey + "|03" + hex32 + "|" + hex32 + "|" + hex32: Auth{
		UTXO: UTXO{hex32, 1<<32 - 1}, P: pubkey, P2: "03" + hex32, S: hex32, E: hex32,
	},
	hex32 + ":0," + hex32 + ":1 " + pubkey + " bc1qcj 3change " + derSig: IOAuth{
		UTXOs: []UTXO{{hex32, 0}, {hex32, 1}}, AuthKey: pubkey,
		CJAddress: "bc1qcj", ChangeAddress: "3change", Signature: derSig,
	},
	txText: Tx{make([]byte, minTx)},
	"AAA=": Sig{[]byte{0, 0}},
}

func TestEveryCommandBothWays(t *testing.T) {
	for group, want := range plain {
		got, err := Parse(group)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", group, got, err, want)
		}
		if got := string(Append([]byte("before"), want)); got != "before!"+group {
			t.Errorf("wrote %q, want %q", got, group)
		}
		name, fields, _ := strings.Cut(group, " ")
		if string(want.Command()) != name || Fields(want) != fields {
			t.Errorf("%q: command %q, fields %q", group, want.Command(), Fields(want))
		}
	}
	for text, want := range sealed {
		got, err := ParseSealed(want.Command(), text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseSealed(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if got := Plaintext(want); got != text {
			t.Errorf("wrote %q, want %q", got, text)
		}
	}
}

// What peers send beyond the canonical form, each forced by one of them.
func TestTolerated(t *testing.T) {
	extended := hex32 + ":1:0014" + strings.Repeat("ab", 20) + ":840000"
	for _, c := range []struct{ group, canonical string }{
		{"sw0reloffer 0 1 79000000 0 0.1", "sw0reloffer 0 27300 79000000 0 0.1"},
		{"sw0reloffer 0 27300 79000000 0 0.1 ~", "sw0reloffer 0 27300 79000000 0 0.1"},
		{"sw0reloffer 0 27300 79000000 0 0.1 extra more", "sw0reloffer 0 27300 79000000 0 0.1"},
		{"orderbook ~", "orderbook"},
		{"cancel 0 ~", "cancel 0"},
		{"hp2 " + hex32 + " ~", "hp2 " + hex32},
		{"hp2 " + strings.ToUpper(hex32), "hp2 " + hex32},
		{"pubkey " + hex32 + " features=neutrino_compat", "pubkey " + hex32},
		{"fill 0 1 " + hex32 + " P" + hex32 + " extra", "fill 0 1 " + hex32 + " P" + hex32},
		{"fill 0 1 " + hex32 + " P" + strings.ToUpper(hex32), "fill 0 1 " + hex32 + " P" + hex32},
		{"error " + strings.Repeat("x", 300), "error " + strings.Repeat("x", protocol.MaxErrorText)},
	} {
		m, err := Parse(c.group)
		if err != nil || string(Append(nil, m)) != "!"+c.canonical {
			t.Errorf("Parse(%q) = %v, %v; want %q", c.group, m, err, c.canonical)
		}
	}
	for _, c := range []struct {
		command         protocol.Command
		text, canonical string
	}{
		{
			protocol.CmdAuth,
			extended + "|" + pubkey + "|" + pubkey + "|" + hex32 + "|" + hex32,
			hex32 + ":1|" + pubkey + "|" + pubkey + "|" + hex32 + "|" + hex32,
		},
		{
			protocol.CmdIOAuth,
			hex32 + ":0," + extended + " " + pubkey + " bc1qcj bc1qchange " + derSig,
			hex32 + ":0," + hex32 + ":1 " + pubkey + " bc1qcj bc1qchange " + derSig,
		},
	} {
		content, err := ParseSealed(c.command, c.text)
		if err != nil || Plaintext(content) != c.canonical {
			t.Errorf("%s %q: %v, %v; want %q", c.command, c.text, content, err, c.canonical)
		}
	}
}

func TestRefused(t *testing.T) {
	for group, want := range map[string]refusal{
		"":                                  {"", ErrUnknown},
		" orderbook":                        {"", ErrUnknown},
		"ORDERBOOK":                         {"", ErrUnknown},
		"fills 0":                           {"", ErrUnknown},
		"orderbook x":                       {"", ErrSurplus},
		"orderbook ~ ~":                     {"", ErrSurplus},
		"orderbook ":                        {"", ErrSurplus},
		"sw0reloffer":                       {"oid", ErrMissing},
		"sw0reloffer 0 27300 79000000 0":    {"cjfee", ErrMissing},
		"sw0reloffer  0 27300 79000000 0 0": {"oid", ErrNumber},
		"sw0reloffer 0 27300 27299 0 0":     {"maxsize", ErrNumber},
		"sw0reloffer 0 0 27299 0 0":         {"maxsize", ErrNumber},
		"sw0reloffer 0 27300 27300 0 1":     {"cjfee", ErrNumber},
		"sw0absoffer 0 27300 27300 0 0.1":   {"cjfee", ErrNumber},
		"tbond":                             {"proof", ErrMissing},
		"tbond " + proof[4:]:                {"proof", ErrSize},
		"tbond " + proof + "AAAA":           {"proof", ErrSize},
		"tbond " + proof + " x":             {"", ErrSurplus},
		"tbond " + proof[1:] + "*":          {"proof", ErrForm},
		"cancel":                            {"oid", ErrMissing},
		"cancel x":                          {"oid", ErrNumber},
		"cancel +0":                         {"oid", ErrNumber},
		"cancel 0 1":                        {"", ErrSurplus},
		"fill 0 1  P" + hex32:               {"key", ErrForm},
		"pubkey":                            {"key", ErrMissing},
		"pubkey " + hex32[2:]:               {"key", ErrForm},
		"error":                             {"text", ErrMissing},
		"error ":                            {"text", ErrMissing},
		"error a!b":                         {"text", ErrText},
		"error \x1b[2J":                     {"text", ErrText},
		"push " + txText + " x":             {"", ErrSurplus},
		"push " + txText[4:]:                {"transaction", ErrSize},
		"push " + zeros(protocol.MaxPush+1): {"transaction", ErrSize},
		"push ?":                            {"transaction", ErrForm},
		"hp2":                               {"commitment", ErrMissing},
		"hp2 P" + hex32:                     {"commitment", ErrForm},
		"hp2 " + hex32 + " x":               {"", ErrSurplus},
		"auth":                              {"box", ErrMissing},
		"auth " + boxed + " x":              {"", ErrSurplus},
		"auth " + boxed[1:] + "!":           {"box", ErrForm},
		"tx " + zeros(minBox-1):             {"box", ErrSize},
		"tx " + zeros(maxBox+1):             {"box", ErrSize},
	} {
		_, err := Parse(group)
		want.check(t, fmt.Sprintf("Parse(%.100q)", group), err)
	}

	two := hex32 + ":0," + hex32 + ":1"
	rest := " " + pubkey + " bc1qcj bc1qchange " + derSig
	for _, c := range []struct {
		command protocol.Command
		text    string
		want    refusal
	}{
		{"fill", "x", refusal{"", ErrUnknown}},
		{"auth", "", refusal{"revelation", ErrForm}},
		{"auth", Plaintext(Auth{P: pubkey}) + " x", refusal{"txid:vout", ErrForm}},
		{"ioauth", "", refusal{"utxos", ErrForm}},
		{"ioauth", two, refusal{"authkey", ErrMissing}},
		{"ioauth", two + " " + pubkey + " bc1qcj bc1qchange", refusal{"sig", ErrMissing}},
		{"ioauth", two + rest + " x", refusal{"", ErrSurplus}},
		{"ioauth", two + rest + " ", refusal{"", ErrSurplus}},
		{"ioauth", " " + two + rest, refusal{"utxos", ErrForm}},
		{"ioauth", two + "," + rest, refusal{"utxos", ErrForm}},
		{"ioauth", hex32 + ":4294967296" + rest, refusal{"utxos", ErrNumber}},
		{"ioauth", hex32 + ":0:1" + rest, refusal{"utxos", ErrForm}},
		{"ioauth", hex32 + ":0:00:1:2" + rest, refusal{"utxos", ErrForm}},
		{"ioauth", hex32 + ":0:0g:1" + rest, refusal{"utxos", ErrForm}},
		{"ioauth", hex32 + ":0::1" + rest, refusal{"utxos", ErrForm}},
		{"ioauth", hex32 + ":0:000:1" + rest, refusal{"utxos", ErrForm}},
		{"ioauth", hex32 + ":0:00:-1" + rest, refusal{"utxos", ErrNumber}},
		{"ioauth", hex32 + ":0," + hex32 + ":0:00:5" + rest, refusal{"utxos", ErrRepeated}},
		{"ioauth", coins(100) + rest, refusal{}},
		{"ioauth", coins(101) + rest, refusal{"utxos", ErrSize}},
		{"ioauth", two + " " + pubkey + " bc1q/cj bc1qchange " + derSig, refusal{"cjaddr", ErrForm}},
		{"ioauth", two + " " + pubkey + " bc1qcj " + strings.Repeat("a", 101) + " " + derSig, refusal{"changeaddr", ErrSize}},
		{"tx", "", refusal{"transaction", ErrSize}},
		{"tx", zeros(protocol.MaxTx), refusal{}},
		{"tx", zeros(protocol.MaxTx + 1), refusal{"transaction", ErrSize}},
		{"tx", txText + " x", refusal{"", ErrSurplus}},
		{"sig", zeros(protocol.MaxSigScript), refusal{}},
		{"sig", zeros(protocol.MaxSigScript + 1), refusal{"script", ErrSize}},
	} {
		_, err := ParseSealed(c.command, c.text)
		c.want.check(t, fmt.Sprintf("%s %.100q", c.command, c.text), err)
	}
}

// zeros is the base64 of n bytes.
func zeros(n int) string { return b64.Encode(make([]byte, n)) }

func coins(n int) string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("%s:%d", hex32, i))
	}
	return strings.Join(texts, ",")
}

// A replacement that is broken behind its id withdraws the offer it replaces.
func TestBrokenReplacementNamesTheOffer(t *testing.T) {
	for group, want := range map[string]bool{
		"sw0reloffer 7 27300 100000000 -1 0.1": true,
		"sw0reloffer 7 27300 100000000 0 abc":  true,
		"sw0reloffer 7 27300 100000000 0 ":     true,
		"sw0reloffer 7 27300 100000000":        false,
		"sw0reloffer x 27300 100000000 0 0.1":  false,
		"fill 7 x y z a":                       false,
	} {
		_, err := Parse(group)
		var refused *Error
		if !errors.As(err, &refused) {
			t.Fatalf("%q: %v", group, err)
		}
		if got := refused.Offer != nil && *refused.Offer == 7; got != want || !want && refused.Offer != nil {
			t.Errorf("%q: names offer %v", group, refused.Offer)
		}
	}
}

// T17: nothing a peer wrote is repeated in an error, which ends up in logs.
func TestT17ErrorsRepeatNothing(t *testing.T) {
	const mark = "ZZZ"
	for group := range plain {
		fields := strings.Split(group, " ")
		for i := range fields {
			bad := append([]string(nil), fields...)
			bad[i] = mark + "\x1b"
			if _, err := Parse(strings.Join(bad, " ")); err == nil || strings.Contains(err.Error(), mark) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	for command, err := range map[protocol.Command]error{"": ErrUnknown, "fill": ErrNumber} {
		e := &Error{Command: command, Err: err}
		if e.Reason() != protocol.ReasonMalformed || e.Error() == "" {
			t.Errorf("%v: %s", e, e.Reason())
		}
	}
	if e := (&Error{Err: ErrGroups}); e.Reason() != protocol.ReasonTooLarge {
		t.Errorf("%v: %s", e, e.Reason())
	}
}

// T23: a transaction of the greatest size, sealed and signed, fits a message.
func TestT23LargestTransactionFitsAMessage(t *testing.T) {
	plaintext := len(Plaintext(Tx{make([]byte, protocol.MaxTx)}))
	sealed := (plaintext + 40 + 2) / 3 * 4
	if body := len("!tx ") + sealed + len(" "+pubkey+" ") + 96; body > protocol.MaxMessage {
		t.Errorf("%d bytes", body)
	}
}

func TestFieldsOfOrderbookAreEmpty(t *testing.T) {
	if got := Fields(Orderbook{}); got != "" {
		t.Errorf("%q", got)
	}
}
