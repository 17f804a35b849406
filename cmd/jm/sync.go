package main

import (
	"context"
	"fmt"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// sync brings a wallet up to date with the node, and says how far it is.
func (a *app) sync(ctx context.Context, w *wallet.Wallet) error {
	a.term.waiting("looking through the chain for the wallet's coins")
	defer a.term.waiting("")
	changes, cancel := w.Subscribe()
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.Sync(ctx) }()
	// Elsewhere than on a terminal each change is a line.
	every := time.Second
	if !a.term.color {
		every = time.Minute
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	told := false
	for {
		select {
		case err := <-done:
			return err
		case <-changes:
		case <-ticker.C:
		}
		r, recovering := w.Recovery()
		if recovering && r.Scanned && !told {
			told = true
			var sum sats.Amount
			for _, found := range r.Found {
				sum += found
			}
			a.term.say("The wallet holds %s BTC in %d coins at block %d. They can be spent when its history is found.\n"+
				"That takes long; if you interrupt it, the next start goes on from there.", sum.BTC(), r.Coins, r.Tip.Height)
		}
		if node, can := w.Chain().(chain.Progresser); can {
			if p, searching := node.Progress(); searching {
				a.term.waiting(progressText(p))
			}
		}
	}
}

// progressText writes how far a search is: "searching: 12.3 %, 1h20m left".
func progressText(p chain.Progress) string {
	text := fmt.Sprintf("%s: %d.%d %%", p.What, p.Permille/10, p.Permille%10)
	switch {
	case p.Left >= time.Hour:
		text += fmt.Sprintf(", %dh%02dm left", p.Left/time.Hour, p.Left%time.Hour/time.Minute)
	case p.Left >= time.Minute:
		text += fmt.Sprintf(", %d min left", p.Left/time.Minute)
	case p.Left > 0:
		text += ", less than a minute left"
	}
	return text
}
