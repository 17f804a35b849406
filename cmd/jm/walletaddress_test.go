package main

import (
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bip21"
)

// TestAddressAsURI: a payment URI has what was asked for, and a request that
// cannot be written costs no address.
func TestAddressAsURI(t *testing.T) {
	s := newScene(t, writing{})
	first := strings.TrimSpace(s.must("wallet", "address", "--uri"))
	u, err := bip21.Decode(first)
	if err != nil || u.Amount != nil || u.Label != "" || "bitcoin:"+u.Address != first {
		t.Errorf("%s: %+v, %v", first, u, err)
	}
	for _, args := range [][]string{
		{"--amount", "0"}, {"--amount", "-5"}, {"--amount", "much"}, {"--amount", "21000001btc"},
		{"--label", "two\nlines"}, {"--label", "\xff"}, {"--label", strings.Repeat("x", maxRequestLabel+1)},
	} {
		if code := s.jm(sound(), append([]string{"wallet", "address"}, args...)...); code != exitUsage || s.out.Len() > 0 {
			t.Errorf("%q: exit status %d, %s", args, code, s.out.String())
		}
	}
	second := strings.TrimSpace(s.must("wallet", "address", "--amount", "0.0025", "--label", "Café & Co"))
	asked, err := bip21.Decode(second)
	if err != nil || asked.Amount == nil || *asked.Amount != 250_000 || asked.Label != "Café & Co" || asked.Address == u.Address {
		t.Errorf("%s: %+v, %v", second, asked, err)
	}
	s.with("default", func(w *wallet.Wallet) bool {
		was, errWas := w.Find(u.Address)
		is, errIs := w.Find(asked.Address)
		if errWas != nil || errIs != nil || is.Index != was.Index+1 {
			t.Errorf("index %d, then %d: %v, %v", was.Index, is.Index, errWas, errIs)
		}
		return true
	})
	if out := s.must("--json", "wallet", "address", "--uri"); !strings.Contains(out, `"uri": "bitcoin:bcrt1`) {
		t.Error(out)
	}
}
