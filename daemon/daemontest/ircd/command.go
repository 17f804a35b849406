package ircd

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/irc.v4"
)

var (
	nickForm = regexp.MustCompile("^[A-Za-z\\[\\]\\\\`_^{|}][A-Za-z0-9\\[\\]\\\\`_^{|}-]{0,29}$")
	roomForm = regexp.MustCompile(`^#[!-+\--~]{1,49}$`)
	userForm = regexp.MustCompile(`^[!-?A-~]{1,20}$`)
)

// command carries out one line of a client.
func (s *Server) command(c *client, m *irc.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.clients[c]; !here {
		return
	}
	switch m.Command {
	case "PASS", "PONG":
	case "NICK":
		s.nick(c, m.Param(0))
	case "USER":
		if userForm.MatchString(m.Param(0)) && len(m.Params) == 4 && !c.registered {
			c.user = m.Param(0)
			s.welcome(c)
		}
	case "PING":
		s.send(c, fmt.Sprintf(":%s PONG %s :%s", s.cfg.Name, s.cfg.Name, m.Param(0)))
	case "QUIT":
		s.drop(c, m.Param(0))
	default:
		if !c.registered {
			s.reply(c, "451", ":You have not registered")
			return
		}
		s.registeredCommand(c, m)
	}
}

func (s *Server) registeredCommand(c *client, m *irc.Message) {
	switch m.Command {
	case "JOIN":
		s.join(c, m.Param(0))
	case "PART":
		if !s.inRoom(c, m.Param(0)) {
			s.reply(c, "442", m.Param(0)+" :You are not on that channel")
			return
		}
		s.toRoom(m.Param(0), nil, fmt.Sprintf(":%s PART %s :%s", c.prefix(), m.Param(0), m.Param(1)))
		s.leave(c, m.Param(0))
	case "PRIVMSG", "NOTICE":
		s.message(c, m)
	case "MODE":
		if fold(m.Param(0)) == fold(c.nick) {
			s.send(c, fmt.Sprintf(":%s MODE %s :%s", c.prefix(), c.nick, m.Param(1)))
		}
	default:
		s.reply(c, "421", m.Command+" :Unknown command")
	}
}

// reply sends a numeric; rest is what follows the client's nick.
func (s *Server) reply(c *client, numeric, rest string) {
	nick := c.nick
	if nick == "" {
		nick = "*"
	}
	s.send(c, fmt.Sprintf(":%s %s %s %s", s.cfg.Name, numeric, nick, rest))
}

func (s *Server) nick(c *client, nick string) {
	if !nickForm.MatchString(nick) {
		s.reply(c, "432", nick+" :Erroneous nickname")
		return
	}
	if owner := s.nicks[fold(nick)]; owner != nil && owner != c {
		s.reply(c, "433", nick+" :Nickname is already in use")
		return
	}
	if c.registered {
		line := fmt.Sprintf(":%s NICK :%s", c.prefix(), nick)
		s.send(c, line)
		for n := range s.neighbours(c) {
			s.send(n, line)
		}
	}
	if c.nick != "" {
		delete(s.nicks, fold(c.nick))
	}
	s.nicks[fold(nick)] = c
	c.nick = nick
	s.welcome(c)
}

// welcome completes the registration when both NICK and USER have come.
func (s *Server) welcome(c *client) {
	if c.registered || c.nick == "" || c.user == "" {
		return
	}
	c.registered = true
	s.reply(c, "001", ":Welcome to the Internet Relay Network "+c.prefix())
	s.reply(c, "002", ":Your host is "+s.cfg.Name+", running a test server")
	s.reply(c, "003", ":This server keeps nothing")
	s.reply(c, "004", s.cfg.Name+" test B n")
	if s.cfg.Network != "" {
		s.reply(c, "005", "NETWORK="+s.cfg.Network+" :is my network name")
	}
	s.reply(c, "005", "CASEMAPPING=ascii CHANTYPES=# NICKLEN=30 :are supported on this server")
	s.reply(c, "376", ":End of MOTD command")
}

func (s *Server) join(c *client, room string) {
	switch {
	case !roomForm.MatchString(room):
		s.reply(c, "403", room+" :No such channel")
		return
	case s.inRoom(c, room):
		return
	case len(c.rooms) >= maxRooms:
		s.reply(c, "405", room+" :You have joined too many channels")
		return
	}
	members := s.rooms[fold(room)]
	if members == nil {
		members = make(map[*client]struct{})
		s.rooms[fold(room)] = members
	}
	members[c] = struct{}{}
	c.rooms[fold(room)] = struct{}{}
	s.toRoom(room, nil, fmt.Sprintf(":%s JOIN :%s", c.prefix(), room))
	names := make([]string, 0, len(members))
	for n := range members {
		names = append(names, n.nick)
	}
	slices.Sort(names)
	for chunk := range slices.Chunk(names, 20) {
		s.reply(c, "353", "= "+room+" :"+strings.Join(chunk, " "))
	}
	s.reply(c, "366", room+" :End of NAMES list")
}

func (s *Server) message(c *client, m *irc.Message) {
	target, text := m.Param(0), m.Param(1)
	if text == "" {
		s.reply(c, "412", ":No text to send")
		return
	}
	line := fmt.Sprintf(":%s %s %s :%s", c.prefix(), m.Command, target, text)
	if strings.HasPrefix(target, "#") {
		if !s.inRoom(c, target) {
			s.reply(c, "404", target+" :Cannot send to channel")
			return
		}
		s.toRoom(target, c, line)
		return
	}
	to := s.nicks[fold(target)]
	if to == nil || !to.registered {
		s.reply(c, "401", target+" :No such nick")
		return
	}
	s.send(to, line)
}
