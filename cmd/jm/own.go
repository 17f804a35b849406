package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

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
