package line

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// The cases of offers.json: what a maker says, and what the reader of some
// lines then knows.
type offersCase struct {
	Kind                 string
	Valid                bool
	Should, Reason, Note string

	// Kind "announce".
	Offers                 []bookEntry
	PublicLines            []string `json:"public_lines"`
	PrivateCommand         string   `json:"private_command"`
	PrivateMessage         string   `json:"private_message"`
	BondProof              string   `json:"bond_proof"`
	PrivateMessageWithBond string   `json:"private_message_with_bond"`

	// Kind "other_public".
	Cancel [][]protocol.OfferID
	Lines  []string

	// Kind "receive".
	Messages []offersMessage
	Book     []json.RawMessage // of bookEntry; in cases to refuse, of other shapes too
	Bonds    []struct {
		Counterparty protocol.Nick
		Proof        string
	}
	Events []offersEvent
}

type offersMessage struct {
	From    protocol.Nick
	Text    string
	Private bool
}

type offersEvent struct {
	Event      string
	Nick       protocol.Nick
	OID        protocol.OfferID
	Commitment string
}

type bookEntry struct {
	Counterparty protocol.Nick
	OID          protocol.OfferID
	OrderType    protocol.OfferType
	MinSize      sats.Amount
	MaxSize      sats.Amount
	TxFee        sats.Amount
	CJFee        string
}

func (e bookEntry) offer() Offer {
	return Offer{protocol.Offer{
		Type: e.OrderType, ID: e.OID, MinSize: e.MinSize, MaxSize: e.MaxSize, TxFee: e.TxFee, CJFee: e.CJFee,
	}}
}

// market is what a reader of lines knows, kept by the rules all peers follow.
type market struct {
	book   []bookEntry
	bonds  map[protocol.Nick]string
	events []offersEvent
}

func (m *market) read(msg offersMessage) {
	groups, err := Split(msg.Text)
	if err != nil {
		return
	}
	for i, g := range groups {
		name, _, _ := strings.Cut(g, " ")
		if c := protocol.Command(name); msg.Private && i == 0 && !c.Private() || !msg.Private && !c.Public() {
			continue
		}
		parsed, err := Parse(g)
		var refused *Error
		if errors.As(err, &refused) {
			if refused.Offer != nil {
				m.withdraw(msg.From, *refused.Offer)
			}
			if refused.Command == protocol.CmdCancel {
				return
			}
			continue
		}
		m.apply(msg, parsed)
	}
}

func (m *market) apply(msg offersMessage, parsed Message) {
	switch parsed := parsed.(type) {
	case Offer:
		m.withdraw(msg.From, parsed.ID)
		o := parsed.Offer
		m.book = append(m.book, bookEntry{msg.From, o.ID, o.Type, o.MinSize, o.MaxSize, o.TxFee, o.CJFee})
	case TBond:
		m.bonds[msg.From] = parsed.Proof
	case Cancel:
		if !msg.Private {
			m.withdraw(msg.From, parsed.ID)
			m.events = append(m.events, offersEvent{Event: "cancel", Nick: msg.From, OID: parsed.ID})
		}
	case Orderbook:
		if !msg.Private {
			m.events = append(m.events, offersEvent{Event: "orderbook", Nick: msg.From})
		}
	case HP2:
		event := "hp2"
		if msg.Private {
			event = "private hp2"
		}
		m.events = append(m.events, offersEvent{Event: event, Nick: msg.From, Commitment: string(parsed.Commitment[1:])})
	}
}

func (m *market) withdraw(nick protocol.Nick, id protocol.OfferID) {
	m.book = slices.DeleteFunc(m.book, func(e bookEntry) bool { return e.Counterparty == nick && e.OID == id })
}

// Where the vectors leave the choice or the reference is laxer than attacks M16
// and T16 allow, this is what we do: everything but this is refused.
var tolerated = map[string]bool{
	"cjfee: exponent form, older joinmarket-ng makers": true,
	"cjfee: exponent form":                             true,
	"cjfee: 28 decimals":                               true,
}

// stricter lists vectors that the reference accepts, by their note or, where
// they have none, by their text.
var stricter = map[string]bool{
	"!sw0reloffer 0 27300 100000000 0 1": true, // the whole amount as fee
	"fee above the whole amount":         true,
	// The flood guard counts the command, not the exact text of the group.
	"first one has a field: counted once": true,
}

func TestOfferVectorsReceived(t *testing.T) {
	for _, c := range vectors.Load[offersCase](t, "offers.json", 162) {
		if c.Kind != "receive" {
			continue
		}
		m := market{bonds: make(map[protocol.Nick]string)}
		for _, msg := range c.Messages {
			m.read(msg)
		}
		if refuse(c) {
			// A single offer, or an offer and what should not touch it.
			if want := len(c.Messages) - 1; len(m.book) != want || len(m.events) != 0 {
				t.Errorf("%v is not refused (%s%s): %+v %+v", c.Messages, c.Reason, c.Note, m.book, m.events)
			}
			continue
		}
		if want := decodeBook(t, c.Book); !slices.EqualFunc(m.book, want, sameEntry) {
			t.Errorf("%v: book %+v, want %+v (%s%s)", c.Messages, m.book, want, c.Reason, c.Note)
		}
		if want := lowerCommitments(c.Events); !slices.Equal(m.events, want) {
			t.Errorf("%v: events %+v, want %+v", c.Messages, m.events, want)
		}
		if len(m.bonds) != len(c.Bonds) {
			t.Errorf("%v: bonds %v, want %v", c.Messages, m.bonds, c.Bonds)
		}
		for _, b := range c.Bonds {
			if m.bonds[b.Counterparty] != b.Proof {
				t.Errorf("%v: bond %q, want %q", c.Messages, m.bonds[b.Counterparty], b.Proof)
			}
		}
	}
}

// refuse reports whether we refuse what the reference accepts in c.
func refuse(c offersCase) bool {
	switch {
	case strings.HasPrefix(c.Should, "reject"):
		return true
	case strings.HasPrefix(c.Should, "either"):
		return !tolerated[c.Note]
	}
	return stricter[c.Note] || stricter[c.Messages[0].Text]
}

func decodeBook(t *testing.T, raw []json.RawMessage) []bookEntry {
	t.Helper()
	book := make([]bookEntry, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &book[i]); err != nil {
			t.Fatal(err)
		}
	}
	return book
}

// sameEntry compares fees by value: the vectors hold them rewritten.
func sameEntry(a, b bookEntry) bool {
	x, okA := new(big.Rat).SetString(a.CJFee)
	y, okB := new(big.Rat).SetString(b.CJFee)
	a.CJFee, b.CJFee = "", ""
	return a == b && okA && okB && x.Cmp(y) == 0
}

func lowerCommitments(events []offersEvent) []offersEvent {
	for i := range events {
		events[i].Commitment = strings.ToLower(events[i].Commitment)
	}
	return events
}

func TestOfferVectorsSent(t *testing.T) {
	announced, others := 0, 0
	for _, c := range vectors.Load[offersCase](t, "offers.json", 162) {
		switch c.Kind {
		case "announce":
			announced++
			checkAnnounced(t, c)
		case "other_public":
			others++
			var lines []string
			for _, ids := range c.Cancel {
				var line []byte
				for _, id := range ids {
					line = Append(line, Cancel{id})
				}
				lines = append(lines, string(line))
			}
			lines = append(lines, string(Append(nil, Orderbook{})))
			if !slices.Equal(lines, c.Lines) {
				t.Errorf("wrote %q, want %q", lines, c.Lines)
			}
		}
	}
	if announced == 0 || others == 0 {
		t.Error("no vectors of what is sent")
	}
}

func checkAnnounced(t *testing.T, c offersCase) {
	t.Helper()
	first := c.Offers[0].offer()
	private := []byte(Fields(first))
	for i, e := range c.Offers {
		if got := string(Append(nil, e.offer())); got != c.PublicLines[i] {
			t.Errorf("wrote %q, want %q", got, c.PublicLines[i])
		}
		if i > 0 {
			private = Append(private, e.offer())
		}
	}
	if string(first.Command()) != c.PrivateCommand || string(private) != c.PrivateMessage {
		t.Errorf("wrote %s %q, want %s %q", first.Command(), private, c.PrivateCommand, c.PrivateMessage)
	}
	if got := string(Append(private, TBond{c.BondProof})); got != c.PrivateMessageWithBond {
		t.Errorf("wrote %q, want %q", got, c.PrivateMessageWithBond)
	}
}
