package envelope

import (
	"errors"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
)

type signatureCase struct {
	Kind                 string
	Command              protocol.Command
	Message, HostID      string
	SignedText           string `json:"signed_text"`
	PubKey, Signature    string
	Line                 string
	LineAfterCommand     string `json:"line_after_command"`
	Valid                bool
	Stage                string
	Should, Reason, Note string
}

func TestVectorsSent(t *testing.T) {
	seen := 0
	for _, c := range vectors.Load[signatureCase](t, "message_signature.json", 80) {
		if c.Kind != "sign" {
			continue
		}
		e := Envelope{c.Command, c.Message, c.PubKey, c.Signature}
		if len(c.Message) > 4096 && c.Line == "" {
			// The vectors leave out what the parts of a long message add up to.
			c.Line, c.LineAfterCommand, c.SignedText = e.String(), e.Body(), c.Message+c.HostID
		} else {
			seen++
		}
		if got := SignedText(c.Message, c.HostID); got != c.SignedText {
			t.Errorf("signed text %q, want %q", got, c.SignedText)
		}
		if e.String() != c.Line || e.Body() != c.LineAfterCommand {
			t.Errorf("wrote %q, want %q", e, c.Line)
		}
		got, err := Parse(c.Line)
		// The reference signs any text of any length; no line carries it.
		switch {
		case !protocol.Printable(c.Message):
			if !errors.Is(err, ErrText) {
				t.Errorf("%q: %v", c.Line, err)
			}
		case len(c.Line) > protocol.MaxMessage:
			if !errors.Is(err, ErrSize) {
				t.Errorf("%d bytes: %v", len(c.Line), err)
			}
		case err != nil || got != e:
			t.Errorf("Parse(%q) = %+v, %v", c.Line, got, err)
		}
	}
	if seen == 0 {
		t.Error("no vectors of what is sent")
	}
}

// What is wrong with the form of received messages. The vectors not listed are
// well formed: whether key and signature belong to the sender is asked of the
// client.
var malformed = map[string]error{
	"upper-case key text":                         ErrPubKey,
	"key one byte short":                          ErrPubKey,
	"key not hex":                                 ErrPubKey,
	"key with an odd number of digits":            ErrPubKey,
	"uncompressed key with the nick made from it": ErrPubKey,
	"empty signature: the line ends with a blank": ErrSignature,
	"base64 padding wrong":                        ErrSignature,
	"character outside base64 in the signature":   ErrSignature,
	"non-ASCII character in the signature":        ErrText,
	"URL-safe base64 alphabet":                    ErrSignature,
	"more padding after the signature":            ErrSignature,
	"hex signature":                               ErrSignature,
	"no command prefix":                           ErrPrefix,
	"prefix only":                                 ErrCommand,
	"empty line":                                  ErrPrefix,
	"upper-case command":                          ErrCommand,
	"unknown command":                             ErrCommand,
	"bond as the first group is discarded":        ErrCommand,
	"cancel is public only":                       ErrCommand,
	"empty text, correctly signed":                ErrEmpty,
	"empty text, single blank":                    ErrEmpty,
	"only key and signature":                      ErrEmpty,
	"command alone":                               ErrEmpty,
	"blank behind the prefix":                     ErrCommand,
	"blank at the end":                            ErrPubKey,
	"newline at the end of the signature":         ErrText,
}

func TestN23VectorsReceived(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range vectors.Load[signatureCase](t, "message_signature.json", 80) {
		if c.Kind != "receive" {
			continue
		}
		seen[c.Reason] = true
		e, err := Parse(c.Line)
		if want := malformed[c.Reason]; !errors.Is(err, want) {
			t.Errorf("%s%s: %v, want %v", c.Reason, c.Note, err, want)
		}
		if err != nil && (c.Valid || e != Envelope{}) {
			t.Errorf("%s%s: %+v, %v", c.Reason, c.Note, e, err)
		}
		if err == nil && (c.Stage != "signature and nick checked" || c.Should == "reject") {
			t.Errorf("%s%s goes on to the client", c.Reason, c.Note)
		}
		if err == nil && e.String() != c.Line {
			t.Errorf("%q is written back as %q", c.Line, e)
		}
	}
	for reason := range malformed {
		if !seen[reason] {
			t.Errorf("no vector %q", reason)
		}
	}
}

func TestN23SignatureSizes(t *testing.T) {
	key := "02" + strings.Repeat("0a", 32)
	for text, want := range map[string]error{
		"AAAAAAAAAA==":                      ErrSignature, // 7 bytes
		"AAAAAAAAAAA=":                      nil,          // 8
		strings.Repeat("AAAA", 24):          nil,          // 72
		strings.Repeat("AAAA", 24) + "AA==": ErrSignature, // 73
		"AAAAAAAAAAB=":                      ErrSignature, // loose bits
	} {
		if _, err := Parse("!fill x " + key + " " + text); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func TestBlanksAreSigned(t *testing.T) {
	key, sig := "02"+strings.Repeat("0a", 32), strings.Repeat("AAAA", 24)
	e, err := Parse("!error   two  blanks  " + key + " " + sig)
	if err != nil || e.Msg != "  two  blanks " || e.Text() != "!error   two  blanks " {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestSizeLimit(t *testing.T) {
	e := Envelope{
		Command: protocol.CmdPush, PubKey: "02" + strings.Repeat("0a", 32), Signature: strings.Repeat("AAAA", 24),
	}
	e.Msg = strings.Repeat("A", protocol.MaxMessage-len(e.String()))
	if got, err := Parse(e.String()); err != nil || got != e {
		t.Errorf("%d bytes: %v", len(e.String()), err)
	}
	e.Msg += "A"
	if _, err := Parse(e.String()); !errors.Is(err, ErrSize) {
		t.Errorf("%d bytes: %v", len(e.String()), err)
	}
}

// What parses is written back byte for byte, and its parts are what they claim.
func FuzzParse(f *testing.F) {
	key, sig := "02"+strings.Repeat("0a", 32), strings.Repeat("AAAA", 24)
	for _, s := range []string{
		"!fill 0 1 2 3 ", "!error   two  blanks  ", "!sw0reloffer 0 1 2 3 4!tbond x ", "!orderbook ", "!orderbook  ", "!",
	} {
		f.Add(s + key + " " + sig)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		if e.String() != text {
			t.Fatalf("%q is written back as %q", text, e)
		}
		if !e.Command.Private() || e.Msg == "" || !protocol.IsPubKey(e.PubKey) || !protocol.IsSignature(e.Signature) {
			t.Fatalf("%q: %+v", text, e)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := "!fill 0 50000000 " + strings.Repeat("0a", 32) + " P" + strings.Repeat("0a", 32) +
		" 02" + strings.Repeat("0a", 32) + " " + strings.Repeat("AAAA", 24)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
