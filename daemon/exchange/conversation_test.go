package exchange

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
)

const peer protocol.Nick = "J561YhaSF6trHuTS"

var (
	takerKey, makerKey, otherKey = testKey(1), testKey(2), testKey(3)
	commitment                   = protocol.NewCommitment([32]byte{1, 2, 3})

	fill = line.Fill{OfferID: 0, Amount: 500_000, PubKey: takerKey.Public(), Commitment: commitment}
	auth = line.Auth{UTXO: line.UTXO{TxID: strings.Repeat("ab", 32), Vout: 1}, P: "02" + strings.Repeat("11", 32),
		P2: "03" + strings.Repeat("22", 32), S: strings.Repeat("33", 32), E: strings.Repeat("44", 32)}
	ioauth = line.IOAuth{UTXOs: []line.UTXO{{TxID: strings.Repeat("cd", 32), Vout: 0}, {TxID: strings.Repeat("cd", 32), Vout: 1}},
		AuthKey: "02" + strings.Repeat("55", 32), CJAddress: "bcrt1qcj", ChangeAddress: "bcrt1qchange", Signature: strings.Repeat("MEQC", 24)}
	tx  = line.Tx{Tx: bytes.Repeat([]byte{7}, 100)}
	sig = line.Sig{Script: bytes.Repeat([]byte{8}, 107)}
)

func testKey(n byte) *seal.Key {
	key, err := seal.KeyFromSecret([32]byte{1: n, 31: 0x40})
	if err != nil {
		panic(err)
	}
	return key
}

// sealed is a message from the holder of own to the holder of other.
func sealed(own, other *seal.Key, c line.Content) string {
	box, err := own.With(other.Public())
	if err != nil {
		panic(err)
	}
	text, err := box.Seal(line.Plaintext(c))
	if err != nil {
		panic(err)
	}
	return text
}

func newMaker() *Conversation { return newConversation(control.RoleMaker, peer, 1, makerKey) }

// receive fails the test unless the message moves c to state.
func receive(t *testing.T, c *Conversation, command protocol.Command, msg string, state State) Said {
	t.Helper()
	said, err := c.Receive(command, msg)
	if err != nil || c.State() != state {
		t.Fatalf("%s: %s, %v; want %s", command, c.State(), err, state)
	}
	return said
}

func refused(t *testing.T, c *Conversation, command protocol.Command, msg string, want protocol.Reason) {
	t.Helper()
	before := c.State()
	said, err := c.Receive(command, msg)
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Reason != want || said != nil {
		t.Errorf("%s: %v, want %s", command, err, want)
	}
	if c.State() != before {
		t.Errorf("%s: refused and yet moved from %s to %s", command, before, c.State())
	}
}

func send(t *testing.T, c *Conversation, state State, said ...Said) []string {
	t.Helper()
	msgs, err := c.Send(said...)
	if err != nil || c.State() != state {
		t.Fatalf("%s: %s, %v; want %s", said[0].Command(), c.State(), err, state)
	}
	return msgs
}

func TestWholeConversation(t *testing.T) {
	taker := NewTaker(peer, 7, takerKey)
	maker, err := NewMaker(peer, 9)
	if err != nil {
		t.Fatal(err)
	}
	msgs := send(t, taker, TakerFilled, line.Fill{OfferID: 0, Amount: 500_000, PubKey: taker.PubKey(), Commitment: commitment})
	receive(t, maker, "fill", msgs[0], MakerKeyed)
	receive(t, taker, "pubkey", maker.PubKey(), TakerKeyed)
	msgs = send(t, taker, TakerAuthed, auth)
	if said := receive(t, maker, "auth", msgs[0], MakerAuthed); said != auth {
		t.Errorf("auth arrived as %+v", said)
	}
	msgs = send(t, maker, MakerRevealed, ioauth)
	if said := receive(t, taker, "ioauth", msgs[0], TakerOpened).(line.IOAuth); line.Plaintext(said) != line.Plaintext(ioauth) {
		t.Errorf("ioauth arrived as %+v", said)
	}
	msgs = send(t, taker, TakerSigning, tx)
	receive(t, maker, "tx", msgs[0], MakerAsked)
	msgs = send(t, maker, MakerSigned, sig, sig)
	if len(msgs) != 2 || msgs[0] == msgs[1] {
		t.Fatalf("sigs %q", msgs)
	}
	receive(t, taker, "sig", msgs[0], TakerSigning)
	receive(t, taker, "sig", msgs[1], TakerDone)
	if !taker.State().Over() || !maker.State().Over() {
		t.Error("not over")
	}
	for _, c := range []*Conversation{taker, maker} {
		if text := fmt.Sprintf("%v %+v %#v", *c, *c, c); strings.Contains(text, "secret:&[") {
			t.Errorf("printing shows a secret: %s", text)
		}
	}
}

// move is an input of the model: a concrete message or request, and the place
// it has on the legal path of a maker's conversation, -1 for none.
type move struct {
	name  string
	place int
	apply func(c *Conversation) ([]string, error)
}

func peerMove(name string, place int, command protocol.Command, msg string) move {
	return move{name, place, func(c *Conversation) ([]string, error) {
		_, err := c.Receive(command, msg)
		return nil, err
	}}
}

// TestM9M10MakerModel plays all sequences of four real messages and requests,
// sealed ones opened, against a maker's conversation. What leaves is an ioauth
// or signatures only on the one legal path, each at most once.
func TestM9M10MakerModel(t *testing.T) {
	authMsg, txMsg := sealed(takerKey, makerKey, auth), sealed(takerKey, makerKey, tx)
	moves := []move{
		peerMove("fill", 0, "fill", line.Fields(fill)),
		peerMove("other fill", 0, "fill", line.Fields(line.Fill{OfferID: 1, Amount: 1, PubKey: takerKey.Public(), Commitment: commitment})),
		peerMove("auth", 1, "auth", authMsg),
		peerMove("auth again, new nonce", 1, "auth", sealed(takerKey, makerKey, auth)),
		peerMove("auth as tx", -1, "tx", authMsg),
		peerMove("auth of another", -1, "auth", sealed(otherKey, makerKey, auth)),
		peerMove("ioauth of a taker", -1, "ioauth", sealed(takerKey, makerKey, ioauth)),
		peerMove("tx", 3, "tx", txMsg),
		peerMove("other tx", 3, "tx", sealed(takerKey, makerKey, line.Tx{Tx: bytes.Repeat([]byte{9}, 100)})),
		peerMove("sig to a maker", -1, "sig", sealed(takerKey, makerKey, sig)),
		{"client: ioauth", 2, func(c *Conversation) ([]string, error) { return c.Send(ioauth) }},
		{"client: sigs", 4, func(c *Conversation) ([]string, error) { return c.Send(sig) }},
	}
	var play func(c *Conversation, done, depth int, history string)
	play = func(c *Conversation, done, depth int, history string) {
		if depth == 0 {
			return
		}
		for _, m := range moves {
			next := *c
			next.acted = maps.Clone(c.acted)
			msgs, err := m.apply(&next)
			moved := done
			if m.place == done {
				moved++
				if err != nil {
					t.Fatalf("%s, %s: refused: %v", history, m.name, err)
				}
			} else if err == nil || len(msgs) > 0 || next.state != c.state {
				t.Fatalf("%s, %s: acted on", history, m.name)
			}
			play(&next, moved, depth-1, history+", "+m.name)
		}
	}
	play(newMaker(), 0, 4, "begin")
}

func TestT9FirstPubKeyWins(t *testing.T) {
	c := NewTaker(peer, 1, takerKey)
	send(t, c, TakerFilled, fill)
	receive(t, c, "pubkey", makerKey.Public(), TakerKeyed)
	refused(t, c, "pubkey", otherKey.Public(), protocol.ReasonUnexpected)
	msgs := send(t, c, TakerAuthed, auth)
	refused(t, c, "pubkey", otherKey.Public(), protocol.ReasonUnexpected)
	box, _ := makerKey.With(takerKey.Public())
	if _, err := box.Open(msgs[0]); err != nil {
		t.Errorf("auth is not sealed for the first key: %v", err)
	}
}

func TestN22Keys(t *testing.T) {
	c := NewTaker(peer, 1, takerKey)
	send(t, c, TakerFilled, fill)
	refused(t, c, "pubkey", strings.Repeat("00", 32), protocol.ReasonBadKey)
	refused(t, c, "pubkey", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", protocol.ReasonBadKey)
	refused(t, c, "pubkey", "00", protocol.ReasonMalformed)
	receive(t, c, "pubkey", makerKey.Public()+" features=neutrino_compat", TakerKeyed)

	m := newMaker()
	low := fill
	low.PubKey = strings.Repeat("00", 32)
	refused(t, m, "fill", line.Fields(low), protocol.ReasonBadKey)
	receive(t, m, "fill", line.Fields(fill), MakerKeyed)
}

func TestSealedJunk(t *testing.T) {
	m := newMaker()
	receive(t, m, "fill", line.Fields(fill), MakerKeyed)
	refused(t, m, "auth", "AAAA", protocol.ReasonTooLarge)
	refused(t, m, "auth", strings.Repeat("AAAA", 30), protocol.ReasonUndecryptable)
	refused(t, m, "auth", sealed(otherKey, makerKey, auth), protocol.ReasonUndecryptable)
	refused(t, m, "auth", sealed(takerKey, makerKey, tx), protocol.ReasonMalformed)
	refused(t, m, "auth", sealed(takerKey, makerKey, auth)+" x", protocol.ReasonMalformed)
	refused(t, m, "auth", sealed(takerKey, makerKey, auth)+"!auth x", protocol.ReasonMalformed)
	receive(t, m, "auth", sealed(takerKey, makerKey, auth), MakerAuthed) // the honest one still counts
}

func TestT8TooManySigs(t *testing.T) {
	c := NewTaker(peer, 1, takerKey)
	send(t, c, TakerFilled, fill)
	receive(t, c, "pubkey", makerKey.Public(), TakerKeyed)
	send(t, c, TakerAuthed, auth)
	receive(t, c, "ioauth", sealed(makerKey, takerKey, ioauth), TakerOpened)
	refused(t, c, "sig", sealed(makerKey, takerKey, sig), protocol.ReasonUnexpected) // before the tx
	send(t, c, TakerSigning, tx)
	first := sealed(makerKey, takerKey, sig)
	receive(t, c, "sig", first, TakerSigning)
	refused(t, c, "sig", first, protocol.ReasonUnexpected)
	for range MaxSigs - 1 {
		receive(t, c, "sig", sealed(makerKey, takerKey, sig), TakerDone)
	}
	refused(t, c, "sig", sealed(makerKey, takerKey, sig), protocol.ReasonTooManySigs)
	if want := 2 + MaxSigs; len(c.acted) != want {
		t.Errorf("%d messages remembered, want %d", len(c.acted), want)
	}
}

func TestRefusedIsNotRemembered(t *testing.T) {
	m := newMaker()
	for i := range 1000 {
		m.Receive("auth", fmt.Sprint(i))
	}
	receive(t, m, "fill", line.Fields(fill), MakerKeyed)
	for range 1000 {
		m.Receive("auth", sealed(otherKey, makerKey, auth))
	}
	if len(m.acted) != 1 {
		t.Errorf("%d messages remembered, want 1", len(m.acted))
	}
	if _, ok := m.acted[sha256.Sum256([]byte("fill "+line.Fields(fill)))]; !ok {
		t.Error("not the fill is remembered")
	}
}

func TestSendNothing(t *testing.T) {
	if _, err := newMaker().Send(); err == nil {
		t.Error("sent nothing")
	}
	m := newMaker()
	m.End()
	refused(t, m, "fill", line.Fields(fill), protocol.ReasonUnexpected)
}
