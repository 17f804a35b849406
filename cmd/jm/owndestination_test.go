package main

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
)

// TestP6CoinJoinToTheWalletItself: what ties coins of the wallet together is not
// done unasked; what is usual is not asked about.
func TestP6CoinJoinToTheWalletItself(t *testing.T) {
	s := newScene(t, writing{})
	address := regexp.MustCompile(`bcrt1[0-9a-z]+`)
	bond := address.FindString(s.must("wallet", "bond", "address", "2080-01"))
	same := address.FindString(s.must("wallet", "address", "-m", "0"))
	other := address.FindString(s.must("wallet", "address", "-m", "1"))
	const market = "there is no way to the market" // it would have gone on
	for _, c := range []struct {
		what string
		args []string
		code int
		says string
	}{
		{"a bond", []string{bond, "--yes"}, exitUsage, "fidelity bond of this wallet, locked until 2080-01-01"},
		{"a bond, nobody to ask", []string{bond}, exitUsage, "--link"},
		{"a bond all the same", []string{bond, "--yes", "--link"}, exitFailure, market},
		{"the mixdepth that pays", []string{same, "--yes"}, exitUsage, "mixdepth 0, which pays"},
		{"the mixdepth that pays, nobody to ask", []string{same}, exitUsage, "WARNING: " + same},
		{"the mixdepth that pays, all the same", []string{same, "--yes", "--link"}, exitFailure, market},
		{"from another mixdepth", []string{same, "-m", "1", "--yes"}, exitFailure, market},
		{"another mixdepth", []string{other, "--yes"}, exitFailure, market},
		{"paid before", []string{s.address, "--yes"}, exitUsage, "was paid before"},
		{"paid before, all the same", []string{s.address, "--yes", "--link"}, exitFailure, market},
		{"somebody else", []string{foreign, "--yes"}, exitFailure, market},
	} {
		code := s.jm(sound(), append([]string{"sendpayment", "100000", "-N", "4"}, c.args...)...)
		if code != c.code || !strings.Contains(s.talk.String(), c.says) {
			t.Errorf("%s: exit status %d, want %d and %q\n%s", c.what, code, c.code, c.says, s.talk.String())
		}
	}
}

// TestPaymentToAUsedAddress: a payment without makers warns, too.
func TestPaymentToAUsedAddress(t *testing.T) {
	s := newScene(t, writing{})
	fresh := regexp.MustCompile(`bcrt1[0-9a-z]+`).FindString(s.must("wallet", "address", "-m", "1"))
	for address, warned := range map[string]bool{s.address: true, fresh: false, foreign: false} {
		s.jm(sound(), "wallet", "send", address+"=100000", "--feerate", "2") // there is nobody to ask
		if talk := s.talk.String(); strings.Contains(talk, "paid before") != warned || !strings.Contains(talk, address) {
			t.Errorf("%s: want a warning: %v\n%s", address, warned, talk)
		}
	}
}

// TestBondValuesAsConfigured: interest_rate and bond_value_exponent decide, and
// flags before them.
func TestBondValuesAsConfigured(t *testing.T) {
	s := newScene(t, writing{})
	value := func(args ...string) float64 {
		t.Helper()
		var list []prospect
		out := s.must(append([]string{"--json", "wallet", "bond", "value", "0.5", "2080-01"}, args...)...)
		if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].Value <= 0 {
			t.Fatalf("%s: %v", out, err)
		}
		return list[0].Value
	}
	// They are of now, which moves on.
	equal := func(a, b float64) bool { return math.Abs(a-b) < a/1e6 }
	usual := value()
	if same := value("--interest", "0.015", "--exponent", "1.3"); !equal(same, usual) {
		t.Errorf("%v, with the usual rates %v", usual, same)
	}
	s.write("joinmarket.cfg", []byte("[BLOCKCHAIN]\nnetwork = regtest\n[POLICY]\ninterest_rate = 0.2\nbond_value_exponent = 1.1\n"))
	own := value()
	if equal(own, usual) || !equal(own, value("--interest", "0.2", "--exponent", "1.1")) || !equal(usual, value("-i", "0.015", "-e", "1.3")) {
		t.Errorf("configured %v, usual %v", own, usual)
	}
}
