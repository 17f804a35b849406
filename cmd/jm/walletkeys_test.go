package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// TestSignMessageAsReference recovers the wallets of the vectors from their words,
// imports their keys, and shows the same keys, signatures and refusals as the
// reference.
func TestSignMessageAsReference(t *testing.T) {
	data, err := os.ReadFile("testdata/message_signing.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			Kind, Mnemonic, Path, Message, Signature, Address, Shown, WIF, Network string
			WalletType                                                             string `json:"wallet_type"`
			Valid                                                                  bool
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	s := newScene(t, writing{})
	made, signed, refused := make(map[string]string), 0, 0
	for _, v := range vectors.Cases {
		if v.Kind != "sign" {
			continue
		}
		s.write("joinmarket.cfg", []byte("[BLOCKCHAIN]\nnetwork = "+v.Network+"\n"))
		name := made[v.Mnemonic]
		if name == "" {
			name = "w" + string(rune('a'+len(made)))
			made[v.Mnemonic] = name
			s.write("phrase", []byte(v.Mnemonic))
			kind, _, _ := strings.Cut(v.WalletType, " ")
			s.must("wallet", "recover", name, "--type", kind, "--phrase-file", filepath.Join(s.dir, "phrase"), "--yes")
		}
		if strings.HasPrefix(v.Path, "imported/") && v.Valid {
			s.write("key", []byte(v.WIF))
			s.jm(nil, "wallet", "import-key", name, "-m", strings.Split(v.Path, "/")[1], "--key-file", filepath.Join(s.dir, "key"))
		}
		code := s.jm(nil, "wallet", "sign-message", name, v.Path, v.Message)
		if !v.Valid {
			if refused++; code == exitOK || s.out.Len() > 0 {
				t.Errorf("%s %s signs %q: %s", v.WalletType, v.Path, v.Message, s.out.String())
			}
			continue
		}
		signed++
		if want := v.Shown[:strings.LastIndex(v.Shown, "\n")+1]; code != exitOK || s.out.String() != want {
			t.Errorf("%s %s: exit status %d\n%swant\n%s%s", v.WalletType, v.Path, code, s.out.String(), want, s.talk.String())
		}
		s.must("wallet", "verify-message", v.Address, v.Signature, v.Message)
		if code := s.jm(nil, "wallet", "verify-message", v.Address, v.Signature, v.Message+" "); code != exitFailure {
			t.Errorf("another message: exit status %d", code)
		}
		for _, what := range []string{v.Path, v.Address} {
			if got := s.must("wallet", "dump-key", name, what, "--yes"); v.WIF != "" && got != v.WIF+"\n" {
				t.Errorf("%s %s: another key than in the reference", v.WalletType, what)
			}
		}
	}
	if signed < 10 || refused < 20 {
		t.Errorf("%d signed, %d refused", signed, refused)
	}
}

// TestW7RecoverShowsTheWallet: nothing is made before somebody agreed, and the
// address that was shown goes to nobody.
func TestW7RecoverShowsTheWallet(t *testing.T) {
	s := newScene(t, writing{prepare: (*scene).words})
	phrase := filepath.Join(s.dir, "phrase")
	const first, id, fingerprint = "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk", "54faf1", "73c5da0a"
	if code := s.jm(nil, "wallet", "recover", "new", "--phrase-file", phrase); code != exitUsage || s.out.Len() > 0 {
		t.Errorf("without --yes: exit status %d, %s", code, s.out.String())
	}
	for _, what := range []string{first, id, fingerprint, "--yes"} {
		if !strings.Contains(s.talk.String(), what) {
			t.Errorf("%s is not shown:\n%s", what, s.talk.String())
		}
	}
	if _, err := os.Lstat(s.path("new")); err == nil {
		t.Fatal("it was made all the same")
	}
	if out := s.must("wallet", "recover", "new", "--phrase-file", phrase, "--yes"); !strings.Contains(out, first) || !strings.Contains(out, fingerprint) {
		t.Error(out)
	}
	for range 2 {
		if out := s.must("wallet", "address", "new"); strings.Contains(out, first) {
			t.Errorf("%s goes out a second time", first)
		}
	}
	for words, want := range map[string]string{
		strings.Repeat("abandon ", 11) + "abuot":                                   "word 12 is not in the list",
		strings.Repeat("abandon ", 12):                                             "do not fit together",
		"barely gain suit death admit shoe wrote separate drink wall shower shall": "--type p2pkh",
	} {
		s.write("phrase", []byte(words))
		if code := s.jm(nil, "wallet", "recover", "wrong", "--phrase-file", phrase, "--yes"); code != exitUsage || !strings.Contains(s.talk.String(), want) {
			t.Errorf("exit status %d, want %q:\n%s", code, want, s.talk.String())
		}
		if strings.Contains(s.talk.String(), "about") {
			t.Errorf("D9: what was meant is shown to nobody in particular:\n%s", s.talk.String())
		}
	}
}

// TestW3PasswordsAreNotShort: wherever a password is chosen.
func TestW3PasswordsAreNotShort(t *testing.T) {
	for _, text := range []string{"", "\n", "seven77\n", "ééééééé"} {
		s := newScene(t, writing{prepare: (*scene).words})
		s.write("short", []byte(text))
		short := filepath.Join(s.dir, "short")
		for _, args := range [][]string{
			{"wallet", "create", "new", "--password-file", short},
			{"wallet", "recover", "new", "--phrase-file", filepath.Join(s.dir, "phrase"), "--yes", "--password-file", short},
			append(s.watchOnly(), "--password-file", short),
			{"wallet", "change-password", "default", "--new-password-file", short},
		} {
			if code := s.jm(nil, args...); code != exitUsage || !strings.Contains(s.talk.String(), "fewer than 8") {
				t.Errorf("%q, %v: exit status %d\n%s", text, args[:2], code, s.talk.String())
			}
		}
	}
	if err := checkPassword(wallettest.Password); err != nil {
		t.Error(err)
	}
}

// TestW6Delete: no wallet goes to the trash unless its name is repeated.
func TestW6Delete(t *testing.T) {
	s := newScene(t, writing{})
	for _, args := range [][]string{
		{"wallet", "delete"}, {"wallet", "delete", "default"}, {"wallet", "delete", "default", "--name", ""},
		{"wallet", "delete", "default", "--name", "defaul"}, {"wallet", "delete", "other", "--name", "other"},
	} {
		if code := s.jm(nil, args...); code == exitOK {
			t.Errorf("%v: exit status 0", args)
		}
		if s.deleted() {
			t.Fatalf("%v: it is gone", args)
		}
	}
	file := strings.TrimSpace(s.must("wallet", "delete", "default", "--name", "default"))
	if !s.deleted() {
		t.Error("it is still there")
	}
	s.must("wallet", "restore-backup", file, "default")
	s.must("wallet", "show")
}

// TestWatchOnly: what needs no key works, and the rest says what is missing.
func TestWatchOnly(t *testing.T) {
	s := newScene(t, writing{})
	s.must(s.watchOnly()...)
	for _, command := range []string{"show", "display", "displayall", "summary", "showutxos", "history", "export", "address", "backup"} {
		s.must("wallet", command, "watching")
	}
	if out := s.must("wallet", "showutxos", "watching"); !strings.Contains(out, s.coins[0].String()) {
		t.Errorf("the coin is not shown:\n%s", out)
	}
	s.must("wallet", "psbt", "create", "watching", foreign+"=100000", "--yes")
	s.keyFile()
	for _, args := range [][]string{
		{"dump-key", "watching", "m/84'/1'/0'/0/0", "--yes"},
		{"sign-message", "watching", "m/84'/1'/0'/0/0", "text"},
		{"import-key", "watching", "-m", "0", "--key-file", filepath.Join(s.dir, "keys")},
		{"send", "watching", foreign + "=100000", "--yes"},
	} {
		if code := s.jm(nil, append([]string{"wallet"}, args...)...); code == exitOK || !strings.Contains(s.talk.String(), "only watches") {
			t.Errorf("%v: exit status %d\n%s", args, code, s.talk.String())
		}
	}
}
