package irc

import (
	"slices"
	"strconv"
	"strings"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
)

// Bounds of what the operators of a room can have shown.
const (
	maxAlerts = 4  // of one topic
	maxTold   = 20 // during one connection
)

// version is that of the protocol, to which alerts are addressed.
const version = 5

// alerts reads what a room's topic says to programs of our version: behind its
// first '|' there are parts "<min> <max> <text>", and those with min < 5 < max
// are for us. What is returned is printable and short.
func alerts(topic string) []string {
	var found []string
	for i, part := range strings.Split(topic, "|") {
		fields := strings.SplitN(strings.TrimSpace(part), " ", 3)
		if i == 0 || len(fields) < 3 || len(found) == maxAlerts {
			continue
		}
		least, err1 := strconv.Atoi(fields[0])
		most, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil && least < version && version < most {
			found = append(found, free(fields[2]))
		}
	}
	return found
}

// topic handles a topic that the server tells, at first or when it changes.
func (l *link) topic(room, text string) {
	if room != l.room {
		return
	}
	found := alerts(text)
	var before []string
	l.board.change(func(s *Status) { before, s.Alerts = s.Alerts, found })
	for _, alert := range found {
		if !slices.Contains(before, alert) && l.alerts < maxTold {
			l.alerts++
			l.log.Info("alert in the room's topic", "text", alert)
			l.sink(channel.Alert{Text: alert})
		}
	}
}
