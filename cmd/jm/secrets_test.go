package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// commands returns all commands that do something.
func commands(cmd *cobra.Command) (all []*cobra.Command) {
	for _, c := range cmd.Commands() {
		all = append(all, c)
		all = append(all, commands(c)...)
	}
	return all
}

// secretNames are parts of the names of what must not be on a command line.
var secretNames = []string{"pass", "phrase", "seed", "words", "key", "wif", "secret", "extension", "token", "pin"}

// fromElsewhere are the endings of flags that say where a secret comes from.
var fromElsewhere = []string{"-file", "-fd", "-stdin"}

// publicKeys are commands whose argument is a key that is no secret.
var publicKeys = []string{"jm wallet create-watchonly", "jm wallet bond certificate", "jm bond certificate"}

// TestW5NoSecretInArguments: no flag and no argument of any command takes a
// secret; it takes a file, a descriptor, or a yes.
func TestW5NoSecretInArguments(t *testing.T) {
	isSecret := func(name string) bool {
		return slices.ContainsFunc(secretNames, func(part string) bool { return strings.Contains(strings.ToLower(name), part) })
	}
	var found []string
	all := commands(newRoot(&app{term: &terminal{}}))
	if len(all) < 40 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, cmd := range all {
		check := func(f *pflag.Flag) {
			if !isSecret(f.Name) || f.Name == "pubkey" || f.Value.Type() == "bool" {
				return
			}
			i := slices.IndexFunc(fromElsewhere, func(end string) bool { return strings.HasSuffix(f.Name, end) })
			if i < 0 || fromElsewhere[i] == "-fd" && f.Value.Type() != "int" {
				t.Errorf("%s --%s takes a secret", cmd.CommandPath(), f.Name)
			}
			found = append(found, f.Name)
		}
		cmd.Flags().VisitAll(check)
		cmd.InheritedFlags().VisitAll(check)
		_, arguments, _ := strings.Cut(cmd.Use, " ")
		if isSecret(arguments) && !slices.Contains(publicKeys, cmd.CommandPath()) {
			t.Errorf("%s takes a secret: %s", cmd.CommandPath(), arguments)
		}
	}
	for _, name := range []string{"password-file", "password-fd", "new-password-fd", "phrase-file", "key-file", "old-password-file"} {
		if !slices.Contains(found, name) {
			t.Errorf("the flag --%s was not looked at", name)
		}
	}
}

// mayAsk are the environment variables that the programs look at; the
// libraries have their own.
var mayAsk = []string{"NO_COLOR", "HOME"}

// TestW5NoSecretInTheEnvironment: nothing but tests looks for another variable.
func TestW5NoSecretInTheEnvironment(t *testing.T) {
	files, asked := 0, 0
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "test/") || strings.Contains(path, "internal/regtest/") {
			return err
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Getenv", "LookupEnv", "ExpandEnv", "BindEnv"}, s.Sel.Name) {
				return true
			}
			asked++
			name := "?"
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				name, _ = strconv.Unquote(lit.Value)
			}
			if !slices.Contains(mayAsk, name) {
				t.Errorf("%s looks at the environment variable %s", path, name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 200 || asked == 0 {
		t.Errorf("%d files, %d variables", files, asked)
	}
}

// canaries are the secrets of a scene, in all the forms that could come out.
func (s *scene) canaries() map[string]string {
	s.t.Helper()
	found := map[string]string{"password": s.passwords[0].Reveal(), "new password": changedPassword}
	s.with("default", func(w *wallet.Wallet) bool {
		phrase, err := wallettest.Seed(s.t, w).Phrase()
		if err != nil {
			s.t.Fatal(err)
		}
		words := strings.Fields(phrase.Reveal())
		found["words"] = strings.Join(words[:3], " ")
		found["entropy"] = hex.EncodeToString(wallettest.Seed(s.t, w).Entropy().Reveal())
		err = w.WithKeys(func(t *keys.Tree) error {
			for i := range uint32(5) {
				wif, err := t.WIF(keys.Path{Index: i})
				if err != nil {
					return err
				}
				key, err := t.PrivateKey(keys.Path{Index: i})
				if err != nil {
					return err
				}
				found[fmt.Sprint("key ", i)] = wif.Reveal()
				found[fmt.Sprint("hex key ", i)] = hex.EncodeToString(key.Serialize())
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
		return true
	})
	for i, wif := range strings.FieldsFunc(twoKeys, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		found[fmt.Sprint("imported key ", i)] = wif
	}
	return found
}

// reveals returns which of the secrets are in a text.
func reveals(text []byte, secrets map[string]string) (names []string) {
	for name, value := range secrets {
		if bytes.Contains(bytes.ToLower(text), bytes.ToLower([]byte(value))) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// show are the commands that are there to show a secret, and the one they show.
var show = map[string]string{"jm wallet dump-key": "key 0"}

// specially are the arguments of commands that need some, or have more to do
// with them; the others run with the wallet's name alone.
var specially = map[string]func(*scene) []string{
	"jm wallet create":           words("new"),
	"jm wallet recover":          words("new", "--phrase-file", "@phrase", "--yes"),
	"jm wallet migrate":          words("@old.jmdat", "--yes"),
	"jm wallet create-watchonly": func(s *scene) []string { return s.watchOnly()[2:] },
	"jm wallet change-password":  words("--new-password-file", "@newpassword"),
	"jm wallet import-key":       words("-m", "1", "--key-file", "@keys"),
	"jm wallet dump-key":         words("m/84'/1'/0'/0/0", "--yes"),
	"jm wallet sign-message":     words("m/84'/1'/0'/0/0", "text"),
	"jm wallet verify-message":   words(foreign, "c2ln", "text"),
	"jm wallet delete":           words("default", "--name", "default"),
	"jm wallet freeze":           words("COIN"),
	"jm wallet unfreeze":         words("COIN"),
	"jm wallet label":            words("ADDRESS", "rent"),
	"jm wallet send":             words(foreign+"=100000", "--yes"),
	"jm sendpayment":             words("100000", foreign, "-N", "0", "--yes"),
	"jm wallet psbt create":      words(foreign+"=100000", "--yes"),
	"jm wallet psbt sign":        words("@unsigned", "--yes"),
	"jm wallet bumpfee":          words("TXID", "--feerate", "20", "--yes"),
}

// TestD9NoCommandRevealsSecrets runs every command that opens a wallet without
// going to the market, with all that it can say, and looks for the secrets of the wallet in its output, its talk, and every
// file that it leaves. Only dump-key has one, on standard output, and no other.
func TestD9NoCommandRevealsSecrets(t *testing.T) {
	ran := make(map[string]bool)
	for _, cmd := range commands(newRoot(&app{term: &terminal{}})) {
		path := cmd.CommandPath()
		if !cmd.Runnable() || cmd.HasSubCommands() || !strings.HasPrefix(path, "jm wallet ") && specially[path] == nil {
			continue
		}
		ran[path] = true
		t.Run(strings.TrimPrefix(path, "jm "), func(t *testing.T) {
			s := newScene(t, writing{prepare: (*scene).send})
			secrets := s.canaries()
			s.words()
			s.keyFile()
			s.newPassword()
			s.write("unsigned", []byte(s.must("wallet", "psbt", "create", foreign+"=50000", "--yes")))
			args := strings.Fields(path)[1:]
			if special := specially[path]; special != nil {
				args = append(args, special(s)...)
			}
			code := s.jm(nil, append(args, "--verbose")...)
			if specially[path] != nil && code == exitUsage && !slices.Contains([]string{"jm wallet sign-message", "jm wallet verify-message"}, path) {
				t.Errorf("%v was not understood:\n%s", args, s.talk.String())
			}
			shown := reveals(s.out.Bytes(), secrets)
			if want := show[path]; want != "" && !slices.Equal(shown, []string{want}) || want == "" && len(shown) > 0 {
				t.Errorf("standard output has %v", shown)
			}
			if shown := reveals(s.talk.Bytes(), secrets); len(shown) > 0 {
				t.Errorf("standard error has %v", shown)
			}
			s.searchFiles(secrets)
		})
	}
	for path := range specially {
		if !ran[path] {
			t.Errorf("there is no command %s", path)
		}
	}
}

// searchFiles looks for secrets in the data folder, but for the files that the
// test put there.
func (s *scene) searchFiles(secrets map[string]string) {
	s.t.Helper()
	own := []string{"password", "newpassword", "phrase", "keys"}
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || slices.Contains(own, e.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		if shown := reveals(data, secrets); len(shown) > 0 {
			s.t.Errorf("%s has %v", path, shown)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

// TestD9CanariesAreSeen: the search would find them.
func TestD9CanariesAreSeen(t *testing.T) {
	s := newScene(t, writing{})
	secrets := s.canaries()
	if len(secrets) < 16 || secrets["password"] != wallettest.Password.Reveal() {
		t.Fatalf("%d secrets", len(secrets))
	}
	for name, value := range secrets {
		if got := reveals([]byte("before "+strings.ToUpper(value)+"after"), map[string]string{name: value}); len(got) != 1 || len(value) < 8 {
			t.Errorf("%s is not found", name)
		}
	}
}
