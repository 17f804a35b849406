package main

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet/status"
)

// TestDisplayLines: the lines of mixdepth 0 are those of the reference, but for
// the name of a bond's branch, and for what counts as available: coins, not
// whole addresses.
func TestDisplayLines(t *testing.T) {
	d := &display{Total: 6_990_000, Available: 3_990_000, Mixdepths: []displayMixdepth{{
		XPub: "xpubA", Total: 6_990_000, Available: 3_990_000,
		Branches: []displayBranch{
			{Kind: "external", Path: "m/84'/0'/0'/0", XPub: "xpubB", Total: 500_000, Addresses: []displayAddress{
				{Path: "m/84'/0'/0'/0/1", Address: "bc1qnjg", Status: status.Reused, Frozen: true, Total: 500_000},
				{Path: "m/84'/0'/0'/0/2", Address: "bc1qp59", Status: status.New},
			}},
			{Kind: "internal", Path: "m/84'/0'/0'/1", XPub: "xpubC", Total: 3_990_000, Available: 3_990_000, Addresses: []displayAddress{
				{Path: "m/84'/0'/0'/1/0", Address: "bc1q8c6", Status: status.ChangeOut, Total: 3_990_000, Available: 3_990_000, Label: "saved"},
			}},
			{Kind: "bonds", Path: "m/84'/0'/0'/2", XPub: "xpubD", Total: 2_500_000, Addresses: []displayAddress{
				{Path: "m/84'/0'/0'/2/100:1840752000", Address: "bc1qefh", Status: status.Bond(1_840_752_000, true), Frozen: true, Pending: true, Total: 2_500_000},
			}},
		},
	}}}
	want := strings.Join([]string{
		"JM wallet",
		"mixdepth\t0\txpubA",
		"external addresses\tm/84'/0'/0'/0\txpubB",
		"m/84'/0'/0'/0/1     \tbc1qnjg\t0.00500000\treused [FROZEN]\t\t",
		"m/84'/0'/0'/0/2     \tbc1qp59\t0.00000000\tnew\t\t",
		"Balance:\t0.00000000 (0.00500000)",
		"internal addresses\tm/84'/0'/0'/1\t",
		"m/84'/0'/0'/1/0     \tbc1q8c6\t0.03990000\tchange-out\tsaved\t",
		"Balance:\t0.03990000",
		"fidelity bonds\tm/84'/0'/0'/2\txpubD",
		"m/84'/0'/0'/2/100:1840752000\tbc1qefh\t0.02500000\t2028-05-01 [LOCKED] [FROZEN] [PENDING]\t\t",
		"Balance:\t0.00000000 (0.02500000)",
		"Balance for mixdepth 0:\t0.03990000 (0.06990000)",
		"Total balance:\t0.03990000 (0.06990000)",
		"",
	}, "\n")
	if got := d.text(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	d.single = true
	if got := d.text(); strings.Contains(got, "Total balance") {
		t.Errorf("one mixdepth:\n%s", got)
	}
}
