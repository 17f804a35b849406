package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

func newMakerStatus(a *app) *cobra.Command {
	var wait time.Duration
	var offline bool
	cmd := &cobra.Command{
		Use:   "status [WALLET]",
		Short: "Show how a maker fares: whether takers reach it, what they asked, what others charge",
		Long: `Show how the maker of a wallet fares: whether it runs, what takers asked of it and
why one was refused, what it earned since it was started.

Then jm asks for offers on each message channel, as a taker does, and tells where
the maker answers: there takers can reach it. From the offers of the others it
says how yours compare. No password and no node are needed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			switch {
			case wait < 0:
				return usagef("--wait %v: want a time to wait, such as 30s", wait)
			case wait == 0:
				wait = a.cfg.Timeout.Maker
			}
			path, err := a.walletPath(one(args))
			if err != nil {
				return err
			}
			life, err := readLife(path)
			if err != nil {
				return withCode(exitWallet, err)
			}
			report := makerReport{Running: life.running(), makerLife: life, Market: []sight{}, Compared: []comparison{}}
			if !offline {
				if err := a.lookAround(cmd.Context(), &report, wait); err != nil {
					return err
				}
			}
			if a.json {
				return a.print(report)
			}
			fmt.Fprint(a.term.out, report.text())
			return nil
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for offers at most (default: maker_timeout_sec)")
	cmd.Flags().BoolVar(&offline, "offline", false, "do not enter the market to look for the maker")
	return cmd
}

// makerReport is the document of `jm yieldgenerator status --json`.
type makerReport struct {
	Running bool `json:"running"`
	makerLife
	Market   []sight      `json:"market"`
	Compared []comparison `json:"compared"`
}

// sight is what a taker sees of the maker on one message channel.
type sight struct {
	Channel string `json:"channel"`
	Makers  int    `json:"makers"` // that answered
	Seen    bool   `json:"seen"`   // ours among them
	Bond    bool   `json:"bond"`   // it showed one
	Error   string `json:"error,omitempty"`
}

// lookAround enters the market on every channel by itself, at once.
func (a *app) lookAround(ctx context.Context, r *makerReport, wait time.Duration) error {
	dial, hangUp, err := a.dialer()
	if err != nil {
		return err
	}
	defer hangUp()
	a.term.waiting("asking for offers on each channel")
	defer a.term.waiting("")
	sights, books := make([]sight, len(a.cfg.Channels)), make([]control.OrderbookAnswer, len(a.cfg.Channels))
	var looking sync.WaitGroup
	for i, channel := range a.cfg.Channels {
		looking.Go(func() {
			sights[i] = sight{Channel: channel.Name}
			var err error
			if books[i], err = a.lookOn(ctx, dial, channel, wait); err != nil {
				sights[i].Error = err.Error()
			}
		})
	}
	looking.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var all []control.OfferEntry
	for i, book := range books {
		sights[i].look(book, r.Nick)
		for _, o := range book.Offers {
			if o.Nick != r.Nick && !slices.Contains(all, o) {
				all = append(all, o)
			}
		}
	}
	r.Market, r.Compared = sights, compare(all, r.Offers)
	return nil
}

// lookOn returns what makers answer on one channel.
func (a *app) lookOn(ctx context.Context, dial dialFunc, channel control.ChannelConfig, wait time.Duration) (book control.OrderbookAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait+channelsWait)
	defer cancel()
	session, err := a.enter(ctx, client.Config{Dial: dial, Role: control.RoleWatcher, Channels: []control.ChannelConfig{channel}})
	if err != nil {
		return book, err
	}
	defer session.Close()
	return taker.Book(ctx, session, taker.BookWait{Enough: 1, Quiet: 3 * a.quiet(), Limit: wait})
}

func (s *sight) look(book control.OrderbookAnswer, nick protocol.Nick) {
	makers := make(map[protocol.Nick]bool)
	for _, o := range book.Offers {
		makers[o.Nick] = true
	}
	s.Makers, s.Seen = len(makers), nick != "" && makers[nick]
	s.Bond = s.Seen && slices.ContainsFunc(book.Bonds, func(b control.BondEntry) bool { return b.Nick == nick })
}

// text describes the maker for people.
func (r *makerReport) text() string {
	var b strings.Builder
	at := func(unix int64) string { return time.Unix(unix, 0).Format(time.DateTime) }
	switch {
	case r.Since == 0:
		b.WriteString("No maker ran on this wallet yet. Start one: jm yieldgenerator\n")
	case r.Running && r.Nick != "":
		fmt.Fprintf(&b, "running since %s, as %s\n", at(r.Since), r.Nick)
	case r.Running:
		fmt.Fprintf(&b, "running since %s, NOT CONNECTED: %s\n", at(r.Since), oneLine(r.Lost))
	case r.Ended != 0:
		fmt.Fprintf(&b, "NOT RUNNING since %s\n", at(r.Ended))
	default:
		fmt.Fprintf(&b, "NOT RUNNING; it was killed some time after %s\n", at(r.Since))
	}
	if r.Running {
		for _, o := range r.Offers {
			fmt.Fprintf(&b, "  offer %d    %s  %s to %s BTC, fee %s, contribution %d\n", o.ID, o.Type, o.MinSize.BTC(), o.MaxSize.BTC(), o.CJFee, int64(o.TxFee))
		}
		if len(r.Offers) == 0 {
			b.WriteString("  no offer: no mixdepth has enough confirmed coins\n")
		}
		if r.Bond != nil {
			fmt.Fprintf(&b, "  bond       %s, worth %s, certified up to block %d\n", r.Bond.OutPoint, bondValueText(r.Bond.Value), r.Bond.Until)
		}
	}
	for _, s := range r.Market {
		fmt.Fprintf(&b, "  %-9s  %s\n", s.Channel, s.text(r.Running))
	}
	if r.Since != 0 {
		fmt.Fprintf(&b, "\nsince the start: coins shown %d times (%d not used), %d requests refused, %d transactions signed, %d confirmed, earned %v\n",
			r.Shown, r.Unused, r.Refused, r.Signed, r.Joins, r.Earned)
	}
	for _, q := range slices.Backward(r.Requests[max(0, len(r.Requests)-10):]) {
		amount := "              "
		if q.Amount > 0 {
			amount = fmt.Sprintf("%s BTC", q.Amount.BTC())
		}
		fmt.Fprintf(&b, "  %s  %s  %s  %s", at(q.Time), q.Taker, amount, q.Outcome)
		if q.Reason != "" {
			fmt.Fprintf(&b, " (%s)", q.Reason)
		}
		b.WriteString("\n")
	}
	for i, c := range r.Compared {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(c.text())
	}
	return b.String()
}

// text says whether takers of a channel reach the maker.
func (s sight) text(running bool) string {
	switch {
	case s.Error != "":
		return "no answer: " + oneLine(s.Error)
	case s.Seen && s.Bond:
		return fmt.Sprintf("takers reach it, one of %d makers, and see its bond", s.Makers)
	case s.Seen:
		return fmt.Sprintf("takers reach it, one of %d makers", s.Makers)
	case running:
		return fmt.Sprintf("takers do NOT reach it; %d other makers answer", s.Makers)
	}
	return fmt.Sprintf("%d makers answer", s.Makers)
}
