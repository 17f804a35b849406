package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/journal"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// journal is the record of the CoinJoins that were tried as a taker; a file of
// its own for each test network, like the commitments.
func (a *app) journal() *journal.Store {
	name := "attempts.jsonl"
	if network := a.networkName(); network != "mainnet" {
		name = network + "_" + name
	}
	return journal.New(journal.Config{Path: filepath.Join(a.cfg.Dir, name), Files: a.files})
}

// attemptReport is an attempt as jm history and jm explain print it with --json.
type attemptReport struct {
	taker.Record
	Advice string `json:"advice,omitempty"`
}

func reportOf(r taker.Record) attemptReport {
	if r.Ended.IsZero() {
		r.Reason = protocol.ReasonInterrupted
	}
	return attemptReport{r, advice[r.Reason]}
}

func newHistory(a *app) *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show which CoinJoins were tried as a taker, and how they ended",
		Long: `Show which CoinJoins were tried as a taker, a line each, the latest last, and how
they ended. jm explain ID tells one of them step by step. No wallet is needed;
what became of its coins is in jm wallet history.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if count < 0 {
				return usagef("-n %d: want how many to show, 0 for all", count)
			}
			all, err := a.journal().All()
			if err != nil {
				return err
			}
			if count > 0 {
				all = all[max(0, len(all)-count):]
			}
			reports := []attemptReport{}
			for _, r := range all {
				reports = append(reports, reportOf(r))
			}
			if a.json {
				return a.print(reports)
			}
			fmt.Fprint(a.term.out, historyText(reports))
			return nil
		},
	}
	cmd.Flags().IntVarP(&count, "count", "n", 20, "the `number` of attempts to show, the latest; 0 for all")
	return cmd
}

// historyText is the table of attempts.
func historyText(reports []attemptReport) string {
	if len(reports) == 0 {
		return "no CoinJoin was tried yet\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s  %-19s  %8s  %16s  %6s  %10s  %s\n", "id", "began", "took", "amount (BTC)", "makers", "cost (sat)", "result")
	for _, r := range reports {
		result := string(cmp.Or(r.Reason, "done"))
		if r.RetryOf != "" {
			result += ", retry of " + r.RetryOf
		}
		took := "-"
		if !r.Ended.IsZero() {
			took = seconds(r.Ended.Sub(r.Began))
		}
		fmt.Fprintf(&b, "%-8s  %-19s  %8s  %16s  %6s  %10d  %s\n", r.ID, r.Began.Local().Format(time.DateTime), took,
			r.amountText(), fmt.Sprintf("%d/%d", r.Makers, r.Wanted), int64(r.Cost), result)
	}
	return b.String()
}

func (r attemptReport) amountText() string {
	if r.Amount == 0 {
		return "everything"
	}
	return r.Amount.BTC()
}

// seconds writes a duration to a tenth of a second.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [ID]",
		Short: "Tell how one CoinJoin went, step by step, and why it ended",
		Long: `Tell how one CoinJoin went, step by step, which makers were left out and why, how
it ended, and what to do. The ID is the one that jm sendpayment and jm history
show; its beginning is enough. Without one it is the latest CoinJoin.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			found, err := a.attempt(args)
			if err != nil {
				return usagef("%w; jm history lists them", err)
			}
			r := reportOf(found)
			if a.json {
				return a.print(r)
			}
			fmt.Fprint(a.term.out, r.explain())
			return nil
		},
	}
}

// attempt finds one by the beginning of its id; the latest for none.
func (a *app) attempt(args []string) (r taker.Record, err error) {
	if len(args) > 0 {
		return a.journal().Find(args[0])
	}
	all, err := a.journal().All()
	if err == nil && len(all) == 0 {
		err = errors.New("no CoinJoin was tried yet")
	}
	if err != nil {
		return r, err
	}
	return all[len(all)-1], nil
}

// explain is the attempt as a story.
func (r attemptReport) explain() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "    %-11s "+format+"\n", append([]any{name}, args...)...)
	}
	fmt.Fprintf(&b, "\n  attempt %s\n\n", r.ID)
	what := "payment of " + r.Amount.BTC() + " BTC"
	if r.Sweep {
		what = "sweep, " + r.amountText()
	}
	row("what", "%s from mixdepth %d, with %d makers wanted", what, r.Mixdepth, r.Wanted)
	if r.RetryOf != "" {
		row("retry of", "%s", r.RetryOf)
	}
	if r.MaxCost > 0 {
		row("approved", "a cost of at most %v", r.MaxCost)
	}
	if r.Makers > 0 {
		row("agreed", "%d makers, a cost of %v", r.Makers, r.Cost)
	}
	if r.TxID != "" {
		row("txid", "%s", r.TxID)
	}
	switch {
	case r.Ended.IsZero():
		row("result", "%s: no end was written down", r.Reason)
	case r.Reason == "":
		row("result", "done: the network shows the transaction")
	default:
		row("result", "%s, in step %s", r.Reason, r.Failed)
		row("", "%s", visible(r.Error))
	}
	if r.Advice != "" {
		row("advice", "%s", r.Advice)
	}
	b.WriteString("\n" + r.timeline())
	return b.String()
}

// timeline lists steps and makers left out by the time at which they came.
func (r attemptReport) timeline() string {
	type moment struct {
		at   time.Time
		text string
	}
	list := []moment{{r.Began, "begun " + r.Began.Local().Format(time.DateTime)}}
	for _, s := range r.Steps {
		list = append(list, moment{s.Began, fmt.Sprintf("%s (%s)", cmp.Or(stepName[s.Step], string(s.Step)), seconds(s.Took))})
	}
	for _, d := range r.Dropped {
		text := fmt.Sprintf("  %s left out: %s", d.Nick, d.Reason)
		if d.Text != "" {
			text += " (" + d.Text + ")"
		}
		list = append(list, moment{d.At, visible(text)})
	}
	if !r.Ended.IsZero() {
		list = append(list, moment{r.Ended, "over"})
	}
	slices.SortStableFunc(list, func(x, y moment) int { return x.at.Compare(y.at) })
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "    %10s  %s\n", "+"+seconds(m.at.Sub(r.Began)), m.text)
	}
	return b.String()
}
