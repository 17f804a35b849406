package spend

import (
	"errors"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// at is the bench's Config for another rate.
func (b *bench) at(rate sats.Amount) Config {
	cfg := b.cfg
	cfg.Fee.Rate = rate
	return cfg
}

func raise(r Receipt) Raise { return Raise{TxID: r.Tx.TxHash(), Output: NoOutput} }

// value of the output that pays a script; 0 without one.
func value(tx *wire.MsgTx, script []byte) (v sats.Amount) {
	for _, out := range tx.TxOut {
		if string(out.PkScript) == string(script) {
			v += sats.Amount(out.Value)
		}
	}
	return v
}

func TestReplace(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000, 200_000})
	old := b.pay(Payment{Outputs: []txbuild.Output{to(1, 50_000)}})
	b.sync()
	var asked Quote
	r, err := BumpFee(t.Context(), b.at(10_000), raise(old), func(q Quote) error { asked = q; return nil })
	if err != nil {
		t.Fatal(err)
	}
	b.check(r)
	if asked.Fee != 1410 || asked.Bump == nil || asked.Bump.Child || asked.Bump.Fee != 282 || asked.Bump.VSize != 141 ||
		asked.Bump.TxID != old.Tx.TxHash() || !asked.Bump.Signals || asked.OldRate() != rate || asked.EffectiveRate() != 10_000 {
		t.Errorf("%+v", asked)
	}
	if value(r.Tx, to(1, 0).Script) != 50_000 || r.Quote.Change() != old.Quote.Change()-1128 ||
		r.Tx.LockTime != old.Tx.LockTime || r.Tx.TxIn[0].Sequence != old.Tx.TxIn[0].Sequence ||
		r.Tx.TxIn[0].PreviousOutPoint != old.Tx.TxIn[0].PreviousOutPoint {
		t.Errorf("%+v", r)
	}
	if onChain, _ := b.chain.Tx(old.Tx.TxHash()); onChain != nil {
		t.Error("the old one is there still")
	}
	if p := b.Pending(); len(p) != 1 || p[0].ID != r.Tx.TxHash() {
		t.Errorf("pending: %+v", p)
	}
	// And again.
	b.sync()
	if r, err = BumpFee(t.Context(), b.at(20_000), raise(r), yes); err != nil || r.Quote.Fee != 2820 {
		t.Errorf("%+v, %v", r.Quote, err)
	}
	b.chain.Mine(1)
	b.sync()
	if _, err := BumpFee(t.Context(), b.at(30_000), raise(r), yes); !errors.Is(err, ErrConfirmed) {
		t.Errorf("confirmed: %v", err)
	}
	if _, err := BumpFee(t.Context(), b.at(30_000), Raise{TxID: chainhash.Hash{1}}, yes); !errors.Is(err, wallet.ErrNoRecord) {
		t.Errorf("unknown: %v", err)
	}
}

func TestReplaceRefused(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	old := b.pay(Payment{Outputs: []txbuild.Output{to(1, 50_000)}})
	b.sync()
	for name, c := range map[string]struct {
		rate sats.Amount
		r    Raise
		want error
	}{
		"the same rate":      {rate, raise(old), ErrPaysMore},
		"less than 1 sat/vB": {rate + 999, raise(old), ErrPaysMore},
		"no such output":     {10_000, Raise{TxID: old.Tx.TxHash(), Output: 2}, ErrNoPayer},
		"T19: absurd":        {350_001, raise(old), feerate.ErrAbsurd},
		"T19: share":         {100_000, raise(old), feerate.ErrShare},
	} {
		if _, err := BumpFee(t.Context(), b.at(c.rate), c.r, yes); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	no := errors.New("no")
	if _, err := BumpFee(t.Context(), b.at(10_000), raise(old), func(Quote) error { return no }); !errors.Is(err, no) {
		t.Errorf("declined: %v", err)
	}
	if p := b.Pending(); len(p) != 1 || p[0].ID != old.Tx.TxHash() {
		t.Errorf("pending: %+v", p)
	}
}

// record is a transaction of 300,000 sat whose outputs are given as values:
// positive ones are foreign, negative ones own change.
func record(values ...sats.Amount) wallet.Record {
	tx := wire.NewMsgTx(2)
	spent := coins.Coin{OutPoint: wire.OutPoint{Index: 9}, Value: 300_000, Script: to(100, 0).Script}
	in := wire.NewTxIn(&spent.OutPoint, nil, nil)
	in.Sequence = txbuild.RBF
	tx.AddTxIn(in)
	r := wallet.Record{Tx: tx, Seen: true, Spends: []coins.Coin{spent}}
	for i, v := range values {
		if v < 0 {
			r.Pays = append(r.Pays, coins.Coin{OutPoint: wire.OutPoint{Index: uint32(i)}, Value: -v, Branch: keys.Internal})
		}
		tx.AddTxOut(wire.NewTxOut(int64(max(v, -v)), to(byte(i), 0).Script))
	}
	return r
}

// TestWhoPays: own change pays in the order of the outputs; what would be dust
// is removed; nobody else pays unless named.
func TestWhoPays(t *testing.T) {
	const rate = 10_000
	for name, c := range map[string]struct {
		old   wallet.Record
		named int
		want  []sats.Amount // outputs of the new transaction
		fee   sats.Amount
		err   error
	}{
		// 141 vB: 1410 in place of 1000.
		"one change":            {record(199_000, -100_000), NoOutput, []sats.Amount{199_000, 99_590}, 1410, nil},
		"change before":         {record(-100_000, 199_000), NoOutput, []sats.Amount{99_590, 199_000}, 1410, nil},
		"the first change pays": {record(-50_000, 199_000, -50_000), NoOutput, []sats.Amount{49_280, 199_000, 50_000}, 1720, nil},
		// 2740 - 410 would be dust: it goes to the miner.
		"dust is removed": {record(296_260, -2740), NoOutput, []sats.Amount{296_260}, 3740, nil},
		"just no dust":    {record(295_859, -3141), NoOutput, []sats.Amount{295_859, 2731}, 1410, nil},
		// The first is removed, and 110 + 31 vB need no more than it brought.
		"enough by removal": {record(-1000, 248_000, -50_000), NoOutput, []sats.Amount{248_000, 50_000}, 2000, nil},
		// 500 + 200 + 200 are not enough for 141 vB: the third change pays 510.
		"several are removed": {record(-200, -200, 249_100, -50_200), NoOutput, []sats.Amount{249_100, 49_490}, 1410, nil},
		"only one, own":       {record(-299_500), NoOutput, []sats.Amount{298_900}, 1100, nil},
		"only one, foreign":   {record(299_500), NoOutput, nil, 0, ErrNoPayer},
		"named, foreign":      {record(199_000, 100_000), 1, []sats.Amount{199_000, 99_590}, 1410, nil},
		"named, too small":    {record(296_000, 3000), 1, nil, 0, ErrNoPayer},
		"not enough":          {record(299_200, -100), NoOutput, nil, 0, ErrNoPayer},
		"others only":         {record(150_000, 149_000), NoOutput, nil, 0, ErrNoPayer},
	} {
		p, err := newReplacement(c.old, rate)
		if err == nil {
			err = p.pay(p.payers(c.named))
		}
		if c.err != nil || err != nil {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v, want %v", name, err, c.err)
			}
			continue
		}
		q, err := p.quote(Raise{})
		if err != nil {
			t.Fatal(err)
		}
		var got []sats.Amount
		for _, out := range q.Outputs {
			got = append(got, out.Value)
		}
		if !slices.Equal(got, c.want) || q.Fee != c.fee {
			t.Errorf("%s: %v with a fee of %v, want %v with %v", name, got, q.Fee, c.want, c.fee)
		}
		if err := matches(p.tx(), q); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A child of the change, and one of the payee's, would vanish with the payment.
func TestReplaceSparesDescendants(t *testing.T) {
	c := wallettest.NewChain(newBench(t).chain.Params())
	b, payee := on(t, c, []sats.Amount{100_000}), on(t, c)
	a, err := payee.NextAddress(0, keys.External)
	if err != nil {
		t.Fatal(err)
	}
	old := b.pay(Payment{Outputs: []txbuild.Output{{Value: 50_000, Script: a.Script}}})
	payee.sync()
	theirs := payee.pay(Payment{Outputs: []txbuild.Output{to(1, 20_000)}})
	b.sync()
	r, err := BumpFee(t.Context(), b.at(5000), raise(old), yes)
	if err != nil || !r.Quote.Bump.Child || r.Tx.TxIn[0].PreviousOutPoint.Hash != old.Tx.TxHash() {
		t.Fatalf("%+v, %v", r.Quote, err)
	}
	b.check(r)
	if onChain, _ := c.Tx(theirs.Tx.TxHash()); onChain == nil {
		t.Error("what the payee sent is gone")
	}
	// Now it has a child of our own too.
	b.sync()
	if err := b.cfg.canReplace(t.Context(), old.Tx.TxHash(), b.record(old)); !errors.Is(err, ErrDescendants) {
		t.Errorf("%v", err)
	}
}

func (b *bench) record(r Receipt) wallet.Record {
	b.t.Helper()
	rec, err := b.Record(r.Tx.TxHash())
	if err != nil {
		b.t.Fatal(err)
	}
	return rec
}

// An evicted transaction is replaced too: what it spent is set aside for it.
func TestReplaceEvicted(t *testing.T) {
	b := newBench(t, []sats.Amount{100_000})
	old := b.pay(Payment{Outputs: []txbuild.Output{to(1, 50_000)}})
	b.chain.Evict(old.Tx.TxHash())
	b.sync()
	r, err := BumpFee(t.Context(), b.at(10_000), raise(old), yes)
	if err != nil || r.Quote.Fee != 1410 {
		t.Fatalf("%+v, %v", r.Quote, err)
	}
	b.check(r)
	if p := b.Pending(); len(p) != 1 || p[0].ID != r.Tx.TxHash() {
		t.Errorf("pending: %+v", p)
	}
}

// coinJoin is a joint transaction of two wallets: 100,000 sat for each, and
// change of each; its id, and our equal output and change.
func coinJoin(t *testing.T, ours, theirs *bench) (id chainhash.Hash, equal, change wire.OutPoint) {
	t.Helper()
	const amount = 100_000
	tx := wire.NewMsgTx(2)
	var scripts [][]byte
	for i, b := range []*bench{ours, theirs} {
		coin := b.coins()[0]
		in := wire.NewTxIn(&coin.OutPoint, nil, nil)
		in.Sequence = txbuild.NoRBF
		tx.AddTxIn(in)
		for mixdepth, v := range map[int]sats.Amount{1: amount, 0: coin.Value - amount - 200} {
			a, err := b.NextAddress(mixdepth, keys.Internal)
			if err != nil {
				t.Fatal(err)
			}
			tx.AddTxOut(wire.NewTxOut(int64(v), a.Script))
			if i == 0 && mixdepth == 1 {
				scripts = append(scripts, a.Script)
			}
		}
	}
	for _, b := range []*bench{ours, theirs} {
		if err := b.SignTx(tx, b.coins()[:1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.Publish(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	ours.sync()
	id = tx.TxHash()
	r, err := ours.Record(id)
	if err != nil || len(r.Pays) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	equal, change = r.Pays[0].OutPoint, r.Pays[1].OutPoint
	if string(r.Pays[1].Script) == string(scripts[0]) {
		equal, change = change, equal
	}
	return id, equal, change
}

func TestChildOfCoinJoin(t *testing.T) {
	c := wallettest.NewChain(newBench(t).chain.Params())
	ours, theirs := on(t, c, []sats.Amount{300_000}), on(t, c, []sats.Amount{200_000})
	id, equal, change := coinJoin(t, ours, theirs)
	parent, _ := c.Tx(id)
	var asked Quote
	decline := errors.New("no")
	ask := func(q Quote) error { asked = q; return decline }

	if _, err := BumpFee(t.Context(), ours.at(1000), Raise{TxID: id, Output: NoOutput}, ask); !errors.Is(err, ErrPaysMore) {
		t.Errorf("a rate that it pays: %v", err)
	}
	// The change, which is known to be a participant's, though the other output
	// may be larger.
	if _, err := BumpFee(t.Context(), ours.at(10_000), Raise{TxID: id, Output: NoOutput}, ask); !errors.Is(err, decline) {
		t.Fatal(err)
	}
	if asked.Inputs[0].OutPoint != change || !asked.Bump.Child || asked.Bump.Fee != 400 || asked.Bump.VSize != vsize(parent) {
		t.Errorf("%+v", asked)
	}
	if got := asked.EffectiveRate(); got < 10_000 || got > 10_010 || asked.Change() != 199_800-asked.Fee || asked.Amount != 0 {
		t.Errorf("package rate %d, %+v", got, asked)
	}
	if _, err := BumpFee(t.Context(), ours.at(10_000), Raise{TxID: id, Output: int(equal.Index)}, ask); !errors.Is(err, decline) || asked.Inputs[0].OutPoint != equal {
		t.Errorf("the named output: %+v, %v", asked, err)
	}
	for i, out := range parent.TxOut {
		index := uint32(i)
		if index == equal.Index || index == change.Index {
			continue
		}
		if _, err := BumpFee(t.Context(), ours.at(10_000), Raise{TxID: id, Output: i}, ask); !errors.Is(err, ErrNoPayer) {
			t.Errorf("output of %d of somebody else: %v", out.Value, err)
		}
	}
	if _, err := BumpFee(t.Context(), ours.at(190_000), Raise{TxID: id, Output: NoOutput}, ask); !errors.Is(err, feerate.ErrShare) {
		t.Errorf("T19: %v", err)
	}
	if _, err := BumpFee(t.Context(), ours.at(300_000), Raise{TxID: id, Output: int(equal.Index)}, ask); !errors.Is(err, ErrNoPayer) && !errors.Is(err, feerate.ErrShare) {
		t.Errorf("more than it is worth: %v", err)
	}

	r, err := BumpFee(t.Context(), ours.at(10_000), Raise{TxID: id, Output: NoOutput}, yes)
	if err != nil {
		t.Fatal(err)
	}
	ours.check(r)
	u, err := ours.cfg.Mempool.Unconfirmed(t.Context(), r.Tx.TxHash())
	if err != nil || u.Ancestors.Count != 2 || u.Ancestors.Fee*1000/sats.Amount(u.Ancestors.VSize) < 10_000 {
		t.Errorf("%+v, %v", u, err)
	}
	c.Mine(1)
	ours.sync()
	back := ours.coin(r.Quote.Change())
	if back.Mixdepth != 0 || back.Branch != keys.Internal {
		t.Errorf("P5: the rest is in mixdepth %d", back.Mixdepth)
	}
}

func TestLightClientDoesNotGuess(t *testing.T) {
	c := wallettest.NewChain(newBench(t).chain.Params())
	ours, theirs := on(t, c, []sats.Amount{300_000, 400_000}), on(t, c, []sats.Amount{200_000})
	ours.cfg.Mempool = nil
	id, _, _ := coinJoin(t, ours, theirs)
	if _, err := BumpFee(t.Context(), ours.at(10_000), Raise{TxID: id, Output: NoOutput}, yes); !errors.Is(err, ErrNoMempool) {
		t.Errorf("what others paid: %v", err)
	}
	// Of what is all its own, the wallet's records are enough.
	old := ours.pay(Payment{Outputs: []txbuild.Output{to(1, 50_000)}, MinConf: 1})
	ours.sync()
	r, err := BumpFee(t.Context(), ours.at(5000), Raise{TxID: old.Tx.TxHash(), Output: NoOutput, Child: true}, yes)
	if err != nil || !r.Quote.Bump.Child || r.Quote.Bump.Fee != old.Quote.Fee {
		t.Fatalf("%+v, %v", r.Quote, err)
	}
	ours.check(r)
	other := ours.pay(Payment{Outputs: []txbuild.Output{to(2, 50_000)}})
	ours.sync()
	if r, err := BumpFee(t.Context(), ours.at(10_000), raise(other), yes); err != nil || r.Quote.Bump.Child {
		t.Errorf("%+v, %v", r.Quote, err)
	}
}
