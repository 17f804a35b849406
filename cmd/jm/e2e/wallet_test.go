package e2e

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// plain runs a command without --json that must succeed, and returns what it
// printed.
func (p *participant) plain(args ...string) string {
	p.t.Helper()
	cmd := p.command(args...)
	cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "--json" })
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		p.t.Fatalf("jm %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
	} else if err != nil {
		p.t.Fatal(err)
	}
	return string(out)
}

// owner is a participant with a wallet on a node in which nobody else is.
func owner(t *testing.T, amounts ...sats.Amount) *participant {
	t.Helper()
	node := chaintest.StartBTCD(t)
	p := alone(t, chainLines("btcd", "regtest", node))
	p.node = node
	p.fund(p, amounts...)
	p.mine(6)
	return p
}

// utxo is what the tests read of jm wallet showutxos.
type utxo struct {
	Address   string
	Path      string
	Label     string
	Value     sats.Amount
	Tries     *int
	Remaining *int `json:"tries_remaining"`
	Frozen    bool
	Cause     string `json:"frozen_by"`
}

func (p *participant) utxos(args ...string) map[string]utxo {
	p.t.Helper()
	var all map[string]utxo
	decode(p.t, p.jm(append([]string{"wallet", "showutxos"}, args...)...), &all)
	return all
}

// coin finds the outpoint of a coin by its value.
func (p *participant) coin(value sats.Amount) string {
	p.t.Helper()
	for out, u := range p.utxos() {
		if u.Value == value {
			return out
		}
	}
	p.t.Fatalf("no coin of %v", value)
	return ""
}

func TestW12CoinsAtUsedAddresses(t *testing.T) {
	p := owner(t, 20_000_000, 5_000_000)
	first := p.utxos()[p.coin(20_000_000)].Address
	script, err := txbuild.ParseAddress(first, regtest.Params)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.node.Fund(p.ctx, wire.NewTxOut(1000, script)); err != nil {
		t.Fatal(err)
	}
	p.mine(1)
	dust := p.coin(1000)
	if u := p.utxos("--tries")[dust]; !u.Frozen || u.Cause != "reuse" || u.Tries != nil {
		t.Errorf("%+v", u)
	}
	if u := p.utxos("--tries")[p.coin(5_000_000)]; u.Frozen || u.Tries == nil || *u.Tries != 0 || *u.Remaining != 3 {
		t.Errorf("%+v", u)
	}
	if text := p.plain("wallet", "display"); !strings.Contains(text, first+"\t0.20001000\treused [FROZEN]\t\t\n") ||
		!strings.Contains(text, "Total balance:\t0.25000000 (0.25001000)\n") {
		t.Errorf("display:\n%s", text)
	}
	if text := p.plain("wallet", "showutxos"); !strings.Contains(text, dust+"  0.00001000") || !strings.Contains(text, "frozen (reuse)") {
		t.Errorf("showutxos:\n%s", text)
	}
	if text := p.plain("wallet", "unfreeze", dust); text != dust+" spendable\n" {
		t.Errorf("unfreeze: %q", text)
	}
	if u := p.utxos()[dust]; u.Frozen {
		t.Errorf("after unfreeze: %+v", u)
	}
}

func TestFreeze(t *testing.T) {
	p := owner(t, 20_000_000, 5_000_000)
	large, small := p.coin(20_000_000), p.coin(5_000_000)
	p.jm("wallet", "freeze", "default", large)
	var summary struct {
		Mixdepths []struct{ Available, Frozen sats.Amount }
	}
	decode(t, p.jm("wallet", "show", "--offline"), &summary)
	if m := summary.Mixdepths[0]; m.Available != 5_000_000 || m.Frozen != 20_000_000 {
		t.Errorf("%+v", m)
	}
	var done struct {
		Coins  []string
		Frozen bool
	}
	decode(t, p.jm("wallet", "freeze", "-m", "0"), &done)
	if !slices.Equal(done.Coins, []string{small}) || !done.Frozen {
		t.Errorf("the rest of the mixdepth: %+v", done)
	}
	decode(t, p.jm("wallet", "unfreeze", "-m", "0"), &done)
	if len(done.Coins) != 2 || done.Frozen {
		t.Errorf("all of the mixdepth: %+v", done)
	}
	unknown := strings.Repeat("0", 64) + ":0"
	p.expect(4, []string{"not an unspent coin"}, "wallet", "freeze", small, unknown)
	if p.utxos()[small].Frozen {
		t.Error("frozen in spite of the error")
	}
	p.expect(2, []string{"txid:vout"}, "wallet", "freeze")
	p.expect(2, []string{"outpoint"}, "wallet", "freeze", small, "x")
	p.expect(2, []string{"mixdepths 0 to 4"}, "wallet", "freeze", "-m", "5")
}

func TestLabels(t *testing.T) {
	p := owner(t, 20_000_000)
	out := p.coin(20_000_000)
	address := p.utxos()[out].Address
	p.jm("wallet", "label", address, "rent of May")
	if text := p.plain("wallet", "label", "default", address); text != "rent of May\n" {
		t.Errorf("%q", text)
	}
	if u := p.utxos()[out]; u.Label != "rent of May" {
		t.Errorf("%+v", u)
	}
	p.jm("wallet", "label", "default", out, "the coin")
	p.jm("wallet", "label", out[:64], "the payment")
	p.jm("wallet", "freeze", out)
	exported := p.plain("wallet", "labels", "export")
	if n := strings.Count(exported, "\n"); n != 3 || !strings.Contains(exported, `"label":"the coin","spendable":false}`) {
		t.Errorf("%s", exported)
	}
	p.write("labels.jsonl", strings.ReplaceAll(exported, "rent of May", "rent of June"))
	var report struct{ Labels, Frozen, Skipped int }
	decode(t, p.jm("wallet", "labels", "import", filepath.Join(p.dir, "labels.jsonl")), &report)
	if report.Labels != 3 || report.Frozen != 1 || report.Skipped != 0 {
		t.Errorf("%+v", report)
	}
	if text := p.plain("wallet", "label", address); text != "rent of June\n" {
		t.Errorf("%q", text)
	}
	p.jm("wallet", "label", address, "")
	if text := p.plain("wallet", "label", address); text != "\n" {
		t.Errorf("removed: %q", text)
	}
	p.write("bad.jsonl", exported+"{}\n")
	p.expect(1, []string{"line 4", "type and ref"}, "wallet", "labels", "import", filepath.Join(p.dir, "bad.jsonl"))
	p.expect(4, []string{"of this wallet"}, "wallet", "label", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "x")
	p.expect(2, []string{"one text"}, "wallet", "label", address, "two", "words")
}

func TestHistory(t *testing.T) {
	p := owner(t, 20_000_000, 5_000_000)
	var past struct {
		Transactions []struct {
			Type   string
			Amount sats.Amount
		}
		Balance sats.Amount
		Coins   int
	}
	decode(t, p.jm("wallet", "history"), &past)
	if len(past.Transactions) != 1 || past.Transactions[0].Type != "deposit" || past.Transactions[0].Amount != 25_000_000 ||
		past.Balance != 25_000_000 || past.Coins != 2 {
		t.Errorf("%+v", past)
	}
	lines, err := csv.NewReader(strings.NewReader(p.plain("wallet", "history", "--csv", "--offline"))).ReadAll()
	if err != nil || len(lines) != 2 || len(lines[0]) != 12 || lines[1][2] != "deposit    " {
		t.Errorf("%q, %v", lines, err)
	}
	text := p.plain("wallet", "history", "--verbosity", "4")
	for _, want := range []string{`"deposit    " "0.25000000" "+0.25000000"`, lines[1][11], "total profit  +0.00000000 BTC"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	p.expect(2, []string{"0 to 6"}, "wallet", "history", "--verbosity", "7")
}

func TestBackup(t *testing.T) {
	p := owner(t, 20_000_000)
	file := filepath.Join(p.dir, "wallets", "default.jmwallet")
	var made struct{ Backups []struct{ File string } }
	decode(t, p.jm("wallet", "backup"), &made)
	newest := made.Backups[0].File
	decode(t, p.jm("wallet", "backup", "--list"), &made)
	if len(made.Backups) < 2 || made.Backups[0].File != newest {
		t.Errorf("%+v, want one more than %s", made, newest)
	}
	p.expect(4, []string{"backup copy", "restore-backup"}, "wallet", "show", newest)
	p.expect(4, []string{"exists already"}, "wallet", "restore-backup", newest)
	p.expect(4, []string{"looking for the backup"}, "wallet", "restore-backup", newest+"x", "second")

	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(sound)
	damaged[len(damaged)-1] ^= 1
	if err := os.WriteFile(file, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	p.expect(4, []string{"damaged", newest}, "wallet", "show", "default")

	p.jm("wallet", "restore-backup", newest, "second")
	var summary struct{ Total sats.Amount }
	decode(t, p.jm("wallet", "show", "second"), &summary)
	if summary.Total != 20_000_000 {
		t.Errorf("the restored wallet has %v", summary.Total)
	}
	var answer struct{ Path string }
	decode(t, p.jm("wallet", "address", "second"), &answer)
	if !strings.HasSuffix(answer.Path, "/1001") {
		t.Errorf("the restored wallet goes on with %s", answer.Path)
	}
}
