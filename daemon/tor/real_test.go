package tor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
	"github.com/joinmarket-go/joinmarket/daemon/tor/tortest"
	"github.com/joinmarket-go/joinmarket/protocol/onion"
)

// patience bounds what takes Tor some seconds.
const patience = 2 * time.Minute

// TestRealTor: everything over a Tor network of the real program.
func TestRealTor(t *testing.T) {
	network := tortest.Start(t)
	client := network.Client(t)
	for name, test := range map[string]func(*testing.T, *tortest.Network, *tor.Private){
		"N13Directory":   testDirectory,
		"N18Circuits":    testCircuits,
		"KeptAddress":    testKeptAddress,
		"ServiceEnds":    testServiceEnds,
		"NoSuchService":  testNoSuchService,
		"PrivateTor":     testPrivateTor,
		"OwnerVanishes":  testOwnerVanishes,
		"TwoProcesses":   testTwoProcesses,
		"BrokenSettings": testBrokenSettings,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, network, client)
		})
	}
}

// echo answers each line with itself.
func echo(t *testing.T) (address string) {
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
				io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

func publish(t *testing.T, cfg tor.ServiceConfig) *tor.Service {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := tor.Publish(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// dial reaches a service, whose descriptor may be on its way to where we look.
func dial(t *testing.T, socks, identity string, s *tor.Service) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		conn, err := tor.Dialer{SOCKS: socks}.Dial(ctx, identity, fmt.Sprintf("%s:%d", s.Address(), onion.Port))
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if ctx.Err() != nil || !errors.Is(err, tor.ErrUnreachable) {
			t.Fatal(err)
		}
	}
}

// say wants an echo.
func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(conn, text); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != text {
		t.Fatalf("said %q, heard %q, %v", text, line, err)
	}
}

// testCircuits: connections of two identities are on different circuits, those
// of one on the same.
func testCircuits(t *testing.T, _ *tortest.Network, client *tor.Private) {
	service := publish(t, tor.ServiceConfig{Control: client.Control(), Target: echo(t), MaxStreams: 4})
	circuits := make(map[string]string)
	for _, who := range []string{"maker", "taker", "taker again"} {
		conn := dial(t, client.SOCKS(), strings.Fields(who)[0], service)
		say(t, conn, who)
		circuits[who] = newest(t, client, service.Address())
	}
	if circuits["maker"] == circuits["taker"] || circuits["taker"] != circuits["taker again"] {
		t.Errorf("circuits %v", circuits)
	}
}

var stream = regexp.MustCompile(`(\d+) SUCCEEDED (\d+) ([a-z2-7.]+):\d+`)

// newest is the circuit of the stream to a host that was opened last.
func newest(t *testing.T, client *tor.Private, host string) (circuit string) {
	t.Helper()
	status, err := client.Info(t.Context(), "stream-status")
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, m := range stream.FindAllStringSubmatch(status, -1) {
		var id int
		fmt.Sscan(m[1], &id)
		if strings.HasPrefix(m[3], strings.TrimSuffix(host, ".onion")) && id > last {
			last, circuit = id, m[2]
		}
	}
	if last < 0 {
		t.Fatalf("no stream to %s in:\n%s", host, status)
	}
	return circuit
}

// testKeptAddress: a kept key makes the same address again.
func testKeptAddress(t *testing.T, _ *tortest.Network, client *tor.Private) {
	dir := filepath.Join(t.TempDir(), "service")
	var addresses []string
	for range 2 {
		key, err := tor.KeptKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		s := publish(t, tor.ServiceConfig{Control: client.Control(), Target: echo(t), Key: key})
		say(t, dial(t, client.SOCKS(), "kept", s), "hello")
		addresses = append(addresses, s.Address())
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if known, err := tor.KeptAddress(dir); err != nil || addresses[0] != addresses[1] || known != addresses[0] {
		t.Errorf("addresses %v, %s, %v", addresses, known, err)
	}
}

// testServiceEnds: without its connection a service is gone.
func testServiceEnds(t *testing.T, _ *tortest.Network, client *tor.Private) {
	s := publish(t, tor.ServiceConfig{Control: client.Control(), Target: echo(t)})
	select {
	case <-s.Done():
		t.Fatal("done before it ended")
	default:
	}
	say(t, dial(t, client.SOCKS(), "before", s), "hello")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-s.Done()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := tor.Dialer{SOCKS: client.SOCKS()}.Dial(ctx, "after", s.Address()+":5222")
	if !errors.Is(err, tor.ErrUnreachable) {
		t.Errorf("connected to %v, %v", conn, err)
	}
}

// testNoSuchService: Tor's reasons arrive in words.
func testNoSuchService(t *testing.T, _ *tortest.Network, client *tor.Private) {
	for address, want := range map[string]string{
		tor.NewKey().Address():                   "not found",
		"x" + strings.Repeat("a", 55) + ".onion": "no onion address",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := tor.Dialer{SOCKS: client.SOCKS()}.Dial(ctx, "nobody", address+":5222")
		cancel()
		if !errors.Is(err, tor.ErrUnreachable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

// access is that of a process that starts a Tor of the network, since nobody
// listens where it is told.
func access(t *testing.T, folder string, progress func(int, string)) *tor.Access {
	a := tor.NewAccess(tor.AccessConfig{Start: tor.StartAlways, Folder: folder, Program: "tor", Progress: progress})
	t.Cleanup(a.Close)
	return a
}

// testPrivateTor: a Tor is started where none runs, tells of its way, serves and
// connects, and ends with us.
func testPrivateTor(t *testing.T, network *tortest.Network, _ *tor.Private) {
	var told []int
	a := access(t, network.Folder(t), func(percent int, what string) {
		if what == "" {
			t.Errorf("%d%% of nothing", percent)
		}
		told = append(told, percent)
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := a.Publish(ctx, tor.ServiceConfig{Control: "127.0.0.1:1", Target: echo(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) < 3 || told[len(told)-1] != 100 {
		t.Errorf("told of %v", told)
	}
	conn, err := a.Dial(ctx, "127.0.0.1:1", "maker", s.Address()+":5222")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say(t, conn, "hello")
	a.Close()
	<-s.Done()
	if _, err := a.Dial(ctx, "", "maker", s.Address()+":5222"); err == nil {
		t.Error("connected after the end")
	}
}

// testOwnerVanishes: when we crash, Tor ends.
func testOwnerVanishes(t *testing.T, network *tortest.Network, _ *tor.Private) {
	p := network.Client(t)
	p.Abandon()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Error("Tor outlives its owner")
	}
}

// testTwoProcesses: a second process takes the private Tor of the first, and has
// its own when that has ended.
func testTwoProcesses(t *testing.T, network *tortest.Network, _ *tor.Private) {
	folder := network.Folder(t)
	first, second := access(t, folder, nil), access(t, folder, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := first.Publish(ctx, tor.ServiceConfig{Target: echo(t)})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := second.Dial(ctx, "", "second", s.Address()+":5222")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say(t, conn, "hello")
	first.Close()
	own, err := second.Publish(ctx, tor.ServiceConfig{Target: echo(t)})
	if err != nil {
		t.Fatal(err)
	}
	own.Close()
}

// testBrokenSettings: a Tor that does not start says why.
func testBrokenSettings(t *testing.T, _ *tortest.Network, _ *tor.Private) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "torrc"), "Bridgez 192.0.2.1\n")
	_, err := tor.StartPrivate(t.Context(), tor.PrivateConfig{Folder: folder, Program: "tor"})
	if !errors.Is(err, tor.ErrNoTor) || !strings.Contains(err.Error(), "Bridgez") {
		t.Error(err)
	}
}
