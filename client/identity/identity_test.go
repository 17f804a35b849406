package identity

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

type vector struct {
	Kind                                string
	PrivKey, PubKey, Hash               string
	Nick, ToNick, FromNick              protocol.Nick
	Command, Message, HostID, Signature string
	Line, Stage                         string
	Valid                               bool
	Should, Reason, Note                string
}

// UnmarshalJSON reads the snake_case names of the corpus.
func (v *vector) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for name, value := range fields {
		if plain := strings.ReplaceAll(name, "_", ""); plain != name {
			delete(fields, name)
			fields[plain] = value
		}
	}
	flat, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	type plain vector
	return json.Unmarshal(flat, (*plain)(v))
}

func identityOf(t testing.TB, privKey string) *Identity {
	t.Helper()
	raw, err := hex.DecodeString(privKey)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := btcec.PrivKeyFromBytes(raw)
	return of(key)
}

func TestNickAsReference(t *testing.T) {
	for _, v := range vectors.Kind[vector](t, "nick.json", "derive", 16) {
		id := identityOf(t, v.PrivKey)
		if id.Nick() != v.Nick || id.pubKey != v.PubKey {
			t.Errorf("nick %s of key %s, want %s of %s", id.Nick(), id.pubKey, v.Nick, v.PubKey)
		}
		if !id.Nick().Valid() {
			t.Errorf("our own nick %s has not the form of one", id.Nick())
		}
	}
}

// TestNickCheckAsReference signs with each key itself, so that only the match
// of nick and key is in question.
func TestNickCheckAsReference(t *testing.T) {
	for _, v := range vectors.Kind[vector](t, "nick.json", "check", 26) {
		answer := v.Nick.Valid() && protocol.IsPubKey(v.PubKey) && NickOf(v.PubKey) == v.Nick
		if answer != v.Valid {
			t.Errorf("%s with %s (%s%s): %v, want %v", v.Nick, v.PubKey, v.Note, v.Reason, answer, v.Valid)
		}
	}
}

func TestSignAsReference(t *testing.T) {
	for _, v := range vectors.Kind[vector](t, "message_signature.json", "sign", 25) {
		id := identityOf(t, v.PrivKey)
		text := v.Message + v.HostID
		got, err := id.Sign(control.SignRequest{To: v.ToNick, Command: v.Command, Text: text, HostID: v.HostID})
		if !protocol.Printable(text) { // the reference sends what no line of ours carries
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err != nil || got.PubKey != v.PubKey || got.Signature != v.Signature {
			t.Errorf("%s: %+v, %v, want %s %s", v.Command, got, err, v.PubKey, v.Signature)
		}
		ask := control.VerifyRequest{Nick: v.Nick, Text: text, HostID: v.HostID, PubKey: got.PubKey, Signature: got.Signature}
		if !id.Verify(ask).Valid {
			t.Errorf("%s: our own signature is refused", v.Command)
		}
	}
}

// TestN23VerifyAsReference takes each received line apart as the daemon does and
// asks for the verdict on what is left.
func TestN23VerifyAsReference(t *testing.T) {
	id, asked := identityOf(t, strings.Repeat("01", 32)), 0
	for _, v := range vectors.Kind[vector](t, "message_signature.json", "receive", 55) {
		if v.Stage != "signature and nick checked" {
			continue // never reaches the client
		}
		asked++
		fields := strings.Split(v.Line, " ")
		n := len(fields)
		ask := control.VerifyRequest{Nick: v.FromNick, HostID: v.HostID, PubKey: fields[n-2], Signature: fields[n-1]}
		body := strings.Join(fields[1:n-2], " ")
		ask.Text = body + ask.HostID
		valid := id.Verify(ask).Valid
		if lower := strings.ToLower(ask.HostID); !valid && lower != ask.HostID {
			ask.HostID, ask.Text = lower, body+lower
			valid = id.Verify(ask).Valid
		}
		if valid != v.Valid {
			t.Errorf("%s%s: %v, want %v", v.Note, v.Reason, valid, v.Valid)
		}
	}
	if asked < 38 {
		t.Errorf("%d lines reached the check", asked)
	}
}

func TestSignRefuses(t *testing.T) {
	id := identityOf(t, strings.Repeat("07", 32))
	if _, err := id.Sign(control.SignRequest{Text: "0 100000 hackint", HostID: "hackint"}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]control.SignRequest{
		"no host id":            {Text: "0 100000"},
		"other host id":         {Text: "0 100000 hackint", HostID: "hackin"},
		"host id alone":         {Text: "hackint", HostID: "hackint"},
		"newline":               {Text: "0\nhackint", HostID: "hackint"},
		"escape":                {Text: "\x1b[2Jhackint", HostID: "hackint"},
		"control in the hostid": {Text: "0 hack\tint", HostID: "hack\tint"},
		"beyond ASCII":          {Text: "0 ähackint", HostID: "hackint"},
		"giant":                 {Text: strings.Repeat("a", control.MaxText) + "hackint", HostID: "hackint"},
	} {
		if got, err := id.Sign(r); !errors.Is(err, ErrRefused) || got != (control.SignAnswer{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestSessionsDiffer(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if a.Nick() == b.Nick() || !a.Nick().Valid() {
		t.Errorf("nicks %s and %s", a.Nick(), b.Nick())
	}
}

func TestD9KeyIsNotPrinted(t *testing.T) {
	key := strings.Repeat("07", 32)
	id := identityOf(t, key)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, text := range []string{fmt.Sprintf(format, id), fmt.Sprintf(format, *id)} {
			bare := strings.NewReplacer(" ", "", "0x", "", ",", "").Replace(text)
			if strings.Contains(bare, key) || strings.Contains(bare, strings.Repeat("7", 32)) {
				t.Errorf("%s prints the key: %s", format, text)
			}
		}
	}
}
