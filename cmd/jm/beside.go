package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/maker"
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
