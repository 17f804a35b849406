package amp

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// taker is the attempt of a client. The reference's daemon leads the first
// phase by itself, from fill to ioauth with each maker, and reports once.
type taker struct {
	attempt    uint64 // 0 for none
	revelation string
	waiting    []protocol.Nick // makers that did not open their coins so far
	silent     []protocol.Nick // those that will not any more
	opened     []control.IOAuthEvent
	timer      *time.Timer // nil when the first phase is over
}

// expired gets the time when the first phase must end.
func (t *taker) expired() <-chan time.Time {
	if t.timer == nil {
		return nil
	}
	return t.timer.C
}

// stop forgets the attempt.
func (t *taker) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
	*t = taker{}
}

func (c *client) requestOffers(*amp.Args) (bool, error) {
	if c.session == nil {
		return false, errProtocol
	}
	var book control.OrderbookAnswer
	if err := c.call(control.MethodOrderbook, nil, &book); err != nil {
		return false, err
	}
	args := amp.Box{}
	offers, bonds := orderbook(book)
	args.SetBig("orderbook", offers)
	args.SetBig("fidelitybonds", bonds)
	c.tell("JMOffers", args)
	return true, nil
}

// fill begins an attempt.
func (c *client) fill(args *amp.Args) (bool, error) {
	amount := args.Integer("amount")
	commitment, revelation := args.Text("commitment"), args.Text("revelation")
	var raw json.RawMessage
	args.JSON("filled_offers", &raw)
	var offers map[protocol.Nick]struct {
		ID protocol.OfferID `json:"oid"`
	}
	args.JSON("filled_offers", &offers)
	if err := args.Err(); err != nil {
		return false, err
	}
	if err := c.in(control.RoleTaker); err != nil {
		return false, err
	}
	if c.stage != setUp || !amount.IsInt64() || amount.Sign() < 0 {
		return false, nil
	}
	r := control.FillRequest{Amount: sats.Amount(amount.Int64()), Commitment: protocol.Commitment(commitment),
		Deadline: min(c.settings.timeout, control.MaxDeadline)}
	t := taker{revelation: revelation}
	for _, nick := range keys(raw) {
		nick := protocol.Nick(nick)
		r.Makers = append(r.Makers, control.MakerOffer{Nick: nick, OfferID: offers[nick].ID})
		t.waiting = append(t.waiting, nick)
	}
	var answer control.FillAnswer
	if err := c.call(control.MethodFill, r, &answer); err != nil {
		c.log.Warn("makers are not asked", "err", err)
		return false, nil
	}
	t.attempt = answer.Attempt
	t.timer = time.NewTimer(c.settings.timeout)
	c.taker, c.stage = t, filled
	return true, nil
}

// hearTaker takes what makers did.
func (c *client) hearTaker(e any) {
	t := &c.taker
	switch e := e.(type) {
	case control.PubKeyEvent:
		if e.Attempt == t.attempt && c.stage == filled {
			c.try(control.MethodAuth, control.AuthRequest{Attempt: e.Attempt, Makers: []protocol.Nick{e.Maker}, Revelation: t.revelation})
		}
	case control.IOAuthEvent:
		if e.Attempt == t.attempt && c.stage == filled {
			t.opened = append(t.opened, e)
			c.heardOf(e.Maker)
		}
	case control.FailedEvent:
		c.log.Info("a maker dropped out", "nick", e.Maker, "reason", e.Reason, "text", e.Text)
		if e.Attempt == t.attempt && c.stage == filled {
			t.silent = append(t.silent, e.Maker)
			c.heardOf(e.Maker)
		}
	case control.SigEvent:
		if e.Attempt == t.attempt {
			c.tell("JMSigReceived", amp.Box{"nick": string(e.Maker), "sig": e.Sig})
		}
	}
}

// heardOf notes that a maker is not waited for any more. With the last the
// first phase is over.
func (c *client) heardOf(maker protocol.Nick) {
	c.taker.waiting = slices.DeleteFunc(c.taker.waiting, func(n protocol.Nick) bool { return n == maker })
	if len(c.taker.waiting) == 0 {
		c.report()
	}
}

// report ends the first phase: with what the makers opened, if they are enough,
// or with those that did not.
func (c *client) report() {
	t := &c.taker
	t.timer.Stop()
	t.timer = nil
	c.stage = reported
	opened, rest := ioauthData(t.opened)
	silent := slices.Concat(t.silent, t.waiting, rest)
	success := int64(len(t.opened)-len(rest)) >= c.settings.minMakers && len(t.opened) > len(rest)
	data := opened
	if !success {
		data = text(silent)
	}
	attempt := t.attempt
	err := c.conn.Ask("JMFillResponse", amp.Box{"success": amp.Boolean(success), "ioauth_data": data}, func(bool) {
		select {
		case c.told <- attempt:
		case <-c.conn.Done():
		}
	})
	if err != nil {
		c.log.Debug("not told to the client", "err", err)
	}
	if !success {
		t.attempt = 0 // dead
	}
}

// ioauthData writes what makers opened, in the order in which it came. Those
// for whom a value of AMP has no more room are left out and returned.
func ioauthData(opened []control.IOAuthEvent) (data string, rest []protocol.Nick) {
	var members []string
	size := len("{}")
	for _, e := range opened {
		member := text(e.Maker) + ": " + text([]any{e.UTXOs, e.AuthPubKey, e.CJAddress, e.ChangeAddress, e.Signature, e.PubKey})
		if size += len(member) + len(", "); size > amp.MaxValue {
			rest = append(rest, e.Maker)
			continue
		}
		members = append(members, member)
	}
	return "{" + strings.Join(members, ", ") + "}", rest
}

// makeTx sends the transaction to makers.
func (c *client) makeTx(args *amp.Args) (bool, error) {
	nicks, tx := args.Texts("nick_list"), args.Bytes("tx")
	if err := args.Err(); err != nil {
		return false, err
	}
	if err := c.in(control.RoleTaker); err != nil {
		return false, err
	}
	if c.stage != ready {
		return false, nil
	}
	r := control.TxRequest{Attempt: c.taker.attempt, Tx: []byte(tx)}
	for _, nick := range nicks {
		r.Makers = append(r.Makers, protocol.Nick(nick))
	}
	c.try(control.MethodTx, r)
	return true, nil
}

// pushTx has a maker broadcast the transaction.
func (c *client) pushTx(args *amp.Args) (bool, error) {
	nick, tx := args.Text("nick"), args.Bytes("tx")
	if err := args.Err(); err != nil {
		return false, err
	}
	if err := c.in(control.RoleTaker); err != nil {
		return false, err
	}
	c.try(control.MethodPush, control.PushRequest{Maker: protocol.Nick(nick), Tx: []byte(tx)})
	return true, nil
}

// keys are those of a JSON object in their order, each once; raw was read as
// one before.
func keys(raw json.RawMessage) (list []string) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.Token() // the brace
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			break
		}
		if k, ok := key.(string); ok && !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}
