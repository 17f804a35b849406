package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// report is the result of a payment: the document that `jm sendpayment --json`
// prints, and what the picture on a terminal is drawn from. Amounts are whole
// satoshis, times nanoseconds.
type report struct {
	// ID is that of the attempt, for jm explain; Earlier are the ids of those that
	// makers spoiled before it.
	ID      string   `json:"id"`
	Earlier []string `json:"earlier_attempts"`
	// Reason is empty after success; otherwise one of docs/reasons.md, with
	// Error and Advice in words.
	Reason protocol.Reason `json:"reason,omitempty"`
	Error  string          `json:"error,omitempty"`
	Advice string          `json:"advice,omitempty"`
	TxID   string          `json:"txid,omitempty"`
	// Tx is the signed transaction in hex, if the attempt came so far.
	Tx          string        `json:"tx,omitempty"`
	Amount      sats.Amount   `json:"amount"`
	Destination string        `json:"destination"`
	Parts       []participant `json:"participants"` // the first is the taker
	// Traces says for how many change outputs the inputs can be told by adding up
	// amounts.
	Traces   traces         `json:"change_traces"`
	MinerFee sats.Amount    `json:"miner_fee"`
	VSize    int64          `json:"vsize"` // vB; estimated while not all have signed
	Dropped  []droppedMaker `json:"dropped_makers"`
	Steps    []stepTime     `json:"steps"`
}

// participant is what one side put in and got out.
type participant struct {
	Nick   string        `json:"nick"`
	Inputs []sats.Amount `json:"inputs"`
	CJOut  sats.Amount   `json:"cj_output"`
	Change sats.Amount   `json:"change"` // 0: none
	Fee    sats.Amount   `json:"fee"`    // earned by a maker; paid by the taker to makers and miners, negative
}

type traces struct {
	Change int  `json:"outputs"`
	Told   int  `json:"told"`
	Own    bool `json:"own"` // the taker's is one of them
}

type droppedMaker struct {
	Nick   protocol.Nick   `json:"nick"`
	Step   taker.Step      `json:"step"`
	Reason protocol.Reason `json:"reason"`
	Text   string          `json:"text,omitempty"`
}

type stepTime struct {
	Name     string        `json:"step"`
	Duration time.Duration `json:"duration_ns"`
}

// newReport puts a taker's result into words for the outside.
func newReport(p taker.Payment, res taker.Result, err error) *report {
	r := &report{
		ID: res.ID, Earlier: []string{}, TxID: res.TxID(), Amount: res.Amount, Destination: p.Destination, MinerFee: res.MinerFee,
		VSize: res.VSize, Parts: []participant{}, Dropped: []droppedMaker{}, Steps: []stepTime{},
	}
	if err != nil {
		r.Reason, r.Error = taker.ReasonOf(err), err.Error()
		r.Advice = advice[r.Reason]
	}
	if res.Tx != nil {
		var raw bytes.Buffer
		if res.Tx.Serialize(&raw) == nil { // a buffer takes everything
			r.Tx = hex.EncodeToString(raw.Bytes())
		}
		r.VSize = int64(res.Tx.SerializeSizeStripped()*3+res.Tx.SerializeSize()+3) / 4
	}
	for _, part := range res.Parts {
		out := participant{Nick: string(part.Nick), CJOut: res.Amount, Change: part.Change.Value, Fee: part.CJFee - part.TxFee}
		if out.Nick == "" {
			out.Nick = "you"
		}
		for _, in := range part.Inputs {
			out.Inputs = append(out.Inputs, in.Value)
		}
		r.Parts = append(r.Parts, out)
	}
	r.Traces = traces(res.Traces())
	for _, d := range res.Dropped {
		r.Dropped = append(r.Dropped, droppedMaker{d.Nick, d.Step, d.Reason, d.Text})
	}
	for _, e := range res.Earlier {
		r.Earlier = append(r.Earlier, e.ID)
	}
	for _, s := range res.Steps {
		r.Steps = append(r.Steps, stepTime{stepName[s.Step], s.Took})
	}
	return r
}

// stepName is what a step does, in words.
var stepName = map[taker.Step]string{
	taker.StepChoose:    "choose: wait for offers, pick makers and coins",
	taker.StepApprove:   "approve: your answer",
	taker.StepFill:      "fill: !fill to makers, their !pubkey back",
	taker.StepCollect:   "collect: !auth, their coins in !ioauth, verified",
	taker.StepSign:      "sign: !tx, their !sig verified, own signatures",
	taker.StepBroadcast: "broadcast: until the network shows it",
}

// draw is a picture of the transaction in text: who put in what on the left,
// what came out on the right.
func (r *report) draw(t *terminal) string {
	var left, right []string
	for _, p := range r.Parts {
		for _, in := range p.Inputs {
			left = append(left, fmt.Sprintf("%-16s %s", p.Nick, in.BTC()))
		}
	}
	for i, p := range r.Parts {
		note := p.Nick
		if i == 0 {
			note = "the payment"
		}
		right = append(right, t.paint("1;32", p.CJOut.BTC())+"  "+t.paint("2", note))
	}
	for _, p := range r.Parts {
		if p.Change > 0 {
			right = append(right, p.Change.BTC()+"  "+t.paint("2", "change of "+p.Nick))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %s %s\n\n", t.paint("1", "CoinJoin"), r.TxID)
	width := 0
	for _, l := range left {
		width = max(width, utf8.RuneCountInString(l))
	}
	fmt.Fprintf(&b, "    %-*s        %s\n", width, "inputs (BTC)", "outputs (BTC)")
	rows := max(len(left), len(right))
	for i := range rows {
		l, r, mid := "", "", "│"
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		switch {
		case l != "" && r != "":
			mid = "──┼──"
		case l != "":
			mid = "──┤  "
		case r != "":
			mid = "  ├──"
		}
		fmt.Fprintf(&b, "    %-*s %s %s\n", width, l, mid, r)
	}
	b.WriteByte('\n')
	return b.String()
}

// facts lists the sums behind the picture: fees, anonymity set, balance check.
func (r *report) facts() string {
	var makers, in, out sats.Amount
	for i, p := range r.Parts {
		for _, v := range p.Inputs {
			in += v
		}
		out += p.CJOut + p.Change
		if i > 0 {
			makers += p.Fee
		}
	}
	rate := sats.Amount(0)
	if r.VSize > 0 {
		rate = r.MinerFee * 1000 / sats.Amount(r.VSize)
	}
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "    %-15s "+format+"\n", append([]any{name}, args...)...)
	}
	row("attempt", "%s (jm explain %s)", r.ID, r.ID)
	row("amount", "%v to %s", r.Amount, r.Destination)
	row("anonymity set", "%d equal outputs of %s BTC: nobody outside can tell whose is whose", len(r.Parts), r.Amount.BTC())
	if r.Traces.Own {
		row("your change", "can be tied to the coins you spent by adding up amounts, as can that of %d others", r.Traces.Told-1)
	}
	row("makers' fees", "%v for %d makers", makers, len(r.Parts)-1)
	row("miner fee", "%v (%d vB at %d.%03d sat/vB)", r.MinerFee, r.VSize, rate/1000, rate%1000)
	row("in - out", "%d - %d = %v, the miner fee", int64(in), int64(out), in-out)
	if len(r.Earlier) > 0 {
		row("tried before", "%s", strings.Join(r.Earlier, ", "))
	}
	for _, d := range r.Dropped {
		row("left out", "%s (%s)", d.Nick, d.Reason)
	}
	return b.String()
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%d.%d ms", d.Milliseconds(), d.Microseconds()/100%10)
}

// times is the table of steps.
func (r *report) times() string {
	var b strings.Builder
	var total time.Duration
	row := func(name, took string) { fmt.Fprintf(&b, "    %-48s %10s\n", name, took) }
	b.WriteByte('\n')
	row("step", "time")
	for _, s := range r.Steps {
		row(s.Name, ms(s.Duration))
		total += s.Duration
	}
	row("total", ms(total))
	return b.String()
}

// exchange is how long the makers took part: from the first !fill to the
// broadcast.
func (r *report) exchange() (total time.Duration) {
	for _, s := range r.Steps {
		switch s.Name {
		case stepName[taker.StepFill], stepName[taker.StepCollect], stepName[taker.StepSign]:
			total += s.Duration
		}
	}
	return total
}
