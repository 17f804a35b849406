package daemon

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// makerVector is a maker of the reference: what it was told and what it did.
type makerVector struct {
	OwnNick     protocol.Nick `json:"own_nick"`
	TakerSecret string        `json:"taker_secret"`
	Offers      []struct {
		OID                     protocol.OfferID
		OrderType               protocol.OfferType
		MinSize, MaxSize, TxFee sats.Amount
		CJFee                   string
	}
	Before      []string        `json:"blacklist_before"`
	After       []string        `json:"blacklist_after"`
	OtherMakers []protocol.Nick `json:"other_makers"`
	Steps       []vectorStep
	Should      string
	Reason      string
	Note        string
}

type vectorStep struct {
	From      protocol.Nick
	Private   string
	Public    string
	Plaintext *string // of a sealed message
	Out       []struct {
		SendPrivate         string        `json:"send_private"`
		SendPrivateUnsigned string        `json:"send_private_unsigned"`
		SendPublic          string        `json:"send_public"`
		ToClient            string        `json:"to_client"`
		To                  protocol.Nick `json:"to"`
		Message             string
	}
	Conversations map[protocol.Nick]json.RawMessage
}

// ours names where we do otherwise than the reference although nothing is wrong
// with what it does, and what we do in the step at fault: nothing.
var ours = map[string]string{
	"second fill replaces the conversation":       "attack M8: a nick in a conversation cannot be made to lose it",
	"refused second fill leaves the conversation": "attack M8: it is not even looked at",
	"empty revelation":                            "its form is checked here, the reference's client finds out",
	"surplus words in the plaintext are ignored":  "nobody sends them",
	"push that is no base64":                      "its form is checked here, the reference's client finds out",
}

func TestReferenceMaker(t *testing.T) {
	unused := len(ours)
	for i, c := range vectors.Load[makerVector](t, "fill.json", 79) {
		t.Run(fmt.Sprintf("%d %s%s", i, c.Reason, c.Note), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t) })
		})
		if ours[c.Reason+c.Note] != "" {
			unused--
		}
	}
	if unused != 0 {
		t.Errorf("%d exceptions without a case", unused)
	}
}

func (c makerVector) run(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "commitmentlist"), []byte(strings.Join(c.Before, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Config{Commitments: filepath.Join(dir, "commitmentlist")})
	m := w.enter(control.RoleMaker, c.OwnNick)
	var offers []protocol.Offer
	for _, o := range c.Offers {
		offers = append(offers, protocol.Offer{Type: o.OrderType, ID: o.OID, MinSize: o.MinSize, MaxSize: o.MaxSize, TxFee: o.TxFee, CJFee: o.CJFee})
	}
	err := m.call(control.MethodAnnounce, control.AnnounceRequest{Offers: offers}, nil)
	if strings.HasPrefix(c.Reason, "two offers with the same id") {
		if !errors.Is(err, control.ErrBadRequest) {
			t.Errorf("announced: %v", err) // cannot come to what the case is about
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range c.OtherMakers {
		w.pit().Say(daemontest.Line{From: other, Text: "!sw0reloffer 0 100000 5000000 0 0.00002"})
	}
	run := vectorRun{t: t, w: w, m: m, c: c, resealed: map[string]string{}}
	for i, step := range c.Steps {
		synctest.Wait()
		time.Sleep(11 * time.Second) // a nick may fill again
		run.step(step, i == len(c.Steps)-1)
	}
	for _, commitment := range c.After {
		if v, err := protocol.Commitment("P" + commitment).Bytes(); err == nil && !w.d.used.Known(v) {
			t.Errorf("%s is not in our list", commitment)
		}
	}
}

// vectorRun is a case being played.
type vectorRun struct {
	t        *testing.T
	w        *world
	m        *client
	c        makerVector
	pubkey   string            // of the latest !pubkey of ours
	resealed map[string]string // boxes of the case by those for our key
}

// step plays a step. The last one is what the case is about.
func (r *vectorRun) step(s vectorStep, last bool) {
	before := len(r.w.pit().Lines())
	if s.Public != "" {
		r.w.pit().Say(daemontest.Line{From: s.From, Text: s.Public})
	} else {
		command, msg, _ := strings.Cut(strings.TrimPrefix(s.Private, "!"), " ")
		if s.Plaintext != nil && r.pubkey != "" {
			msg = r.reseal(msg, *s.Plaintext)
		}
		r.w.pit().Say(private(s.From, r.c.OwnNick, protocol.Command(command), msg, hostID))
		if command == "hp2" {
			time.Sleep(courierDelayMost + time.Second) // we have somebody else say it, later
		}
	}
	got := r.done(before + 1)

	var want []string
	for _, o := range s.Out {
		switch {
		case o.SendPrivate == "hp2": // the reference repeats the spelling it got
			want = append(want, fmt.Sprintf("to %s: hp2 %s", o.To, strings.ToLower(o.Message)))
		case o.SendPrivate == "pubkey":
			want = append(want, fmt.Sprintf("to %s: pubkey", o.To))
		case o.SendPrivate+o.SendPrivateUnsigned != "":
			want = append(want, fmt.Sprintf("to %s: %s %s", o.To, o.SendPrivate+o.SendPrivateUnsigned, o.Message))
		case o.SendPublic != "":
			want = append(want, o.SendPublic)
		default:
			want = append(want, o.ToClient)
		}
	}
	slices.Sort(want)
	refused := len(got) == 0 || len(got) == 1 && strings.Contains(got[0], ": error ")
	switch should := r.c.Should; {
	case last && ours[r.c.Reason+r.c.Note] != "":
		if len(got) > 0 {
			r.t.Errorf("did %q, want nothing: %s", got, ours[r.c.Reason+r.c.Note])
		}
		return
	case last && strings.HasPrefix(should, "either"):
		if !refused && !slices.Equal(got, want) {
			r.t.Errorf("did %q, the reference %q", got, want)
		}
		return
	case last && should != "":
		if !refused {
			r.t.Errorf("did %q, want no such thing: %s", got, should)
		}
		return
	case !slices.Equal(got, want):
		r.t.Errorf("did %q, the reference %q", got, want)
	}
	if n := r.m.status().Conversations; n != len(s.Conversations) {
		r.t.Errorf("%d conversations, the reference %d", n, len(s.Conversations))
	}
}

// done lists what the maker did: what it said from a line on, and what its
// client was told.
func (r *vectorRun) done(from int) (did []string) {
	synctest.Wait()
	for _, l := range r.w.pit().Lines()[from:] {
		f := strings.Split(strings.TrimPrefix(l.Text, "!"), " ")
		courier := l.To == "" && f[0] == "hp2"
		switch {
		case courier == (l.From == r.c.OwnNick):
			r.t.Errorf("line of %s", l.From)
		case l.To == "":
			did = append(did, l.Text)
		case f[0] == "pubkey":
			r.pubkey = f[1]
			did = append(did, fmt.Sprintf("to %s: pubkey", l.To))
		default:
			did = append(did, fmt.Sprintf("to %s: %s", l.To, strings.Join(f[:len(f)-2], " ")))
		}
	}
	for {
		select {
		case e := <-r.m.events:
			switch e.(type) {
			case control.AuthEvent:
				did = append(did, "JMAuthReceived")
			case control.TxEvent:
				did = append(did, "JMTXReceived")
			case control.PushEvent:
				did = append(did, "JMTXBroadcast")
			case control.ErrorEvent: // the reference only logs it
			default:
				r.t.Errorf("event %T %+v", e, e)
			}
		default:
			slices.Sort(did)
			return did
		}
	}
}

// reseal boxes a plaintext of the case for our session key; equal boxes of the
// case stay equal. Any bytes can be boxed, as by a hostile taker.
func (r *vectorRun) reseal(old, plaintext string) string {
	if r.resealed[old] == "" {
		secret, err := hex.DecodeString(r.c.TakerSecret)
		if err != nil {
			r.t.Fatal(err)
		}
		public, err := hex.DecodeString(r.pubkey)
		if err != nil {
			r.t.Fatal(err)
		}
		nonce := [24]byte(bytes.Repeat([]byte{byte(len(r.resealed))}, 24))
		sealed := box.Seal(nonce[:], []byte(plaintext), &nonce, (*[32]byte)(public), (*[32]byte)(secret))
		r.resealed[old] = base64.StdEncoding.EncodeToString(sealed)
	}
	return r.resealed[old]
}
