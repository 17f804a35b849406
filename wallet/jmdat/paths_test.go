package jmdat

import (
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

// TestTimenumbers: the index of a fidelity bond stands for its locktime.
func TestTimenumbers(t *testing.T) {
	accepted := func(index, locktime int64) bool {
		w, err := read(encode(with(dict{"wallet_type": 5, "utxo": coin("abc", 84+h, h, h, 2, index, locktime)})))
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Coins) != len(w.Locktimes) || len(w.Locktimes) == 1 && w.Locktimes[0] != locktime {
			t.Errorf("locktimes %v", w.Locktimes)
		}
		return len(w.Coins) == 1
	}
	for _, c := range vectors.Kind[hdVector](t, "hd.json", "timenumber", 14) {
		locktime := c.Locktime
		if !c.Valid {
			locktime = firstOfMonth(uint32(c.Timenumber))
		}
		if got := accepted(c.Timenumber, locktime); got != c.Valid {
			t.Errorf("index %d accepted %v", c.Timenumber, got)
		}
	}
	for _, c := range vectors.Kind[hdVector](t, "hd.json", "locktime", 11) {
		if got := accepted(c.Timenumber, c.Locktime); got != c.Valid {
			t.Errorf("locktime %d accepted %v", c.Locktime, got)
		}
	}
}

func TestNetworks(t *testing.T) {
	all := []*chaincfg.Params{&chaincfg.MainNetParams, &chaincfg.TestNet3Params, &chaincfg.TestNet4Params,
		&chaincfg.RegressionNetParams, &chaincfg.SigNetParams, &chaincfg.SimNetParams}
	for network, want := range map[Network]string{
		Mainnet: "mainnet", Testnet: "testnet3 testnet4 regtest", Signet: "signet", "": "", "simnet": "",
	} {
		var fits []string
		for _, params := range all {
			if network.Includes(params) {
				fits = append(fits, params.Name)
			}
		}
		if got := strings.Join(fits, " "); got != want {
			t.Errorf("%s includes %s, want %s", network, got, want)
		}
	}
}
