package chaintest

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// account is a wallet with random keys, all on one branch.
type account struct {
	t      *testing.T
	branch *hdkeychain.ExtendedKey
	// bare means that the scripts are P2WSH without a descriptor, in place of
	// P2WPKH with one.
	bare bool
}

func newAccount(t *testing.T) *account {
	t.Helper()
	seed := make([]byte, hdkeychain.RecommendedSeedLen)
	rand.Read(seed)
	key, err := hdkeychain.NewMaster(seed, regtest.Params)
	for range 2 {
		if err == nil {
			key, err = key.Derive(0)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return &account{t: t, branch: key}
}

// watch describes the first scripts of the account.
func (a *account) watch(count uint32, birth time.Time) []chain.Branch {
	a.t.Helper()
	b := chain.Branch{
		Script: func(i uint32) ([]byte, error) { return a.script(i), nil },
		Count:  count,
		Birth:  birth,
	}
	if !a.bare {
		public, err := a.branch.Neuter()
		if err != nil {
			a.t.Fatal(err)
		}
		b.Descriptor = fmt.Sprintf("wpkh(%s/*)", public)
	}
	return []chain.Branch{b}
}

func (a *account) key(i uint32) *btcec.PrivateKey {
	child, err := a.branch.Derive(i)
	if err != nil {
		a.t.Fatal(err)
	}
	key, err := child.ECPrivKey()
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

// witnessScript of bare scripts: anybody with the key.
func (a *account) witnessScript(i uint32) []byte {
	public := a.key(i).PubKey().SerializeCompressed()
	return append(append([]byte{byte(len(public))}, public...), txscript.OP_CHECKSIG)
}

func (a *account) script(i uint32) []byte {
	var program []byte
	if a.bare {
		sum := sha256.Sum256(a.witnessScript(i))
		program = sum[:]
	} else {
		program = address.Hash160(a.key(i).PubKey().SerializeCompressed())
	}
	return append([]byte{txscript.OP_0, byte(len(program))}, program...)
}

// spend signs a transaction that moves output vout of tx, which pays to script
// i, to another script. It can be replaced (BIP 125).
func (a *account) spend(tx *wire.MsgTx, vout, i uint32, to []byte, fee int64) *wire.MsgTx {
	a.t.Helper()
	previous := tx.TxOut[vout]
	spend := wire.NewMsgTx(2)
	hash := tx.TxHash()
	in := wire.NewTxIn(wire.NewOutPoint(&hash, vout), nil, nil)
	in.Sequence = wire.MaxTxInSequenceNum - 2
	spend.AddTxIn(in)
	spend.AddTxOut(wire.NewTxOut(previous.Value-fee, to))
	hashes := txscript.NewTxSigHashes(spend, txscript.NewCannedPrevOutputFetcher(previous.PkScript, previous.Value))
	if a.bare {
		signature, err := txscript.RawTxInWitnessSignature(spend, hashes, 0, previous.Value,
			a.witnessScript(i), txscript.SigHashAll, a.key(i))
		if err != nil {
			a.t.Fatal(err)
		}
		in.Witness = wire.TxWitness{signature, a.witnessScript(i)}
		return spend
	}
	witness, err := txscript.WitnessSignature(spend, hashes, 0, previous.Value,
		previous.PkScript, txscript.SigHashAll, a.key(i), true)
	if err != nil {
		a.t.Fatal(err)
	}
	in.Witness = witness
	return spend
}
