package ircserver

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Linked are two ngIRCds of one network. A nick on one of them is heard on the
// other while they are linked.
type Linked struct{ A, B Server }

// Names of the two.
const (
	nameA = "irc.a.test"
	nameB = "irc.b.test"
)

// NgIRCds runs two servers, not yet linked.
func NgIRCds(t testing.TB) Linked {
	t.Helper()
	named := func(name, other, at string) program {
		return ngircd(func(dir string, plain, secure int, o Options) string {
			return strings.Replace(ngircdConfig(dir, plain, secure, o), ngircdName, name, 1) +
				fmt.Sprintf("\n[Server]\nName = %s\n%s\nMyPassword = link\nPeerPassword = link\nPassive = yes\n", other, at)
		})
	}
	a := named(nameA, nameB, "").run(t, Options{})
	host, port, err := net.SplitHostPort(a.Address)
	if err != nil {
		t.Fatal(err)
	}
	b := named(nameB, nameA, "Host = "+host+"\nPort = "+port).run(t, Options{})
	return Linked{a, b}
}

// Link links them, for the first time or again.
func (l Linked) Link(t testing.TB) {
	t.Helper()
	operate(t, l.B.Address, "CONNECT "+nameA)
}

// Split takes the link away. Each of them tells its clients that those of the
// other have quit.
func (l Linked) Split(t testing.TB) {
	t.Helper()
	operate(t, l.A.Address, "SQUIT "+nameB+" :split")
}

// operate has an operator say one command, and waits until the server has read
// it.
func operate(t testing.TB, address, command string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(startTimeout)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "NICK oper\r\nUSER oper 0 * :oper\r\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) > 1 && f[0] == "PING":
			fmt.Fprintf(conn, "PONG %s\r\n", f[1])
		case len(f) > 1 && f[1] == "001":
			fmt.Fprintf(conn, "OPER %s %s\r\n", Operator, Operator)
		case len(f) > 1 && f[1] == "381": // is an operator
			fmt.Fprintf(conn, "%s\r\nPING done\r\n", command)
		case len(f) > 1 && f[1] == "PONG":
			return
		case len(f) > 1 && len(f[1]) == 3 && f[1] >= "400":
			if f[1] != "422" {
				t.Fatalf("%s: %s", command, lines.Text())
			}
		}
	}
	t.Fatalf("%s: the server ended the connection: %v", command, lines.Err())
}
