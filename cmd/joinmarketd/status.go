package main

import (
	"context"
	"encoding/json"
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
		Args: noArguments,
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
				return printJSON(out, a)
			}
			_, err = io.WriteString(out, statustext.Of(a, time.Now()))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer of the control protocol")
	return cmd
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
