package tor

import (
	"bufio"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// listen serves each connection of a port of this machine until the test ends.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

// cookie is what the scripted Tor's cookie file has.
var cookie = []byte("0123456789abcdef0123456789abcdef")

// script plays a control port: lines "< ..." are said, lines "> ..." must be
// heard. <file> stands for the cookie file, <hex> for any hex digits that we
// choose, <server> and <client> for the proofs that follow from them. After the
// last line the connection stays open until the other side ends it, unless the
// line is "end".
func script(t *testing.T, text string) (address string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cookie")
	if err := os.WriteFile(file, cookie, 0o600); err != nil {
		t.Fatal(err)
	}
	return listen(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		var nonce []byte
		serverNonce := []byte(strings.Repeat("\x07", 32))
		for line := range strings.Lines(strings.TrimSpace(text)) {
			line = strings.TrimSpace(line)
			message := append(append(append([]byte{}, cookie...), nonce...), serverNonce...)
			line = strings.NewReplacer("<file>", strings.ReplaceAll(file, `\`, `\\`),
				"<server>", hex.EncodeToString(keyed(serverProof, message)),
				"<client>", hex.EncodeToString(keyed(clientProof, message)),
				"<nonce>", hex.EncodeToString(serverNonce)).Replace(line)
			if said, ok := strings.CutPrefix(line, "< "); ok {
				fmt.Fprintf(conn, "%s\r\n", said)
				continue
			}
			if line == "end" {
				return
			}
			want := strings.TrimPrefix(line, "> ")
			heard, err := r.ReadString('\n')
			heard = strings.TrimSuffix(heard, "\r\n")
			if start, ok := strings.CutSuffix(want, "<hex>"); ok && strings.HasPrefix(heard, start) {
				if nonce, err = hex.DecodeString(heard[len(start):]); err == nil && len(nonce) >= 32 {
					continue
				}
			}
			if err != nil || !hmac.Equal([]byte(heard), []byte(want)) {
				t.Errorf("heard %q, %v, want %q", heard, err, want)
				return
			}
		}
		if more, _ := r.ReadString('\n'); more != "" {
			t.Errorf("heard %q after the end", more)
		}
	})
}
