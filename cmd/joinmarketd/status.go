package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/control"
	"github.com/joinmarket-go/joinmarket/internal/statustext"
	wire "github.com/joinmarket-go/joinmarket/protocol/control"
)

// statusWait is how long a running daemon may take to answer.
const statusWait = 15 * time.Second

func newStatus(o *options, out io.Writer) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Ask the running daemon where it stands",
		Long: `Ask the running daemon where it stands: its clients, their channels and
conversations, and which limits were reached. docs/operations.md says what to do
about it.

Exit status: 0 it answered, 1 it did not.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%w: unexpected %q", errUsage, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.read()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), statusWait)
			defer cancel()
			at := o.address(cfg)
			if cfg.Daemon.TLS {
				at.CAFile = cfg.Daemon.CertFile
			}
			a, err := control.Ask(ctx, func(ctx context.Context) (net.Conn, wire.Secret, error) { return control.Dial(ctx, at) }, "joinmarketd "+version)
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(out)
				enc.SetIndent("", "  ")
				return enc.Encode(a)
			}
			_, err = io.WriteString(out, statustext.Of(a, time.Now()))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer of the control protocol")
	return cmd
}
