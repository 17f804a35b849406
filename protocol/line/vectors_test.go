package line

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// refusal is what an error must say about a bad message.
type refusal struct {
	field string
	err   error
}

func (want refusal) check(t *testing.T, what string, err error) {
	t.Helper()
	var got *Error
	if want.err == nil {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	} else if !errors.As(err, &got) || got.Field != want.field || !errors.Is(err, want.err) {
		t.Errorf("%s: error %v, want one of field %q: %v", what, err, want.field, want.err)
	}
}

// Messages of the maker's conversation vectors that fail as a line. All others
// must parse, also those that a conversation then refuses.
var refusedFills = map[string]refusal{
	"negative id":                               {"oid", ErrNumber},
	"id no number":                              {"oid", ErrNumber},
	"id with sign":                              {"oid", ErrNumber},
	"amount no number":                          {"amount", ErrNumber},
	"amount with exponent":                      {"amount", ErrNumber},
	"amount with a point":                       {"amount", ErrNumber},
	"negative amount":                           {"amount", ErrNumber},
	"amount with underscore":                    {"amount", ErrNumber},
	"amount in other digits":                    {"", ErrText},
	"huge amount":                               {"amount", ErrNumber},
	"amount missing":                            {"amount", ErrMissing},
	"key missing":                               {"key", ErrMissing},
	"commitment missing":                        {"commitment", ErrMissing},
	"unknown commitment type":                   {"commitment", ErrForm},
	"commitment without type letter":            {"commitment", ErrForm},
	"lower-case type letter":                    {"commitment", ErrForm},
	"empty commitment":                          {"commitment", ErrForm},
	"odd number of digits":                      {"commitment", ErrForm},
	"commitment not hex":                        {"commitment", ErrForm},
	"commitment of 31 bytes":                    {"commitment", ErrForm},
	"commitment of 33 bytes":                    {"commitment", ErrForm},
	"key of 31 bytes":                           {"key", ErrForm},
	"key of 33 bytes":                           {"key", ErrForm},
	"key not hex":                               {"key", ErrForm},
	"upper-case key":                            {"key", ErrForm},
	"key with a non-ASCII character: no answer": {"", ErrText},
	"auth that does not decrypt":                {"box", ErrSize},
	"empty revelation":                          {"box", ErrSize}, // a sealed text has at least one byte
	"auth from a nick without fill":             {"box", ErrSize},
	"push that is no base64":                    {"transaction", ErrForm},
	"push without text":                         {"transaction", ErrMissing},
	"sig to a maker":                            {"box", ErrSize},
	"ioauth to a maker":                         {"box", ErrSize},
	"private hp2 that is not hex":               {"commitment", ErrForm},
	"private hp2 of two bytes is published":     {"commitment", ErrForm},
	"public hp2 that is not hex":                {"commitment", ErrForm},
	"public hp2 of one byte is stored":          {"commitment", ErrForm},
	"request twice in one line":                 {"", ErrFlood},
}

func TestConversationVectors(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range vectors.Load[struct {
		Reason, Note string
		Steps        []struct{ Private, Public string }
	}](t, "fill.json", 79) {
		name := c.Note + c.Reason
		seen[name] = true
		for i, step := range c.Steps {
			err := parseAll(t, step.Private+step.Public)
			want := refusedFills[name]
			if i < len(c.Steps)-1 {
				want = refusal{} // the fault is in the last step
			}
			want.check(t, name, err)
		}
	}
	for name := range refusedFills {
		if !seen[name] {
			t.Errorf("no vector %q", name)
		}
	}
}

// parseAll parses every group of a line and checks what is written back.
func parseAll(t *testing.T, text string) error {
	t.Helper()
	groups, err := Split(text)
	if err != nil {
		return err
	}
	for _, g := range groups {
		m, err := Parse(g)
		if err != nil {
			return err
		}
		written := string(Append(nil, m))
		again, err := Parse(written[1:])
		if err != nil || string(Append(nil, again)) != written {
			t.Errorf("%q is written %q, which reads %v, %v", g, written, again, err)
		}
	}
	return nil
}

// Openings of commitments whose text is sound although the proof is not: the
// wallet refuses them.
var soundRevelations = map[string]bool{
	"commitment of another proof": true, "commitment made from P instead of P2": true, "s altered": true,
	"e altered": true, "P of another key": true, "P2 of another key, commitment unchanged": true,
	"P2 of another key with its own commitment": true, "P negated": true, "P2 negated, with its commitment": true,
	"P and P2 exchanged": true, "s and e exchanged": true, "s = 0": true, "s = group order": true,
	"s greater than the group order": true, "e = 0": true, "P not on the curve": true, "P2 not on the curve": true,
}

func TestRevelationVectors(t *testing.T) {
	for _, c := range vectors.Load[struct {
		Kind, Revelation, Reason, Note, Should string
		Valid                                  bool
	}](t, "podle.json", 96) {
		if c.Kind != "verify" {
			continue
		}
		// Upper-case hex and leading zeros are left to us; nobody sends them.
		sound := c.Valid && c.Should == "" || soundRevelations[c.Reason] || strings.HasPrefix(c.Reason, "index ")
		content, err := ParseSealed(protocol.CmdAuth, c.Revelation)
		if (err == nil) != sound {
			t.Errorf("%q (%s%s): %v", c.Revelation, c.Reason, c.Note, err)
		}
		if err == nil && Plaintext(content) != c.Revelation {
			t.Errorf("%q is written back as %q", c.Revelation, Plaintext(content))
		}
	}
}

func TestM1CommitmentSpellings(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[struct {
		Kind, Text, Canonical, Reason, Note string
		Valid                               bool
	}](t, "podle.json", 96) {
		if c.Kind != "canonical" {
			continue
		}
		seen++
		m, err := Parse("hp2 " + c.Text)
		if (err == nil) != c.Valid {
			t.Errorf("hp2 %q (%s%s): %v", c.Text, c.Reason, c.Note, err)
		}
		fill, errFill := Parse("fill 0 1 " + strings.Repeat("0a", 32) + " P" + c.Text)
		// A blank would begin a surplus field, which fill ignores.
		if (errFill == nil) != c.Valid && !strings.Contains(c.Text, " ") {
			t.Errorf("fill with %q (%s%s): %v", c.Text, c.Reason, c.Note, errFill)
		}
		if !c.Valid {
			continue
		}
		want := protocol.Commitment("P" + c.Canonical)
		if m.(HP2).Commitment != want || fill.(Fill).Commitment != want {
			t.Errorf("%q: hp2 %v, fill %v, want %s", c.Text, m, fill, want)
		}
	}
	if seen == 0 {
		t.Error("no vectors of commitments")
	}
}

// What is wrong with the ioauth vectors whose text is at fault; the others the
// client must judge.
var refusedIOAuths = map[string]refusal{
	"signature that is none":       {"sig", ErrForm},
	"signature not base64":         {"sig", ErrForm},
	"signature empty":              {"sig", ErrForm},
	"key in upper case":            {"authkey", ErrForm},
	"key not hex":                  {"authkey", ErrForm},
	"key empty":                    {"authkey", ErrForm},
	"key too short":                {"authkey", ErrForm},
	"uncompressed key, same point": {"authkey", ErrForm},
	"coinjoin address empty":       {"cjaddr", ErrSize},
	"one coin twice":               {"utxos", ErrRepeated},
	"no coins":                     {"utxos", ErrForm},
	"coin text malformed":          {"utxos", ErrForm},
	"coin text with three parts":   {"utxos", ErrForm},
	"negative output index":        {"utxos", ErrNumber},
	"transaction id in upper case": {"utxos", ErrForm},
	"empty element":                {"utxos", ErrForm},
}

func TestIOAuthVectors(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range vectors.Load[struct {
		Valid        bool
		Reason, Note string
		IOAuth       struct {
			UTXOs         []string
			AuthPubKey    string `json:"auth_pubkey"`
			CJAddress     string `json:"cj_address"`
			ChangeAddress string `json:"change_address"`
			Signature     string
		}
	}](t, "ioauth.json", 122) {
		name, v := c.Reason+c.Note, c.IOAuth
		seen[name] = true
		text := strings.Join([]string{
			strings.Join(v.UTXOs, ","), v.AuthPubKey, v.CJAddress, v.ChangeAddress, v.Signature,
		}, " ")
		content, err := ParseSealed(protocol.CmdIOAuth, text)
		refusedIOAuths[name].check(t, name, err)
		if err == nil && Plaintext(content) != text {
			t.Errorf("%s: %q is written back as %q", name, text, Plaintext(content))
		}
	}
	for name := range refusedIOAuths {
		if !seen[name] {
			t.Errorf("no vector %q", name)
		}
	}
}

var refusedSigs = map[string]refusal{
	"empty":      {"script", ErrSize},
	"not base64": {"script", ErrForm},
	"base64 cut": {"script", ErrForm},
}

func TestTxAndSigVectors(t *testing.T) {
	transactions, seen := 0, make(map[string]bool)
	for _, c := range vectors.Load[struct {
		Reason, Tx string
		UnsignedTx string `json:"unsigned_tx"`
		Sigs       []string
	}](t, "txsign.json", 115) {
		seen[c.Reason] = true
		for _, sig := range c.Sigs {
			content, err := ParseSealed(protocol.CmdSig, sig)
			refusedSigs[c.Reason].check(t, c.Reason, err)
			if err == nil && Plaintext(content) != sig {
				t.Errorf("%q is written back as %q", sig, Plaintext(content))
			}
		}
		if c.Tx == "" {
			continue
		}
		transactions++
		content, err := ParseSealed(protocol.CmdTx, c.Tx)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(content.(Tx).Tx); got != c.UnsignedTx || Plaintext(content) != c.Tx {
			t.Errorf("transaction %s, want %s", got, c.UnsignedTx)
		}
	}
	if transactions == 0 {
		t.Error("no vectors of transactions")
	}
	for name := range refusedSigs {
		if !seen[name] {
			t.Errorf("no vector %q", name)
		}
	}
}
