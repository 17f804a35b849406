package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/psbt"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// stranger looks at a PSBT without a wallet.
type stranger struct{}

func (stranger) Origin([]byte) (psbt.Origin, bool)      { return psbt.Origin{}, false }
func (stranger) Check(wire.OutPoint, sats.Amount) error { return nil }

// psbtSummary is the document of `jm wallet psbt show --json` and of broadcast.
type psbtSummary struct {
	TxID     string       `json:"txid"`
	Tx       string       `json:"tx,omitempty"` // hex, after broadcast
	Sent     bool         `json:"sent"`
	VSize    int64        `json:"vsize,omitempty"` // vB, after broadcast
	Inputs   []psbtInput  `json:"inputs"`
	Outputs  []psbtOutput `json:"outputs"`
	Fee      *sats.Amount `json:"fee"` // null: not told
	LockTime uint32       `json:"locktime"`
}

type psbtInput struct {
	OutPoint string       `json:"outpoint"`
	Value    *sats.Amount `json:"value"` // null: not told
	Address  string       `json:"address,omitempty"`
	Proven   bool         `json:"proven"`
	Own      bool         `json:"own"`
	Refused  string       `json:"refused,omitempty"`
	Signed   int          `json:"signatures"`
	Final    bool         `json:"final"`
	Checked  *bool        `json:"checked,omitempty"` // after broadcast: the node, too, knows the coin
}

type psbtOutput struct {
	Value   sats.Amount `json:"value"`
	Address string      `json:"address"` // or the script in hex
	Own     bool        `json:"own"`
}

func newPSBTSummary(p *psbt.Packet, s psbt.Summary, params *chaincfg.Params) *psbtSummary {
	doc := &psbtSummary{TxID: p.TxID().String(), LockTime: s.LockTime}
	if s.FeeTold {
		doc.Fee = &s.Fee
	}
	for _, in := range s.Inputs {
		one := psbtInput{OutPoint: in.OutPoint.String(), Proven: in.Proven, Own: in.Origin != nil, Signed: in.Signed, Final: in.Final}
		if in.Told {
			one.Value, one.Address = &in.Value, addressOrScript(in.Script, params)
		}
		if in.Refused != nil {
			one.Refused = in.Refused.Error()
		}
		doc.Inputs = append(doc.Inputs, one)
	}
	for _, out := range s.Outputs {
		doc.Outputs = append(doc.Outputs, psbtOutput{out.Value, addressOrScript(out.Script, params), out.Origin != nil})
	}
	return doc
}

func addressOrScript(script []byte, params *chaincfg.Params) string {
	if address, err := txbuild.FormatAddress(script, params); err == nil {
		return address
	}
	return "script " + hex.EncodeToString(script)
}

// psbtText shows a PSBT before it is signed or sent.
func psbtText(p *psbt.Packet, s psbt.Summary, params *chaincfg.Params) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  transaction %s\n", p.TxID())
	in, out, unproven := sats.Amount(0), sats.Amount(0), 0
	for _, i := range s.Inputs {
		value, notes := "unknown", []string{}
		if i.Told {
			value = i.Value.BTC()
		}
		if i.Origin != nil {
			notes = append(notes, "yours")
			in += i.Value
		}
		if i.Refused != nil {
			notes = append(notes, "REFUSED: "+i.Refused.Error())
		}
		switch {
		case i.Final:
			notes = append(notes, "final")
		case i.Signed > 0:
			notes = append(notes, "signed")
		}
		if !i.Proven {
			unproven++
		}
		line := fmt.Sprintf("    from   %16s BTC   %s", value, i.OutPoint)
		if len(notes) > 0 {
			line += "  (" + strings.Join(notes, ", ") + ")"
		}
		b.WriteString(line + "\n")
	}
	for _, o := range s.Outputs {
		note := ""
		if o.Origin != nil {
			note = "  (yours)"
			out += o.Value
		}
		fmt.Fprintf(&b, "    to     %16s BTC   %s%s\n", o.Value.BTC(), addressOrScript(o.Script, params), note)
	}
	if s.FeeTold {
		fmt.Fprintf(&b, "    fee    %16s BTC\n", s.Fee.BTC())
	} else {
		b.WriteString("    fee             unknown: it is not told what every input is worth\n")
	}
	if in > 0 || out > 0 {
		fmt.Fprintf(&b, "    you    %16s BTC   put in, %s come back\n", in.BTC(), out.BTC())
	}
	if t := time.Unix(int64(s.LockTime), 0).UTC(); s.LockTime >= 500_000_000 {
		fmt.Fprintf(&b, "    It cannot be mined before %s UTC.\n", t.Format(time.DateTime))
	}
	if unproven > 0 {
		fmt.Fprintf(&b, "    NOTE: the worth of %d inputs is claimed without proof. Ask the maker of this PSBT to add the\n"+
			"    transactions that paid them.\n", unproven)
	}
	return b.String()
}
