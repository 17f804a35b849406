package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// visit calls see for each command that users are shown.
func visit(cmd *cobra.Command, see func(*cobra.Command)) {
	see(cmd)
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "completion" && sub.Name() != "help" {
			visit(sub, see)
		}
	}
}

// TestEveryCommandIsDocumented: docs/commands.md has a row for each command, and
// the page that the row names shows it.
func TestEveryCommandIsDocumented(t *testing.T) {
	index := page(t, "../../docs/commands.md")
	row := regexp.MustCompile("(?m)^\\| `(jm [a-z -]+)` \\| .+ \\| \\[[a-z]+\\]\\(([a-z]+\\.md)\\) \\|$")
	pages := make(map[string]string)
	for _, m := range row.FindAllStringSubmatch(index, -1) {
		if pages[m[1]] != "" {
			t.Errorf("%s has two rows", m[1])
		}
		pages[m[1]] = m[2]
	}
	visit(newRoot(&app{}), func(cmd *cobra.Command) {
		name := cmd.CommandPath()
		groups := []string{"jm", "jm wallet", "jm wallet labels", "jm wallet psbt", "jm wallet bond", "jm bond", "jm podle"}
		if slices.Contains(groups, name) {
			return // alone it prints its help
		}
		if pages[name] == "" {
			t.Errorf("docs/commands.md has no row for %s", name)
			return
		}
		shown := regexp.MustCompile(regexp.QuoteMeta(name) + `\b`)
		if !shown.MatchString(page(t, "../../docs/"+pages[name])) {
			t.Errorf("docs/%s does not show %s", pages[name], name)
		}
		delete(pages, name)
	})
	for name := range pages {
		t.Errorf("docs/commands.md has a row for %s, which is no command", name)
	}
}

func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestHelpTexts: every command says in one line what it does, flags that want a
// value name it, and no default is shown that only the program understands.
func TestHelpTexts(t *testing.T) {
	visit(newRoot(&app{}), func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || cmd.Short[:1] != strings.ToUpper(cmd.Short[:1]) {
			t.Errorf("%s: %q", cmd.CommandPath(), cmd.Short)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			name, usage := pflag.UnquoteUsage(f)
			if usage == "" || name == "int" || name == "float" || name == "float64s" {
				t.Errorf("%s --%s: value %q, %q", cmd.CommandPath(), f.Name, name, usage)
			}
			if f.DefValue == "-1" || strings.Contains(f.DefValue, ".0") {
				t.Errorf("%s --%s: the default is shown as %s", cmd.CommandPath(), f.Name, f.DefValue)
			}
		})
	})
}

// TestCommandLinesInDocuments: what the documents tell users to type has commands
// and flags that exist.
func TestCommandLinesInDocuments(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	line := regexp.MustCompile("(?m)(?:^|[ `$/])p?jm((?: [^ `|\n#;>&)]+)+)")
	checked := 0
	for _, file := range append(files, "../../README.md", "../../INSTALL.md") {
		for _, m := range line.FindAllStringSubmatch(page(t, file), -1) {
			words := strings.Fields(strings.TrimRight(m[1], ".,:"))
			cmd, _, err := newRoot(&app{}).Find(words)
			if err != nil || !cmd.HasParent() {
				continue // prose about jm
			}
			checked++
			for _, word := range words {
				if flag := flagOf(cmd, word); flag != "" {
					t.Errorf("%s: jm%s: %s has no flag %s", filepath.Base(file), m[1], cmd.CommandPath(), flag)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d command lines found", checked)
	}
}

// flagOf returns the flag that a word is, if the command does not have it.
func flagOf(cmd *cobra.Command, word string) string {
	name, _, _ := strings.Cut(strings.TrimRight(strings.Trim(word, "()[]'\""), ".,:"), "=")
	cmd.InitDefaultHelpFlag()
	look := func(find func(*pflag.FlagSet) *pflag.Flag) string {
		if find(cmd.Flags()) != nil || find(cmd.InheritedFlags()) != nil {
			return ""
		}
		return name
	}
	switch long, isLong := strings.CutPrefix(name, "--"); {
	case isLong && long != "":
		return look(func(s *pflag.FlagSet) *pflag.Flag { return s.Lookup(long) })
	case len(name) == 2 && name[0] == '-' && name != "--":
		return look(func(s *pflag.FlagSet) *pflag.Flag { return s.ShorthandLookup(name[1:]) })
	}
	return ""
}
