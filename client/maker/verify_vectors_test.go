package maker

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// vectorOffer is an offer as the reference writes it.
type vectorOffer struct {
	ID      protocol.OfferID   `json:"oid"`
	Type    protocol.OfferType `json:"ordertype"`
	MinSize sats.Amount        `json:"minsize"`
	MaxSize sats.Amount        `json:"maxsize"`
	TxFee   sats.Amount        `json:"txfee"`
	CJFee   string             `json:"cjfee"`
}

func (o vectorOffer) offer() protocol.Offer {
	return protocol.Offer{Type: o.Type, ID: o.ID, MinSize: o.MinSize, MaxSize: o.MaxSize, TxFee: o.TxFee, CJFee: o.CJFee}
}

// either lists the cases in which the reference signs and a stricter maker may
// refuse, with what we do.
var either = map[string]error{
	"only our inputs": nil,
	"both addresses equal, one output of the sum": ErrSameScript,
	"no other output":                  nil,
	"data output":                      ErrOutputs,
	"outputs exceed anything possible": ErrOutputs,
	"version 3":                        ErrTxVersion,
	"locktime far in the future":       ErrLocked,
	"sequence with a relative lock":    ErrLocked,
	"replaceable":                      nil,
}

// refused says which rule each wrong case of the corpus breaks. Cases with
// "one satoshi short" are matched by their ending.
var refused = map[string]error{
	"one satoshi less change":                                ErrChangeTooLow,
	"one satoshi moved from coinjoin output to change":       ErrCJTooLow,
	"one satoshi moved from change to the coinjoin output":   ErrChangeTooLow,
	"one promised input missing":                             ErrMissingInput,
	"no promised input":                                      ErrMissingInput,
	"coinjoin output missing":                                ErrCJOutput,
	"change output missing":                                  ErrChangeOutput,
	"coinjoin output twice":                                  ErrCJOutput,
	"change output twice":                                    ErrChangeOutput,
	"second small output to the change address":              ErrChangeOutput,
	"change of 0":                                            ErrChangeTooLow,
	"amounts exchanged":                                      ErrChangeTooLow,
	"both addresses equal, two outputs":                      ErrSameScript,
	"both addresses equal, one output of the greater amount": ErrSameScript,
	"one of our inputs twice":                                ErrRepeatedInput,
	"cut":                                                    ErrTxForm,
	"byte behind":                                            ErrTxForm,
	"empty":                                                  ErrTxForm,
	"no inputs":                                              ErrTxForm,
	"contribution to the miner fee, one satoshi short":       ErrChangeTooLow,
	"absolute fee with contribution, one satoshi short":      ErrChangeTooLow,
	"contribution above the fee: never signed":               ErrEarning,
	"contribution above the fee: never signed, one satoshi short": ErrEarning,
	"no fee, one satoshi short":                                   ErrChangeTooLow,
	"absolute fee 0, one satoshi short":                           ErrChangeTooLow,
	"contribution one satoshi above the fee":                      ErrEarning,
	"contribution one satoshi above the fee, one satoshi short":   ErrEarning,
	"contribution equals the fee, one satoshi short":              ErrChangeTooLow,
	"fee of exactly one half: rounded to even, one satoshi short": ErrChangeTooLow,
}

// txCase is a transaction that a maker of the reference was shown.
type txCase struct {
	Tx       string
	Offer    vectorOffer
	Amount   sats.Amount
	Promised []struct {
		UTXO  string
		Value sats.Amount
	}
	CJ     string `json:"cj_address"`
	Change string `json:"change_address"`
	Valid  bool
	Should string
	Note   string
	Reason string
}

func TestVerifyVectors(t *testing.T) {
	for _, c := range vectors.Load[txCase](t, "maker_tx.json", 82) {
		name := c.Note + c.Reason
		a := Agreement{Offer: c.Offer.offer(), Amount: c.Amount, CJScript: script(t, c.CJ), ChangeScript: script(t, c.Change)}
		for _, p := range c.Promised {
			out, err := wire.NewOutPointFromString(p.UTXO)
			if err != nil {
				t.Fatal(err)
			}
			a.Inputs = append(a.Inputs, coins.Coin{OutPoint: *out, Value: p.Value})
		}
		raw, err := hex.DecodeString(c.Tx)
		if err != nil {
			t.Fatal(err)
		}
		var want error
		if c.Should == "either" {
			var known bool
			if want, known = either[name]; !known {
				t.Errorf("%s: no decision on this case", name)
			}
		} else if !c.Valid {
			if want = refused[name]; want == nil {
				t.Errorf("%s: no rule named for this case", name)
			}
		}
		if _, err := Verify(raw, a, 800_000, notOurs); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func notOurs(wire.OutPoint) bool { return false }

func script(t *testing.T, addr string) []byte {
	t.Helper()
	s, err := txbuild.ParseAddress(addr, &chaincfg.MainNetParams)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
