package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/internal/config"
)

// completeWallets has the shell complete the names of wallets where a command
// takes one that is there already.
func (a *app) completeWallets(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		a.completeWallets(sub)
	}
	_, args, _ := strings.Cut(cmd.Use, " ")
	words := strings.Fields(args)
	switch {
	case cmd.ValidArgsFunction != nil || len(words) == 0:
	case strings.Trim(words[0], "[]") == "WALLET" && !slices.Contains([]string{"create", "recover", "create-watchonly"}, cmd.Name()):
		cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 || strings.Contains(typed, "/") {
				return nil, cobra.ShellCompDirectiveDefault // a file, if anything
			}
			names, err := a.namesToComplete(a.walletNames)
			if err != nil || len(words) == 1 {
				return names, cobra.ShellCompDirectiveNoFileComp
			}
			return names, cobra.ShellCompDirectiveDefault
		}
	case words[0] == "FILE.jmdat":
		cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 || strings.Contains(typed, "/") {
				return nil, cobra.ShellCompDirectiveDefault
			}
			names, _ := a.namesToComplete(a.oldWallets)
			return names, cobra.ShellCompDirectiveDefault
		}
	}
}

// namesToComplete lists something of the data folder, which it does not make.
func (a *app) namesToComplete(list func() ([]string, error)) ([]string, error) {
	a.cfg.Dir = a.dir
	if a.dir == "" {
		var err error
		if a.cfg.Dir, err = config.DefaultDir(); err != nil {
			return nil, err
		}
	}
	return list()
}
