package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
)

// openKnown opens a wallet to show it: as the node sees it now or, where that
// cannot be reached or must not be asked, as it was last. done closes what was
// opened.
func (a *app) openKnown(ctx context.Context, name string, offline bool) (w *wallet.Wallet, done func(), err error) {
	if w, done, err = a.openStored(name, offline); err != nil {
		return nil, nil, err
	}
	if err := a.refresh(ctx, w, offline); err != nil {
		done()
		return nil, nil, err
	}
	return w, done, nil
}

// showKnown opens a wallet and shows what describe makes of it. A person who
// watches sees the stored state at once, and that which the node tells as soon
// as it is there; a script gets one answer, as openKnown gives it.
func (a *app) showKnown(ctx context.Context, name string, offline bool, describe func(*wallet.Wallet) (description, error)) error {
	w, done, err := a.openStored(name, offline)
	if err != nil {
		return err
	}
	defer done()
	before := ""
	if tip, _ := w.Synced(); tip != (chain.Tip{}) && a.term.watched && !a.json && !offline {
		d, err := describe(w)
		if err != nil {
			return err
		}
		before = d.text()
		a.term.say("As of block %d, syncing:", tip.Height)
		fmt.Fprint(a.term.out, before)
	}
	if err := a.refresh(ctx, w, offline); err != nil {
		return err
	}
	d, err := describe(w)
	switch {
	case err != nil:
		return err
	case a.json:
		return a.print(d)
	}
	now := d.text()
	tip, synced := w.Synced()
	switch {
	case now != before && before != "":
		a.term.say("\nAs of block %d:", tip.Height)
		fallthrough
	case before == "":
		fmt.Fprint(a.term.out, now)
	case synced:
		a.term.say("The same as of block %d.", tip.Height)
	}
	return nil
}

// description is what is shown of a wallet: a JSON document that can be text.
type description interface{ text() string }

// openStored opens a wallet without asking the node, for refresh to do so.
func (a *app) openStored(name string, offline bool) (w *wallet.Wallet, done func(), err error) {
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
	return w, func() {
		w.Close()
		if backend != nil {
			backend.Close()
		}
	}, nil
}

// refresh brings a wallet up to date, unless the node must not be asked. That
// the node cannot be reached is only said, if the wallet knows an older state.
func (a *app) refresh(ctx context.Context, w *wallet.Wallet, offline bool) (err error) {
	if !offline {
		err = a.sync(ctx, w)
	}
	tip, _ := w.Synced()
	switch {
	case tip == (chain.Tip{}) && offline:
		return withCode(exitNode, errors.New("nothing is known of the wallet's coins before it was connected to a node once; leave out --offline"))
	case tip != (chain.Tip{}) && errors.Is(err, chain.ErrUnreachable):
		a.term.say("%v", err)
		a.term.say("This is the last known state, of block %d at %s.", tip.Height, tip.MedianTime.Format(time.DateTime))
		return nil
	}
	return nodeError(err)
}
