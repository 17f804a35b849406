package taker

import (
	"encoding/hex"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// maker is an honest maker with coins, each of a key of its own.
type maker struct {
	p     *pit
	nick  protocol.Nick
	offer protocol.Offer
	key   string // of the session
	coins []coins.Coin
	keys  map[wire.OutPoint]*btcec.PrivateKey

	liar bool // does not look at what it signs

	opened     []coins.Coin
	cj, change []byte // output scripts
}

// earn pays the maker a coin, unconfirmed until the next block.
func (m *maker) earn(value sats.Amount) coins.Coin {
	key, script := m.p.newKey()
	c := coins.Coin{OutPoint: m.p.chain.Pay(script, value), Value: value, Script: script}
	m.coins, m.keys[c.OutPoint] = append(m.coins, c), key
	return c
}

func (p *pit) maker(nick protocol.Nick) *maker {
	i := slices.IndexFunc(p.makers, func(m *maker) bool { return m.nick == nick })
	if i < 0 {
		p.t.Fatalf("no maker %s", nick)
	}
	return p.makers[i]
}

// open chooses coins and shows them, with fresh addresses.
func (m *maker) open(amount sats.Amount) control.IOAuthEvent {
	fee, err := m.offer.Fee(amount)
	if err != nil {
		m.p.t.Fatal(err)
	}
	if m.opened, err = coins.Default.Select(m.coins, amount+m.offer.TxFee+27_301-fee); err != nil {
		m.p.t.Fatal(err)
	}
	_, m.cj = m.p.newKey()
	_, m.change = m.p.newKey()
	e := control.IOAuthEvent{Attempt: m.p.attempt, Maker: m.nick, PubKey: m.key}
	e.CJAddress, e.ChangeAddress = addressText(m.p.t, m.cj), addressText(m.p.t, m.change)
	e.AuthPubKey, e.Signature = m.authorise(m.opened[0], m.key)
	for _, c := range m.opened {
		e.UTXOs = append(e.UTXOs, c.OutPoint.String())
	}
	return e
}

// authorise signs a session key with the key of a coin.
func (m *maker) authorise(c coins.Coin, sessionKey string) (pubKey, signature string) {
	key := m.keys[c.OutPoint]
	return hex.EncodeToString(key.PubKey().SerializeCompressed()), message.EncodeSignature(message.Sign(key, sessionKey))
}

// sign checks what matters to a maker and signs.
func (m *maker) sign(tx *wire.MsgTx) (answer []any) {
	fee, _ := m.offer.Fee(m.p.amount)
	for script, want := range map[string]sats.Amount{
		string(m.cj):     m.p.amount,
		string(m.change): coins.Sum(m.opened) - m.p.amount - m.offer.TxFee + fee,
	} {
		paid := 0
		for _, out := range tx.TxOut {
			if string(out.PkScript) == script && sats.Amount(out.Value) == want {
				paid++
			}
		}
		if paid != 1 && !m.liar {
			m.p.t.Errorf("%s is paid %d times", m.nick, paid)
		}
	}
	for i, in := range tx.TxIn {
		own := func(c coins.Coin) bool { return c.OutPoint == in.PreviousOutPoint }
		if slices.ContainsFunc(m.opened, own) && m.signInput(tx, i) {
			pushes, err := txsign.PushesOf(in)
			if err != nil {
				m.p.t.Fatal(err)
			}
			answer = append(answer, control.SigEvent{Attempt: m.p.attempt, Maker: m.nick, Sig: pushes.Encode()})
		}
	}
	if len(answer) != len(m.opened) && !m.liar {
		m.p.t.Errorf("%d of the %d coins of %s are in the transaction", len(answer), len(m.opened), m.nick)
	}
	return answer
}

// signInput signs an input if it spends a coin of the maker.
func (m *maker) signInput(tx *wire.MsgTx, input int) bool {
	for _, c := range m.coins {
		if tx.TxIn[input].PreviousOutPoint == c.OutPoint {
			if err := txsign.Sign(tx, input, txsign.PrevOut{Value: c.Value, Script: c.Script}, m.keys[c.OutPoint]); err != nil {
				m.p.t.Fatal(err)
			}
			return true
		}
	}
	return false
}

// withheld is what a twist of "push" returns for a maker that does not
// broadcast.
var withheld = []any{}
