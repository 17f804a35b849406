package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/store"
)

// writings are the commands that write. Each new one gets a row.
var writings = []writing{
	{name: "first start", prepare: (*scene).empty, args: words("wallet", "list"), happened: (*scene).configured, failed: []int{exitFailure}, stands: true},
	{name: "create", args: words("wallet", "create", "new"), happened: made("new"), again: []int{exitWallet}},
	{name: "recover", prepare: (*scene).words, args: words("wallet", "recover", "new", "--phrase-file", "@phrase", "--yes"), happened: made("new"), again: []int{exitWallet}},
	{name: "migrate", prepare: (*scene).oldFile, args: words("wallet", "migrate", "@old.jmdat", "new", "--yes"), happened: made("new"), again: []int{exitWallet}},
	{name: "restore-backup", prepare: (*scene).backup, args: words("wallet", "restore-backup", "@copy", "new"), happened: made("new"), again: []int{exitWallet}},
	{name: "create-watchonly", args: (*scene).watchOnly, happened: made("watching"), again: []int{exitWallet}},
	{name: "change-password", prepare: (*scene).newPassword, args: (*scene).changePassword, happened: (*scene).passwordChanged},
	{name: "import-key", prepare: (*scene).keyFile, args: words("wallet", "import-key", "-m", "1", "--key-file", "@keys"), happened: (*scene).keysImported, again: []int{exitWallet}},
	{name: "delete", args: words("wallet", "delete", "default", "--name", "default"), happened: (*scene).deleted, again: []int{exitWallet}},
	{name: "backup", args: words("wallet", "backup"), happened: (*scene).backedUp},
	{name: "address", args: words("wallet", "address"), happened: (*scene).handedOut},
	{name: "freeze", args: words("wallet", "freeze", "COIN"), happened: (*scene).frozen},
	{name: "unfreeze", prepare: (*scene).freeze, args: words("wallet", "unfreeze", "COIN"), happened: func(s *scene) bool { return !s.frozen() }},
	{name: "label", args: words("wallet", "label", "ADDRESS", "rent"), happened: labelled("rent")},
	{name: "labels import", prepare: (*scene).labelFile, args: words("wallet", "labels", "import", "@labels"), happened: labelled("imported")},
	{name: "send", args: words("wallet", "send", foreign+"=100000", "--yes"), happened: (*scene).sent},
	{name: "sendpayment -N 0", args: words("sendpayment", "100000", foreign, "-N", "0", "--yes"), happened: (*scene).sent},
	{name: "sendpayment", market: true, prepare: (*scene).openMarket, args: words("sendpayment", "100000", foreign, "-N", "1", "--yes"), happened: (*scene).sent, failed: []int{exitWallet, exitDaemon, exitMarket}},
	{name: "yieldgenerator", market: true, prepare: (*scene).enterMarket, args: words("yieldgenerator"), meets: (*scene).fill, happened: func(s *scene) bool { return s.joins() > 0 }, failed: []int{exitFailure, exitWallet, exitDaemon}},
	{name: "bumpfee", prepare: (*scene).send, args: words("wallet", "bumpfee", "TXID", "--feerate", "20", "--yes"), happened: (*scene).bumped, again: []int{exitUsage}},
	{name: "pending forget", prepare: (*scene).lose, args: words("wallet", "pending", "forget", "TXID", "--yes"), happened: (*scene).forgotten, again: []int{exitUsage}},
	{name: "psbt broadcast", prepare: (*scene).signedPSBT, args: words("wallet", "psbt", "broadcast", "@signed", "--yes"), happened: (*scene).sent, again: []int{exitFunds}},
	{name: "podle add", prepare: (*scene).openings, args: words("podle", "add", "@openings"), happened: (*scene).openingsAdded, failed: []int{exitFailure}, stands: true},
	{name: "podle remove", prepare: (*scene).addOpenings, args: words("podle", "remove", "--all"), happened: func(s *scene) bool { return !s.openingsAdded() }, failed: []int{exitFailure}, stands: true},
	{name: "bond address", args: words("wallet", "bond", "address", "2080-01"), happened: (*scene).handedOut},
}

// words are the words of a command. @NAME stands for a file of the data folder,
// and words in capitals for what the scene has.
func words(args ...string) func(*scene) []string {
	return func(s *scene) []string {
		args := slices.Clone(args)
		for i, word := range args {
			switch {
			case word == "COIN":
				args[i] = s.coins[0].String()
			case word == "ADDRESS":
				args[i] = s.address
			case word == "TXID":
				args[i] = s.txid.String()
			case strings.HasPrefix(word, "@"):
				args[i] = filepath.Join(s.dir, word[1:])
			}
		}
		return args
	}
}

// write puts a file into the data folder.
func (s *scene) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// empty leaves nothing of the data folder but the password.
func (s *scene) empty() {
	for _, name := range []string{"joinmarket.cfg", "wallets", "logs", "cmtdata"} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *scene) configured() bool {
	_, err := os.Stat(filepath.Join(s.dir, "joinmarket.cfg"))
	return err == nil
}

// made tells whether there is a wallet of that name, and that it opens.
func made(name string) func(*scene) bool {
	return func(s *scene) bool {
		s.t.Helper()
		return s.with(name, func(*wallet.Wallet) bool { return true })
	}
}

func (s *scene) words() {
	s.write("phrase", []byte("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about\n"))
}

// oldFile puts an old wallet beside, one without a password: those of others are
// slow to open.
func (s *scene) oldFile() {
	s.params = &chaincfg.TestNet3Params
	s.write("joinmarket.cfg", []byte("[BLOCKCHAIN]\nnetwork = testnet\n"))
	data, err := os.ReadFile("../../wallet/jmdat/testdata/jmdat/p2wpkh-plain.jmdat")
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("old.jmdat", data)
}

// backup makes a backup and keeps it apart.
func (s *scene) backup() {
	s.must("wallet", "backup")
	copies, err := store.Backups(s.path("default"))
	if err != nil || len(copies) == 0 {
		s.t.Fatalf("no backup: %v", err)
	}
	data, err := os.ReadFile(copies[0].Path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("copy", data)
}

// backedUp: the backup that was named is there and whole.
func (s *scene) backedUp() bool {
	s.t.Helper()
	copies, err := store.Backups(s.path("default"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range copies {
		if _, err := store.ReadBackup(c.Path, s.passwords[0]); err != nil {
			s.t.Errorf("%s: %v", s.name, err)
		}
		if strings.Contains(s.out.String(), c.Path) {
			return true
		}
	}
	return false
}

// handedOut: an address was shown. That it is never shown again, remembers
// checks.
func (s *scene) handedOut() bool { return addresses.MatchString(s.out.String()) }

func (s *scene) freeze() { s.must("wallet", "freeze", s.coins[0].String()) }

func (s *scene) frozen() bool {
	s.t.Helper()
	return s.with("default", func(w *wallet.Wallet) bool {
		if err := w.Sync(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		all, err := w.Coins()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, c := range all {
			if c.OutPoint == s.coins[0] {
				return c.Frozen
			}
		}
		s.t.Errorf("%s: a coin is lost", s.name)
		return false
	})
}

func (s *scene) labelFile() {
	s.write("labels", []byte(`{"type":"addr","ref":"`+s.address+`","label":"imported"}`+"\n"))
}

func labelled(text string) func(*scene) bool {
	return func(s *scene) bool {
		s.t.Helper()
		return s.with("default", func(w *wallet.Wallet) bool {
			ref, err := labels.ParseRef(s.address)
			if err != nil {
				s.t.Fatal(err)
			}
			return w.Label(ref) == text
		})
	}
}

// sent: the network has a transaction, or will get one.
func (s *scene) sent() bool {
	s.t.Helper()
	return len(s.chain.Mempool()) > 0 || s.with("default", func(w *wallet.Wallet) bool { return len(w.Pending()) > 0 })
}

// send sends a transaction that can be replaced.
func (s *scene) send() {
	s.must("wallet", "send", foreign+"=100000", "--yes")
	s.txid = s.chain.Mempool()[0].TxHash()
}

// lose sends a transaction that the node loses.
func (s *scene) lose() {
	s.send()
	s.chain.Evict(s.txid)
}

func (s *scene) pending(id chainhash.Hash) bool {
	s.t.Helper()
	return s.with("default", func(w *wallet.Wallet) bool {
		return slices.ContainsFunc(w.Pending(), func(p wallet.Pending) bool { return p.ID == id })
	})
}

// bumped: another transaction has taken the place of what was sent, or is to.
func (s *scene) bumped() bool {
	s.t.Helper()
	return s.with("default", func(w *wallet.Wallet) bool {
		return slices.ContainsFunc(w.Pending(), func(p wallet.Pending) bool { return p.ID != s.txid })
	})
}

func (s *scene) forgotten() bool {
	s.t.Helper()
	return !s.pending(s.txid)
}

func (s *scene) signedPSBT() {
	s.write("unsigned", []byte(s.must("wallet", "psbt", "create", foreign+"=100000", "--yes")))
	s.write("signed", []byte(s.must("wallet", "psbt", "sign", filepath.Join(s.dir, "unsigned"), "--yes")))
}
