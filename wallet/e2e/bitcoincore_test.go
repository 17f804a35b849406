package e2e

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/tyler-smith/go-bip39"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
	"github.com/joinmarket-go/joinmarket/wallet/descriptor"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// coreWallet is a wallet of Bitcoin Core itself.
type coreWallet struct {
	t *testing.T
	*rpc.Client
}

// coreWallet makes one: with keys of its own, or blank for importing some, or
// without private keys for ever.
func (p *place) coreWallet(t *testing.T, name string, watchOnly, blank bool) coreWallet {
	t.Helper()
	name = strings.ReplaceAll(t.Name()+"-"+name, "/", "-")
	w := coreWallet{t, p.Client().Wallet(name)}
	w.node("createwallet", nil, name, watchOnly, blank)
	return w
}

// node asks and must get an answer.
func (w coreWallet) node(method string, result any, params ...any) {
	w.t.Helper()
	if err := w.Call(timed(w.t), method, params, result); err != nil {
		w.t.Fatal(err)
	}
}

// take imports descriptors without checksum, with their past.
func (w coreWallet) take(descriptors ...string) {
	w.t.Helper()
	var requests []any
	for _, text := range descriptors {
		sealed, err := descriptor.Seal(text)
		if err != nil {
			w.t.Fatal(err)
		}
		requests = append(requests, map[string]any{"desc": sealed, "range": [2]int{0, 50}, "timestamp": 0})
	}
	var results []struct {
		Success bool
		Error   any
	}
	w.node("importdescriptors", &results, requests)
	for i, r := range results {
		if !r.Success {
			w.t.Fatalf("%.20s...: %v", descriptors[i], r.Error)
		}
	}
}

// balance is what it can spend.
func (w coreWallet) balance() sats.Amount {
	w.t.Helper()
	var b struct{ Mine struct{ Trusted rpc.BTC } }
	w.node("getbalances", &b)
	return sats.Amount(b.Mine.Trusted)
}

// process adds what the wallet knows to a PSBT, and its signatures if it can
// and shall.
func (w coreWallet) process(psbt string, sign bool) string {
	w.t.Helper()
	var r struct{ PSBT string }
	const derivations, finalize = true, false
	w.node("walletprocesspsbt", &r, psbt, sign, "ALL", derivations, finalize)
	return r.PSBT
}

// descriptors of a wallet, without checksums.
func (h *holder) descriptors() (all []string) {
	h.t.Helper()
	branches, err := h.Descriptors()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, b := range branches {
		text, _, _ := strings.Cut(b.Text, "#")
		all = append(all, text)
	}
	return all
}

var publicKey = regexp.MustCompile(`\[[0-9a-f]{8}/([^]]*)\]tpub\w+`)

// withKeys puts private keys in the place of the public ones, derived from the
// words as another program would do it.
func withKeys(t *testing.T, seed keys.Seed, kind txbuild.ScriptType, descriptors []string) (private []string) {
	t.Helper()
	phrase, err := seed.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	root := bip39.NewSeed(phrase.Reveal(), "")
	if kind == txbuild.P2PKH {
		entropy := seed.Entropy()
		root = []byte(hex.EncodeToString(entropy.Reveal()))
	}
	for _, text := range descriptors {
		found := publicKey.FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no public key with its origin in %s", text)
		}
		key, err := hdkeychain.NewMaster(root, regtest.Params)
		for _, level := range strings.Split(found[1], "/") {
			digits := strings.TrimRight(level, "h'")
			n, parseErr := strconv.ParseUint(digits, 10, 31)
			if parseErr != nil {
				t.Fatal(parseErr)
			}
			if digits != level {
				n += hdkeychain.HardenedKeyStart
			}
			if err == nil {
				key, err = key.Derive(uint32(n))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		private = append(private, strings.Replace(text, found[0][strings.Index(found[0], "]")+1:], key.String(), 1))
	}
	return private
}
