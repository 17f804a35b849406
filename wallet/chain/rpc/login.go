package rpc

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// maxCookie bounds the cookie file in bytes.
const maxCookie = 4 << 10

// authorization is the value of the HTTP header.
type authorization string

// login says who asks.
type login struct {
	user     string
	password secret.Text
	file     string // if set, in place of user and password

	mu     sync.Mutex
	cookie authorization
}

// header returns what proves who asks. refused is what the node did not accept,
// empty if nothing was tried; a cookie file is read again if it said that.
func (l *login) header(refused authorization) (authorization, error) {
	if l.file == "" {
		return basic([]byte(l.user + ":" + l.password.Reveal())), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cookie != refused {
		return l.cookie, nil
	}
	text, err := readCookie(l.file)
	if err != nil {
		return "", fmt.Errorf("%w: no cookie file, which the node writes when it starts: %w", chain.ErrUnreachable, err)
	}
	l.cookie = basic(text)
	return l.cookie, nil
}

// source names what the user has to check.
func (l *login) source() string {
	if l.file != "" {
		return "the cookie file " + l.file
	}
	return "the user and password in the settings"
}

func basic(userPassword []byte) authorization {
	return authorization("Basic " + base64.StdEncoding.EncodeToString(userPassword))
}

func readCookie(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCookie+1))
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSpace(text)
	if len(text) > maxCookie || bytes.IndexByte(text, ':') < 1 {
		return nil, fmt.Errorf("%s does not hold user:password", name)
	}
	return text, nil
}
