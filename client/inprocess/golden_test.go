package inprocess_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/identity"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/envelope"
	"github.com/joinmarket-go/joinmarket/protocol/line"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/protocol/seal"
	"github.com/joinmarket-go/joinmarket/protocol/transcript"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// hostID is that of the recorded IRC server: what recorded messages are signed
// for.
const hostID = "jmlab"

// onPit makes a market whose channel is a pit in memory.
func onPit(t testing.TB) (*market, *daemontest.Pit) {
	t.Helper()
	pit := daemontest.NewPit("pit", hostID)
	m := newMarket(t, "127.0.0.1:1")
	m.dialer = func() dialFunc {
		d, err := inprocess.New(daemon.Config{
			NewChannel: func(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
				return pit.Join(nick), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d.Dial
	}
	return m, pit
}

// wireTaker says and hears single lines on a pit, as some other program would.
type wireTaker struct {
	m    *market
	pit  *daemontest.Pit
	nick protocol.Nick
	peer protocol.Nick
	at   int // lines of the pit that were looked at
}

// hear waits for the peer's next private message to us and checks its proof.
func (w *wireTaker) hear(command protocol.Command) line.Message {
	t := w.m.t
	t.Helper()
	ctx, cancel := context.WithTimeout(w.m.ctx, deadline)
	defer cancel()
	said, next, err := w.pit.Await(ctx, w.at, func(l daemontest.Line) bool { return l.From == w.peer && l.To == w.nick })
	if err != nil {
		t.Fatalf("no !%s: %v", command, err)
	}
	w.at = next
	e, err := envelope.Parse(said.Text)
	if err != nil {
		t.Fatalf("%s: %v", said.Text, err)
	}
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	if !id.Verify(control.VerifyRequest{Nick: w.peer, Text: envelope.SignedText(e.Msg, hostID), HostID: hostID,
		PubKey: e.PubKey, Signature: e.Signature}).Valid {
		t.Errorf("!%s is not signed by the key of %s", e.Command, w.peer)
	}
	groups, err := line.Split(e.Text())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := line.Parse(groups[0])
	if err != nil || msg.Command() != command {
		t.Fatalf("heard %s (%v), want !%s", e.Text(), err, command)
	}
	return msg
}

// TestGoldenFill replays recorded takers of the reference against our maker:
// the order book request, !fill with its recorded signature, and !auth, which
// is sealed for the maker of the recording.
func TestGoldenFill(t *testing.T) {
	all, err := transcript.Golden()
	if err != nil {
		t.Fatal(err)
	}
	fills := 0
	for _, c := range all {
		taker, err := c.Taker()
		if err != nil {
			t.Fatal(err)
		}
		messages, err := c.Seen(taker)
		if err != nil {
			t.Fatal(err)
		}
		makers, err := c.Makers()
		if err != nil {
			t.Fatal(err)
		}
		for _, recorded := range makers {
			m, pit := onPit(t)
			m.maker(makerFee, 2*sats.PerBTC)
			w := &wireTaker{m: m, pit: pit, nick: taker, peer: pit.Nicks()[0]}
			for _, said := range messages {
				if !said.Sent || said.To != recorded && said.Room == "" {
					continue
				}
				l := daemontest.Line{From: taker, Text: said.Text}
				if said.Room == "" {
					l.To = w.peer
				}
				switch said.Command() {
				case protocol.CmdOrderbook:
					pit.Say(l)
					w.hear(protocol.Command(protocol.SW0AbsOffer))
				case protocol.CmdFill:
					fills++
					pit.Say(l)
					key := w.hear(protocol.CmdPubKey).(line.PubKey)
					if !protocol.IsHex(key.Key, 32) {
						t.Errorf("%s: session key %q", c.Name, key.Key)
					}
				case protocol.CmdAuth:
					pit.Say(l)
				}
			}
			// The maker lives, and made nothing of a box that does not open.
			other, err := identity.New()
			if err != nil {
				t.Fatal(err)
			}
			w.nick = other.Nick()
			pit.Say(daemontest.Line{From: w.nick, Text: "!orderbook"})
			w.hear(protocol.Command(protocol.SW0AbsOffer))
			for _, l := range pit.Lines() {
				if strings.HasPrefix(l.Text, "!ioauth") {
					t.Errorf("%s: coins were shown for a box that does not open", c.Name)
				}
			}
		}
	}
	if fills < 5 {
		t.Errorf("%d fills were replayed, want 5", fills)
	}
}

// TestWire plays a taker word by word, with a known session key: what our maker
// says on the wire is what the protocol wants, from !fill to !sig.
func TestWire(t *testing.T) {
	m, pit := onPit(t)
	y := m.maker(makerFee, 8_000_000)
	coins, err := y.Coins()
	if err != nil {
		t.Fatal(err)
	}
	payer := m.wallet(3_000_000)
	if err := y.Sync(m.ctx); err != nil {
		t.Fatal(err)
	}
	own, err := payer.Coins()
	if err != nil {
		t.Fatal(err)
	}
	proof, err := payer.Commit(own[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hex.DecodeString("691204b2baacea66bd3960924d733c923457462fa6479b07d8f1c46c07c3bdbf")
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.KeyFromSecret([32]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	w := &wireTaker{m: m, pit: pit, nick: id.Nick(), peer: pit.Nicks()[0], at: len(pit.Lines())}
	say := func(command protocol.Command, msg string) {
		proof, err := id.Sign(control.SignRequest{To: w.peer, Command: string(command), Text: envelope.SignedText(msg, hostID), HostID: hostID})
		if err != nil {
			t.Fatal(err)
		}
		e := envelope.Envelope{Command: command, Msg: msg, PubKey: proof.PubKey, Signature: proof.Signature}
		pit.Say(daemontest.Line{From: w.nick, To: w.peer, Text: e.String()})
	}

	say(protocol.CmdFill, line.Fields(line.Fill{OfferID: 0, Amount: 1_000_000, PubKey: key.Public(), Commitment: protocol.NewCommitment(proof.Commitment())}))
	theirs := w.hear(protocol.CmdPubKey).(line.PubKey).Key
	box, err := key.With(theirs)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(c line.Content) string {
		text, err := box.Seal(line.Plaintext(c))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	open := func(command protocol.Command) line.Content {
		t.Helper()
		plain, err := box.Open(w.hear(command).(line.Sealed).Box)
		if err != nil {
			t.Fatal(err)
		}
		c, err := line.ParseSealed(command, plain)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	// A proof has the text that travels; line.Auth holds its parts.
	plain := proof.String()
	auth, err := line.ParseSealed(protocol.CmdAuth, plain)
	if err != nil || line.Plaintext(auth) != plain {
		t.Fatalf("the opening is not what a taker sends: %v", err)
	}
	say(protocol.CmdAuth, sealed(auth))
	io := open(protocol.CmdIOAuth).(line.IOAuth)
	if len(io.UTXOs) != 1 || io.UTXOs[0].String() != coins[0].OutPoint.String() || !strings.HasPrefix(io.CJAddress, "bcrt1q") || io.CJAddress == io.ChangeAddress {
		t.Errorf("%+v", io)
	}
	der, err := message.DecodeSignature(io.Signature)
	if err != nil {
		t.Fatal(err)
	}
	authKey, err := hex.DecodeString(io.AuthKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := message.Verify(authKey, theirs, der); err != nil {
		t.Errorf("the authorising key did not sign the session key: %v", err)
	}

	tx := wire.NewMsgTx(2)
	tx.LockTime = uint32(m.chain.Height())
	for _, out := range []wire.OutPoint{own[0].OutPoint, coins[0].OutPoint} {
		in := wire.NewTxIn(&out, nil, nil)
		in.Sequence = txbuild.NoRBF
		tx.AddTxIn(in)
	}
	for address, value := range map[string]int64{io.CJAddress: 1_000_000, io.ChangeAddress: 7_000_000 + int64(makerFee)} {
		script, err := txbuild.ParseAddress(address, m.chain.Params())
		if err != nil {
			t.Fatal(err)
		}
		tx.AddTxOut(wire.NewTxOut(value, script))
	}
	tx.AddTxOut(wire.NewTxOut(1_000_000, p2wpkh(9)))
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	say(protocol.CmdTx, sealed(line.Tx{Tx: raw.Bytes()}))
	pushes, err := txsign.ParsePushes(line.Plaintext(open(protocol.CmdSig)))
	if err != nil {
		t.Fatal(err)
	}
	if err := pushes.Place(tx, 1, txsign.PrevOut{Value: coins[0].Value, Script: coins[0].Script}); err != nil {
		t.Errorf("the signature does not fit: %v", err)
	}
	if e := until[maker.Signed](m, y); e.TxID != tx.TxHash() || e.Earning != makerFee {
		t.Errorf("%+v", e)
	}
}
