package secret

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "correct horse battery"

// holder has secrets in all the places fmt treats differently.
type holder struct {
	Exported Text
	private  Text
	raw      Bytes
	Pointer  *Text
	List     []Bytes
	Map      map[string]Text
	Any      any
}

func newHolder() holder {
	t := NewText(canary)
	b := NewBytes([]byte(canary))
	return holder{t, t, b, &t, []Bytes{b}, map[string]Text{"k": t}, t}
}

// leaks reports whether the text shows the canary in a form that fmt or an
// encoder could have given it.
func leaks(out string) bool {
	low := strings.ToLower(out)
	decimal := strings.Trim(fmt.Sprint([]byte(canary)), "[]")
	quoted := strings.Trim(fmt.Sprintf("%#v", []byte(canary)[:4]), "[]byte{}")
	for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), decimal, quoted} {
		if strings.Contains(low, strings.ToLower(form)) {
			return true
		}
	}
	return false
}

func TestD9SecretsPrintAsStars(t *testing.T) {
	text, raw := NewText(canary), NewBytes([]byte(canary))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%c", "%b", "%o", "%T|%v", "%p", "%!"} {
		for _, v := range []any{text, &text, raw, &raw} {
			args := []any{v}
			if strings.HasPrefix(verb, "%T") {
				args = []any{v, v}
			}
			out := fmt.Sprintf(verb, args...)
			if leaks(out) {
				t.Errorf("%s of %T leaks: %s", verb, v, out)
			}
		}
		h := newHolder()
		if out := fmt.Sprintf(verb, h) + fmt.Sprintf(verb, &h); leaks(out) {
			t.Errorf("%s of a struct leaks: %s", verb, out)
		}
	}
	for _, out := range []string{fmt.Sprint(text), fmt.Sprint(raw), text.String(), fmt.Sprintf("%x", raw), fmt.Sprintf("%#v", text)} {
		if out != "***" {
			t.Errorf("printed %q, want stars", out)
		}
	}
	if err := fmt.Errorf("opening: %w", errors.New(fmt.Sprint(text))); leaks(err.Error()) {
		t.Errorf("error leaks: %v", err)
	}
}

func TestD9SecretsAreNotLogged(t *testing.T) {
	var buf bytes.Buffer
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, h := range []slog.Handler{slog.NewTextHandler(&buf, opts), slog.NewJSONHandler(&buf, opts)} {
		log := slog.New(h)
		log.Info("a", "text", NewText(canary), "bytes", NewBytes([]byte(canary)), "holder", newHolder())
		log.With("s", NewText(canary)).WithGroup("g").Warn("b", slog.Any("x", NewText(canary)))
	}
	if buf.Len() == 0 || leaks(buf.String()) {
		t.Errorf("log leaks or is empty: %s", buf.String())
	}
}

func TestD9SecretsAreNotMarshalled(t *testing.T) {
	out, err := json.Marshal(map[string]any{"t": NewText(canary), "b": NewBytes([]byte(canary)), "h": newHolder()})
	if err != nil || leaks(string(out)) || !strings.Contains(string(out), `"t":"***"`) {
		t.Errorf("JSON: %s, %v", out, err)
	}
	out, err = xml.Marshal(NewText(canary))
	if err != nil || leaks(string(out)) {
		t.Errorf("XML: %s, %v", out, err)
	}
}

func TestRevealAndWipe(t *testing.T) {
	buf := []byte(canary)
	b := NewBytes(buf)
	twin := b
	if string(b.Reveal()) != canary || b.Empty() {
		t.Fatal("NewBytes lost its value")
	}
	b.Wipe()
	if !twin.Empty() || twin.Reveal() != nil || !bytes.Equal(buf, make([]byte, len(canary))) {
		t.Errorf("Wipe left %q", buf)
	}
	txt := NewText(canary)
	if txt.Reveal() != canary || string(txt.RevealBytes()) != canary || txt.Empty() {
		t.Fatal("NewText lost its value")
	}
	txt.Wipe()
	if !txt.Empty() || txt.Reveal() != "" {
		t.Error("Wipe left text")
	}
	var zero Text
	zero.Wipe()
	if !zero.Empty() || zero.Reveal() != "" || zero.String() != "***" {
		t.Error("the zero value is not empty")
	}
}
