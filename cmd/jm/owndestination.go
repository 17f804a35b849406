package main

import (
	"errors"
	"fmt"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/status"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// ownDestination says what a CoinJoin to an address of the wallet itself would
// give away (P5, P6); nothing if it is a good one, such as of another mixdepth,
// or somebody else's.
func ownDestination(w *wallet.Wallet, p taker.Payment) string {
	path, err := w.Find(p.Destination)
	switch {
	case err != nil:
		return ""
	case path.Branch == keys.Timelocked:
		return fmt.Sprintf("it is a fidelity bond of this wallet, locked until %s UTC. Among the equal outputs of a CoinJoin one of that kind "+
			"stands out: everybody sees which is yours, and the market ties it to your maker. Send to an ordinary address of the wallet, "+
			"then pay the bond with that coin, whole (jm wallet send --sweep)", unixUTC(path.Locktime).Format(bondTime))
	case path.Mixdepth == p.Mixdepth:
		return fmt.Sprintf("it is an address of mixdepth %d, which pays: the coin comes to lie beside its own change, and who spends both "+
			"undoes the CoinJoin. Take one of another mixdepth (jm wallet address -m %d)", path.Mixdepth, (path.Mixdepth+1)%w.Mixdepths())
	case paidBefore(w, path):
		return fmt.Sprintf("it is an address of this wallet that was paid before: everybody sees that both payments went to one owner. "+
			"Take a new one (jm wallet address -m %d)", path.Mixdepth)
	}
	return ""
}

// paidBefore reports whether an address of the wallet is known to have been paid.
func paidBefore(w *wallet.Wallet, path keys.Path) bool {
	accounts, err := w.Accounts()
	if err != nil || path.Mixdepth >= len(accounts) {
		return false
	}
	for _, branch := range accounts[path.Mixdepth].Branches {
		for _, e := range branch.Entries {
			if e.Path == path {
				return e.Status != status.New && e.Status != status.Flagged && e.Status != status.Empty
			}
		}
	}
	return false
}

// reuseNotes warn of payments to addresses of the wallet that were paid before.
func reuseNotes(w *wallet.Wallet, q spend.Quote) (notes []string) {
	for _, out := range q.Outputs {
		address, err := txbuild.FormatAddress(out.Script, w.Params())
		if out.Change || err != nil {
			continue
		}
		path, err := w.Find(address)
		if err == nil && path.Branch != keys.Timelocked && paidBefore(w, path) {
			notes = append(notes, fmt.Sprintf("WARNING: %s is an address of this wallet that was paid before: everybody\n"+
				"    sees that both payments went to one owner. Take a new one: jm wallet address -m %d", address, path.Mixdepth))
		}
	}
	return notes
}

// agreeToLink asks about a destination that undoes what a CoinJoin is for,
// unless the user has named the option for that.
func (a *app) agreeToLink(w *wallet.Wallet, p taker.Payment, o payOptions) error {
	why := ownDestination(w, p)
	if why == "" || o.link {
		return nil
	}
	if o.yes {
		return usagef("%s: %s; or add --link", p.Destination, why)
	}
	a.term.say("WARNING: %s: %s.", p.Destination, why)
	ok, err := a.term.confirm("Send it there all the same?")
	switch {
	case errors.Is(err, errNoTerminal):
		return usagef("%w; add --link to send it there all the same", err)
	case err != nil:
		return err
	case !ok:
		return errDeclined
	}
	return nil
}
