package tor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const service = "satoshi2vcg5e2ept7tjkzlkpomkobqmgtsjzegg6wipnoajadissead"

const safeCookie = `
> PROTOCOLINFO 1
< 250-PROTOCOLINFO 1
< 250-AUTH METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD COOKIEFILE="<file>"
< 250-VERSION Tor="0.4.9.1"
< 250 OK
> AUTHCHALLENGE SAFECOOKIE <hex>
< 250 AUTHCHALLENGE SERVERHASH=<server> SERVERNONCE=<nonce>
> AUTHENTICATE <client>
< 250 OK
`

const published = `
< 250-ServiceID=` + service + `
< 250 OK
< 650 HS_DESC CREATED ` + service + ` UNKNOWN UNKNOWN abc
< 650 HS_DESC UPLOADED nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoyd UNKNOWN $AB
< 650 HS_DESC FAILED ` + service + ` NO_AUTH $AB abc REASON=UPLOAD_REJECTED
< 650 HS_DESC UPLOADED ` + service + ` UNKNOWN $AC
`

func noLoginWith(method, version string) string {
	return "> PROTOCOLINFO 1\n< 250-AUTH METHODS=" + method + "\n< 250-VERSION Tor=\"" + version + "\"\n< 250 OK\n"
}

// TestPublish plays golden conversations with control ports of each kind.
func TestPublish(t *testing.T) {
	const add = "> SETEVENTS HS_DESC\n< 250 OK\n> ADD_ONION NEW:ED25519-V3 Flags=DiscardPK"
	const port = " Port=5222,127.0.0.1:8080"
	null := func(version string) string { return noLoginWith("NULL", version) + "> AUTHENTICATE\n< 250 OK\n" }
	for name, c := range map[string]struct {
		script  string
		streams int
		strange bool // the control port is not trusted
		fails   error
		says    string
	}{
		"safe cookie": {script: safeCookie + add + port + published},
		"cookie": {script: `> PROTOCOLINFO 1
			< 250-AUTH METHODS=COOKIE COOKIEFILE="<file>"
			< 250 OK
			> AUTHENTICATE 3031323334353637383961626364656630313233343536373839616263646566
			< 250 OK
			` + add + port + published},
		"password": {script: noLoginWith("HASHEDPASSWORD", "0.4.8.1") + `> AUTHENTICATE "pass \"word\" \\"
			< 250 OK
			` + add + port + published},
		"nothing, with streams": {script: null("0.4.8.1") + add + " MaxStreams=7" + port + published, streams: 7},
		"N13 proof of work":     {script: null("0.4.9.2-alpha (git-1)") + add + powFlags + port + published},
		"N13 built without proof of work": {script: null("0.5.0.1") + add + powFlags + port + `
			< 512 Invalid 'Flags' argument
			` + strings.TrimPrefix(add, "> SETEVENTS HS_DESC\n< 250 OK\n") + port + published},
		"safe cookie, not trusted": {script: safeCookie + add + port + published, strange: true},
		"cookie, not trusted": {script: `> PROTOCOLINFO 1
			< 250-AUTH METHODS=COOKIE COOKIEFILE="<file>"
			< 250 OK`, strange: true, fails: ErrAuth},
		"password, not trusted": {script: noLoginWith("HASHEDPASSWORD", "0.4.8.1"), strange: true, fails: ErrAuth},
		"wrong password": {script: noLoginWith("HASHEDPASSWORD", "0.4.8.1") + `> AUTHENTICATE "pass \"word\" \\"
			< 515 Authentication failed: Password did not match
			end`, fails: ErrAuth, says: "password is wrong"},
		"another Tor's cookie": {script: `> PROTOCOLINFO 1
			< 250-AUTH METHODS=SAFECOOKIE COOKIEFILE="<file>"
			< 250 OK
			> AUTHCHALLENGE SAFECOOKIE <hex>
			< 250 AUTHCHALLENGE SERVERHASH=<client> SERVERNONCE=<nonce>`, fails: ErrAuth, says: "does not know the cookie"},
		"some other file": {script: `> PROTOCOLINFO 1
			< 250-AUTH METHODS=COOKIE COOKIEFILE="/etc/passwd"
			< 250 OK`, fails: ErrAuth, says: "/etc/passwd"},
		"unknown methods":  {script: noLoginWith("MAGIC", "9"), fails: ErrAuth, says: "MAGIC"},
		"refused":          {script: null("0.4.8.1") + add + port + "\n< 550 Onion address collision\n", fails: ErrRefused, says: "collision"},
		"no address":       {script: null("0.4.8.1") + add + port + "\n< 250-ServiceID=aaaa\n< 250 OK\n", fails: ErrNotTor},
		"ends":             {script: null("0.4.8.1") + add + port + "\nend", fails: nil, says: "ended"},
		"a line too long":  {script: "> PROTOCOLINFO 1\n< 250-" + strings.Repeat("a", maxReplyLine), fails: ErrNotTor, says: "bytes"},
		"too many lines":   {script: "> PROTOCOLINFO 1\n" + strings.Repeat("< 250-a\n", maxReplyLines+1), fails: ErrNotTor, says: "lines"},
		"something else":   {script: "> PROTOCOLINFO 1\n< HTTP/1.0 501 Not Tor\n", fails: ErrNotTor},
		"no HTTP, in code": {script: "> PROTOCOLINFO 1\n< 250-A\n< 251 B\n", fails: ErrNotTor},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Publish(t.Context(), ServiceConfig{Control: script(t, c.script), Password: `pass "word" \`,
				Target: "localhost:8080", MaxStreams: c.streams, Untrusted: c.strange})
			if c.fails != nil || c.says != "" {
				if err == nil || c.fails != nil && !errors.Is(err, c.fails) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, want %v with %q", err, c.fails, c.says)
				}
				if err != nil && strings.Contains(err.Error(), "pass ") {
					t.Error("the password is told")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Address() != service+".onion" {
				t.Errorf("address %s", s.Address())
			}
			s.conn.close()
			<-s.Done()
		})
	}
}

// TestPublishWithKey: the key goes to Tor in its form, and must come to our address.
func TestPublishWithKey(t *testing.T) {
	key := NewKey()
	login := noLoginWith("NULL", "0.4.8.1") + "> AUTHENTICATE\n< 250 OK\n> SETEVENTS HS_DESC\n< 250 OK\n" +
		"> ADD_ONION " + key.blob() + " Port=5222,unix:/run/jm\n"
	id := strings.TrimSuffix(key.Address(), ".onion")
	at := script(t, login+"< 250-ServiceID="+id+"\n< 250 OK\n< 650 HS_DESC UPLOADED "+id+" UNKNOWN $AC\n> DEL_ONION "+id+"\n< 250 OK\n")
	s, err := Publish(t.Context(), ServiceConfig{Control: at, Key: key, Target: "unix:/run/jm"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	at = script(t, login+"< 250-ServiceID="+service+"\n< 250 OK\n")
	if _, err := Publish(t.Context(), ServiceConfig{Control: at, Key: key, Target: "unix:/run/jm"}); !errors.Is(err, ErrNotTor) {
		t.Errorf("another address than the key's: %v", err)
	}
}

// TestPublishInVain: nobody comes to know the service; the last reason is told.
func TestPublishInVain(t *testing.T) {
	refused := make(chan struct{})
	ctx, cancel := context.WithCancelCause(t.Context())
	at := script(t, noLoginWith("NULL", "0.4.8.1")+"> AUTHENTICATE\n< 250 OK\n> SETEVENTS HS_DESC\n< 250 OK\n"+
		"> ADD_ONION NEW:ED25519-V3 Flags=DiscardPK Port=5222,127.0.0.1:1\n< 250-ServiceID="+service+"\n< 250 OK\n"+
		"< 650 HS_DESC FAILED "+service+" NO_AUTH $AB abc REASON=UPLOAD_REJECTED\n")
	u := newUploads()
	c, err := open(ctx, at, func(r reply) {
		u.event(r)
		close(refused)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	address, err := c.publish(ctx, ServiceConfig{Target: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	<-refused
	late := errors.New("late")
	cancel(late)
	if err := u.wait(ctx, c, address); !errors.Is(err, late) || !strings.Contains(err.Error(), "UPLOAD_REJECTED") {
		t.Error(err)
	}
}

// TestUnaskedAnswers: who answers before it is asked is no Tor.
func TestUnaskedAnswers(t *testing.T) {
	at := listen(t, func(c net.Conn) {
		io.WriteString(c, "250 OK\r\n250 OK\r\n")
		io.Copy(io.Discard, c)
	})
	c, err := open(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-c.done
	if _, err := c.ask(t.Context(), "PROTOCOLINFO 1"); err == nil || !errors.Is(c.err, ErrNotTor) {
		t.Errorf("%v, %v", err, c.err)
	}
}

// TestSilentControlPort: a port that says nothing holds nobody longer than told.
func TestSilentControlPort(t *testing.T) {
	at := listen(t, func(c net.Conn) { c.Read(make([]byte, 100)); c.Read(make([]byte, 100)) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Publish(ctx, ServiceConfig{Control: at, Target: "127.0.0.1:1"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestForgetfulUploads: services of others do not fill the memory.
func TestForgetfulUploads(t *testing.T) {
	u := newUploads()
	for i := range 10_000 {
		u.event(reply{650, []replyLine{{text: fmt.Sprintf("HS_DESC UPLOADED %d UNKNOWN", i)}}})
	}
	if n := len(u.known) + len(u.failed); n > maxUploaded {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestAtLeast(t *testing.T) {
	for version, want := range map[string]bool{
		"0.4.9.2": true, "0.4.9.2-alpha": true, "0.4.9.11 (git-abc)": true, "0.5.0.0": true, "1.0.0.0": true,
		"0.4.9.1": false, "0.4.8.99": false, "0.4.9": false, "": false, "x.y.z.w": false, "-1.9.9.9": false,
	} {
		if atLeast(version, powSince) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
}

// TestKeptKey: what is written is read; what is not whole is refused.
func TestKeptKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	made, err := KeptKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	read, err := KeptKey(dir)
	if err != nil || read.blob() != made.blob() || read.Address() != made.Address() {
		t.Errorf("read %v, %v", read, err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", made, made, made); shown != "*** *** ***" {
		t.Errorf("the key is printed: %s", shown)
	}
	for name, text := range map[string]string{
		hostnameFile: service + ".onion\n", publicFile: "short", secretFile: secretHead,
	} {
		dir := t.TempDir()
		if err := made.keep(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := KeptKey(dir); !errors.Is(err, ErrKey) {
			t.Errorf("%s of another kind: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, hostnameFile), []byte("example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := KeptAddress(dir); !errors.Is(err, ErrKey) {
		t.Errorf("a hostname that is none: %v", err)
	}
}
