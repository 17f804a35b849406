package maker

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// notes is a daemon that writes down what it is told.
type notes struct {
	told   []any
	bonded bool  // as announced last
	fail   error // every call fails with it, after it was written down
	// shown, if not nil, is called before coins and addresses are written down.
	shown func(control.IOAuth)
}

func (n *notes) note(what any) error { n.told = append(n.told, what); return n.fail }

func (n *notes) Ready(context.Context) error { return nil }
func (n *notes) Events() <-chan any          { return nil }
func (n *notes) Err() error                  { return nil }
func (n *notes) Close()                      {}
func (n *notes) Announce(_ context.Context, r control.AnnounceRequest) error {
	n.bonded = r.Bond
	return n.note(r.Offers)
}

func (n *notes) Sigs(_ context.Context, r control.SigsRequest) error     { return n.note(r) }
func (n *notes) Refuse(_ context.Context, r control.RefuseRequest) error { return n.note(r) }

func (n *notes) IOAuth(_ context.Context, r control.IOAuthRequest) error {
	if n.shown != nil {
		n.shown(r.IOAuth)
	}
	return n.note(r)
}

// last takes what was told last out of the notes; it must be a T.
func last[T any](t *testing.T, n *notes) T {
	t.Helper()
	if len(n.told) == 0 {
		t.Fatalf("the daemon was told nothing")
	}
	v, ok := n.told[len(n.told)-1].(T)
	if !ok {
		t.Fatalf("the daemon was told %+v, want a %T", n.told[len(n.told)-1], v)
	}
	return v
}

// coinjoin builds what a taker makes of an answer: its input first, then ours.
func coinjoin(t testing.TB, a control.IOAuth, amount, change int64, params *chaincfg.Params) *wire.MsgTx {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(input(99))
	for _, text := range a.UTXOs {
		out := parseOut(t, text)
		in := wire.NewTxIn(&out, nil, nil)
		in.Sequence = wire.MaxTxInSequenceNum - 1
		tx.AddTxIn(in)
	}
	for text, value := range map[string]int64{a.CJAddress: amount, a.ChangeAddress: change} {
		script, err := txbuild.ParseAddress(text, params)
		if err != nil {
			t.Fatal(err)
		}
		tx.AddTxOut(wire.NewTxOut(value, script))
	}
	tx.AddTxOut(wire.NewTxOut(amount, p2wpkh(77)))
	return tx
}

// withTaker is a node that also has the coin of the taker of coinjoin.
type withTaker struct{ Node }

func (n withTaker) TxOut(ctx context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if out == input(99).PreviousOutPoint {
		return takersCoin, nil
	}
	return n.Node.TxOut(ctx, out)
}

// takersCoin is what the taker of coinjoin puts in: an equal output and the fee.
var takersCoin = chain.TxOut{Value: 1_001_000, Script: p2wpkh(99), Confirmations: 6}

func serialise(t testing.TB, tx *wire.MsgTx) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// firstTx is the transaction for the answer to the first case: 1,000,000 sat
// out of 3,000,000, and 100 earned.
func firstTx(t *testing.T, a control.IOAuth) *wire.MsgTx {
	t.Helper()
	return coinjoin(t, a, 1_000_000, 2_000_100, &chaincfg.MainNetParams)
}

// TestM9Order plays all sequences of events of length 4 and finds signatures
// only on the legal path, for one transaction, of the revealed coins.
func TestM9Order(t *testing.T) {
	const length = 4
	answer := firstAnswer(t)
	good := serialise(t, firstTx(t, answer))
	other := firstTx(t, answer)
	other.LockTime = 1
	symbols := []struct {
		name  string
		event func(control.AuthEvent) any
	}{
		{"auth", func(e control.AuthEvent) any { return e }},
		{"tx", func(e control.AuthEvent) any {
			return control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: good}
		}},
		{"other tx", func(e control.AuthEvent) any {
			return control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: serialise(t, other)}
		}},
		{"ended", func(e control.AuthEvent) any { return control.EndedEvent{Conversation: e.Conversation, Taker: e.Taker} }},
	}
	c := vectors.Load[authCase](t, "ioauth_maker.json", 45)[0]
	w := c.wallet(t)
	signed := 0
	for code := range 1 << (2 * length) {
		w.leases = coins.Leases{}
		w.next = map[int]uint32{}
		m, e := c.maker(t, w)
		d := &notes{}
		// The model: whether coins are revealed, and which transaction was signed.
		used, revealed, first := false, false, ""
		var path []string
		for i := range length {
			s := symbols[code>>(2*i)&3]
			path = append(path, s.name)
			before := len(d.told)
			m.event(t.Context(), d, s.event(e))
			sigs := false
			for _, told := range d.told[before:] {
				_, is := told.(control.SigsRequest)
				sigs = sigs || is
			}
			want := false
			switch s.name {
			case "auth":
				revealed, used, first = !used, true, ""
			case "ended":
				revealed, first = false, ""
			default:
				want = revealed && (first == "" || first == s.name)
				if want {
					first = s.name
				} else {
					revealed, first = false, "" // refused, which ends the conversation
				}
			}
			if sigs != want {
				t.Fatalf("%v: signatures %v, want %v", path, sigs, want)
			}
			if sigs {
				signed++
			}
		}
		m.accepted.close()
	}
	if signed == 0 {
		t.Error("no sequence led to a signature")
	}
}

// firstAnswer is the answer to the first case of the corpus.
func firstAnswer(t *testing.T) control.IOAuth {
	t.Helper()
	m, _, e := firstCase(t)
	d := &notes{}
	m.event(t.Context(), d, e)
	return last[control.IOAuthRequest](t, d).IOAuth
}

func TestM10SameTxSameAnswer(t *testing.T) {
	m, w, e := firstCase(t)
	d := &notes{}
	m.event(t.Context(), d, e)
	tx := firstTx(t, last[control.IOAuthRequest](t, d).IOAuth)
	event := control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: serialise(t, tx)}
	m.event(t.Context(), d, event)
	first := last[control.SigsRequest](t, d)
	pushes, err := txsign.ParsePushes(first.Sigs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := pushes.Place(tx, 1, txsign.PrevOut{Value: w.coins[1].Value, Script: w.coins[1].Script}); err != nil {
		t.Errorf("the signature does not fit the revealed coin: %v", err)
	}
	m.event(t.Context(), d, event)
	if again := last[control.SigsRequest](t, d); !slices.Equal(again.Sigs, first.Sigs) {
		t.Errorf("the same transaction again got another answer")
	}
	tx.LockTime++
	event.Tx = serialise(t, tx)
	m.event(t.Context(), d, event)
	if r := last[control.RefuseRequest](t, d); r.Reason != protocol.ReasonUnexpected {
		t.Errorf("a second transaction: %s, want %s", r.Reason, protocol.ReasonUnexpected)
	}
	if w.leases.Len() != 1 {
		t.Errorf("%d coins are set aside after signing, want 1", w.leases.Len())
	}
}

func TestTxRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m *Maker, w *paperWallet, tx *wire.MsgTx, e *control.TxEvent)
		want   protocol.Reason
	}{
		{"unknown conversation", func(_ *Maker, _ *paperWallet, _ *wire.MsgTx, e *control.TxEvent) { e.Conversation++ }, protocol.ReasonUnexpected},
		{"another taker", func(_ *Maker, _ *paperWallet, _ *wire.MsgTx, e *control.TxEvent) { e.Taker = "J5other111111111" }, protocol.ReasonUnexpected},
		{"M11 no coinjoin output", func(_ *Maker, _ *paperWallet, tx *wire.MsgTx, _ *control.TxEvent) {
			tx.TxOut = slices.DeleteFunc(tx.TxOut, func(o *wire.TxOut) bool { return o.Value == 1_000_000 && o.PkScript[2] != 77 })
		}, protocol.ReasonBadTx},
		{"M15 another coin of ours", func(_ *Maker, w *paperWallet, tx *wire.MsgTx, _ *control.TxEvent) {
			tx.AddTxIn(wire.NewTxIn(&w.coins[0].OutPoint, nil, nil))
		}, protocol.ReasonBadTx},
		{"M28 our coin was spent meanwhile", func(_ *Maker, w *paperWallet, _ *wire.MsgTx, _ *control.TxEvent) {
			w.spent[w.coins[1].OutPoint] = true
		}, protocol.ReasonBadCoins},
		{"M28 our node is silent", func(m *Maker, _ *paperWallet, _ *wire.MsgTx, _ *control.TxEvent) { m.cfg.Node = silentNode{} }, protocol.ReasonChain},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, w, e := firstCase(t)
			d := &notes{}
			m.event(t.Context(), d, e)
			tx := firstTx(t, last[control.IOAuthRequest](t, d).IOAuth)
			event := control.TxEvent{Conversation: e.Conversation, Taker: e.Taker}
			c.change(m, w, tx, &event)
			event.Tx = serialise(t, tx)
			m.event(t.Context(), d, event)
			if r := last[control.RefuseRequest](t, d); r.Reason != c.want || r.Conversation != event.Conversation {
				t.Errorf("%+v, want %s", r, c.want)
			}
			if free := event.Conversation == e.Conversation; free == (w.leases.Len() > 0) {
				t.Errorf("%d coins are set aside", w.leases.Len())
			}
		})
	}
}

// TestD2NoCoinTwice: what is shown to one taker is not shown to another, until
// the first conversation has ended; and no address is ever shown twice.
func TestD2NoCoinTwice(t *testing.T) {
	c := vectors.Load[authCase](t, "ioauth_maker.json", 45)[0]
	w := c.wallet(t)
	m, e := c.maker(t, w)
	d := &notes{}
	shown := make(map[string]bool)
	// Every opening counts as new in this test, which is about coins.
	auth := func(conversation uint64) (answer control.IOAuth, ok bool) {
		clear(m.accepted.set)
		e.Conversation, e.Taker = conversation, protocol.Nick(fmt.Sprintf("J5taker%09d", conversation))
		m.event(t.Context(), d, e)
		r, ok := d.told[len(d.told)-1].(control.IOAuthRequest)
		for _, address := range []string{r.CJAddress, r.ChangeAddress} {
			if ok && shown[address] {
				t.Errorf("%s was shown twice", address)
			}
			shown[address] = true
		}
		return r.IOAuth, ok
	}
	held := make(map[string]uint64)
	for conversation := range uint64(10) {
		answer, ok := auth(conversation)
		if ok != (conversation < 4) { // the wallet has four coins, each is enough
			t.Fatalf("conversation %d: shown coins %v", conversation, ok)
		}
		for _, coin := range answer.UTXOs {
			if other, twice := held[coin]; twice {
				t.Errorf("conversations %d and %d were shown one coin", other, conversation)
			}
			held[coin] = conversation
		}
	}
	if r := last[control.RefuseRequest](t, d); r.Reason != protocol.ReasonNoFunds {
		t.Errorf("refused for %s, want %s", r.Reason, protocol.ReasonNoFunds)
	}
	m.event(t.Context(), d, control.EndedEvent{Conversation: 2})
	if answer, ok := auth(20); !ok || held[answer.UTXOs[0]] != 2 {
		t.Errorf("the coins of an ended conversation are not free again")
	}
	d.fail = control.ErrState
	m.event(t.Context(), d, control.EndedEvent{Conversation: 3})
	before := w.leases.Len()
	if auth(21); w.leases.Len() != before || m.talks[21] != nil {
		t.Errorf("an answer that the daemon did not take keeps its coins")
	}
}

// TestM17CoinsComeFree: a taker that never broadcasts binds our coins for a
// bounded time.
func TestM17CoinsComeFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, w, e := firstCase(t)
		d := &notes{}
		m.event(t.Context(), d, e)
		tx := serialise(t, firstTx(t, last[control.IOAuthRequest](t, d).IOAuth))
		time.Sleep(holdRevealed - time.Second)
		m.event(t.Context(), d, control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: tx})
		last[control.SigsRequest](t, d)
		time.Sleep(DefaultHoldSigned - time.Second)
		m.event(t.Context(), d, control.EndedEvent{Conversation: e.Conversation})
		if w.leases.Len() != 1 {
			t.Errorf("%d coins are set aside after signing, want 1", w.leases.Len())
		}
		time.Sleep(time.Second)
		if w.leases.Len() != 0 {
			t.Errorf("%d coins are set aside for good", w.leases.Len())
		}
	})
}

// A daemon that never ends a conversation cannot bind our coins either, and
// gets no signature for coins that may be somebody else's by now.
func TestM17RevealedRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, w, e := firstCase(t)
		d := &notes{}
		m.event(t.Context(), d, e)
		tx := serialise(t, firstTx(t, last[control.IOAuthRequest](t, d).IOAuth))
		time.Sleep(holdRevealed)
		if w.leases.Len() != 0 {
			t.Errorf("%d coins are set aside for good", w.leases.Len())
		}
		m.event(t.Context(), d, control.TxEvent{Conversation: e.Conversation, Taker: e.Taker, Tx: tx})
		if r := last[control.RefuseRequest](t, d); r.Reason != protocol.ReasonTimeoutTx {
			t.Errorf("refused for %s, want %s", r.Reason, protocol.ReasonTimeoutTx)
		}
	})
}
