package exchange

import (
	"crypto/sha256"
	"errors"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

// MaxSigs is how many signatures of one maker are passed on: as many as it may
// have coins, and some that do not verify.
const MaxSigs = protocol.MaxUTXOs + 10

// Why a message is not acted on, for errors.Is.
var (
	ErrRepeated = errors.New("the same message was acted on before")
	ErrSigs     = errors.New("more signatures than a maker may have coins")
)

// Said is what a step of a conversation says: a line.Message, or the
// line.Content of a sealed one.
type Said interface{ Command() protocol.Command }

// Conversation is one end of a conversation with one counterparty. It is owned
// by one goroutine.
type Conversation struct {
	Role control.Role
	Peer protocol.Nick
	// ID tells it from others of the same nick: a taker's attempt, or the
	// number by which a maker's client knows it.
	ID uint64

	state State
	key   *seal.Key
	box   *seal.Box
	acted map[[sha256.Size]byte]bool // peer's messages that moved us
	coins int                        // a taker's: how many the maker opened
	sigs  int                        // a taker's: how many were passed on
}

// NewTaker begins a conversation with a maker. All makers of an attempt see the
// same session key.
func NewTaker(peer protocol.Nick, attempt uint64, key *seal.Key) *Conversation {
	return newConversation(control.RoleTaker, peer, attempt, key)
}

// NewMaker begins a conversation with a taker, with a session key of its own.
func NewMaker(peer protocol.Nick, id uint64) (*Conversation, error) {
	key, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	return newConversation(control.RoleMaker, peer, id, key), nil
}

func newConversation(role control.Role, peer protocol.Nick, id uint64, key *seal.Key) *Conversation {
	return &Conversation{Role: role, Peer: peer, ID: id, state: Idle, key: key, acted: make(map[[sha256.Size]byte]bool)}
}

// State is where the conversation stands.
func (c *Conversation) State() State { return c.state }

// PubKey is the public half of our session key: 64 lower-case hex digits.
func (c *Conversation) PubKey() string { return c.key.Public() }

// End ends the conversation; nothing moves it any more.
func (c *Conversation) End() { c.state = Ended }

// Ended reports whether End was called.
func (c *Conversation) Ended() bool { return c.state == Ended }

// Receive takes a message of the peer whose signature was verified: a command
// and what follows its name and a space. It opens the box of a sealed one. If
// the message may come now and is right in form, the conversation moves and
// what was said is returned; otherwise the error is a *Refusal and nothing has
// changed. A refused message never ends a conversation: whoever can repeat an
// old message of the peer could otherwise end it in the peer's name.
func (c *Conversation) Receive(command protocol.Command, msg string) (Said, error) {
	hash := sha256.Sum256([]byte(string(command) + " " + msg))
	if c.acted[hash] {
		return nil, c.refuse(command, protocol.ReasonUnexpected, ErrRepeated)
	}
	row, err := Step(c.Role, c.state, Input{Peer, command})
	if err != nil {
		return nil, err
	}
	said, err := c.read(command, msg)
	if err != nil {
		return nil, err
	}
	next := row.Next
	switch m := said.(type) {
	case line.Fill:
		err = c.meet(command, m.PubKey)
	case line.PubKey:
		err = c.meet(command, m.Key)
	case line.IOAuth:
		c.coins = len(m.UTXOs)
	case line.Sig:
		if c.sigs >= MaxSigs {
			return nil, c.refuse(command, protocol.ReasonTooManySigs, ErrSigs)
		}
		if c.sigs++; c.sigs >= c.coins {
			next = row.Last
		}
	}
	if err != nil {
		return nil, err
	}
	c.state = next
	c.acted[hash] = true
	return said, nil
}

// read parses a message and, if it is sealed, what is in its box.
func (c *Conversation) read(command protocol.Command, msg string) (Said, error) {
	m, err := line.Parse(string(command) + " " + msg)
	if err != nil {
		return nil, c.malformed(command, err)
	}
	sealed, ok := m.(line.Sealed)
	if !ok {
		return m, nil
	}
	plaintext, err := c.box.Open(sealed.Box)
	if err != nil {
		return nil, c.refuse(command, protocol.ReasonUndecryptable, err)
	}
	content, err := line.ParseSealed(command, plaintext)
	if err != nil {
		return nil, c.malformed(command, err)
	}
	return content, nil
}

// meet makes the box shared with the peer.
func (c *Conversation) meet(command protocol.Command, key string) error {
	box, err := c.key.With(key)
	if err != nil {
		return c.refuse(command, protocol.ReasonBadKey, err)
	}
	c.box = box
	return nil
}

// Send moves the conversation by what our client asks to say: one thing, or
// several signatures. It returns what follows the command's name and a space in
// each message, sealed where it must be. On an error, which is a *Refusal when
// the command may not be sent now, nothing has changed.
func (c *Conversation) Send(said ...Said) ([]string, error) {
	if len(said) == 0 {
		return nil, errors.New("nothing to say")
	}
	command := said[0].Command()
	row, err := Step(c.Role, c.state, Input{Client, command})
	if err != nil {
		return nil, err
	}
	msgs := make([]string, len(said))
	for i, s := range said {
		switch s := s.(type) {
		case line.Message:
			msgs[i] = line.Fields(s)
		case line.Content:
			if msgs[i], err = c.box.Seal(line.Plaintext(s)); err != nil {
				return nil, err
			}
		}
	}
	c.state = row.Next
	return msgs, nil
}

func (c *Conversation) refuse(command protocol.Command, reason protocol.Reason, err error) *Refusal {
	return &Refusal{Command: command, State: c.state, Reason: reason, Err: err}
}

func (c *Conversation) malformed(command protocol.Command, err error) *Refusal {
	reason := protocol.ReasonMalformed
	var field *line.Error
	if errors.As(err, &field) {
		reason = field.Reason()
	}
	return c.refuse(command, reason, err)
}
