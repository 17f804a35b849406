package main

import (
	"fmt"
	"net"

	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/decimal"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// trait is a setting that others can see the effect of. Whoever has the default
// is one of many; who has not can be known again by it (attack P11).
type trait struct {
	section, key string
	value        func(config.Config) any
	shows        string // what another value shows, and to whom
}

// Who sees what most traits show.
const (
	onChain  = "everybody sees it on the chain: "
	toMakers = "makers see it when you pay: "
	inMarket = "the whole market sees it when you are a maker: "
)

// traits are all keys of [POLICY] and [YIELDGENERATOR] that can be seen. The others
// stay with you: limits of what you would pay, addresses that are watched, files.
var traits = []trait{
	{"POLICY", "tx_fees", func(c config.Config) any { return c.Policy.TxFees },
		onChain + "your transactions, CoinJoins and others, pay another fee rate than most at their time"},
	{"POLICY", "tx_fees_factor", func(c config.Config) any { return c.Policy.TxFeesFactor },
		onChain + "your fee rates lie nearer to the nodes' estimate than those of others, or farther from it"},
	{"POLICY", "merge_algorithm", func(c config.Config) any { return c.Policy.MergeAlgorithm },
		onChain + "you spend more coins at a time than others, and they are tied together"},
	{"POLICY", "max_sats_freeze_reuse", func(c config.Config) any { return int64(c.Policy.MaxFreezeReuse) },
		onChain + "you spend what somebody sends to an address of yours that was paid before, which ties your coins together"},
	{"POLICY", "minimum_makers", func(c config.Config) any { return c.Policy.MinimumMakers },
		onChain + "your CoinJoins have fewer participants when makers fail; or they are given up, which makers see"},
	{"POLICY", "tx_broadcast", func(c config.Config) any { return c.Policy.TxBroadcast },
		toMakers + "how often you ask them to broadcast; and your node's neighbours see how often you do so yourself"},
	{"POLICY", "taker_utxo_retries", func(c config.Config) any { return c.Policy.TakerUTXORetries },
		toMakers + "how often you use a coin for commitments; as a maker you refuse or accept others than most do"},
	{"POLICY", "taker_utxo_age", func(c config.Config) any { return c.Policy.TakerUTXOAge },
		toMakers + "the age of the coins of your commitments; as a maker you refuse or accept others than most do"},
	{"POLICY", "taker_utxo_amtpercent", func(c config.Config) any { return c.Policy.TakerUTXOPercent },
		toMakers + "the size of the coins of your commitments; as a maker you refuse or accept others than most do"},
	{"POLICY", "interest_rate", func(c config.Config) any { return c.Policy.InterestRate },
		toMakers + "who has many bonds can tell in time that you weigh them in another way"},
	{"POLICY", "bond_value_exponent", func(c config.Config) any { return c.Policy.BondExponent },
		toMakers + "who has many bonds can tell in time that you weigh them in another way"},
	{"POLICY", "bondless_makers_allowance", func(c config.Config) any { return c.Policy.BondlessAllowance },
		toMakers + "you choose those without a bond more often than others do, or less often"},

	{"YIELDGENERATOR", "generator", func(c config.Config) any {
		if c.Yield.Basic {
			return "basic"
		}
		return "privacy-enhanced"
	}, inMarket + "your offers are the same each time, so that they are known again under another nick"},
	{"YIELDGENERATOR", "ordertype", func(c config.Config) any { return c.Yield.OrderType },
		inMarket + "few makers offer a fixed fee, or both"},
	{"YIELDGENERATOR", "cjfee_a", func(c config.Config) any { return int64(c.Yield.CJFeeAbs) },
		inMarket + "another fixed fee than most have (of absoffer and both)"},
	{"YIELDGENERATOR", "cjfee_r", func(c config.Config) any { return c.Yield.CJFeeRel },
		inMarket + "another share than most have (of reloffer and both)"},
	{"YIELDGENERATOR", "txfee_contribution", func(c config.Config) any { return int64(c.Yield.TxFee) },
		inMarket + "most add nothing to the miner fee"},
	{"YIELDGENERATOR", "minsize", func(c config.Config) any { return int64(c.Yield.MinSize) },
		inMarket + "another least amount than most have"},
	{"YIELDGENERATOR", "cjfee_factor", func(c config.Config) any { return c.Yield.CJFeeFactor },
		inMarket + "your fee changes by more than others' does, or less; at 0 it is the same under each nick"},
	{"YIELDGENERATOR", "txfee_contribution_factor", func(c config.Config) any { return c.Yield.TxFeeFactor },
		inMarket + "what you add to the miner fee changes by more than others' does, or less"},
	{"YIELDGENERATOR", "size_factor", func(c config.Config) any { return c.Yield.SizeFactor },
		inMarket + "your sizes change by more than others' do, or less; at 0 the greatest tells more of your balance"},
	{"YIELDGENERATOR", "min_tx_feerate", func(c config.Config) any { return int64(c.Yield.MinFeeRate) },
		"takers see it: you sign nothing below a fee rate that others sign"},
	{"YIELDGENERATOR", "reannounce_sec", func(c config.Config) any { return c.Yield.Reannounce },
		inMarket + "your offers follow a change sooner or later than others'; the sooner, the easier they are tied to a transaction"},
}

// checkCrowd tells how the configuration differs from the default where others
// see it.
func (a *app) checkCrowd() (found []finding) {
	usual := config.Default(a.cfg.Dir)
	for _, t := range traits {
		if mine, most := t.value(a.cfg), t.value(usual); !same(mine, most) {
			found = append(found, note("crowd", "[%s] %s is %v, by default %v: %s.", t.section, t.key, mine, most, t.shows))
		}
	}
	for _, ch := range a.cfg.Channels {
		for _, shows := range channelTraits(ch) {
			found = append(found, note("crowd", "[MESSAGING:%s] %s.", ch.Name, shows))
		}
	}
	if a.cfg.OnionKeyFile != "" || a.cfg.OnionServiceDir != "" {
		found = append(found, note("crowd", "onion_key_file, hidden_service_dir: as a maker you have the same onion address each time, so that takers and directories know you again."))
	}
	if len(found) == 0 {
		found = append(found, ok("crowd", "No setting that others can see differs from its default."))
	}
	return found
}

// channelTraits are what the server of a channel can know its user by.
func channelTraits(ch control.ChannelConfig) (shows []string) {
	if ch.Type != control.TypeOnion && ch.SOCKS5 == "" && !ownMachine(ch.Host) {
		shows = append(shows, "socks5 is false: the server, and whoever watches your line, sees your address on the internet; with Tor it is true")
	}
	if ch.SASL != "" || ch.Password != "" || ch.ClientCert != "" {
		shows = append(shows, "has a password, an account or a certificate: the server ties all your nicks together by it")
	}
	if ch.LineInterval != 0 && ch.LineInterval != control.DefaultLineInterval {
		shows = append(shows, fmt.Sprintf("line_interval_ms is %d: the room sees that your lines come at another pace than those of others", ch.LineInterval.Milliseconds()))
	}
	return shows
}

// same compares values; decimals by their worth, however they are written.
func same(x, y any) bool {
	a, errA := decimal.Parse(fmt.Sprint(x))
	b, errB := decimal.Parse(fmt.Sprint(y))
	return x == y || errA == nil && errB == nil && a.Cmp(b) == 0
}

// ownMachine tells of a host whether it is this machine.
func ownMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
