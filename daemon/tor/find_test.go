package tor

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFind: each place is told with what is wrong with it.
func TestFind(t *testing.T) {
	socks := listen(t, talk{{greets, "\x05\x00"}}.serve(t))
	web := listen(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n") })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	good := script(t, safeCookie+"> GETINFO status/bootstrap-phase\n"+
		"< 250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=85 TAG=ap_conn SUMMARY=\"Connecting\"\n< 250 OK\n")
	found := Find(t.Context(), Search{SOCKS: socks, Control: good, usual: []Place{
		{Name: "closed", SOCKS: Port{Address: closed.Addr().String()}, Control: Port{Address: "unix:" + filepath.Join(t.TempDir(), "none")}},
		{Name: "the same", SOCKS: Port{Address: socks}},
		{Name: "web", SOCKS: Port{Address: web}, Control: Port{Address: "unix:" + filepath.Join(t.TempDir(), "none")}},
		{Name: "locked", Control: Port{Address: script(t, noLoginWith("HASHEDPASSWORD", "0.4.8.1"))}},
	}})
	names := ""
	for _, p := range found {
		names += p.Name + " "
		switch p.Name {
		case configured:
			if !p.SOCKS.Usable || !p.Control.Usable || p.Version != "0.4.9.1" || p.Bootstrap != 85 {
				t.Errorf("%+v", p)
			}
		case "web":
			if p.SOCKS.Usable || p.SOCKS.Problem == "" || p.Control.Problem != "nothing listens there" || p.Bootstrap != -1 {
				t.Errorf("%+v", p)
			}
		case "locked":
			if p.Control.Usable || !strings.Contains(p.Control.Problem, "control_password") {
				t.Errorf("%+v", p)
			}
		}
	}
	if names != "configured web locked " {
		t.Errorf("found %s", names)
	}
}

// TestForbiddenSocket: a socket of a group says which group to join.
func TestForbiddenSocket(t *testing.T) {
	if os.Getuid() == 0 {
		// Root may open everything, so the words alone are looked at.
		folder := t.TempDir()
		if err := os.Chmod(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		if text := joinGroup(folder); !strings.Contains(text, "usermod -aG ") {
			t.Error(text)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "control")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(path, 0o040); err != nil {
		t.Fatal(err)
	}
	found := Find(t.Context(), Search{Control: "unix:" + path, usual: []Place{}})
	if len(found) != 1 || !strings.Contains(found[0].Control.Problem, "usermod -aG ") {
		t.Errorf("%+v", found)
	}
}

// TestAccess: which Tor is taken in place of one that is not there.
func TestAccess(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	none := closed.Addr().String()
	refuses := listen(t, talk{{greets, "\x05\x00"}, {"\x05\x01\x00\x03\x01a\x00\x01", "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"}}.serve(t))
	answers := func() string { // both those who search and those who connect
		return listen(t, func(c net.Conn) {
			io.ReadFull(c, make([]byte, len(greets)))
			io.WriteString(c, "\x05\x00")
			if _, err := io.ReadFull(c, make([]byte, len("\x05\x01\x00\x03\x01a\x00\x01"))); err == nil {
				io.WriteString(c, granted)
			}
		})
	}
	for name, c := range map[string]struct {
		start, socks, other string
		fails               error
		says                string
	}{
		"another that runs":         {StartAuto, none, answers(), nil, ""},
		"another, none configured":  {StartNever, "", answers(), nil, ""},
		"none, nor the program":     {StartAuto, none, none, ErrNoTor, "apt install"},
		"none, must not":            {StartNever, none, none, ErrNoTor, "start in [TOR]"},
		"always one of its own":     {StartAlways, refuses, refuses, ErrNoTor, "apt install"},
		"what the told one says":    {StartAuto, refuses, answers(), ErrUnreachable, "refuses"},
		"one elsewhere stays alone": {StartAuto, "192.0.2.1:-1", answers(), ErrNoTor, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			a := NewAccess(AccessConfig{Start: c.start, Folder: filepath.Join(t.TempDir(), "tor"), Program: "no-such-tor"})
			defer a.Close()
			a.usual = []Place{{Name: "other", SOCKS: Port{Address: c.other}}}
			conn, err := a.Dial(t.Context(), c.socks, "maker", "a:1")
			if err == nil {
				conn.Close()
			}
			if !errors.Is(err, c.fails) || c.says != "" && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v with %q", err, c.fails, c.says)
			}
		})
	}
	a := NewAccess(AccessConfig{Start: StartNever})
	if _, err := a.Dial(t.Context(), none, "", "a:1"); err == nil {
		t.Error("a connection without identity")
	}
	if _, err := a.Publish(t.Context(), ServiceConfig{Control: none}); !errors.Is(err, ErrNoTor) {
		t.Errorf("published: %v", err)
	}
	// The password is for control ports of our own configuration only.
	for _, own := range []bool{true, false} {
		text := noLoginWith("HASHEDPASSWORD", "0.4.8.1")
		if own {
			text += "> AUTHENTICATE \"secret\"\n< 515 no\nend"
		}
		at := script(t, text)
		a := NewAccess(AccessConfig{Start: StartNever, Password: "secret"})
		a.usual = []Place{}
		if own {
			a.cfg.Controls = []string{at}
		}
		_, err := a.Publish(t.Context(), ServiceConfig{Control: at, Target: "127.0.0.1:1"})
		if !errors.Is(err, ErrAuth) || strings.Contains(err.Error(), "is wrong") != own {
			t.Errorf("own %v: %v", own, err)
		}
	}
}

// TestAdvice: what is told to who looks for a Tor.
func TestAdvice(t *testing.T) {
	system := Place{Name: "system", SOCKS: Port{Address: "a:1", Usable: true}, Control: Port{Address: "a:2", err: ErrAuth, Problem: "join a group"}}
	for _, c := range []struct {
		found                 []Place
		start                 string
		program               bool
		connections, services string
	}{
		{[]Place{system}, StartAuto, true, "use a:1 (system)", "private Tor, which is started when it is needed. Or for a:2: join a group"},
		{[]Place{system}, StartNever, true, "use a:1 (system)", "have no Tor. Install it (Debian: sudo apt install tor), or start yours. Or for a:2"},
		{[]Place{system}, StartAlways, true, "private Tor", "private Tor"},
		{nil, StartAuto, false, "have no Tor", "have no Tor"},
	} {
		connections, services := Advice(c.found, c.start, c.program)
		if !strings.Contains(connections, c.connections) || !strings.Contains(services, c.services) {
			t.Errorf("%+v: %q and %q", c, connections, services)
		}
	}
}
