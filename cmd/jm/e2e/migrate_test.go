package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// oldFiles are the wallet files of the reference, with their known answers.
const oldFiles = "../../../wallet/jmdat/testdata"

// oldWallet is the known answer of the reference for one of them.
type oldWallet struct {
	File     string
	Password *string
	WalletID string `json:"wallet_id"`
	Next     []struct {
		Mixdepth int
		Branch   uint32
		Index    uint32
		Address  string
	} `json:"next_addresses"`
}

// old puts an old file into the participant's folder, beside its password.
func (p *participant) old(name string) (v oldWallet, data []byte) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(oldFiles, "jmdat.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	var answers struct{ Cases []oldWallet }
	decode(p.t, text, &answers)
	for _, c := range answers.Cases {
		if filepath.Base(c.File) == name+".jmdat" {
			v = c
		}
	}
	if data, err = os.ReadFile(filepath.Join(oldFiles, v.File)); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.oldPath(name), data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if v.Password != nil {
		p.write("old-password", *v.Password+"\n")
	}
	return v, data
}

func (p *participant) oldPath(name string) string {
	return filepath.Join(p.dir, "wallets", name+".jmdat")
}

func (p *participant) migrateArgs(args ...string) []string {
	return append([]string{"wallet", "migrate", "--old-password-file", filepath.Join(p.dir, "old-password")}, args...)
}

// TestMigrate moves a wallet of the reference to ours: shown, made, paid, and
// its coin seen.
func TestMigrate(t *testing.T) {
	node := chaintest.StartBTCD(t)
	p := alone(t, chainLines("btcd", "regtest", node))
	p.node = node
	const name = "aligned"
	v, before := p.old(name)

	p.expect(4, []string{"Python JoinMarket", "jm wallet migrate " + name}, "wallet", "show", name)
	var list struct{ Wallets, Old []string }
	decode(t, p.jm("wallet", "list"), &list)
	if len(list.Old) != 1 || list.Old[0] != name+".jmdat" || len(list.Wallets) != 1 {
		t.Errorf("wallets: %+v", list)
	}

	var found struct {
		ID, Wallet, File string
		Next             [][2]uint32
	}
	out, talk, code := p.try(p.migrateArgs(name)...)
	decode(t, out, &found)
	if code != 0 || found.Wallet != "" || found.ID != v.WalletID {
		t.Errorf("the dry run: exit status %d, %+v\n%s", code, found, talk)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "wallets", name+".jmwallet")); !os.IsNotExist(err) {
		t.Errorf("the dry run made a file: %v", err)
	}

	decode(t, p.jm(p.migrateArgs(name, "--yes")...), &found)
	if found.Wallet != name || found.File == "" {
		t.Errorf("%+v", found)
	}
	p.expect(4, []string{"exists already"}, p.migrateArgs(name, "--yes")...)
	if after, err := os.ReadFile(p.oldPath(name)); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the old file was changed: %v", err)
	}

	const amount = sats.PerBTC / 4
	paid := v.Next[0]
	script, err := txbuild.ParseAddress(paid.Address, regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Fund(p.ctx, wire.NewTxOut(int64(amount), script)); err != nil {
		t.Fatal(err)
	}
	p.mine(1)
	var shown struct{ Total sats.Amount }
	decode(t, p.jm("wallet", "show", name), &shown)
	if shown.Total != amount {
		t.Errorf("the migrated wallet holds %v, want %v", shown.Total, sats.Amount(amount))
	}
	var exported struct {
		Next        [][2]uint32
		Descriptors []struct {
			Desc  string
			Range [2]uint32
		}
	}
	decode(t, p.jm("wallet", "export", name), &exported)
	if len(exported.Descriptors) != 2*len(found.Next) || exported.Next[paid.Mixdepth][paid.Branch] != paid.Index+1 {
		t.Errorf("export after a payment to index %d: %+v", paid.Index, exported)
	}
}

// TestMigrateTypes moves wallets of the other types, with bonds and imported keys.
func TestMigrateTypes(t *testing.T) {
	p := alone(t, nobody)
	for name, imported := range map[string]int{"bonds-24": 2, "legacy-regtest": 2} {
		v, _ := p.old(name)
		var found struct {
			ID, File string
			Imported []string
		}
		decode(t, p.jm(p.migrateArgs(name, "--yes")...), &found)
		if found.ID != v.WalletID || len(found.Imported) != imported {
			t.Errorf("%s: %+v", name, found)
		}
		if _, err := os.Stat(found.File); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What cannot be migrated is refused with its reason, and no file is made.
func TestMigrateRefuses(t *testing.T) {
	p := alone(t, nobody)
	for name, words := range map[string][]string{
		"p2wpkh":       {"another network", "mainnet"},
		"bad-password": {"wrong password"},
		"cut-2374":     {"damaged"},
		"bad-magic":    {"not a wallet file"},
	} {
		p.old(name)
		p.expect(4, words, p.migrateArgs(name, "--yes")...)
		if _, err := os.Stat(filepath.Join(p.dir, "wallets", name+".jmwallet")); !os.IsNotExist(err) {
			t.Errorf("%s: a file was made: %v", name, err)
		}
	}
	p.old("aligned")
	lock := filepath.Join(p.dir, "wallets", ".aligned.jmdat.lock")
	if err := os.WriteFile(lock, []byte("4711"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.expect(4, []string{"process 4711", lock}, p.migrateArgs("aligned", "--yes")...)
	p.expect(4, []string{"there is no file"}, p.migrateArgs("nothing")...)
	var list map[string][]string
	if err := json.Unmarshal(p.jm("wallet", "list"), &list); err != nil || len(list["old"]) != 5 {
		t.Errorf("%v, %v", list, err)
	}
}
