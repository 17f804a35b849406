package irc

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// onLoopback makes a configuration with a password acceptable without TLS, which
// these tests play by hand.
func onLoopback(cfg *Config) {
	prompt(cfg)
	cfg.Host = "127.0.0.1"
}

// TestServerPassword: it goes first, as one parameter.
func TestServerPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, func(cfg *Config) {
			onLoopback(cfg)
			cfg.Password = "open :sesame"
		})
		p := h.accept()
		p.want("PASS :open :sesame")
		p.welcome(h)
		h.stop()
	})
}

// sasl plays a server with accounts up to where it has to judge.
func (p *peer) sasl(mechanism string) {
	p.t.Helper()
	p.want("CAP REQ :sasl", "NICK "+string(ourNick), "USER "+string(ourNick)+" foo bar :None")
	p.say(":srv.example NOTICE * :*** Looking up your hostname", ":srv.example CAP * ACK :sasl")
	p.want("AUTHENTICATE " + mechanism)
	p.say("AUTHENTICATE +")
}

// letIn ends a login that the server accepts.
func (p *peer) letIn(h *harness) {
	p.t.Helper()
	nick := string(ourNick)
	p.say(":srv.example 900 "+nick+" "+nick+"!~u@host acc :You are now logged in", ":srv.example 903 "+nick+" :SASL authentication successful")
	p.want("CAP END")
	p.say(":srv.example 001 " + nick + " :Welcome")
	p.want("JOIN " + h.ch.room)
	p.say(from(ourNick, "JOIN "+h.ch.room))
	p.want("MODE " + nick + " +B")
	h.wantState(control.ChannelUp)
}

// TestSASLPlain: user and password go in lines of at most 400 characters, and a
// full last line is followed by an empty one.
func TestSASLPlain(t *testing.T) {
	for _, length := range []int{1, 10, 98, 99, 100, 199} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				user, password := strings.Repeat("u", length), strings.Repeat("p", length+1) // 99 fills a line, 199 two
				logged := new(strings.Builder)
				h := start(t, func(cfg *Config) {
					onLoopback(cfg)
					cfg.SASL, cfg.SASLUser, cfg.SASLPassword = control.SASLPlain, user, control.Credential(password)
					cfg.Logger = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				p := h.accept()
				p.sasl("PLAIN")
				var text string
				for {
					piece, ok := strings.CutPrefix(p.hear(), "AUTHENTICATE ")
					if !ok || len(piece) > 400 {
						t.Fatalf("heard %q", piece)
					}
					if piece != "+" {
						text += piece
					}
					if len(piece) < 400 {
						break
					}
				}
				if plain, err := base64.StdEncoding.DecodeString(text); err != nil || string(plain) != user+"\x00"+user+"\x00"+password {
					t.Errorf("logged in with %q, %v", plain, err)
				}
				p.letIn(h)
				h.stop()
				if length > 2 && strings.Contains(logged.String(), password) {
					t.Error("the password is logged")
				}
			})
		})
	}
}

// TestSASLExternal: the certificate is shown in TLS, and the server is asked to
// look at it.
func TestSASLExternal(t *testing.T) {
	cert, own, _ := certificate(t, "irc.example")
	_, ours, key := certificate(t, "us")
	server := listen(t)
	defer server.Close()
	h := start(t, func(cfg *Config) {
		at(t, server.Addr().String())(cfg)
		cfg.TLS, cfg.TLSCA = true, own
		cfg.SASL, cfg.ClientCert = control.SASLExternal, control.Credential(ours+key)
	})
	conn, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	if names := secure.ConnectionState().PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != "us" {
		t.Errorf("certificate of %q", names)
	}
	p := newPeer(t, secure)
	p.sasl("EXTERNAL")
	p.want("AUTHENTICATE +")
	p.letIn(h)
	h.stop()
}

// TestAuthRefused: a server that does not take password or account, or lets us
// in without it, is left for long.
func TestAuthRefused(t *testing.T) {
	nick := string(ourNick)
	for name, lines := range map[string][]string{
		"no accounts":      {":srv CAP * NAK :sasl"},
		"no such thing":    {":srv 001 " + nick + " :Welcome"},
		"wrong":            {":srv CAP * ACK :sasl", "AUTHENTICATE +", ":srv 904 " + nick + " :SASL authentication failed"},
		"unknown way":      {":srv CAP * ACK :sasl", ":srv 908 " + nick + " SCRAM :are available"},
		"locked":           {":srv CAP * ACK :sasl", "AUTHENTICATE +", ":srv 902 " + nick + " :You must use a nick assigned to you"},
		"password":         {":srv 464 " + nick + " :Password incorrect"},
		"password, ERROR":  {"ERROR :Closing Link: Bad Password"},
		"let in, no login": {":srv CAP * ACK :sasl", "AUTHENTICATE +", ":srv 001 " + nick + " :Welcome"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, func(cfg *Config) {
					onLoopback(cfg)
					cfg.SASL, cfg.SASLUser, cfg.SASLPassword = control.SASLPlain, "u", "p"
				})
				p := h.accept()
				p.hears()
				began := time.Now()
				for _, line := range lines {
					p.say(line)
				}
				if e := h.wantState(control.ChannelConnecting); e.Code != "auth" || e.Reason == "" {
					t.Errorf("%s: %s", e.Code, e.Reason)
				}
				h.accept()
				within(t, "next attempt", time.Since(began), 10*time.Minute)
				h.stop()
			})
		})
	}
}

// TestNoSecretInTheClear: what cannot be kept secret on its way, or cannot work,
// is refused before anything is dialled.
func TestNoSecretInTheClear(t *testing.T) {
	_, cert, key := certificate(t, "us")
	plain := func(c *Config) { c.SASL, c.SASLUser, c.SASLPassword = control.SASLPlain, "u", "p" }
	for name, change := range map[string]func(*Config){
		"SASL without TLS":             plain,
		"password without TLS":         func(c *Config) { c.Password = "p" },
		"SASL, alternate without TLS":  func(c *Config) { plain(c); c.Host, c.Alternates = "127.0.0.1", []string{"irc2.example:6667"} },
		"SASL without user":            func(c *Config) { plain(c); c.TLS, c.SASLUser = true, "" },
		"SASL without password":        func(c *Config) { plain(c); c.TLS, c.SASLPassword = true, "" },
		"external without certificate": func(c *Config) { c.SASL, c.TLS = control.SASLExternal, true },
		"external without TLS":         func(c *Config) { c.SASL, c.ClientCert = control.SASLExternal, control.Credential(cert+key) },
		"certificate without key":      func(c *Config) { c.TLS, c.ClientCert = true, control.Credential(cert) },
		"no certificate":               func(c *Config) { c.TLS, c.TLSCA = true, "x" },
		"broken certificate":           func(c *Config) { c.TLS, c.TLSCA = true, strings.Replace(cert, "MII", "AAA", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, change)
			e := h.wantState(control.ChannelFailed)
			if err := h.result(); !errors.Is(err, ErrConfig) || strings.Contains(e.Reason, "PRIVATE") {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

// TestD9PasswordsAreNotRepeated: a server that repeats our passwords while it
// refuses them has them neither logged nor shown.
func TestD9PasswordsAreNotRepeated(t *testing.T) {
	const server, account = "canary of the server", "canary of the account"
	synctest.Test(t, func(t *testing.T) {
		logged := new(strings.Builder)
		h := start(t, func(cfg *Config) {
			cfg.Host, cfg.Logger = "127.0.0.1", slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
			cfg.Password, cfg.SASL, cfg.SASLUser, cfg.SASLPassword = server, control.SASLPlain, "somebody", account
		})
		h.wantState(control.ChannelConnecting)
		p := h.accept()
		p.hears()
		answer := base64.StdEncoding.EncodeToString([]byte("somebody\x00somebody\x00" + account))
		p.say(":srv CAP * ACK :sasl", "AUTHENTICATE +", ":srv 904 * :not "+answer+", nor "+account+", nor "+server)
		if s := h.wantState(control.ChannelConnecting); !strings.HasSuffix(s.Reason, "not ***, nor ***, nor ***") {
			t.Errorf("shown is %q", s.Reason)
		}
		h.stop()
		if text := logged.String(); !strings.Contains(text, "nor ***") || strings.Contains(text, "canary") || strings.Contains(text, answer) {
			t.Errorf("logged is %s", text)
		}
	})
}
