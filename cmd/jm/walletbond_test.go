package main

import (
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
)

const aBond = "3e5b192665557be4f32f4168f5a0585fa3f0e94795d238c7d6d952de38c29e0e:0"

func TestBondList(t *testing.T) {
	list := &bondListing{
		Height: 115, Median: 1_798_772_400, CertifiedTo: 2016, Best: aBond, Beside: 2,
		Bonds: []bondSummary{
			{OutPoint: aBond, Address: "bcrt1qvy4", Path: "m/84'/1'/0'/2/84:1798761600", Amount: 19_999_756, Confirmations: 12,
				Locktime: 1_798_761_600, Value: 723_886.2, Frozen: true, Cause: "bond",
				Links: []bondLink{{wallet.LinkSource, "13ff:0", 20_000_000}, {wallet.LinkChange, "3e5b:1", 5}}},
			{OutPoint: "77aa:1", Address: "bcrt1qnext", Path: "m/84'/1'/0'/2/85:1801440000", Amount: 1, Locktime: 1_801_440_000, Locked: true,
				Links: []bondLink{{Kind: wallet.LinkPayer}, {wallet.LinkBond, "99:0", 7}}},
		},
	}
	want := aBond + `
  amount   0.19999756 BTC, 12 conf.
  address  bcrt1qvy4  m/84'/1'/0'/2/84:1798761600
  lock     ended 2027-01-01 00:00 UTC: it can be spent (jm wallet bond spend)
  value    0.0000000000723886, the best: what a maker announces
  frozen   (bond)

77aa:1
  amount   0.00000001 BTC, 0 conf.
  address  bcrt1qnext  m/84'/1'/0'/2/85:1801440000
  lock     LOCKED until 2027-02-01 00:00 UTC, 31 days
  value    0.0000000000000000

At block 115, 2027-01-01 03:00 UTC by the chain. A certificate made now is good up to block 2016.
`
	if got := list.text(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	warnings := list.warnings()
	for i, words := range []string{"13ff:0 (0.20000000 BTC)", "3e5b:1 (0.00000005 BTC)", "somebody else paid it", "99:0", "other coins (2)"} {
		if len(warnings) != 5 || !strings.Contains(warnings[i], words) {
			t.Errorf("P6: warnings %q, want %q at %d", warnings, words, i)
		}
	}
	list.Bonds = nil
	if w := list.warnings(); len(w) != 0 {
		t.Errorf("P6: without a bond: %q", w)
	}
}

func TestP6BondAddressWarnings(t *testing.T) {
	end := unixUTC(1_798_761_600)
	all := strings.Join(bondAddressWarnings(end, false), "\n")
	for _, words := range []string{"cannot be spent before 2027-01-01 00:00 UTC", "pay it once", "one bond, the most valuable", "from an exchange", "through a CoinJoin first"} {
		if !strings.Contains(all, words) {
			t.Errorf("P6: no %q in\n%s", words, all)
		}
	}
	if past := strings.Join(bondAddressWarnings(end, true), "\n"); !strings.Contains(past, "in the past") || strings.Contains(past, "cannot be spent") {
		t.Errorf("%s", past)
	}
}

func TestP6WhereABondGoes(t *testing.T) {
	balances := []wallet.Balance{{Mixdepth: 0, Frozen: 1}, {Mixdepth: 1}, {Mixdepth: 2, Available: 5}, {Mixdepth: 3}}
	for _, c := range []struct {
		p       spend.Payment
		has     []string
		without string
	}{
		{spend.Payment{}, []string{"comes from the bond", "Whoever gets it"}, "mixdepth"},
		{spend.Payment{Keep: true, Into: 1}, []string{"comes from the bond", "mixdepth 1", "before it meets other coins."}, "has some"},
		{spend.Payment{Keep: true, Into: 2}, []string{"mixdepth 2", "has some", "empty: 1 3"}, "Whoever"},
	} {
		text := bondSpendNotes(c.p, balances)
		for _, words := range c.has {
			if !strings.Contains(text, words) {
				t.Errorf("P6: %+v: no %q in\n%s", c.p, words, text)
			}
		}
		if strings.Contains(text, c.without) || !strings.HasSuffix(text, ".\n") {
			t.Errorf("P6: %+v:\n%s", c.p, text)
		}
	}
}

// TestBondValues: one bond by the example of the specification, and the bounds of
// the list.
func TestBondValues(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	list, err := prospects(bond.DefaultRates, bondCoin{amount: sats.PerBTC, confirmed: now, now: now}, "2026-12", 2)
	if err != nil || len(list) != 2 || list[0].Month != "2026-12" || list[1].Month != "2027-01" || list[1].Locktime != 1_798_761_600 {
		t.Fatalf("%+v, %v", list, err)
	}
	if got := bondValueText(list[1].Value); got != "0.0000000107840156" {
		t.Errorf("1 BTC for a year: %s", got)
	}
	for first, count := range map[string]int{"2019-12": 1, "2100-01": 1, "x": 1, "2026-01": 0, "2026-02": -1, "2099-12": 2, "2020-01": bond.Locktimes + 1} {
		if list, err := prospects(bond.DefaultRates, bondCoin{amount: 1, confirmed: now, now: now}, first, count); err == nil {
			t.Errorf("%d months from %s: %d", count, first, len(list))
		}
	}
}

func TestCertificateArguments(t *testing.T) {
	for height, want := range map[int64]uint16{0: 0, 1: 1, 2016: 1, 2017: 2, 0xffff * 2016: 0xffff} {
		if got, err := periodOf(height); got != want || err != nil {
			t.Errorf("periodOf(%d) = %d, %v", height, got, err)
		}
	}
	for _, bad := range []int64{-1, 0xffff*2016 + 1, 1 << 62} {
		if got, err := periodOf(bad); exitCode(err) != exitUsage {
			t.Errorf("periodOf(%d) = %d, %v", bad, got, err)
		}
	}
	const good = "025cbdf0646e5db4eaa398f365f2ea7a0e3d419b7e0330e39ce92bddedcac4f9bc"
	if key, err := parsePubKey(good); err != nil || key[0] != 2 || key[32] != 0xbc {
		t.Errorf("%x, %v", key, err)
	}
	for _, bad := range []string{"", "02", good[:64], good + "00", "05" + good[2:], strings.Repeat("0", 66), "zz" + good[2:], "02" + strings.Repeat("f", 64)} {
		if _, err := parsePubKey(bad); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
