package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

const (
	// nodeWait is how long the node is asked; a light client has peers to find.
	nodeWait = 30 * time.Second
	// behind is how old the median of the last blocks' times is where blocks are
	// missing. It is an hour old when none is, and hardly ever three.
	behind = 6 * time.Hour
	// room is what the data folder must have: a wallet file, its backups and the
	// commitments, with a margin.
	room = 4 << 20 // bytes
)

// inOneLine is a text of several lines in one, fit for a terminal.
func inOneLine(text string) string { return visible(strings.ReplaceAll(text, "\n", "; ")) }

// checkConfiguration adds to what was found when the file was read.
func (a *app) checkConfiguration(found []finding) []finding {
	of := func(check string) bool {
		return slices.ContainsFunc(found, func(f finding) bool { return f.Check == check })
	}
	if !of("configuration") {
		found = append(found, ok("configuration", "%s is understood.", filepath.Join(a.cfg.Dir, config.FileName)))
	}
	if !of("rights") {
		found = append(found, ok("rights", "Nobody else on this machine can read the configuration, wallets and logs."))
	}
	return found
}

// checkNode asks the node what payments and CoinJoins need of it.
func (a *app) checkNode(ctx context.Context) (found []finding) {
	ctx, cancel := context.WithTimeout(ctx, nodeWait)
	defer cancel()
	backend, err := a.openChain(ctx)
	if err != nil {
		return []finding{fault("node", "%v", err)}
	}
	defer backend.Close()
	a.term.waiting("asking the node")
	tip, err := backend.Tip(ctx)
	switch {
	case err != nil && a.light() && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return []finding{note("node", "The light client has no up-to-date chain after %v. The first time takes minutes: any jm wallet show goes on with it.", nodeWait)}
	case err != nil:
		return []finding{fault("node", "%v", nodeError(err))}
	}
	age := time.Since(tip.MedianTime).Round(time.Minute)
	if a.networkName() != "regtest" && age > behind {
		found = append(found, fault("node", "The node is at block %d, %v old: blocks are missing. Wait until it has them; if it does not come on, look whether it has peers.", tip.Height, age))
	} else {
		found = append(found, ok("node", "It is on %s, at block %d.", a.networkName(), tip.Height))
	}
	if a.light() {
		return append(found, note("node", "A light client has no fee estimates and takes part in no CoinJoin: docs/nodes.md says what it can do."))
	}
	if fees := a.cfg.Policy.TxFees; fees <= feerate.MaxTarget {
		switch _, err := backend.FeeRate(ctx, int(fees)); {
		case errors.Is(err, chain.ErrNoEstimate):
			found = append(found, note("node", "It has no fee estimate for %d blocks (yet). Until it has one, give payments a rate: -f, or tx_fees in [POLICY].", fees))
		case err != nil:
			found = append(found, fault("node", "Asked for a fee estimate: %v", nodeError(err)))
		}
	}
	return found
}

// checkTor tells what jm tor does, if a channel needs a Tor of ours.
func (a *app) checkTor(ctx context.Context) finding {
	needs := func(ch control.ChannelConfig) bool { return ch.SOCKS5 != "" }
	switch {
	case !slices.ContainsFunc(a.cfg.Channels, needs):
		return ok("tor", "No channel needs Tor.")
	case a.daemonAddress() != "":
		return ok("tor", "joinmarketd uses it, not jm: with --market its channels tell how it fares.")
	}
	a.term.waiting("looking for Tor")
	answer := a.lookForTor(ctx)
	if !a.torConnects(answer) {
		return fault("tor", "%s", answer.Connections)
	}
	return ok("tor", "%s %s", answer.Connections, answer.Services)
}

// checkChannels enters the market.
func (a *app) checkChannels(ctx context.Context) []finding {
	status, err := a.askDaemon(ctx, true)
	if err != nil {
		return []finding{fault("channels", "%v", err)}
	}
	return judgeChannels(status)
}

// judgeChannels: one that is up is enough for the market.
func judgeChannels(status control.StatusAnswer) (found []finding) {
	best := make(map[string]control.ChannelReport) // of several clients' sessions
	up := 0
	for _, s := range status.Sessions {
		for _, c := range s.Channels {
			if before, known := best[c.Channel]; !known || before.State != string(control.ChannelUp) {
				best[c.Channel] = c
			}
		}
	}
	for _, c := range best {
		if c.State == string(control.ChannelUp) {
			up++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(best)) {
		switch c := best[name]; {
		case c.State == string(control.ChannelUp):
			found = append(found, ok("channels", "%s is up.", name))
		default:
			f := fault("channels", "%s is not up, but %s: %s. docs/irc.md and docs/onion.md say what to do.", name, c.State, cmp.Or(c.Reason, c.Code, "no reason yet"))
			if up > 0 { // the market can be reached
				f.State = "note"
			}
			found = append(found, f)
		}
	}
	if len(best) == 0 {
		found = append(found, fault("channels", "The daemon tells of none: jm status says more."))
	}
	return found
}

// checkWallets tells of the files what can be told without a password.
func (a *app) checkWallets() (found []finding) {
	names, err := a.walletNames()
	if err != nil {
		return []finding{fault("wallets", "%v", err)}
	}
	old, err := a.oldWallets()
	if err != nil {
		return []finding{fault("wallets", "%v", err)}
	}
	if len(names)+len(old) == 0 {
		return []finding{note("wallets", "No wallet yet. Make one: jm wallet create")}
	}
	for _, name := range names {
		copies, err := store.Backups(a.walletFile(name))
		switch {
		case err != nil:
			found = append(found, fault("wallets", "%s: looking for its backups: %v", name, err))
		case len(copies) == 0:
			found = append(found, note("wallets", "%s has no backup: jm wallet backup %s. Its words on paper bring it back without one.", name, name))
		default:
			found = append(found, ok("wallets", "%s; its newest backup is of %s.", name, copies[0].Time.Local().Format(time.DateTime)))
		}
	}
	for _, name := range old {
		found = append(found, note("wallets", "%s has the old format: jm wallet migrate %s", name, name))
	}
	return found
}

// checkDisk writes as much as there must be room for, durably, and removes it.
func (a *app) checkDisk() finding {
	path := filepath.Join(a.cfg.Dir, "doctor-trial")
	err := durable.WriteFileOn(a.files, path, make([]byte, room), 0o600)
	if err == nil {
		err = a.files.Remove(path)
	}
	if err != nil {
		text := fmt.Sprintf("Writing to the data folder: %v", err)
		return fault("disk", "%s", strings.TrimSpace(text+"\n"+cmp.Or(diskAdvice(err), "Look at the rights of the folder, and at the disk.")))
	}
	return ok("disk", "%s can be written to, and has room.", a.cfg.Dir)
}
