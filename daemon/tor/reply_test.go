package tor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// wire is how Tor writes a reply.
func (r reply) wire() string {
	var b strings.Builder
	for i, l := range r.lines {
		sign := "-"
		if l.data != nil {
			sign = "+"
		}
		if i == len(r.lines)-1 && l.data == nil {
			sign = " "
		}
		fmt.Fprintf(&b, "%03d%s%s\r\n", r.code, sign, l.text)
		if l.data != nil {
			for _, d := range l.data {
				if strings.HasPrefix(d, ".") {
					d = "." + d
				}
				b.WriteString(d + "\r\n")
			}
			b.WriteString(".\r\n")
		}
	}
	return b.String()
}

func TestReadControl(t *testing.T) {
	text := "250+info/names=\r\none\r\n..two\r\n\r\n.\r\n250-a=b\r\n250 OK\r\n650 HS_DESC x\r\n"
	r := bufio.NewReader(strings.NewReader(text))
	first, err := readControl(r)
	want := reply{250, []replyLine{{"info/names=", []string{"one", ".two", ""}}, {text: "a=b"}, {text: "OK"}}}
	if err != nil || !reflect.DeepEqual(first, want) {
		t.Errorf("%+v, %v", first, err)
	}
	second, err := readControl(r)
	if err != nil || !second.event() || first.event() || second.wire() != "650 HS_DESC x\r\n" {
		t.Errorf("%+v, %v", second, err)
	}
	if _, err := readControl(r); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if _, err := readControl(bufio.NewReader(strings.NewReader("250 O"))); err != io.ErrUnexpectedEOF {
		t.Errorf("in a line: %v", err)
	}
}

func TestQuoted(t *testing.T) {
	for quoted, want := range map[string]string{
		`"/run/tor/cookie" x`: "/run/tor/cookie", `"a\\b\"c\n\t\r"`: "a\\b\"c\n\t\r", `"\101\0z\7"`: "A\x00z\x07", `""`: "",
	} {
		if got, ok := unquote(quoted); !ok || got != want {
			t.Errorf("%s: %q, %v", quoted, got, ok)
		}
	}
	for _, bad := range []string{``, `a`, `"`, `"a`, `"a\`, `"\777"`} {
		if got, ok := unquote(bad); ok {
			t.Errorf("%s: %q", bad, got)
		}
	}
}

// FuzzControl: what is read as a reply, written as Tor does, reads the same; and
// nothing that a control port says breaks who reads it.
func FuzzControl(f *testing.F) {
	for _, s := range []string{"250 OK\r\n", "250+a=\r\n.\r\n250 OK\r\n", "650 HS_DESC UPLOADED a b\r\n", "515 no\n",
		"250-AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE=\"/a\\\"b\"\r\n250-VERSION Tor=\"0.4.9.2\"\r\n250 OK\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readControl(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			if !errors.Is(err, ErrNotTor) && err != io.EOF && err != io.ErrUnexpectedEOF {
				t.Errorf("error without its code: %v", err)
			}
			return
		}
		again, err := readControl(bufio.NewReader(strings.NewReader(r.wire())))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v reads again as %+v, %v", r, again, err)
		}
		if g, err := parseGreeting(r); err == nil {
			atLeast(g.version, powSince)
		}
		newUploads().event(r)
		progressOf(r.lines[0].text)
		if text, ok := unquote(r.lines[0].text); ok && !strings.ContainsAny(text, "\r\n") {
			if back, ok := unquote(quote(text)); !ok || back != text {
				t.Errorf("%q quoted reads as %q", text, back)
			}
		}
	})
}
