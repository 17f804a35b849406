package psbt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	lib "github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// TestReferenceExample makes the PSBT that the reference makes, byte for byte,
// and signs it with the key of the reference's wallet.
func TestReferenceExample(t *testing.T) {
	scriptOf := func(address string) []byte {
		script, err := txbuild.ParseAddress(address, &chaincfg.MainNetParams)
		if err != nil {
			t.Fatal(err)
		}
		return script
	}
	tx := wire.NewMsgTx(2)
	tx.LockTime = 800_000
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: [32]byte(bytes.Repeat([]byte{0x33}, 32))}, nil, nil))
	tx.TxIn[0].Sequence = 0xfffffffe
	tx.AddTxOut(wire.NewTxOut(90_000, scriptOf("bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g")))
	coin := Coin{Value: 100_000, Script: scriptOf("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu")}
	p, err := Unsigned(tx, []Coin{coin}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "cHNidP8BAFICAAAAATMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzAAAAAAD+////AZBfAQAAAAAAFgAUnJD5NOpR+g9lBBdwQ+CQjaaSmYMANQwAAAEBH6CGAQAAAAAAFgAUwM681sPTyox13F7GLr5VMw75EOIAAA=="
	if got, err := p.Encode(); got != want || err != nil {
		t.Fatalf("Encode = %s, %v, want %s", got, err, want)
	}
	wif, err := btcutil.DecodeWIF("KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d")
	if err != nil {
		t.Fatal(err)
	}
	w := newWallet(t, 1)
	w.keys[string(coin.Script)] = wif.PrivKey
	w.origins[string(coin.Script)] = Origin{PubKey: wif.PrivKey.PubKey().SerializeCompressed()}
	final := complete(t, again(t, p), 1, w)
	runScripts(t, final, []Coin{coin})
	if final.TxHash() != p.TxID() {
		t.Error("the id of a native transaction changed")
	}
}

// complete has wallets sign one after another, count inputs together, and
// extracts the transaction.
func complete(t testing.TB, p *Packet, count int, wallets ...*testWallet) *wire.MsgTx {
	t.Helper()
	for _, w := range wallets {
		p = again(t, p)
		n, err := p.Sign(w)
		if err != nil {
			t.Fatal(err)
		}
		count -= n
	}
	if count != 0 {
		t.Fatalf("%d inputs left unsigned", count)
	}
	p = again(t, p)
	if missing, err := p.Finalize(); missing != 0 || err != nil {
		t.Fatalf("Finalize = %d, %v", missing, err)
	}
	tx, err := again(t, p).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestRoundTrip(t *testing.T) {
	w := newWallet(t, 1)
	for _, kind := range allKinds {
		tx, coins := payment(t, w, w.scripts[kind])
		if kind != txbuild.P2PKH {
			coins[0].Previous = nil // not needed
		}
		p, err := Unsigned(tx, coins, w.Origin)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		runScripts(t, complete(t, p, 1, w), coins)
	}
	tx, coins := payment(t, w, w.all()...)
	p, err := Unsigned(tx, coins, w.Origin)
	if err != nil {
		t.Fatal(err)
	}
	runScripts(t, complete(t, p, 4, w), coins)
	if tx.HasWitness() || p.raw.UnsignedTx == tx {
		t.Error("the caller's transaction was touched")
	}
}

// TestTwoWallets signs for two that do not know each other's keys.
func TestTwoWallets(t *testing.T) {
	a, b := newWallet(t, 1), newWallet(t, 2)
	tx, coins := payment(t, a, append(a.all(), b.all()[:3]...)...)
	p, err := Unsigned(tx, coins, a.Origin)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.Sign(a); n != 4 || err != nil {
		t.Fatalf("Sign = %d, %v", n, err)
	}
	if n, err := p.Sign(a); n != 4 || err != nil {
		t.Fatalf("signing again: %d, %v", n, err)
	}
	p = again(t, p)
	if missing, err := p.Finalize(); missing != 3 || err != nil {
		t.Fatalf("Finalize = %d, %v", missing, err)
	}
	if n, err := p.Sign(a); n != 0 || err != nil {
		t.Fatalf("signing what is final: %d, %v", n, err)
	}
	if _, err := p.Extract(); !errors.Is(err, ErrIncomplete) {
		t.Errorf("Extract: %v", err)
	}
	runScripts(t, complete(t, p, 3, b), coins)
}

func TestDerivationForSigner(t *testing.T) {
	w := newWallet(t, 1)
	tx, coins := payment(t, w, w.all()...)
	tx.AddTxOut(wire.NewTxOut(500, w.scripts[txbuild.P2SH]))
	tx.AddTxOut(wire.NewTxOut(500, w.scripts[txbuild.P2WSH]))
	p, err := Unsigned(tx, coins, w.Origin)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := again(t, p).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range w.origins {
		// Key, its length before it; then fingerprint and path, as BIP174 has
		// them.
		entry := append([]byte{34, 6}, o.PubKey...)
		entry = append(append(entry, 24), o.Fingerprint[:]...)
		if !bytes.Contains(raw, entry) {
			t.Errorf("no derivation of %x", o.PubKey)
		}
	}
	nested, bond := w.origins[string(w.scripts[txbuild.P2SH])], w.origins[string(w.scripts[txbuild.P2WSH])]
	for i, want := range []lib.POutput{
		{},
		{Bip32Derivation: w.origins[string(w.scripts[txbuild.P2WPKH])].derivation()},
		{Bip32Derivation: nested.derivation(), RedeemScript: program(nested.PubKey)},
		{Bip32Derivation: bond.derivation(), WitnessScript: bond.Witness},
	} {
		got := p.raw.Outputs[i]
		if !bytes.Equal(got.RedeemScript, want.RedeemScript) || !bytes.Equal(got.WitnessScript, want.WitnessScript) ||
			len(got.Bip32Derivation) != len(want.Bip32Derivation) {
			t.Errorf("output %d: %+v, want %+v", i, got, want)
		}
	}
}

func TestUnsignedRefuses(t *testing.T) {
	w := newWallet(t, 1)
	for name, c := range map[string]struct {
		edit func(*wire.MsgTx, []Coin)
		want error
	}{
		"P2PKH without its transaction": {func(_ *wire.MsgTx, c []Coin) { c[0].Previous = nil }, ErrNoPrevious},
		"other transaction":             {func(_ *wire.MsgTx, c []Coin) { c[1].Previous = c[0].Previous }, ErrCoin},
		"other value":                   {func(_ *wire.MsgTx, c []Coin) { c[1].Value++ }, ErrCoin},
		"taproot":                       {func(_ *wire.MsgTx, c []Coin) { c[2].Script = foreign }, txbuild.ErrScript},
		"no standard script":            {func(_ *wire.MsgTx, c []Coin) { c[2].Script = []byte{txscript.OP_TRUE} }, txbuild.ErrScript},
		"P2WSH of others": {func(_ *wire.MsgTx, c []Coin) {
			c[3].Script, c[3].Previous = append([]byte{0, 32}, make([]byte, 32)...), nil
		}, ErrOrigin},
		"negative value": {func(_ *wire.MsgTx, c []Coin) { c[2].Value, c[2].Previous = -1, nil }, ErrCoin},
		"signed":         {func(tx *wire.MsgTx, _ []Coin) { tx.TxIn[0].SignatureScript = []byte{1} }, ErrMalformed},
		"pays too much":  {func(tx *wire.MsgTx, _ []Coin) { tx.TxOut[0].Value = 31_001 }, ErrCoin},
		"no outputs":     {func(tx *wire.MsgTx, _ []Coin) { tx.TxOut = nil }, ErrMalformed},
		"one coin twice": {func(tx *wire.MsgTx, c []Coin) { tx.TxIn[1].PreviousOutPoint = tx.TxIn[2].PreviousOutPoint }, ErrCoin},
		"huge": {func(tx *wire.MsgTx, _ []Coin) {
			tx.AddTxOut(wire.NewTxOut(0, make([]byte, maxTx)))
		}, ErrTooLarge},
		"negative payment": {func(tx *wire.MsgTx, _ []Coin) { tx.TxOut[0].Value = -1 }, ErrMalformed},
	} {
		tx, coins := payment(t, w, w.all()...)
		c.edit(tx, coins)
		if _, err := Unsigned(tx, coins, w.Origin); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	tx, coins := payment(t, w, w.all()...)
	if _, err := Unsigned(tx, coins[:3], w.Origin); !errors.Is(err, ErrCoin) {
		t.Errorf("a coin missing: %v", err)
	}
	other := newWallet(t, 2)
	w.origins[string(tx.TxOut[1].PkScript)] = other.origins[string(other.scripts[txbuild.P2WPKH])]
	if _, err := Unsigned(tx, coins, w.Origin); !errors.Is(err, ErrOrigin) {
		t.Errorf("key of another script: %v", err)
	}
}

func TestSummary(t *testing.T) {
	a, b := newWallet(t, 1), newWallet(t, 2)
	tx, coins := payment(t, a, a.scripts[txbuild.P2WPKH], b.scripts[txbuild.P2WPKH], a.scripts[txbuild.P2WSH])
	coins[2].Previous = nil
	p, err := Unsigned(tx, coins, a.Origin)
	if err != nil {
		t.Fatal(err)
	}
	a.frozen[tx.TxIn[2].PreviousOutPoint] = true
	s := again(t, p).Summary(a)
	if s.Fee != 1000 || !s.FeeTold || s.LockTime != tx.LockTime || len(s.Inputs) != 3 || len(s.Outputs) != 2 {
		t.Errorf("summary %+v", s)
	}
	for i, in := range s.Inputs {
		if in.OutPoint != tx.TxIn[i].PreviousOutPoint || in.Value != 100_000 || !bytes.Equal(in.Script, coins[i].Script) ||
			!in.Told || in.Proven != (i != 2) || (in.Origin != nil) != (i != 1) || (in.Refused != nil) != (i == 2) ||
			in.Signed != 0 || in.Final || in.Sequence != txbuild.NoRBF {
			t.Errorf("input %d: %+v", i, in)
		}
	}
	if o := s.Inputs[0].Origin; hex.EncodeToString(o.Fingerprint[:]) != "d34db301" || o.Path[4] != 2 {
		t.Errorf("origin %+v", o)
	}
	for i, out := range s.Outputs {
		if out.Value != sats.Amount(tx.TxOut[i].Value) || !bytes.Equal(out.Script, tx.TxOut[i].PkScript) || (out.Origin != nil) != (i == 1) {
			t.Errorf("output %d: %+v", i, out)
		}
	}
	if _, err := p.Sign(b); err != nil {
		t.Fatal(err)
	}
	if s := again(t, p).Summary(b); s.Inputs[1].Signed != 1 || s.Inputs[1].Final {
		t.Errorf("signed: %+v", s.Inputs[1])
	}
	if _, err := p.Finalize(); err != nil {
		t.Fatal(err)
	}
	if s := again(t, p).Summary(b); s.Inputs[1].Signed != 0 || !s.Inputs[1].Final {
		t.Errorf("final: %+v", s.Inputs[1])
	}
}

func TestSignRefusesFrozen(t *testing.T) {
	w := newWallet(t, 1)
	tx, coins := payment(t, w, w.all()...)
	p, err := Unsigned(tx, coins, w.Origin)
	if err != nil {
		t.Fatal(err)
	}
	before, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	w.frozen[tx.TxIn[3].PreviousOutPoint] = true
	if n, err := p.Sign(w); n != 0 || !errors.Is(err, ErrRefused) || !errors.Is(err, errFrozen) {
		t.Errorf("Sign = %d, %v", n, err)
	}
	if after, err := p.Encode(); after != before || err != nil {
		t.Errorf("%s became %s, %v", before, after, err)
	}
}

// TestBondNotDue signs nothing that the bond's locktime forbids.
func TestBondNotDue(t *testing.T) {
	w := newWallet(t, 1)
	for name, edit := range map[string]func(*wire.MsgTx){
		"early":        func(tx *wire.MsgTx) { tx.LockTime = bondTime - 1 },
		"block height": func(tx *wire.MsgTx) { tx.LockTime = 499_999_999 },
		"final":        func(tx *wire.MsgTx) { tx.TxIn[1].Sequence = wire.MaxTxInSequenceNum },
	} {
		tx, coins := payment(t, w, w.scripts[txbuild.P2WPKH], w.scripts[txbuild.P2WSH])
		edit(tx)
		p, err := Unsigned(tx, coins, w.Origin)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := p.Sign(w); n != 0 || !errors.Is(err, ErrSignature) || p.Summary(w).Inputs[0].Signed != 0 {
			t.Errorf("%s: Sign = %d, %v", name, n, err)
		}
	}
}

func TestSignRefusesHostile(t *testing.T) {
	w := newWallet(t, 1)
	const pkh, nested, native, bond = 0, 1, 2, 3
	for name, c := range map[string]struct {
		edit func(*lib.Packet)
		want error
	}{
		"other hash type":  {func(p *lib.Packet) { p.Inputs[native].SighashType = txscript.SigHashSingle }, ErrSigHash},
		"ANYONECANPAY":     {func(p *lib.Packet) { p.Inputs[pkh].SighashType = 0x81 }, ErrSigHash},
		"wide hash type":   {func(p *lib.Packet) { p.Inputs[pkh].SighashType = 0x101 }, ErrSigHash},
		"other redeem":     {func(p *lib.Packet) { p.Inputs[nested].RedeemScript[5] ^= 1 }, ErrOrigin},
		"needless redeem":  {func(p *lib.Packet) { p.Inputs[native].RedeemScript = []byte{1} }, ErrOrigin},
		"other witness":    {func(p *lib.Packet) { p.Inputs[bond].WitnessScript[1] ^= 1 }, ErrOrigin},
		"needless witness": {func(p *lib.Packet) { p.Inputs[native].WitnessScript = []byte{1} }, ErrOrigin},
		"a coin untold":    {func(p *lib.Packet) { p.Inputs[native] = lib.PInput{} }, ErrCoin},
		"P2PKH without proof": {func(p *lib.Packet) {
			p.Inputs[pkh].WitnessUtxo, p.Inputs[pkh].NonWitnessUtxo = p.Inputs[pkh].NonWitnessUtxo.TxOut[1], nil
		}, ErrNoPrevious},
	} {
		tx, coins := payment(t, w, w.all()...)
		p, err := Unsigned(tx, coins, w.Origin)
		if err != nil {
			t.Fatal(err)
		}
		c.edit(p.raw)
		p = again(t, p)
		if n, err := p.Sign(w); n != 0 || !errors.Is(err, c.want) {
			t.Errorf("%s: Sign = %d, %v, want %v", name, n, err, c.want)
		}
	}
}

// TestLies has PSBTs that contradict themselves.
func TestLies(t *testing.T) {
	w := newWallet(t, 1)
	for name, edit := range map[string]func(*lib.Packet){
		"value":             func(p *lib.Packet) { p.Inputs[2].WitnessUtxo.Value++ },
		"script":            func(p *lib.Packet) { p.Inputs[2].WitnessUtxo.PkScript = foreign },
		"transaction":       func(p *lib.Packet) { p.Inputs[2].NonWitnessUtxo.LockTime++ },
		"index":             func(p *lib.Packet) { p.UnsignedTx.TxIn[0].PreviousOutPoint.Index = 2 },
		"last index":        func(p *lib.Packet) { p.UnsignedTx.TxIn[0].PreviousOutPoint.Index = wire.MaxPrevOutIndex },
		"more than spent":   func(p *lib.Packet) { p.UnsignedTx.TxOut[0].Value += 1001 },
		"more than exists":  func(p *lib.Packet) { p.Inputs[2].NonWitnessUtxo, p.Inputs[2].WitnessUtxo.Value = nil, int64(sats.Max) },
		"less than nothing": func(p *lib.Packet) { p.Inputs[2].NonWitnessUtxo, p.Inputs[2].WitnessUtxo.Value = nil, -1 },
		"one coin twice":    func(p *lib.Packet) { p.UnsignedTx.TxIn[0].PreviousOutPoint = p.UnsignedTx.TxIn[1].PreviousOutPoint },
	} {
		tx, coins := payment(t, w, w.all()...)
		p, err := Unsigned(tx, coins, w.Origin)
		if err != nil {
			t.Fatal(err)
		}
		edit(p.raw)
		raw, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(raw); !errors.Is(err, ErrCoin) {
			t.Errorf("%s: %v, want ErrCoin", name, err)
		}
	}
}

// TestLiedValue shows that a signature for a value that was made up is good for
// nothing.
func TestLiedValue(t *testing.T) {
	w := newWallet(t, 1)
	for _, kind := range []txbuild.ScriptType{txbuild.P2SH, txbuild.P2WPKH, txbuild.P2WSH} {
		tx, coins := payment(t, w, w.scripts[kind])
		coins[0].Previous, coins[0].Value = nil, 200_000
		p, err := Unsigned(tx, coins, w.Origin)
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Summary(w); s.Fee != 101_000 || s.Inputs[0].Proven {
			t.Errorf("summary %+v", s)
		}
		final := complete(t, p, 1, w)
		out := wire.NewTxOut(100_000, coins[0].Script)
		fetcher := txscript.NewCannedPrevOutputFetcher(out.PkScript, out.Value)
		engine, err := txscript.NewEngine(out.PkScript, final, 0, txscript.StandardVerifyFlags, nil,
			txscript.NewTxSigHashes(final, fetcher), out.Value, fetcher)
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Execute(); err == nil {
			t.Errorf("%s: valid for the true value too", kind)
		}
	}
}

func TestFinalizeRefuses(t *testing.T) {
	w := newWallet(t, 1)
	for i, kind := range allKinds {
		for name, c := range map[string]struct {
			edit func(*lib.PartialSig)
			want error
		}{
			"hash type": {func(ps *lib.PartialSig) { ps.Signature[len(ps.Signature)-1] = 2 }, ErrSigHash},
			"of another hash": {func(ps *lib.PartialSig) {
				key, _ := btcec.PrivKeyFromBytes([]byte{1, byte(i + 1)})
				ps.Signature = append(ecdsa.Sign(key, make([]byte, 32)).Serialize(), 1)
			}, ErrSignature},
		} {
			tx, coins := payment(t, w, w.all()...)
			p, err := Unsigned(tx, coins, w.Origin)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Sign(w); err != nil {
				t.Fatal(err)
			}
			c.edit(p.raw.Inputs[i].PartialSigs[0])
			p = again(t, p)
			if _, err := p.Finalize(); !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v, want %v", kind, name, err, c.want)
			}
			for j, in := range p.Summary(w).Inputs {
				if in.Final {
					t.Errorf("%s, %s: input %d is final", kind, name, j)
				}
			}
		}
	}
}

func TestExtractRefuses(t *testing.T) {
	w := newWallet(t, 1)
	tx, coins := payment(t, w, w.all()...)
	for name, edit := range map[string]func(*lib.Packet){
		"other transaction":  func(p *lib.Packet) { p.UnsignedTx.TxOut[0].Value-- },
		"signatures swapped": func(p *lib.Packet) { p.Inputs[1].FinalScriptWitness = p.Inputs[2].FinalScriptWitness },
		"no witness":         func(p *lib.Packet) { p.Inputs[2].FinalScriptWitness = []byte{0} },
		"no script":          func(p *lib.Packet) { p.Inputs[0].FinalScriptSig = []byte{} },
	} {
		p, err := Unsigned(tx, coins, w.Origin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Sign(w); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Finalize(); err != nil {
			t.Fatal(err)
		}
		edit(p.raw)
		if _, err := again(t, p).Extract(); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, want ErrSignature", name, err)
		}
	}
}

func BenchmarkSign100(b *testing.B) {
	w := newWallet(b, 1)
	scripts := make([][]byte, 100)
	for i := range scripts {
		scripts[i] = w.scripts[txbuild.P2WPKH]
	}
	tx, coins := payment(b, w, scripts...)
	p, err := Unsigned(tx, coins, w.Origin)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Sign(w); err != nil {
			b.Fatal(err)
		}
	}
}
