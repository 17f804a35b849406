package daemon

import (
	"errors"

	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/count"
	"github.com/joinmarket-go/joinmarket/daemon/orderbook"
)

// hearPublic takes a public line: what it offers goes into the book, the rest
// to the role.
func (s *session) hearPublic(on *link, ev channel.Public) {
	others, err := s.book.Hear(orderbook.Source{Nick: ev.From, Channel: on.name}, ev.Text)
	if err != nil {
		s.countBook(err)
		s.log.Debug("public line not taken in whole", "channel", on.name, "nick", ev.From, "err", err)
	}
	for _, m := range others {
		s.role.public(ev.From, on, m)
	}
}

// heardPrivate takes a private message whose signature was verified: offers go
// into the book, anything else to the role. It shows where its sender is, unless
// the sender or the channel is gone since.
func (s *session) heardPrivate(j *judgement) {
	present := j.on.up() && !j.absent
	src := orderbook.Source{Nick: j.from, Channel: j.on.name, Signed: true}
	var err error
	switch {
	case present && j.envelope.Command.Offer():
		_, err = s.book.Hear(src, j.envelope.Text())
	case present:
		err = s.book.Met(src)
	}
	if err != nil {
		s.countBook(err)
		s.log.Debug("private message not taken in whole", "channel", j.on.name, "nick", j.from, "err", err)
	}
	if !j.envelope.Command.Offer() {
		s.role.private(j.from, j.on, j.envelope)
	}
}

// countBook counts why the order book did not take all of a line.
func (s *session) countBook(err error) {
	cause := count.DropForm
	if errors.Is(err, orderbook.ErrFull) {
		cause = count.LimitBook
	}
	s.d.counts.Inc(cause)
}
