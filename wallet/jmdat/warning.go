package jmdat

import "fmt"

// WarningKind is the stable name of a warning.
type WarningKind string

// The kinds of warnings.
const (
	WarnCreated   WarningKind = "created"
	WarnCoin      WarningKind = "coin"
	WarnFrozen    WarningKind = "frozen"
	WarnLabel     WarningKind = "label"
	WarnBurn      WarningKind = "burn"
	WarnCache     WarningKind = "cache"
	WarnIDs       WarningKind = "wallet-ids"
	WarnWatchOnly WarningKind = "watch-only-bonds"
	WarnUnknown   WarningKind = "unknown-part"
)

// explanations has one sentence for each kind, in the order of reports.
var explanations = []struct {
	kind     WarningKind
	sentence string
}{
	{WarnIDs, "paths belong to another wallet: the file may be damaged"},
	{WarnFrozen, "entries of the list of frozen coins cannot be read: check that the coins you froze are frozen"},
	{WarnCoin, "entries of the list of coins cannot be read: a scan of the chain will find the coins"},
	{WarnLabel, "labels cannot be read or are for no address of this network: they are left out"},
	{WarnBurn, "records of burnt coins cannot be read: they are left out"},
	{WarnCache, "stored addresses are not those of their scripts: JoinMarket may have shown a wrong address"},
	{WarnWatchOnly, "JoinMarket shows wrong fidelity bond addresses for watch-only wallets: coins sent there need the key of index 0 with their own locktime"},
	{WarnCreated, "the date of creation cannot be read"},
	{WarnUnknown, "parts have no known meaning: they are not taken over"},
}

// Warning says that something in a file was left out, or may surprise.
type Warning struct {
	Kind  WarningKind
	Count int // how often; at least 1
}

// String returns a sentence for the user. It repeats nothing of the file.
func (w Warning) String() string {
	for _, e := range explanations {
		if e.kind == w.Kind {
			return fmt.Sprintf("%s (%d)", e.sentence, w.Count)
		}
	}
	return string(w.Kind)
}
