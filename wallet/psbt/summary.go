package psbt

import (
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// Origin is how a wallet knows an output script of its own.
type Origin struct {
	PubKey  []byte // 33 bytes
	Witness []byte // script of a timelocked P2WSH, nil otherwise
	// Fingerprint is that of the root key, as the wallet shows it, and Path the
	// levels below it, hardened ones from 2^31 on. An imported key has no path.
	Fingerprint [4]byte
	Path        []uint32
}

// Wallet is what a wallet is asked about a PSBT.
type Wallet interface {
	// Origin tells how the wallet knows an output script; false if it is not
	// its own.
	Origin(script []byte) (Origin, bool)
	// Check is asked about each own coin with the value that the PSBT claims.
	// An error refuses to spend it: it is frozen, set aside, or known to be
	// worth something else.
	Check(coin wire.OutPoint, value sats.Amount) error
}

// Summary is what a user should see before anything is signed.
type Summary struct {
	Inputs   []InputSummary
	Outputs  []OutputSummary
	Fee      sats.Amount // for the miner
	FeeTold  bool        // false if any input is not Told; Fee is then 0
	LockTime uint32      // block height, or Unix time from 500,000,000 on
}

// InputSummary is one coin to spend.
type InputSummary struct {
	OutPoint wire.OutPoint
	Told     bool        // the PSBT says what the coin is; else the next two are empty
	Value    sats.Amount // as the PSBT claims
	Script   []byte
	// Proven tells that the claim comes with the transaction of that id. Without
	// it the value can be a lie. Segwit signatures are worthless for a lie, but
	// of two PSBTs that lie about one coin each, the honest halves can be put
	// together into a transaction with a fee nobody saw.
	Proven   bool
	Origin   *Origin // nil: not of this wallet
	Refused  error   // why the wallet does not spend it; only of its own
	Signed   int     // signatures so far, not checked
	Final    bool    // has all it needs, not checked
	Sequence uint32
}

// OutputSummary is one payment.
type OutputSummary struct {
	Value  sats.Amount
	Script []byte
	Origin *Origin // nil: goes to somebody else
}

// Summary lists what the PSBT spends and pays, with the eyes of a wallet. It
// trusts nothing that the PSBT says about origins.
func (p *Packet) Summary(w Wallet) Summary {
	tx := p.raw.UnsignedTx
	s := Summary{LockTime: tx.LockTime}
	for i, c := range p.coins {
		in := &p.raw.Inputs[i]
		line := InputSummary{
			OutPoint: tx.TxIn[i].PreviousOutPoint, Sequence: tx.TxIn[i].Sequence,
			Told: c.out != nil, Proven: c.proven, Signed: len(in.PartialSigs), Final: isFinal(in),
		}
		if c.out != nil {
			line.Value, line.Script = sats.Amount(c.out.Value), c.out.PkScript
			if line.Origin = originOf(w, c.out.PkScript); line.Origin != nil {
				line.Refused = w.Check(line.OutPoint, line.Value)
			}
		}
		s.Inputs = append(s.Inputs, line)
	}
	for _, out := range tx.TxOut {
		s.Outputs = append(s.Outputs, OutputSummary{sats.Amount(out.Value), out.PkScript, originOf(w, out.PkScript)})
	}
	fee, err := p.fee()
	s.Fee, s.FeeTold = fee, err == nil
	return s
}

func originOf(w Wallet, script []byte) *Origin {
	if o, ok := w.Origin(script); ok {
		return &o
	}
	return nil
}
