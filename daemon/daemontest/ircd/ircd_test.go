package ircd_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest/ircd"
)

const patience = 10 * time.Second

type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// serve runs a server until the test ends and returns how to connect to it.
func serve(t *testing.T) (*ircd.Server, func() *client) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := ircd.New(ircd.Config{Name: "srv", Network: "net0"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve returned %v", err)
			}
		case <-time.After(patience):
			t.Error("Serve does not return")
		}
	})
	return s, func() *client {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		return &client{t, conn, bufio.NewReader(conn)}
	}
}

func (c *client) say(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *client) want(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		got, err := c.r.ReadString('\n')
		if err != nil || got != want+"\r\n" {
			c.t.Fatalf("got %q (%v)\nwant %q", got, err, want)
		}
	}
}

// enter registers a nick and joins #room, whose members are given.
func (c *client) enter(nick string, members string) {
	c.t.Helper()
	c.say("PASS x", "NICK "+nick, "USER u foo bar :None")
	c.want(
		":srv 001 "+nick+" :Welcome to the Internet Relay Network "+nick+"!~u@localhost",
		":srv 002 "+nick+" :Your host is srv, running a test server",
		":srv 003 "+nick+" :This server keeps nothing",
		":srv 004 "+nick+" srv test B n",
		":srv 005 "+nick+" NETWORK=net0 :is my network name",
		":srv 005 "+nick+" CASEMAPPING=ascii CHANTYPES=# NICKLEN=30 :are supported on this server",
		":srv 376 "+nick+" :End of MOTD command",
	)
	c.say("JOIN #room")
	c.want(
		":"+nick+"!~u@localhost JOIN :#room",
		":srv 353 "+nick+" = #room :"+members,
		":srv 366 "+nick+" #room :End of NAMES list",
	)
}

func TestConversation(t *testing.T) {
	_, dial := serve(t)
	a, b := dial(), dial()
	a.enter("a", "a")
	b.enter("b", "a b")
	a.want(":b!~u@localhost JOIN :#room")

	a.say("MODE a +B", "PING x", "PONG x", "WHO a", "PRIVMSG #room :hi there", "PRIVMSG B :!x ~", "PRIVMSG a :self")
	a.want(":a!~u@localhost MODE a :+B", ":srv PONG srv :x", ":srv 421 a WHO :Unknown command", ":a!~u@localhost PRIVMSG a :self")
	b.want(":a!~u@localhost PRIVMSG #room :hi there", ":a!~u@localhost PRIVMSG B :!x ~")

	a.say("PRIVMSG nobody :x", "PRIVMSG #other :x", "PRIVMSG b", "PART #other", "JOIN room", "NICK 1", "NICK B", "@t PING x", ":p PING x", "")
	a.want(
		":srv 401 a nobody :No such nick",
		":srv 404 a #other :Cannot send to channel",
		":srv 412 a :No text to send",
		":srv 442 a #other :You are not on that channel",
		":srv 403 a room :No such channel",
		":srv 432 a 1 :Erroneous nickname",
		":srv 433 a B :Nickname is already in use",
	)

	a.say("NICK c", "PART #room :bye")
	for _, x := range []*client{a, b} {
		x.want(":a!~u@localhost NICK :c", ":c!~u@localhost PART #room :bye")
	}
	a.say("JOIN #room")
	b.want(":c!~u@localhost JOIN :#room")
	a.say("QUIT :")
	b.want(":c!~u@localhost QUIT :")
}

func TestBeforeRegistration(t *testing.T) {
	_, dial := serve(t)
	a, b := dial(), dial()
	a.enter("a", "a")
	b.say("JOIN #room", "NICK a", "USER u", "USER u\x01 foo bar :x", "PING x")
	b.want(":srv 451 * :You have not registered", ":srv 433 * a :Nickname is already in use", ":srv PONG srv :x")
	b.say("NICK b")
	a.say("PRIVMSG b :x") // not there yet
	a.want(":srv 401 a b :No such nick")
}

func TestHooks(t *testing.T) {
	s, dial := serve(t)
	a, b := dial(), dial()
	a.enter("a", "a")
	b.enter("b", "a b")
	a.want(":b!~u@localhost JOIN :#room")

	if !s.Inject("a", ":x!y@z SOMETHING") || s.Inject("nobody", "x") {
		t.Error("Inject")
	}
	a.want(":x!y@z SOMETHING")
	if !s.Kick("#room", "b", "out") || s.Kick("#room", "b", "again") || s.Kick("#room", "nobody", "x") {
		t.Error("Kick")
	}
	for _, x := range []*client{a, b} {
		x.want(":srv KICK #room b :out")
	}
	b.say("JOIN #room")
	a.want(":b!~u@localhost JOIN :#room")
	if !s.Kill("b", "gone") || s.Kill("b", "gone") {
		t.Error("Kill")
	}
	a.want(":b!~u@localhost QUIT :Killed: gone")
	b.want(":b!~u@localhost JOIN :#room", ":srv 353 b = #room :a b", ":srv 366 b #room :End of NAMES list", "ERROR :Closing Link: Killed: gone")
	if _, err := b.r.ReadByte(); err == nil {
		t.Error("the connection goes on after Kill")
	}
}

// TestLineLimit: a line that grows above 512 bytes by its prefix is cut, one
// that a client sends above them ends its connection.
func TestLineLimit(t *testing.T) {
	_, dial := serve(t)
	a, b := dial(), dial()
	a.enter("a", "a")
	b.enter("b", "a b")
	a.want(":b!~u@localhost JOIN :#room")
	text := strings.Repeat("x", 510-len("PRIVMSG #room :"))
	a.say("PRIVMSG #room :" + text)
	whole := ":a!~u@localhost PRIVMSG #room :" + text
	b.want(whole[:510])
	a.say("PRIVMSG #room :" + text + "x")
	b.want(":a!~u@localhost QUIT :Request too long")
}

// TestSendQueue: who does not read is dropped, and the others go on.
func TestSendQueue(t *testing.T) {
	_, dial := serve(t)
	a, b := dial(), dial()
	a.enter("a", "a")
	b.enter("b", "a b")
	a.want(":b!~u@localhost JOIN :#room")
	a.conn.SetDeadline(time.Now().Add(6 * patience))
	text := strings.Repeat("x", 400)
	for i := 0; ; i++ {
		// Few enough that the answers about somebody who is gone fit in a's own
		// queue.
		for range 10 {
			a.say(fmt.Sprintf("PRIVMSG b :%d %s", i, text))
		}
		a.say(fmt.Sprintf("PING %d", i))
		pong := fmt.Sprintf(":srv PONG srv :%d\r\n", i)
		switch line, err := a.r.ReadString('\n'); {
		case err != nil:
			t.Fatal(err)
		case line == ":b!~u@localhost QUIT :SendQ exceeded\r\n":
			return
		case line != pong:
			t.Fatalf("got %q", line)
		}
	}
}

// TestTooMany: connections above the limit are closed at once, and room is made
// by those who leave.
func TestTooMany(t *testing.T) {
	_, dial := serve(t)
	const limit = 512
	all := make([]*client, limit)
	for i := range all {
		all[i] = dial()
		all[i].say("PING x")
		all[i].want(":srv PONG srv :x")
	}
	refused := dial()
	if _, err := refused.r.ReadByte(); err == nil {
		t.Error("one client more than the limit was served")
	}
	all[0].say("QUIT :bye")
	all[0].want("ERROR :Closing Link: bye")
	next := dial()
	next.say("PING x")
	next.want(":srv PONG srv :x")
}
