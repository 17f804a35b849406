package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

// What --maker may say.
const (
	makerBeside = "beside" // the maker ends with the payments
	makerStays  = "stay"   // it goes on after them
)

// makerFlag lets payments have a maker beside them.
func makerFlag(cmd *cobra.Command, o *payOptions) {
	f := cmd.Flags()
	f.StringVar(&o.maker, "maker", "", "offer the wallet's coins as jm yieldgenerator does meanwhile; with --maker=stay also afterwards, until you interrupt it")
	f.Lookup("maker").NoOptDefVal = makerBeside
}

// closing says which mixdepths the maker beside a payment leaves alone.
type closing struct{ now atomic.Pointer[[]bool] }

func (c *closing) set(closed []bool) { c.now.Store(&closed) }

func (c *closing) has(mixdepth int) bool {
	closed := c.now.Load()
	return closed != nil && mixdepth < len(*closed) && (*closed)[mixdepth]
}

// beside does the work of payments, with a maker on the same wallet if --maker
// says so: one daemon, two sessions under nicks of their own. The error is that
// of the work; the maker cannot spoil it.
func (a *app) beside(ctx context.Context, o payOptions, own ownMaker, work func(ctx context.Context) error) error {
	if o.maker == "" {
		return work(ctx)
	}
	var err error
	if own.terms, err = a.terms(); err != nil {
		return err
	}
	// Standard output is for what the payments come to.
	own.tell = func(e maker.Event) {
		a.term.say("%s maker: %s", time.Now().Format(time.DateTime), oneLine(makerText(e)))
	}
	making, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Two that come at the same moment are one, whatever their names.
		wait := maker.Delay(a.cfg.Yield.Reannounce)
		a.term.say("The maker begins in %v, so that nobody ties it to the payments by the time.", wait.Round(time.Second))
		select {
		case <-time.After(wait):
		case <-making.Done():
			return
		}
		if err := a.runMaker(making, own); err != nil {
			a.term.say("The maker ended: %v", err)
		}
	}()
	err = work(ctx)
	if o.maker == makerStays && ctx.Err() == nil {
		if err != nil {
			a.term.say("%v", err)
		}
		a.term.say("The payments are over, the maker goes on; interrupt to end.")
		<-ended
	}
	stop()
	<-ended
	return err
}

// checkMaker refuses what --maker cannot mean.
func (o payOptions) checkMaker() error {
	switch o.maker {
	case "", makerBeside, makerStays:
		return nil
	}
	return usagef("--maker=%s: want --maker, or --maker=%s", o.maker, makerStays)
}

// nicks are names that were ours in the market.
type nicks struct {
	mu  sync.Mutex
	all []protocol.Nick // the newest last
}

// maxNicks bounds them; older ones are in nobody's order book any more.
const maxNicks = 100

func (n *nicks) add(nick protocol.Nick) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, nick)
	n.all = n.all[max(0, len(n.all)-maxNicks):]
}

func (n *nicks) list() []protocol.Nick {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]protocol.Nick(nil), n.all...)
}

// own is what is ours in the market: the makers of this process, those that other
// processes run on wallets of this data folder, and the bonds that these show.
func (a *app) own() taker.Own {
	own := taker.Own{Nicks: a.ourNicks.list()}
	names, err := a.walletNames()
	if err != nil {
		a.log.Warn("your other makers are not known", "err", err)
	}
	for _, name := range names {
		path := a.walletFile(name)
		if life, err := readLife(path); err == nil {
			if life.Nick != "" {
				own.Nicks = append(own.Nicks, life.Nick)
			}
			if life.Bond != nil {
				if out, err := coins.ParseOutPoint(life.Bond.OutPoint); err == nil {
					own.Bonds = append(own.Bonds, out)
				}
			}
		}
		cold, _ := coldbonds.Load(coldBondsFile(path)) // the maker tells of what is wrong there
		for _, b := range cold {
			own.Bonds = append(own.Bonds, b.OutPoint)
		}
	}
	return own
}

// wayOut says what to do about a wallet that another jm has open.
func (a *app) wayOut(path string) string {
	life, err := readLife(path)
	if err != nil || !life.running() {
		return "To pay while the wallet's coins are offered, let one program do both: jm sendpayment --maker, jm tumbler --maker"
	}
	return fmt.Sprintf("Its maker runs, since %s. To pay while it offers coins, end it (Ctrl-C) and let one program do both: jm sendpayment --maker=stay, jm tumbler --maker",
		time.Unix(life.Since, 0).Format(time.DateTime))
}
