//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	client "github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// crowd is how many makers a full market has, with 8 offers each.
const crowd = 1250

// serveCrowd is an IRC server for one client, in whose room the crowd offers.
func serveCrowd(nc net.Conn) {
	defer nc.Close()
	nick := ""
	out := bufio.NewWriter(nc)
	for in := bufio.NewScanner(nc); in.Scan(); out.Flush() {
		f := strings.Fields(in.Text() + " .")
		switch f[0] {
		case "NICK":
			nick = f[1]
		case "USER":
			fmt.Fprintf(out, ":irc 001 %s :hello\r\n:irc 005 %[1]s NETWORK=TestNet :are supported\r\n:irc 376 %[1]s :end\r\n", nick)
		case "PING":
			fmt.Fprintf(out, ":irc PONG irc %s\r\n", f[1])
		case "JOIN":
			fmt.Fprintf(out, ":%s!u@h JOIN %s\r\n:irc 366 %[1]s %[2]s :end\r\n", nick, f[1])
			for range crowd {
				maker := protocol.RandomNick()
				for half := range 2 { // of a line's length
					fmt.Fprintf(out, ":%s!u@h PRIVMSG %s :", maker, f[1])
					for id := range 4 {
						fmt.Fprintf(out, "!sw0reloffer %d 100000 %d 0 0.00002%d", 4*half+id, 100_000_000+id, id)
					}
					fmt.Fprint(out, " ~\r\n")
				}
			}
		}
	}
}

// BenchmarkFullBook: what the process takes when its client's order book has
// 10,000 offers, and the client was sent them.
func BenchmarkFullBook(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go serveCrowd(nc)
		}
	}()
	for b.Loop() {
		b.ReportMetric(fullBook(b, l.Addr().(*net.TCPAddr).Port), "MB-resident")
	}
	b.ReportMetric(0, "ns/op")
}

func fullBook(b *testing.B, port int) float64 {
	p := spawn(b, shortDir(b), nil)
	defer p.Process.Kill()
	ctx := context.Background()
	d, err := client.Open(ctx, func(ctx context.Context) (net.Conn, control.Secret, error) {
		return client.Dial(ctx, client.Config{Address: "unix:" + p.socket})
	}, control.Config{Software: "bench"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	go d.Run(ctx)
	defer d.Close()
	_, err = d.Start(ctx, control.StartRequest{Role: control.RoleWatcher, Nick: protocol.RandomNick(), Network: "regtest",
		Channels: []control.ChannelConfig{{Name: "crowd", Type: "irc", Host: "127.0.0.1", Port: uint16(port), Room: "pit"}}})
	if err != nil {
		b.Fatal(err)
	}
	for offers := 0; offers < 8*crowd; {
		book, err := d.Orderbook(ctx)
		if err != nil {
			b.Fatal(err)
		}
		offers = len(book.Offers)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}
