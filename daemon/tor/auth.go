package tor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// Keys of the two proofs of SAFECOOKIE (Tor: control-spec.txt, AUTHCHALLENGE).
const (
	serverProof = "Tor safe cookie authentication server-to-controller hash"
	clientProof = "Tor safe cookie authentication controller-to-server hash"
)

// cookieSize of Tor's cookie files, in bytes.
const cookieSize = 32

// greeting is the answer to PROTOCOLINFO.
type greeting struct {
	methods    []string
	cookieFile string
	version    string // of Tor, such as 0.4.9.11
}

func parseGreeting(r reply) (greeting, error) {
	var g greeting
	if version, ok := r.value("VERSION Tor="); ok {
		g.version, _ = unquote(version)
	}
	auth, ok := r.value("AUTH METHODS=")
	if !ok {
		return g, fmt.Errorf("%w: PROTOCOLINFO without methods", ErrNotTor)
	}
	methods, rest, _ := strings.Cut(auth, " ")
	g.methods = strings.Split(methods, ",")
	if quoted, ok := strings.CutPrefix(rest, "COOKIEFILE="); ok {
		if g.cookieFile, ok = unquote(quoted); !ok {
			return g, fmt.Errorf("%w: the cookie file is %.100s", ErrNotTor, quoted)
		}
	}
	return g, nil
}

// login finds out who answers and has it let us in. Of what it offers it uses
// the first that we can do: SAFECOOKIE, by which Tor proves that it knows the
// cookie before we do; the password, if there is one; COOKIE; nothing at all. A
// cookie file that is not of a cookie's size goes to nobody, whatever path the
// other side names; and who is not trusted gets neither password nor cookie, only
// the proof. Errors match ErrAuth, ErrNotTor, ErrRefused.
func (c *conn) login(ctx context.Context, password control.Credential, trusted bool) (greeting, error) {
	r, err := c.do(ctx, "PROTOCOLINFO 1")
	if err != nil {
		return greeting{}, err
	}
	g, err := parseGreeting(r)
	if err != nil {
		return g, err
	}
	if !trusted {
		g.methods = slices.DeleteFunc(g.methods, func(m string) bool { return m == "COOKIE" || m == "HASHEDPASSWORD" })
	}
	offers := func(method string) bool { return slices.Contains(g.methods, method) }
	var cookieErr error
	if offers("SAFECOOKIE") || offers("COOKIE") {
		var cookie []byte
		if cookie, cookieErr = readCookie(g.cookieFile); cookieErr == nil {
			if offers("SAFECOOKIE") {
				return g, c.safeCookie(ctx, cookie)
			}
			if !offers("HASHEDPASSWORD") || password == "" {
				return g, c.authenticate(ctx, hex.EncodeToString(cookie))
			}
		}
	}
	switch {
	case offers("HASHEDPASSWORD") && password != "":
		if strings.ContainsAny(string(password), "\r\n") {
			return g, fmt.Errorf("%w: the password has a line break", ErrAuth)
		}
		if err := c.authenticate(ctx, quote(string(password))); err != nil {
			return g, fmt.Errorf("%w: the password is wrong: %w", ErrAuth, err)
		}
		return g, nil
	case offers("NULL"):
		return g, c.authenticate(ctx, "")
	case cookieErr != nil:
		return g, fmt.Errorf("%w: %w", ErrAuth, cookieErr)
	case offers("HASHEDPASSWORD"):
		return g, fmt.Errorf("%w: it wants a password: set control_password in [TOR]", ErrAuth)
	}
	return g, fmt.Errorf("%w: it offers %.100q only", ErrAuth, strings.Join(g.methods, ","))
}

// loginOwn is login to a Tor of ours, which must prove that it knows the cookie
// in our folder: another user may have taken the port of one that has ended.
func (c *conn) loginOwn(ctx context.Context, folder string) (greeting, error) {
	r, err := c.do(ctx, "PROTOCOLINFO 1")
	if err != nil {
		return greeting{}, err
	}
	g, err := parseGreeting(r)
	if err != nil {
		return g, err
	}
	cookie, err := readCookie(filepath.Join(folder, cookieFile))
	if err != nil {
		return g, fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return g, c.safeCookie(ctx, cookie)
}

func readCookie(path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New("it names no cookie file")
	}
	cookie, err := durable.ReadFile(path, cookieSize)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("the cookie file %s cannot be read: %s", path, joinGroup(path))
	case err != nil:
		return nil, fmt.Errorf("the cookie file %s: %w", path, err)
	case len(cookie) != cookieSize:
		return nil, fmt.Errorf("%s is no cookie file: it does not have %d bytes", path, cookieSize)
	}
	return cookie, nil
}

func (c *conn) safeCookie(ctx context.Context, cookie []byte) error {
	nonce := make([]byte, 32)
	rand.Read(nonce)
	r, err := c.do(ctx, "AUTHCHALLENGE SAFECOOKIE "+hex.EncodeToString(nonce))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	hash, ok := r.value("AUTHCHALLENGE SERVERHASH=")
	theirs, serverNonce, ok2 := strings.Cut(hash, " SERVERNONCE=")
	proof, err := hex.DecodeString(theirs)
	theirNonce, err2 := hex.DecodeString(serverNonce)
	if !ok || !ok2 || err != nil || err2 != nil || len(theirNonce) != 32 {
		return fmt.Errorf("%w: AUTHCHALLENGE was answered with %.200q", ErrNotTor, r.lines[0].text)
	}
	message := slices.Concat(cookie, nonce, theirNonce)
	if !hmac.Equal(proof, keyed(serverProof, message)) {
		return fmt.Errorf("%w: what listens at %s does not know the cookie: it is not this machine's Tor", ErrAuth, c.address)
	}
	return c.authenticate(ctx, hex.EncodeToString(keyed(clientProof, message)))
}

func keyed(key string, message []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(message)
	return mac.Sum(nil)
}

func (c *conn) authenticate(ctx context.Context, proof string) error {
	if _, err := c.do(ctx, strings.TrimSuffix("AUTHENTICATE "+proof, " ")); err != nil {
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return nil
}
