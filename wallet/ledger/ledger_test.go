package ledger

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/history"
)

var began = time.Date(2023, 7, 23, 8, 13, 30, 0, time.UTC)

// past makes up a history. Scripts are one byte for the owner, 'a'+mixdepth for
// the wallet's and '-' for others, then a number.
type past struct {
	txs    []chain.Tx
	height int32
	count  uint32
}

func own(script []byte) (int, bool) {
	if len(script) == 0 || script[0] < 'a' || script[0] > 'e' {
		return 0, false
	}
	return int(script[0] - 'a'), true
}

// out is an output: its value and owner.
type out struct {
	value int64
	owner byte
}

// mine adds a transaction in a block of its own, one day after the last.
func (p *past) mine(inputs []wire.OutPoint, outs ...out) func(index uint32) wire.OutPoint {
	p.height++
	return p.add(p.height, inputs, outs)
}

func (p *past) add(height int32, inputs []wire.OutPoint, outs []out) func(index uint32) wire.OutPoint {
	tx := wire.NewMsgTx(2)
	p.count++
	tx.LockTime = p.count // tells transactions apart
	for _, in := range inputs {
		tx.AddTxIn(wire.NewTxIn(&in, nil, nil))
	}
	for i, o := range outs {
		script := binary.BigEndian.AppendUint32([]byte{o.owner}, p.count*100+uint32(i))
		tx.AddTxOut(wire.NewTxOut(o.value, script))
	}
	block := chain.BlockID{}
	if height > 0 {
		block = chain.BlockID{Height: height, Hash: chainhash.Hash{byte(height)}}
	}
	p.txs = append(p.txs, chain.Tx{Msg: tx, Block: block, Time: began.Add(time.Duration(height) * 24 * time.Hour)})
	id := tx.TxHash()
	return func(index uint32) wire.OutPoint { return wire.OutPoint{Hash: id, Index: index} }
}

func (p *past) ledger() Ledger {
	return New(history.History{}.Apply(chain.Update{Txs: p.txs}), own)
}

func from(outs ...wire.OutPoint) []wire.OutPoint { return outs }

var foreign = wire.OutPoint{Hash: chainhash.Hash{0xff}}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		name string
		ours []out // what a deposit before gives the wallet, all spent
		outs []out
		want Row
	}{
		{"all in a CoinJoin to somebody", []out{{100, 'a'}}, []out{{90, '-'}, {7, '-'}, {90, '-'}},
			Row{Kind: CJSweepOut, Amount: 90, Fee: 10, Participants: 2, From: []int{0}}},
		{"all to somebody", []out{{100, 'a'}, {50, 'a'}}, []out{{140, '-'}},
			Row{Kind: SweepOut, Amount: 140, Fee: 10, From: []int{0}}},
		{"all in a CoinJoin to the next mixdepth", []out{{100, 'a'}}, []out{{90, '-'}, {7, '-'}, {90, 'b'}},
			Row{Kind: CJIntSweep, Amount: 90, Participants: 2, From: []int{0}, To: []int{1}}},
		{"pays in a CoinJoin", []out{{100, 'b'}}, []out{{50, '-'}, {7, '-'}, {50, '-'}, {47, 'b'}},
			Row{Kind: CJWithdraw, Amount: 50, Fee: 3, Participants: 2, From: []int{1}}},
		{"pays", []out{{100, 'c'}}, []out{{50, '-'}, {49, 'c'}},
			Row{Kind: Withdraw, Amount: 51, Fee: 1, From: []int{2}}},
		{"joins within the wallet", []out{{100, 'a'}}, []out{{7, '-'}, {50, 'b'}, {47, 'a'}, {50, '-'}},
			Row{Kind: CJInternal, Amount: 50, Participants: 2, From: []int{0}, To: []int{1}}},
		{"moves within the wallet", []out{{100, 'a'}, {3, 'b'}}, []out{{98, 'd'}},
			Row{Kind: Internal, Amount: 98, From: []int{0, 1}, To: []int{3}}},
		{"moves to two places", []out{{100, 'a'}}, []out{{50, 'd'}, {49, 'b'}},
			Row{Kind: Internal, Amount: 99, From: []int{0}, To: []int{1, 3}}},
		{"pays, and has two outputs", []out{{100, 'a'}}, []out{{50, 'd'}, {30, 'b'}, {10, '-'}},
			Row{Kind: Unknown, Amount: 80, From: []int{0}, To: []int{1, 3}}},
		{"has two outputs of a CoinJoin, both change", []out{{100, 'a'}}, []out{{50, '-'}, {30, 'b'}, {50, '-'}, {10, 'c'}},
			Row{Kind: Unknown, Amount: 40, Participants: 2, From: []int{0}, To: []int{1, 2}}},
		{"all to somebody, who puts more in", []out{{100, 'a'}}, []out{{140, '-'}},
			Row{Kind: SweepOut, Amount: 140, From: []int{0}}},
	} {
		var p past
		deposit := p.mine(from(foreign), c.ours...)
		var inputs []wire.OutPoint
		var had, left sats.Amount
		for i, o := range c.ours {
			inputs = append(inputs, deposit(uint32(i)))
			had += sats.Amount(o.value)
		}
		p.mine(inputs, c.outs...)
		coins := 0
		for _, o := range c.outs {
			if o.owner != '-' {
				left += sats.Amount(o.value)
				coins++
			}
		}
		l := p.ledger()
		if len(l.Rows) != 2 || l.Rows[0].Kind != Deposit || l.Rows[0].Amount != had || l.Rows[0].From != nil {
			t.Fatalf("%s: %+v", c.name, l.Rows)
		}
		got := l.Rows[1]
		c.want.Number, c.want.Joined, c.want.TxID, c.want.Time = 2, 1, got.TxID, began.Add(48*time.Hour)
		c.want.Change, c.want.Balance, c.want.Coins = left-had, left, coins
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", c.name, got, c.want)
		}
		if l.Balance != left || l.Coins != coins {
			t.Errorf("%s: %v in %d coins", c.name, l.Balance, l.Coins)
		}
	}
}

func TestDepositInACoinJoinOfOthers(t *testing.T) {
	var p past
	p.mine(from(foreign), out{50, '-'}, out{50, 'b'}, out{7, '-'})
	r := p.ledger().Rows[0]
	if r.Kind != Deposit || r.Amount != 50 || r.Participants != 0 || !reflect.DeepEqual(r.To, []int{1}) {
		t.Errorf("%+v", r)
	}
}

func TestPendingAndIrrelevant(t *testing.T) {
	var p past
	deposit := p.mine(from(foreign), out{100, 'a'}, out{100, 'a'})
	p.mine(from(foreign), out{100, '-'})
	p.add(0, from(deposit(0)), []out{{40, '-'}, {55, 'a'}})
	l := p.ledger()
	if len(l.Rows) != 1 || l.Balance != 200 || l.Coins != 2 || l.Pending != 1 || l.PendingChange != -45 {
		t.Errorf("%+v", l)
	}
}

// TestBooksBalance: whatever happens, the changes add up to the balance, and
// that to the coins that are left.
func TestBooksBalance(t *testing.T) {
	for range 300 {
		var p past
		unspent := make(map[wire.OutPoint]int64)
		for range rand.IntN(40) {
			var inputs []wire.OutPoint
			for o := range unspent {
				if rand.IntN(3) == 0 {
					inputs = append(inputs, o)
					delete(unspent, o)
				}
			}
			outs := make([]out, 1+rand.IntN(6))
			for i := range outs {
				outs[i] = out{rand.Int64N(4), "abc--"[rand.IntN(5)]}
			}
			tx := p.mine(append(inputs, foreign), outs...)
			for i, o := range outs {
				if o.owner != '-' && o.value > 0 {
					unspent[tx(uint32(i))] = o.value
				}
			}
		}
		l := p.ledger()
		var left, changes, profit sats.Amount
		for _, value := range unspent {
			left += sats.Amount(value)
		}
		for i, r := range l.Rows {
			if changes += r.Change; r.Balance != changes || r.Number != i+1 || r.Fee < 0 {
				t.Fatalf("row %+v after changes of %v", r, changes)
			}
			if r.Kind == CJInternal {
				profit += r.Change
			}
		}
		if l.Balance != left || l.Coins != len(unspent) || changes != left || l.Profit != profit {
			t.Fatalf("%v in %d coins with a profit of %v; want %v in %d, %v", l.Balance, l.Coins, l.Profit, left, len(unspent), profit)
		}
	}
}

func TestMerge(t *testing.T) {
	at := func(day int) time.Time { return began.AddDate(0, 0, day) }
	join := func(n, day int, change sats.Amount, from, to int) Row {
		return Row{Number: n, Joined: 1, Kind: CJInternal, Time: at(day), Amount: 100, Change: change, Balance: 1000 + sats.Amount(n),
			Participants: n, Coins: n, From: []int{from}, To: []int{to}}
	}
	other := Row{Number: 3, Joined: 1, Kind: Deposit, Time: at(3)}
	rows := []Row{join(1, 1, 5, 0, 1), join(2, 2, -2, 4, 0), other, join(4, 4, 1, 1, 2), {Number: 5, Kind: Withdraw},
		join(6, 6, 1, 1, 2), join(7, 7, 1, 2, 3), join(9, 11, 1, 3, 4)}
	want := []Row{
		{Number: 1, Joined: 2, Kind: CJBatch, Time: at(1).Add(12 * time.Hour), Amount: 200, Change: 3, Balance: 1002,
			Participants: 1, Coins: 1, From: []int{0}, To: []int{4}},
		other, rows[3], rows[4],
		{Number: 6, Joined: 3, Kind: CJBatch, Time: at(8), Amount: 300, Change: 3, Balance: 1009,
			Participants: 7, Coins: 7, From: []int{1}, To: []int{4}},
	}
	got := Merge(rows)
	for i := range got {
		got[i].Time = got[i].Time.UTC()
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want\n%+v", got, want)
	}
	if Merge(nil) != nil {
		t.Error("rows out of nothing")
	}
}
