package taker

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/client/identity"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/transcript"
)

// hostID is that of the server on which the conversations were recorded.
const hostID = "jmlab"

// recorded is what a taker of the reference saw and did in one CoinJoin, as far
// as it is not sealed.
type recorded struct {
	offers []control.OfferEntry        // before the first fill
	fills  map[protocol.Nick]line.Fill // sent
	keys   map[protocol.Nick]string    // received in !pubkey
	sealed map[protocol.Command]int    // how many messages of each sealed command
}

// readRecording takes a recording apart; every private message must carry a
// valid signature of its sender's nick.
func readRecording(t *testing.T, c transcript.Conversation) recorded {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	taker, err := c.Taker()
	if err != nil {
		t.Fatal(err)
	}
	messages, err := c.Seen(taker)
	if err != nil {
		t.Fatal(err)
	}
	r := recorded{fills: map[protocol.Nick]line.Fill{}, keys: map[protocol.Nick]string{}, sealed: map[protocol.Command]int{}}
	for _, m := range messages {
		text := m.Text
		if m.To != "" {
			e, err := envelope.Parse(m.Text)
			if err != nil {
				t.Fatalf("%s: %v", m.Text, err)
			}
			ask := control.VerifyRequest{Nick: m.From, Text: envelope.SignedText(e.Msg, hostID), HostID: hostID,
				PubKey: e.PubKey, Signature: e.Signature}
			if !id.Verify(ask).Valid {
				t.Errorf("the signature of %s under !%s is refused", m.From, e.Command)
			}
			text = e.Text()
		}
		groups, err := line.Split(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range groups {
			parsed, err := line.Parse(group)
			if err != nil {
				t.Fatalf("%q: %v", group, err)
			}
			switch p := parsed.(type) {
			case line.Offer:
				if !m.Sent && len(r.fills) == 0 {
					r.offers = append(r.offers, control.OfferEntry{Nick: m.From, Offer: p.Offer})
				}
			case line.Fill:
				r.fills[m.To] = p
			case line.PubKey:
				r.keys[m.From] = p.Key
			case line.Sealed:
				r.sealed[p.Command()]++
			}
		}
	}
	return r
}

// TestGoldenConversations replays recorded CoinJoins of the reference: from the
// same order book our taker fills the same offers, takes the makers' keys, and
// opens its commitment to all of them. What follows is sealed in the recording.
func TestGoldenConversations(t *testing.T) {
	all, err := transcript.Golden()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("%d conversations", len(all))
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			r := readRecording(t, c)
			if len(r.fills) < 2 || len(r.keys) != len(r.fills) || r.sealed[protocol.CmdAuth] != len(r.fills) ||
				r.sealed[protocol.CmdIOAuth] != len(r.fills) || r.sealed[protocol.CmdSig] < len(r.fills) {
				t.Fatalf("%d fills, %d keys, sealed %v", len(r.fills), len(r.keys), r.sealed)
			}
			commitments := map[protocol.Commitment]bool{}
			var pay Payment
			for _, f := range r.fills {
				commitments[f.Commitment] = true
				pay = payment(f.Amount, len(r.fills), len(r.fills))
			}
			if len(commitments) != 1 {
				t.Errorf("%d commitments for one attempt", len(commitments))
			}
			inPit(t, 0, func(p *pit) { p.replay(r, pay) })
		})
	}
}

// replay runs our taker against the recorded makers.
func (p *pit) replay(r recorded, pay Payment) {
	seen := map[protocol.Nick]bool{}
	for _, o := range r.offers {
		if _, chosen := r.fills[o.Nick]; !chosen {
			pay.Exclude = append(pay.Exclude, o.Nick)
		}
		if !seen[o.Nick] {
			p.makers = append(p.makers, &maker{p: p, nick: o.Nick, offer: o.Offer, key: r.keys[o.Nick]})
		}
		seen[o.Nick] = true
	}
	opened := 0
	p.twist = func(command string, m *maker, answer []any) []any {
		if command == "auth" {
			opened++
			return []any{control.FailedEvent{Attempt: p.attempt, Maker: m.nick, Reason: protocol.ReasonLeft}}
		}
		return answer
	}
	p.cannotOpen = true
	o := p.run(p.config(), pay)
	p.wantFailure(o, StepCollect, protocol.ReasonFewMakers)
	asked := strings.Join(p.asked, "\n")
	for nick, fill := range r.fills {
		if p.maker(nick).offer.ID != fill.OfferID || !strings.Contains(asked, "fill "+string(nick)) {
			p.t.Errorf("%s was not filled as recorded", nick)
		}
	}
	if p.amount != pay.Amount || opened != len(r.fills) || strings.Count(asked, "fill") != len(r.fills) {
		p.t.Errorf("amount %d, opened to %d makers:\n%s", p.amount, opened, asked)
	}
}
