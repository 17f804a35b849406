package irc

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestN9OtherNamesAreNotTheNick: only the whole nick is the nick, in the case it
// was given: a longer name that begins like it, or another spelling, speaks for
// nobody, and what is for another name is not for us.
func TestN9OtherNamesAreNotTheNick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :!auth half ;"))
		for _, name := range []string{
			string(otherNick) + "x", string(otherNick) + "_", strings.ToLower(string(otherNick)), string(otherNick[:15]), "J6" + string(otherNick[2:]), "|" + string(otherNick),
		} {
			p.say(from(protocol.Nick(name), "PRIVMSG "+string(ourNick)+" :and the rest ~"),
				from(protocol.Nick(name), "PRIVMSG "+string(ourNick)+" :!fill x ~"),
				from(protocol.Nick(name), "PRIVMSG #joinmarket-pit :!cancel 0"),
				from(protocol.Nick(name), "QUIT"), from(protocol.Nick(name), "PART #joinmarket-pit"))
		}
		for _, target := range []string{string(ourNick) + "x", strings.ToLower(string(ourNick)), string(ourNick[:15]), "*", "#joinmarket-pit-test", "@#joinmarket-pit", string(thirdNick)} {
			p.say(from(thirdNick, "PRIVMSG "+target+" :!fill x ~"))
		}
		synctest.Wait()
		h.wantNothing()
		p.say(from(otherNick, "PRIVMSG "+string(ourNick)+" :whole ~"))
		h.want(channel.Private{From: otherNick, Text: "!auth halfwhole"})
		h.stop()
	})
}

// TestN10OtherNetworkOtherHostID: what private messages are signed for is that of
// the present connection, so that a recorded one is worth nothing elsewhere.
func TestN10OtherNetworkOtherHostID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, func(cfg *Config) {
			prompt(cfg)
			cfg.Alternates = []string{"b.example:7000"}
		})
		nick := string(ourNick)
		for _, c := range []struct{ support, want string }{
			{":a 005 " + nick + " NETWORK=one :x", "one"},
			{":a 005 " + nick + " CHANTYPES=# :x", "b.example7000"},
			{":a 005 " + nick + " NETWORK=ONE :x", "ONE"},
		} {
			p := h.accept()
			p.want("NICK "+nick, "USER "+nick+" foo bar :None")
			p.say(":a 001 "+nick+" :Welcome", c.support)
			p.want("JOIN #joinmarket-pit")
			p.say(from(ourNick, "JOIN #joinmarket-pit"))
			p.want("MODE " + nick + " +B")
			h.want(channel.State{State: control.ChannelUp, HostID: c.want})
			p.conn.Close()
			h.wantState(control.ChannelLost)
		}
		h.stop()
	})
}

// TestN16SenderIsTheConnection: what a line says about its sender does not
// matter, only who the server says has sent it.
func TestN16SenderIsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := startUp(t, prompt)
		for _, text := range []string{
			"!cancel 0", "!" + string(thirdNick) + "!cancel 0", "!hp2 " + string(thirdNick), "!sw0reloffer 0 1 2 3 4!" + string(thirdNick) + "!PUBLIC",
		} {
			p.say(from(otherNick, "PRIVMSG #joinmarket-pit :"+text))
			h.want(channel.Public{From: otherNick, Text: text})
		}
		p.say(from(otherNick, "PRIVMSG #joinmarket-pit ::"+string(thirdNick)+"!u@h PRIVMSG #joinmarket-pit :!cancel 0"), "PING end")
		p.want("PONG end")
		h.wantNothing()
		h.stop()
	})
}
