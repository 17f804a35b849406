package daemon

import (
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/rate"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// errorRate bounds the free texts of counterparties that reach the client.
var errorRate = rate.Rate{Every: time.Second, Burst: 20}

// errorText tells the client what a counterparty wrote in !error.
func (s *session) errorText(from protocol.Nick, text string) {
	if !s.errors.Allow(time.Now()) {
		s.d.counts.Inc(count.LimitErrorTexts)
		return
	}
	s.tell(control.EventError, control.ErrorEvent{Nick: from, Text: control.FreeText(text)})
}

// quoting makes the text of an !error that repeats what the peer wrote, as the
// reference does: cut, and without the character that begins a command.
func quoting(text, peers string) string {
	text += strings.ReplaceAll(peers, "!", "?")
	return text[:min(len(text), protocol.MaxErrorText)]
}

// refusalReason tells from a maker's !error whether another commitment may
// help. Every implementation has the word in its text (quirk of the protocol).
func refusalReason(text string) protocol.Reason {
	if strings.Contains(strings.ToLower(text), "blacklist") {
		return protocol.ReasonBlacklisted
	}
	return protocol.ReasonRefused
}
