package e2e

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
)

// alone is a participant whose market is an IRC server in this process, empty
// of others.
func alone(t *testing.T, chain string) *participant {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	irc, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ircd.New(ircd.Config{Name: "irc.empty", Network: "empty"}).Serve(ctx, irc)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	m := &market{t: t, ctx: ctx, chain: chain, irc: irc.Addr().String()}
	return m.join("alone", false)
}

const nobody = "blockchain_source = btcd\nnetwork = regtest\nrpc_host = 127.0.0.1\nrpc_port = 1\n"

// expect runs a command that must fail with a status and one sentence that has
// all the words, and must not print a result.
func (p *participant) expect(code int, words []string, args ...string) {
	p.t.Helper()
	out, talk, got := p.try(args...)
	said := talk[strings.LastIndex(talk, "jm: ")+1:]
	for _, w := range words {
		if !strings.Contains(said, w) {
			p.t.Errorf("jm %s says\n%s\nwithout %q", strings.Join(args, " "), talk, w)
		}
	}
	if got != code || len(out) > 0 {
		p.t.Errorf("jm %s: exit status %d, want %d; output %q\n%s", strings.Join(args, " "), got, code, out, talk)
	}
}

func TestWrongArguments(t *testing.T) {
	p := alone(t, nobody)
	const address = "bcrt1ql5e9d9f6l0wzwg9sv22ulk2lzk4ptucpltl82x"
	for _, c := range []struct {
		words string
		args  []string
	}{
		{"unknown command", []string{"walet"}},
		{"unknown command", []string{"wallet", "creat"}},
		{"unknown flag", []string{"orderbook", "--loud"}},
		{"not an amount", []string{"sendpayment", "much", address}},
		{"too little", []string{"sendpayment", "100", address}},
		{"too little", []string{"sendpayment", "0.5sat", address}},
		{"not a valid address", []string{"sendpayment", "0.1", address[:40]}},
		{"network", []string{"sendpayment", "0.1", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}},
		{"minimum_makers", []string{"sendpayment", "0.1", address, "-N", "1"}},
		{"ordertype", []string{"yieldgenerator", "-o", "other"}},
		{"phrase", []string{"wallet", "recover", "second", "--phrase-file", filepath.Join(p.dir, "password")}},
		{"password-file", []string{"--password-fd", "3", "wallet", "show"}},
	} {
		p.expect(2, []string{c.words}, c.args...)
	}
}

func TestWalletErrors(t *testing.T) {
	p := alone(t, chainLines("btcd", "regtest", chaintest.StartBTCD(t)))
	file := filepath.Join(p.dir, "wallets", "default.jmwallet")
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.jm("wallet", "show")

	p.write("other", "wrong horse\n")
	p.expectWith("other", 4, "wrong password")
	p.expect(4, []string{"exists already"}, "wallet", "create")
	p.expect(4, []string{"no wallet file"}, "wallet", "show", "another")

	damaged := bytes.Clone(sound)
	damaged[len(damaged)-1] ^= 1
	for name, data := range map[string][]byte{
		"damaged": damaged, "cut": sound[:len(sound)/2], "empty": {}, "foreign": []byte("not a wallet at all, but long enough to look like one"),
	} {
		if err := os.WriteFile(filepath.Join(p.dir, "wallets", name+".jmwallet"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		p.expect(4, nil, "wallet", "show", name)
		if after, err := os.ReadFile(filepath.Join(p.dir, "wallets", name+".jmwallet")); err != nil || !bytes.Equal(after, data) {
			t.Errorf("the %s file was changed: %v", name, err)
		}
	}

	yg := start(t, p.command("yieldgenerator", "default"))
	yg.line(`"event":"announced"`)
	p.expect(4, []string{"another process"}, "wallet", "show", "default")
	yg.stop()
}

// expectWith is expect for wallet show with another password file.
func (p *participant) expectWith(passwordFile string, code int, words string) {
	p.t.Helper()
	right, err := os.ReadFile(filepath.Join(p.dir, "password"))
	if err != nil {
		p.t.Fatal(err)
	}
	wrong, err := os.ReadFile(filepath.Join(p.dir, passwordFile))
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("password", string(wrong))
	defer p.write("password", string(right))
	p.expect(code, []string{words}, "wallet", "show")
}

func TestNodeErrors(t *testing.T) {
	p := alone(t, nobody)
	p.expect(5, []string{"127.0.0.1:1", "[BLOCKCHAIN]"}, "wallet", "show")

	q := alone(t, chainLines("btcd", "signet", chaintest.StartBTCD(t)))
	q.expect(5, []string{"another network", "Set network"}, "wallet", "show")
}

func TestDaemonErrors(t *testing.T) {
	p := alone(t, nobody)
	p.expect(8, []string{"no joinmarketd", "start it"}, "--daemon", "unix:"+filepath.Join(p.dir, "joinmarketd.sock"), "orderbook")
	p.expect(8, []string{"neither"}, "--daemon", "pigeon:loft", "orderbook")
}
