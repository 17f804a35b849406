package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/daemon/tor"
)

// torAnswer is the result of jm tor.
type torAnswer struct {
	Places  []tor.Place `json:"places"`
	Program string      `json:"program,omitempty"` // a private Tor's, if it is here and may be started
	// What is used, and what to do, in sentences.
	Connections string `json:"connections"`
	Services    string `json:"services"`
}

func newTor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "tor",
		Short: "Show which Tor is found, and what is wrong with it",
		Long: `Show where a Tor runs on this machine, whether its ports can be used, and what to
do where they cannot. Connections to the market go through its SOCKS port; makers
who serve takers directly need its control port too. docs/tor.md says more.

Nothing leaves the machine. A joinmarketd has a configuration of its own.

Exit status: 0 connections have a Tor or can have one, 1 they have none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			answer := a.lookForTor(cmd.Context())
			var err error
			if a.json {
				err = a.print(answer)
			} else {
				err = a.printTor(answer)
			}
			if err == nil && !a.torConnects(answer) {
				err = fmt.Errorf("%w was found that can be used", tor.ErrNoTor)
			}
			return err
		},
	}
}

func (a *app) lookForTor(ctx context.Context) torAnswer {
	cfg := a.cfg.Tor
	search := tor.Search{Password: cfg.Password, Folder: cfg.Folder}
	for _, ch := range a.cfg.Channels {
		search.SOCKS = cmp.Or(search.SOCKS, ch.SOCKS5)
		search.Control = cmp.Or(search.Control, ch.TorControl)
	}
	answer := torAnswer{Places: tor.Find(ctx, search)}
	program, err := tor.LookProgram(cfg.Program)
	if err == nil && cfg.Start != tor.StartNever {
		answer.Program = program
	}
	answer.Connections, answer.Services = tor.Advice(answer.Places, cfg.Start, err == nil)
	return answer
}

// torConnects reports whether connections have a Tor, or can have one.
func (a *app) torConnects(answer torAnswer) bool {
	return answer.Program != "" || a.cfg.Tor.Start != tor.StartAlways &&
		slices.ContainsFunc(answer.Places, func(p tor.Place) bool { return p.SOCKS.Usable })
}

func (a *app) printTor(answer torAnswer) error {
	for _, p := range answer.Places {
		head := p.Name
		if p.Version != "" {
			head += ", Tor " + p.Version
		}
		if p.Bootstrap >= 0 && p.Bootstrap < 100 {
			head += fmt.Sprintf(", %d%% on its way into the network", p.Bootstrap)
		}
		fmt.Fprintln(a.term.out, visible(head))
		for _, port := range []struct {
			name string
			tor.Port
		}{{"SOCKS port", p.SOCKS}, {"control port", p.Control}} {
			if port.Address == "" {
				continue
			}
			state := "works"
			if !port.Usable {
				state = port.Problem
			}
			fmt.Fprintf(a.term.out, "  %-12s  %s: %s\n", port.name, visible(port.Address), visible(state))
		}
	}
	if answer.Program != "" {
		fmt.Fprintf(a.term.out, "program to start  %s\n", visible(answer.Program))
	}
	_, err := fmt.Fprintf(a.term.out, "\n%s\n%s\n", visible(answer.Connections), visible(answer.Services))
	return err
}
