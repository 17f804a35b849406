package line

import (
	"bytes"
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
		{"ioauth", coins(protocol.MaxUTXOs) + rest, refusal{}},
		{"ioauth", coins(protocol.MaxUTXOs+1) + rest, refusal{"utxos", ErrSize}},
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

// Five hundred odd numbers: every number of every command in every spelling
// that some other program would read.
func TestT16OddNumbersInEveryField(t *testing.T) {
	groups := []string{
		"sw0reloffer # 27300 100000000 0 0.1", "sw0reloffer 0 # 100000000 0 0.1", "sw0reloffer 0 27300 # 0 0.1",
		"sw0reloffer 0 27300 100000000 # 0.1", "sw0reloffer 0 27300 100000000 0 #", "sw0absoffer 0 27300 100000000 0 #",
		"reloffer # 27300 100000000 0 0.1", "absoffer 0 # 100000000 0 1", "swreloffer 0 27300 # 0 0.1",
		"swabsoffer 0 27300 100000000 # 1", "cancel #",
		"fill # 50000000 " + hex32 + " P" + hex32, "fill 0 # " + hex32 + " P" + hex32,
	}
	odd := []string{
		"", "+0", "-0", "-1", "+100000", "00", "0100000", "000.1", "1_0", "100_000", "1,0", "1.", ".1", "1e5", "1E5", "1e+5",
		"0x10", "0X10", "0b1", "0o7", "#5", "1%", "1sat", "٣", "१०००००", "１０００００", "¹", "½", "\t1", "1\t", "1\x00", "\x001",
		"NaN", "Inf", "-inf", "Infinity", "None", "null", "true", "1~", "(1)", "1/2", "9223372036854775808", "1e999999",
		strings.Repeat("9", 400),
	}
	tried := 0
	for _, g := range groups {
		for _, text := range odd {
			tried++
			if m, err := Parse(strings.Replace(g, "#", text, 1)); err == nil {
				t.Errorf("%q with %q = %v", g, text, m)
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d combinations", tried)
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"!orderbook":               {"orderbook"},
		"!!orderbook":              {"orderbook"}, // joinmarket-ng
		"!":                        {""},
		"!cancel 0!cancel 3":       {"cancel 0", "cancel 3"},
		"!cancel 0!foo!!cancel 1!": {"cancel 0", "foo", "", "cancel 1", ""},
		"!error  a  ":              {"error  a  "},
		"!orderbooks!orderbook":    {"orderbooks", "orderbook"},
	} {
		if got, err := Split(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Split(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"":                                  ErrPrefix,
		"orderbook":                         ErrPrefix,
		" !orderbook":                       ErrPrefix,
		"!orderbook\n":                      ErrText,
		"!orderbook\x00":                    ErrText,
		"!error é":                          ErrText,
		"!error \xff":                       ErrText,
		"!error \x7f":                       ErrText,
		"!orderbook!orderbook":              ErrFlood,
		"!orderbook ~!cancel 0!orderbook x": ErrFlood,
		"!!orderbook!orderbook":             ErrFlood,
		strings.Repeat("!a", 33):            ErrGroups,
	} {
		if got, err := Split(text); !errors.Is(err, want) {
			t.Errorf("Split(%q) = %q, %v; want %v", text, got, err, want)
		}
	}
	if got, err := Split(strings.Repeat("!a", 32)); err != nil || len(got) != protocol.MaxGroups {
		t.Errorf("32 groups: %d, %v", len(got), err)
	}
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

// What parses is written in a canonical form, which reads as the same message
// and is written again byte for byte.
func FuzzParse(f *testing.F) {
	for group := range plain {
		f.Add(group)
		f.Add(group + " ~")
	}
	f.Fuzz(func(t *testing.T, group string) {
		m, err := Parse(group)
		if err != nil {
			var coded *Error
			if !errors.As(err, &coded) || coded.Err == nil {
				t.Fatalf("error without code: %v", err)
			}
			return
		}
		written := Append(nil, m)
		if !protocol.Printable(string(written)) || bytes.LastIndexByte(written, '!') != 0 {
			t.Fatalf("%q is written %q", group, written)
		}
		again, err := Parse(string(written[1:]))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%q reads %v, written %q reads %v, %v", group, m, written, again, err)
		}
		if twice := Append(nil, again); !bytes.Equal(twice, written) {
			t.Fatalf("%q is written %q and then %q", group, written, twice)
		}
		// Beyond what is tolerated by name, the text itself is canonical.
		if string(written[1:]) != group && !loose(m) {
			t.Fatalf("%q is written %q", group, written)
		}
	})
}

// loose reports whether peers force tolerance for m's command.
func loose(m Message) bool {
	switch m.(type) {
	case Orderbook, Offer, Cancel, Fill, PubKey, ErrorText, HP2:
		return true
	}
	return false
}

// The same for what is sealed; only the extended form of a coin is shortened.
func FuzzParseSealed(f *testing.F) {
	for text, c := range sealed {
		f.Add(string(c.Command()), text)
		f.Add(string(c.Command()), strings.Replace(text, ":1 ", ":1:00:5 ", 1))
	}
	f.Fuzz(func(t *testing.T, command, text string) {
		c, err := ParseSealed(protocol.Command(command), text)
		if err != nil {
			return
		}
		written := Plaintext(c)
		again, err := ParseSealed(c.Command(), written)
		if err != nil || !reflect.DeepEqual(again, c) || Plaintext(again) != written || !protocol.Printable(written) {
			t.Fatalf("%q reads %v, written %q reads %v, %v", text, c, written, again, err)
		}
		if written != text && strings.Count(text, ":") == strings.Count(written, ":") {
			t.Fatalf("%q is written %q", text, written)
		}
	})
}

// Joined again, the groups of a line are the line.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"!orderbook", "!!orderbook", "!a!!b", "!orderbook!orderbook", "!cancel 0!cancel 1 ~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		groups, err := Split(text)
		if err != nil {
			return
		}
		joined := "!" + strings.Join(groups, "!")
		if joined != text && "!"+joined != text {
			t.Fatalf("%q is joined as %q", text, joined)
		}
		if len(groups) > protocol.MaxGroups || strings.Count(joined, "!orderbook") > 1 && countOrderbooks(groups) > 1 {
			t.Fatalf("%q: %d groups", text, len(groups))
		}
	})
}

func countOrderbooks(groups []string) (n int) {
	for _, g := range groups {
		if m, err := Parse(g); err == nil && m == (Orderbook{}) {
			n++
		}
	}
	return n
}

func BenchmarkParseOffer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("sw0reloffer 0 100000 79000000 0 0.000020"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplitAndParseLine(b *testing.B) {
	const text = "!sw0reloffer 0 100000 79000000 0 0.000020!sw0absoffer 1 100000 50000000 0 500!cancel 3"
	b.ReportAllocs()
	for b.Loop() {
		groups, err := Split(text)
		if err != nil {
			b.Fatal(err)
		}
		for _, g := range groups {
			if _, err := Parse(g); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAppendOffer(b *testing.B) {
	m := plain["sw0reloffer 0 100000 79000000 0 0.00002"]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], m)
	}
}
