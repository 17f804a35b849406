package keys

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// vector is a known answer of the reference implementation.
type vector struct {
	Kind       string
	Valid      bool
	Reason     string
	Should     string
	Text       string
	Levels     []any
	Network    string
	WalletID   string `json:"wallet_id"`
	Mnemonic   string
	Extension  string
	Entropy    string
	Bip39Seed  string `json:"bip39_seed"`
	Phrase     string
	WalletType string `json:"wallet_type"`
	Given      string `json:"given_text"` // from which a watch-only wallet was made
	Mixdepths  []struct {
		Mixdepth int
		XPub     string
		Branches []struct {
			Branch    uint32
			XPub      string
			Path      string
			Addresses []addressVector
		}
	}
	Timelocked []addressVector
	BondXPub   string `json:"timelock_branch_xpub"`
}

type addressVector struct {
	Index        uint32
	Path         string
	Address      string
	ScriptPubkey string `json:"script_pubkey"`
	Pubkey       string
	WIF          string
	// of fidelity bonds
	Timenumber   int
	Locktime     uint32
	RedeemScript string `json:"redeem_script"`
	Full         string `json:"address_of_full_wallet"`
}

var networks = map[string]*chaincfg.Params{
	"mainnet": &chaincfg.MainNetParams,
	"testnet": &chaincfg.TestNet3Params,
	"signet":  &chaincfg.SigNetParams,
	"regtest": &chaincfg.RegressionNetParams,
}

// Types of wallets of the reference.
const (
	withBonds = "p2wpkh fidelity bonds"
	watchOnly = "watch-only fidelity bonds"
)

// tree makes the keys of the wallet of a case, and its id there.
func (c vector) tree(t *testing.T) (tree *Tree, id string) {
	t.Helper()
	kind, _, hasBonds := strings.Cut(c.WalletType, " ")
	var seed Seed
	var err error
	switch c.WalletType {
	case watchOnly:
		kind = string(txbuild.P2WPKH)
		seed, err = ParseMaster(c.Given, time.Time{})
	case string(txbuild.P2PKH): // the words are of another list
		entropy, hexErr := hex.DecodeString(c.Entropy)
		if hexErr != nil {
			t.Fatal(hexErr)
		}
		seed, err = SeedOf(secret.NewBytes(entropy), secret.Text{}, time.Time{})
	default:
		seed, err = ParsePhrase(secret.NewText(c.Mnemonic), secret.NewText(c.Extension), time.Time{})
		if err != nil {
			break
		}
		raw, err := seed.bip39Seed()
		if got := hex.EncodeToString(raw.Reveal()); err != nil || got != c.Bip39Seed {
			t.Errorf("BIP39 seed %s, %v; want %s", got, err, c.Bip39Seed)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(seed.Entropy().Reveal()); got != c.Entropy {
		t.Errorf("entropy %s, want %s", got, c.Entropy)
	}
	if tree, err = NewTree(seed, txbuild.ScriptType(kind), networks[c.Network]); err != nil {
		t.Fatal(err)
	}
	if hasBonds {
		id, err = tree.BondsID()
	} else {
		id, err = tree.ID()
	}
	if err != nil {
		t.Fatal(err)
	}
	return tree, id
}

func TestW8WalletsOfTheReference(t *testing.T) {
	addresses, bonds := map[string]int{}, 0
	for _, c := range vectors.Kind[vector](t, "hd.json", "wallet", 29) {
		t.Run(c.Network+" "+c.WalletType+" "+c.WalletID, func(t *testing.T) {
			if !c.Valid && c.Should != "derive address_of_full_wallet" {
				t.Fatalf("unexpected case: %s", c.Reason)
			}
			tree, id := c.tree(t)
			if id != c.WalletID {
				t.Errorf("id %s, want %s", id, c.WalletID)
			}
			addresses[c.WalletType] += checkWallet(t, tree, c)
			bonds += checkBonds(t, tree, c)
		})
	}
	for kind, want := range map[string]int{"p2pkh": 4 * 50, "p2sh-p2wpkh": 6 * 50, "p2wpkh": 8 * 50, withBonds: 8 * 50, watchOnly: 3 * 10} {
		if addresses[kind] != want {
			t.Errorf("%d addresses of %s compared, want %d", addresses[kind], kind, want)
		}
	}
	if bonds != 7*5+9+3*5 {
		t.Errorf("%d fidelity bonds compared, want 59", bonds)
	}
}

func checkWallet(t *testing.T, tree *Tree, c vector) (addresses int) {
	hasBonds := c.WalletType == withBonds || c.WalletType == watchOnly
	for _, m := range c.Mixdepths {
		xpub, err := tree.AccountXPub(m.Mixdepth)
		if hasBonds && m.Mixdepth == 0 {
			xpub, err = tree.Master()
		}
		if err != nil || xpub != m.XPub {
			t.Errorf("mixdepth %d: xpub %s, %v; want %s", m.Mixdepth, xpub, err, m.XPub)
		}
		for _, b := range m.Branches {
			if got, err := tree.BranchXPub(m.Mixdepth, b.Branch); err != nil || got != b.XPub {
				t.Errorf("%s: xpub %s, %v; want %s", b.Path, got, err, b.XPub)
			}
			for _, a := range b.Addresses {
				addresses++
				path := Path{Mixdepth: m.Mixdepth, Branch: b.Branch, Index: a.Index}
				checkAddress(t, tree, path, a)
			}
		}
	}
	return addresses
}

func checkAddress(t *testing.T, tree *Tree, path Path, a addressVector) {
	t.Helper()
	if got := tree.PathText(path); got != a.Path {
		t.Errorf("path %s, want %s", got, a.Path)
	}
	if got, err := tree.ParsePath(a.Path); err != nil || got != path {
		t.Errorf("path %s is read as %+v, %v", a.Path, got, err)
	}
	if got, err := tree.Address(path); err != nil || got != a.Address {
		t.Errorf("%s: address %s, %v; want %s", a.Path, got, err, a.Address)
	}
	if a.ScriptPubkey == "" {
		return // the reference gives the rest for the first index only
	}
	script, err := tree.Script(path)
	if got := hex.EncodeToString(script); err != nil || got != a.ScriptPubkey {
		t.Errorf("%s: script %s, %v; want %s", a.Path, got, err, a.ScriptPubkey)
	}
	redeem, err := tree.Redeem(path)
	if got := hex.EncodeToString(redeem); err != nil || got != a.RedeemScript {
		t.Errorf("%s: redeem script %s, %v; want %s", a.Path, got, err, a.RedeemScript)
	}
	pub, err := tree.PublicKey(path)
	if got := hex.EncodeToString(pub); err != nil || got != a.Pubkey {
		t.Errorf("%s: public key %s, %v; want %s", a.Path, got, err, a.Pubkey)
	}
	wif, err := tree.WIF(path)
	if tree.watched != nil {
		if !errors.Is(err, ErrWatchOnly) {
			t.Errorf("%s: private key of a watch-only wallet: %v", a.Path, err)
		}
	} else if err != nil || wif.Reveal() != a.WIF {
		t.Errorf("%s: private key differs, %v", a.Path, err)
	}
}

// checkBonds compares the fidelity bonds. The watch-only wallet of the reference
// has others than the full one, except the first: it takes key 0 for all of
// them. We derive those of the full wallet, and find both.
func checkBonds(t *testing.T, tree *Tree, c vector) (bonds int) {
	if c.BondXPub != "" {
		if got, err := tree.BranchXPub(0, Timelocked); err != nil || got != c.BondXPub {
			t.Errorf("xpub of the bonds %s, %v; want %s", got, err, c.BondXPub)
		}
	}
	for _, a := range c.Timelocked {
		bonds++
		path, err := BondPath(a.Timenumber)
		if err != nil || path.Locktime != a.Locktime {
			t.Fatalf("locktime %d, %v; want %d", path.Locktime, err, a.Locktime)
		}
		if c.WalletType == watchOnly {
			if got, err := tree.Address(path); err != nil || got != a.Full {
				t.Errorf("%s: address %s, %v; want %s", a.Path, got, err, a.Full)
			}
			path.Index = 0
			a.Path = tree.PathText(path) // the reference writes the other one
		}
		checkAddress(t, tree, path, a)
	}
	return bonds
}

// TestW8SpecBonds has the worked examples of the wallet document, with locktimes
// of four and five bytes, and the second scheme.
func TestW8SpecBonds(t *testing.T) {
	tr := tree(t, "", &chaincfg.MainNetParams)
	for n, want := range map[int]string{
		0:   "bc1qhhhf29f4nlyalyfrrpfrknxj9uwqk4qsyvkujsa7w0ulfur78xkspsqn84",
		66:  "bc1qmqfmwlperjpafv96v36gzuzwts322wk84qzzeyfuf624r2y7knqstyc8zu",
		216: "bc1q9q8laey6fjlcpcdt9elcdjwjq0kmnwx3rxwdsm9szuvtaju84x8s8ka6wa",
		217: "bc1qyejggt44gfdtwruzk89mppw7xuxvr2ts5xfrult2gre20dtzejdqye5h3j",
		959: "bc1qsqex3czzqzrn0n6rjayvhddygj0rz8df4fj2uwk9dkzdqkt9f7zs5c493u",
	} {
		path, err := BondPath(n)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tr.Address(path); err != nil || got != want {
			t.Errorf("timenumber %d: %s, %v, want %s", n, got, err, want)
		}
	}
	second := Path{Branch: Timelocked, Locktime: 1_751_328_000}
	if got, err := tr.Address(second); err != nil || got != "bc1qdcnw9h5vfqqnsrqv2jjak0xqt58v69s4ptumqrp8t3vl9mkfmf6sv68xd3" {
		t.Errorf("index 0: %s, %v", got, err)
	}
	if text := tr.PathText(second); text != "m/84'/0'/0'/2/0:1751328000" {
		t.Errorf("path %s", text)
	}
	for _, p := range []Path{
		{Branch: Timelocked}, {Branch: Timelocked, Index: 1}, {Branch: Timelocked, Locktime: 1_751_328_001},
		{Branch: Timelocked, Index: 65, Locktime: 1_751_328_000}, {Mixdepth: 1, Branch: Timelocked, Index: 66, Locktime: 1_751_328_000},
		{Branch: Timelocked, Index: 960, Locktime: 4_102_444_800}, {Branch: External, Locktime: 1_751_328_000},
	} {
		if _, err := tr.Script(p); !errors.Is(err, ErrPath) {
			t.Errorf("Script(%+v): %v", p, err)
		}
		if _, err := tr.PrivateKey(p); !errors.Is(err, ErrPath) {
			t.Errorf("PrivateKey(%+v): %v", p, err)
		}
	}
	for _, n := range []int{-1, bond.Locktimes} {
		if _, err := BondPath(n); !errors.Is(err, bond.ErrMonth) {
			t.Errorf("BondPath(%d): %v", n, err)
		}
	}
}

func TestW7Phrases(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "hd.json", "phrase", 12) {
		seed, err := ParsePhrase(secret.NewText(c.Phrase), secret.Text{}, time.Time{})
		if !c.Valid {
			if !errors.Is(err, ErrPhrase) {
				t.Errorf("%s: %v, want ErrPhrase", c.Reason, err)
			}
			if (c.Reason == "checksum" || c.Reason == "reversed order") && !errors.Is(err, ErrChecksum) {
				t.Errorf("%s: %v, want ErrChecksum", c.Reason, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.Phrase, err)
			continue
		}
		if got := hex.EncodeToString(seed.Entropy().Reveal()); got != c.Entropy {
			t.Errorf("%q: entropy %s, want %s", c.Phrase, got, c.Entropy)
		}
		phrase, err := seed.Phrase()
		if want := strings.Join(strings.Fields(strings.ToLower(c.Phrase)), " "); err != nil || phrase.Reveal() != want {
			t.Errorf("phrase %q, %v; want %q", phrase.Reveal(), err, want)
		}
	}
}

func TestMasterVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "hd.json", "master_public_key_text", 4) {
		if _, err := ParseMaster(c.Text, time.Time{}); c.Valid || !errors.Is(err, ErrMaster) {
			t.Errorf("%s: %v", c.Reason, err)
		}
	}
}

func TestPathVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "hd.json", "path_text", 16) {
		l, err := parseLevels(c.Text)
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, ErrPath) {
			t.Errorf("%q (%s): %v, want valid %v", c.Text, c.Reason, err, c.Valid)
		}
		if err != nil {
			continue
		}
		got := []any{l.root}
		for _, level := range l.levels {
			got = append(got, float64(level))
		}
		if l.locktime != 0 {
			got = append(got, float64(l.locktime))
		}
		if c.Levels[0] == "<wallet>" {
			c.Levels[0] = "m"
		}
		if !slices.Equal(got, c.Levels) {
			t.Errorf("%q: %v, want %v", c.Text, got, c.Levels)
		}
	}
}
