package amp

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// maker is what the reference's commands presuppose of a maker.
type maker struct {
	bonded bool
	talks  map[protocol.Nick]*talk // of takers that opened their commitment
}

// talk is a conversation with a taker: its number, which the reference's
// commands do not have, and what the reference tells its client again with the
// transaction. The daemon bounds their number.
type talk struct {
	id   uint64
	echo echo
}

// echo is that, in the order in which the reference writes it.
type echo struct {
	Offer         offer           `json:"offer"`
	Amount        sats.Amount     `json:"amount"`
	Commitment    string          `json:"commit"`
	CJAddress     string          `json:"cjaddr"`
	ChangeAddress string          `json:"changeaddr"`
	UTXOs         json.RawMessage `json:"utxos"`
}

// announce makes the client's offers known.
func (c *client) announce(offers []offer) error {
	r := control.AnnounceRequest{Offers: []protocol.Offer{}, Bond: c.maker.bonded}
	for _, o := range offers {
		r.Offers = append(r.Offers, o.ours())
	}
	if err := c.call(control.MethodAnnounce, r, nil); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// announceOffers replaces the offers. What is to be published and cancelled the
// daemon finds out by itself.
func (c *client) announceOffers(args *amp.Args) (bool, error) {
	var ignored any
	args.JSON("to_announce", &ignored)
	args.JSON("to_cancel", &ignored)
	var offers []offer
	args.JSON("offerlist", &offers)
	if err := args.Err(); err != nil {
		return false, err
	}
	if err := c.in(control.RoleMaker); err != nil {
		return false, err
	}
	return true, c.announce(offers)
}

// hearMaker takes what takers did.
func (c *client) hearMaker(e any) {
	k := &c.maker
	switch e := e.(type) {
	case control.AuthEvent:
		c.heardAuth(e)
	case control.TxEvent:
		if t := k.talks[e.Taker]; t != nil && t.id == e.Conversation {
			c.tell("JMTXReceived", amp.Box{"nick": string(e.Taker), "tx": string(e.Tx), "offer": text(t.echo)})
		}
	case control.PushEvent:
		c.tell("JMTXBroadcast", amp.Box{"tx": string(e.Tx)})
	case control.EndedEvent:
		if t := k.talks[e.Taker]; t != nil && t.id == e.Conversation {
			c.log.Info("a conversation ended", "nick", e.Taker, "reason", e.Reason)
			delete(k.talks, e.Taker)
		}
	}
}

func (c *client) heardAuth(e control.AuthEvent) {
	committed, err := e.Commitment.Bytes()
	if err != nil {
		return // the daemon does not tell such
	}
	commitment := strings.TrimPrefix(string(protocol.NewCommitment(committed)), "P")
	if c.maker.talks == nil {
		c.maker.talks = make(map[protocol.Nick]*talk)
	}
	o := toOffer(e.Offer)
	c.maker.talks[e.Taker] = &talk{e.Conversation, echo{Offer: o, Amount: e.Amount, Commitment: commitment, UTXOs: json.RawMessage("{}")}}
	c.tell("JMAuthReceived", amp.Box{
		"nick": string(e.Taker), "offer": text(o), "commitment": commitment, "revelation": text(e.Revelation),
		"amount": amp.Integer(int64(e.Amount)), "kphex": e.PubKey,
	})
}

// ioauth opens the maker's coins to a taker.
func (c *client) ioauth(args *amp.Args) (bool, error) {
	nick := protocol.Nick(args.Text("nick"))
	var utxos json.RawMessage
	args.JSON("utxolist", &utxos)
	var ignored map[string]any
	args.JSON("utxolist", &ignored)
	r := control.IOAuth{AuthPubKey: args.Text("pubkey"), CJAddress: args.Text("cjaddr"),
		ChangeAddress: args.Text("changeaddr"), Signature: args.Text("pubkeysig")}
	if err := args.Err(); err != nil {
		return false, err
	}
	if err := c.in(control.RoleMaker); err != nil {
		return false, err
	}
	r.UTXOs = keys(utxos)
	t := c.maker.talks[nick]
	if t == nil {
		c.log.Info("coins for a conversation that is over", "nick", nick)
		return true, nil
	}
	t.echo.CJAddress, t.echo.ChangeAddress, t.echo.UTXOs = r.CJAddress, r.ChangeAddress, utxos
	c.try(control.MethodIOAuth, control.IOAuthRequest{Conversation: t.id, IOAuth: r})
	return true, nil
}

// txSigs sends the maker's signatures, with which the conversation is done.
func (c *client) txSigs(args *amp.Args) (bool, error) {
	nick, sigs := protocol.Nick(args.Text("nick")), args.Texts("sigs")
	if err := args.Err(); err != nil {
		return false, err
	}
	if err := c.in(control.RoleMaker); err != nil {
		return false, err
	}
	if t := c.maker.talks[nick]; t != nil {
		delete(c.maker.talks, nick)
		c.try(control.MethodSigs, control.SigsRequest{Conversation: t.id, Sigs: sigs})
	} else {
		c.log.Info("signatures for a conversation that is over", "nick", nick)
	}
	return true, nil
}
