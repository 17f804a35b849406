package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircserver"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/chunk"
)

// guest is a raw connection to the IRC server, in the market's room. It sends
// what its owner wants and reads what comes without minding it.
type guest struct {
	person
	nc   net.Conn
	mu   sync.Mutex // of writing
	gone chan struct{}
}

// visit comes to the room under a new nick. An operator of the server lets it
// send ten lines a second, where others have three.
func (m *market) visit(ctx context.Context) (*guest, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", m.server)
	if err != nil {
		return nil, err
	}
	g := &guest{person: newPerson(), nc: nc, gone: make(chan struct{})}
	nc.SetReadDeadline(time.Now().Add(time.Minute))
	g.send("NICK %s", g.nick)
	g.send("USER soak 0 * :soak")
	in := bufio.NewScanner(nc)
	for in.Scan() {
		switch f := strings.Fields(in.Text()); {
		case len(f) == 2 && f[0] == "PING":
			g.send("PONG %s", f[1])
		case len(f) > 1 && f[1] == "001":
			g.send("OPER %s %[1]s", ircserver.Operator)
			g.send("MODE %s +F", g.nick)
			g.send("JOIN %s", ircRoom)
		case len(f) > 1 && f[1] == "366": // all names of the room
			nc.SetReadDeadline(time.Time{})
			go g.read(in)
			return g, nil
		}
	}
	nc.Close()
	return nil, fmt.Errorf("%s did not get into the room: %v", g.nick, in.Err())
}

// read keeps the connection alive until it ends.
func (g *guest) read(in *bufio.Scanner) {
	defer close(g.gone)
	for in.Scan() {
		if rest, ok := strings.CutPrefix(in.Text(), "PING "); ok {
			g.send("PONG %s", rest)
		}
	}
}

// leave closes the connection without a word.
func (g *guest) leave() {
	g.nc.Close()
	<-g.gone
}

// writeTimeout bounds the writing of one line.
const writeTimeout = 10 * time.Second

func (g *guest) send(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	fmt.Fprintf(g.nc, format+"\r\n", args...)
}

// say says a text in the room.
func (g *guest) say(text string) { g.send("PRIVMSG %s :%s", ircRoom, text) }

// whisper sends a private message in as many lines as it takes.
func (g *guest) whisper(to protocol.Nick, command protocol.Command, body string) {
	lines, err := chunk.Split(to, string(command), body)
	if err != nil {
		panic(err) // of our own making
	}
	for _, l := range lines {
		g.send("PRIVMSG %s :%s", to, l)
	}
}
