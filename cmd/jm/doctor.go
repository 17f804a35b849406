package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// finding is what a check has found.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, note or fault
	Text  string `json:"text"`  // what is so, and what to do
}

func ok(check, format string, args ...any) finding {
	return finding{check, "ok", fmt.Sprintf(format, args...)}
}

// note is of what works, and may be meant.
func note(check, format string, args ...any) finding {
	return finding{check, "note", fmt.Sprintf(format, args...)}
}

// fault is of what has to be set right before all works.
func fault(check, format string, args ...any) finding {
	return finding{check, "fault", fmt.Sprintf(format, args...)}
}

func newDoctor(a *app) *cobra.Command {
	var market bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell whether everything is well, and what to do where it is not",
		Long: `Look at the configuration, who else can read your files, what sets you apart from
other users, the node, Tor, the wallets and the disk: a line for each finding,
ok, note or fault, with what to do. No password is asked for.

Nobody but your node is asked, or the peers of a light client. With --market the
market is entered too, as jm status does, for a minute at most.
docs/doctor.md says more.

Exit status: 0 there is no fault, 1 there is one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []finding{}
			faults := 0
			a.examine(cmd.Context(), market, func(found ...finding) {
				if cmd.Context().Err() != nil {
					return // it was not the node that failed, but the user who ended it
				}
				for _, f := range found {
					all = append(all, f)
					if f.State == "fault" {
						faults++
					}
					if !a.json {
						a.term.waiting("")
						fmt.Fprintf(a.term.out, "%-5s  %-13s  %s\n", f.State, f.Check, inOneLine(f.Text))
					}
				}
			})
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if a.json {
				if err := a.print(map[string][]finding{"findings": all}); err != nil {
					return err
				}
			}
			if faults > 0 {
				return fmt.Errorf("%d of %d findings are faults", faults, len(all))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&market, "market", false, "enter the market too, and tell which channels can be reached")
	return cmd
}

// examine makes all checks, and tells of each when it is made.
func (a *app) examine(ctx context.Context, market bool, tell func(...finding)) {
	found, err := a.read()
	if err != nil {
		tell(fault("configuration", "%v", err))
		return // all others depend on it
	}
	tell(a.checkConfiguration(found)...)
	tell(a.checkCrowd()...)
	tell(a.checkNode(ctx)...)
	tell(a.checkTor(ctx))
	if market {
		tell(a.checkChannels(ctx)...)
	}
	tell(a.checkWallets()...)
	tell(a.checkDisk())
}
