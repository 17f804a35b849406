package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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

// openKnown opens a wallet to show it: as the node sees it now or, where that
// cannot be reached or must not be asked, as it was last. done closes what was
// opened.
func (a *app) openKnown(ctx context.Context, name string, offline bool) (w *wallet.Wallet, done func(), err error) {
	path, err := a.walletPath(name)
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(path); err != nil { // before the password is asked for
		return nil, nil, noWallet(path, err)
	}
	var backend chain.Backend
	if !offline {
		if backend, err = a.newChain(); err != nil {
			return nil, nil, withCode(exitNode, err)
		}
	}
	if w, err = a.openWallet(name, backend); err != nil {
		if backend != nil {
			backend.Close()
		}
		return nil, nil, err
	}
	done = func() {
		w.Close()
		if backend != nil {
			backend.Close()
		}
	}
	if !offline {
		err = a.sync(ctx, w)
	}
	tip, _ := w.Synced()
	switch {
	case tip == (chain.Tip{}) && offline:
		err = withCode(exitNode, errors.New("nothing is known of the wallet's coins before it was connected to a node once; leave out --offline"))
	case tip != (chain.Tip{}) && errors.Is(err, chain.ErrUnreachable):
		a.term.say("%v", err)
		a.term.say("This is the last known state, of block %d at %s.", tip.Height, tip.MedianTime.Format(time.DateTime))
		err = nil
	}
	if err != nil {
		done()
		return nil, nil, nodeError(err)
	}
	return w, done, nil
}
