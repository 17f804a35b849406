package maker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// deal is an agreement over two coins of ours and a transaction that keeps it:
// amount 1,000,000 sat, a fee of 500, contribution 100; the taker has one input
// and change.
type deal struct {
	agreement Agreement
	tx        *wire.MsgTx
	height    int32
	ours      map[wire.OutPoint]bool // further coins of our wallet
}

func newDeal() *deal {
	d := &deal{
		agreement: Agreement{
			Offer:  protocol.Offer{Type: protocol.SW0AbsOffer, MinSize: 27_300, MaxSize: 10_000_000, TxFee: 100, CJFee: "500"},
			Amount: 1_000_000,
			Inputs: []coins.Coin{
				{OutPoint: outPoint(1), Value: 700_000},
				{OutPoint: outPoint(2), Value: 800_000},
			},
			CJScript:     p2wpkh(1),
			ChangeScript: p2wpkh(2),
		},
		height: 800_000,
		ours:   map[wire.OutPoint]bool{outPoint(3): true},
	}
	d.tx = &wire.MsgTx{
		Version:  2,
		LockTime: 800_000,
		TxIn:     []*wire.TxIn{input(2), input(9), input(1)},
		TxOut: []*wire.TxOut{
			{Value: 1_000_000, PkScript: p2wpkh(7)},
			{Value: 500_400, PkScript: p2wpkh(2)},
			{Value: 1_000_000, PkScript: p2wpkh(1)},
			{Value: 345_678, PkScript: p2wpkh(8)},
		},
	}
	return d
}

func outPoint(n byte) wire.OutPoint {
	return wire.OutPoint{Hash: [32]byte{n}, Index: uint32(n)}
}

func input(n byte) *wire.TxIn {
	return &wire.TxIn{PreviousOutPoint: outPoint(n), Sequence: wire.MaxTxInSequenceNum - 1}
}

func p2wpkh(n byte) []byte { return append([]byte{txscript.OP_0, 20}, bytes.Repeat([]byte{n}, 20)...) }

func (d *deal) raw(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.tx.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (d *deal) verify(raw []byte) error {
	_, err := Verify(raw, d.agreement, d.height, func(o wire.OutPoint) bool { return d.ours[o] })
	return err
}

// breach is a change of the deal and the error it must lead to.
type breach struct {
	name   string
	change func(*deal)
	want   error
}

func (b breach) run(t *testing.T) {
	t.Run(b.name, func(t *testing.T) {
		d := newDeal()
		b.change(d)
		if err := d.verify(d.raw(t)); !errors.Is(err, b.want) {
			t.Errorf("%v, want %v", err, b.want)
		}
	})
}

func TestM11CJOutputMissing(t *testing.T) {
	for _, b := range []breach{
		{"agreed", func(d *deal) {}, nil},
		{"left out", func(d *deal) { d.tx.TxOut = append(d.tx.TxOut[:2], d.tx.TxOut[3]) }, ErrCJOutput},
		{"change left out", func(d *deal) { d.tx.TxOut = append(d.tx.TxOut[:1], d.tx.TxOut[2:]...) }, ErrChangeOutput},
		{"both left out", func(d *deal) { d.tx.TxOut = []*wire.TxOut{d.tx.TxOut[0], d.tx.TxOut[3]} }, ErrCJOutput},
		{"no output", func(d *deal) { d.tx.TxOut = nil }, ErrTxForm},
	} {
		b.run(t)
	}
}

func TestM12TooLow(t *testing.T) {
	for _, b := range []breach{
		{"coinjoin output one satoshi low", func(d *deal) { d.tx.TxOut[2].Value-- }, ErrCJTooLow},
		{"coinjoin output zero", func(d *deal) { d.tx.TxOut[2].Value = 0 }, ErrCJTooLow},
		{"change one satoshi low", func(d *deal) { d.tx.TxOut[1].Value-- }, ErrChangeTooLow},
		{"moved from change to coinjoin output", func(d *deal) { d.tx.TxOut[1].Value--; d.tx.TxOut[2].Value++ }, ErrChangeTooLow},
		{"both one satoshi high", func(d *deal) { d.tx.TxOut[1].Value++; d.tx.TxOut[2].Value++ }, nil},
		{"fee one satoshi below the contribution", func(d *deal) { d.agreement.Offer.CJFee = "99" }, ErrEarning},
		{"fee equal to the contribution", func(d *deal) { d.agreement.Offer.CJFee = "100"; d.tx.TxOut[1].Value = 500_000 }, nil},
		{"negative value", func(d *deal) { d.tx.TxOut[3].Value = -1 }, ErrOutputs},
		{"fee is no number", func(d *deal) { d.agreement.Offer.CJFee = "NaN" }, protocol.ErrOfferFee},
	} {
		b.run(t)
	}
}

func TestM13OtherScript(t *testing.T) {
	taproot := append([]byte{txscript.OP_1, 32}, make([]byte, 32)...)
	for _, b := range []breach{
		{"last byte differs", func(d *deal) { d.tx.TxOut[2].PkScript[21] ^= 1 }, ErrCJOutput},
		{"same hash in a script hash output", func(d *deal) {
			d.tx.TxOut[2].PkScript = append(append([]byte{txscript.OP_HASH160, 20}, p2wpkh(1)[2:]...), txscript.OP_EQUAL)
		}, ErrCJOutput},
		{"taproot", func(d *deal) { d.tx.TxOut[1].PkScript = taproot }, ErrChangeOutput},
		{"one output for both duties", func(d *deal) {
			d.agreement.ChangeScript = d.agreement.CJScript
			d.tx.TxOut[2].Value = 1_500_400
		}, ErrSameScript},
		{"coinjoin output twice", func(d *deal) { d.tx.TxOut[0].PkScript = p2wpkh(1) }, ErrCJOutput},
		{"change twice", func(d *deal) { d.tx.TxOut[3].PkScript = p2wpkh(2) }, ErrChangeOutput},
		{"exchanged", func(d *deal) {
			d.tx.TxOut[1].PkScript, d.tx.TxOut[2].PkScript = d.tx.TxOut[2].PkScript, d.tx.TxOut[1].PkScript
		}, ErrCJTooLow},
	} {
		b.run(t)
	}
}

func TestM14RepeatedInput(t *testing.T) {
	for _, b := range []breach{
		{"ours", func(d *deal) { d.tx.TxIn = append(d.tx.TxIn, input(1)) }, ErrRepeatedInput},
		{"the taker's", func(d *deal) { d.tx.TxIn = append(d.tx.TxIn, input(9)) }, ErrRepeatedInput},
		{"ours instead of another of ours", func(d *deal) { d.tx.TxIn[0] = input(1) }, ErrRepeatedInput},
		{"same transaction, other output", func(d *deal) {
			in := input(9)
			in.PreviousOutPoint.Index++
			d.tx.TxIn = append(d.tx.TxIn, in)
		}, nil},
	} {
		b.run(t)
	}
}

func TestM15OwnInputs(t *testing.T) {
	for _, b := range []breach{
		{"one left out", func(d *deal) { d.tx.TxIn = d.tx.TxIn[:2] }, ErrMissingInput},
		{"all left out", func(d *deal) { d.tx.TxIn = d.tx.TxIn[1:2] }, ErrMissingInput},
		{"none agreed on", func(d *deal) { d.agreement.Inputs = nil }, ErrMissingInput},
		{"one more of ours", func(d *deal) { d.tx.TxIn = append(d.tx.TxIn, input(3)) }, ErrOwnInput},
		{"another of ours instead", func(d *deal) { d.tx.TxIn[0] = input(3) }, ErrOwnInput},
	} {
		b.run(t)
	}
}

func TestM18Outputs(t *testing.T) {
	data := append([]byte{txscript.OP_RETURN, 4}, "data"...)
	for _, b := range []breach{
		{"data output", func(d *deal) { d.tx.TxOut = append(d.tx.TxOut, &wire.TxOut{PkScript: data}) }, ErrOutputs},
		{"empty script", func(d *deal) { d.tx.TxOut = append(d.tx.TxOut, &wire.TxOut{Value: 5000}) }, ErrOutputs},
		{"unknown witness version", func(d *deal) {
			d.tx.TxOut[3].PkScript = append([]byte{txscript.OP_2, 32}, make([]byte, 32)...)
		}, ErrOutputs},
		{"more than two outputs an input", func(d *deal) {
			for n := range byte(3) {
				d.tx.TxOut = append(d.tx.TxOut, &wire.TxOut{Value: 5000, PkScript: p2wpkh(20 + n)})
			}
		}, ErrOutputs},
		{"more money than there is", func(d *deal) { d.tx.TxOut[3].Value = int64(sats.Max) }, ErrOutputs},
		{"too many bytes", func(d *deal) {
			for n := range uint32(600) {
				in := input(9)
				in.PreviousOutPoint.Index = 1000 + n
				d.tx.TxIn = append(d.tx.TxIn, in)
			}
		}, ErrTxForm},
	} {
		b.run(t)
	}
}

func TestM19Locks(t *testing.T) {
	sequence := func(n uint32) func(*deal) {
		return func(d *deal) {
			for _, in := range d.tx.TxIn {
				in.Sequence = n
			}
		}
	}
	for _, b := range []breach{
		{"two blocks ahead", func(d *deal) { d.tx.LockTime = 800_002 }, nil},
		{"three blocks ahead", func(d *deal) { d.tx.LockTime = 800_003 }, ErrLocked},
		{"locked by time", func(d *deal) { d.tx.LockTime = 500_000_000 }, ErrLocked},
		{"lock time without effect", func(d *deal) { sequence(wire.MaxTxInSequenceNum)(d); d.tx.LockTime = 900_000 }, nil},
		{"no lock time", func(d *deal) { d.tx.LockTime = 0 }, nil},
		{"replaceable", sequence(wire.MaxTxInSequenceNum - 2), nil},
		{"relative lock of a foreign input", func(d *deal) { d.tx.TxIn[1].Sequence = 1 }, ErrLocked},
		{"relative lock of ours", func(d *deal) { d.tx.TxIn[0].Sequence = 1 << 22 }, ErrLocked},
		{"version 1", func(d *deal) { d.tx.Version = 1; d.tx.LockTime = 0; sequence(wire.MaxTxInSequenceNum)(d) }, nil},
		{"version 0", func(d *deal) { d.tx.Version = 0 }, ErrTxVersion},
		{"version 3", func(d *deal) { d.tx.Version = 3 }, ErrTxVersion},
		{"version -1", func(d *deal) { d.tx.Version = -1 }, ErrTxVersion},
	} {
		b.run(t)
	}
}

func TestM20Form(t *testing.T) {
	good := newDeal().raw(t)
	const firstScript = 4 + 1 + 36 // the length byte of the first input's script
	insert := func(at int, drop int, bytes ...byte) []byte {
		return append(append(append([]byte{}, good[:at]...), bytes...), good[at+drop:]...)
	}
	for _, c := range []struct {
		name string
		raw  []byte
	}{
		{"empty", nil},
		{"one byte behind", append(append([]byte{}, good...), 0)},
		{"one byte cut", good[:len(good)-1]},
		{"header only", good[:4]},
		{"input script", insert(firstScript, 1, 1, 0x51)},
		{"input count in three bytes", insert(4, 1, 0xfd, 3, 0)},
		{"input count beyond the end", insert(4, 1, 0xfd, 0xff, 0xff)},
		{"input count in nine bytes", insert(4, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)},
		{"output count beyond the end", insert(4+1+3*41, 1, 0xfd, 0xff, 0x50)},
		{"script length in three bytes", insert(firstScript, 1, 0xfd, 0, 0)},
		{"empty witnesses", append(append(append(append([]byte{}, good[:4]...), 0, 1), good[4:len(good)-4]...), 0, 0, 0, 1, 0, 0, 0)},
	} {
		if err := newDeal().verify(c.raw); !errors.Is(err, ErrTxForm) {
			t.Errorf("%s: %v, want %v", c.name, err, ErrTxForm)
		}
	}
	signed := newDeal()
	signed.tx.TxIn[1].Witness = wire.TxWitness{make([]byte, 71), make([]byte, 33)}
	if err := signed.verify(signed.raw(t)); !errors.Is(err, ErrTxForm) {
		t.Errorf("with a witness: %v, want %v", err, ErrTxForm)
	}
}

// FuzzVerify: what is accepted encodes back to the same bytes and pays us.
func FuzzVerify(f *testing.F) {
	d := newDeal()
	var b bytes.Buffer
	if err := d.tx.Serialize(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(binary.LittleEndian.AppendUint32(nil, 2))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := newDeal()
		tx, err := Verify(raw, d.agreement, d.height, func(o wire.OutPoint) bool { return d.ours[o] })
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := tx.Serialize(&again); err != nil || !bytes.Equal(again.Bytes(), raw) {
			t.Fatalf("accepted %x, which encodes to %x", raw, again.Bytes())
		}
		var ours int64
		for _, out := range tx.TxOut {
			if bytes.Equal(out.PkScript, d.agreement.CJScript) || bytes.Equal(out.PkScript, d.agreement.ChangeScript) {
				ours += out.Value
			}
		}
		if ours < 1_500_400 {
			t.Fatalf("accepted a transaction that pays %d", ours)
		}
	})
}
