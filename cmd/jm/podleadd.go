package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// maxOpenings bounds a file of openings, in bytes.
const maxOpenings = 4 << 20

func newPodleAdd(a *app) *cobra.Command {
	var (
		unchecked bool
		source    secretSource
	)
	cmd := &cobra.Command{
		Use:     "add FILE | TXID:VOUT",
		Aliases: []string{"add-utxo"},
		Short:   "Add openings of commitments to coins of another wallet",
		Long: `Add openings that jm podle generate printed in another wallet; FILE may be - for
standard input. Or name a coin and type its private key (WIF), from which they
are made; the key itself is not kept.

The node is asked whether each coin exists and belongs to its key.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			var proofs []podle.Proof
			var err error
			if out, outErr := coins.ParseOutPoint(args[0]); outErr == nil {
				proofs, err = a.provenByKey(out, source)
			} else {
				proofs, err = a.readOpenings(args[0])
			}
			if err != nil {
				return err
			}
			return a.addOpenings(cmd.Context(), proofs, unchecked)
		},
	}
	cmd.Flags().BoolVar(&unchecked, "unchecked", false, "do not ask the node about the coins")
	cmd.Flags().StringVar(&source.file, "key-file", "", "read the key from a `file`")
	cmd.Flags().IntVar(&source.fd, "key-fd", -1, "read the key from a file `descriptor`")
	cmd.MarkFlagsMutuallyExclusive("key-file", "key-fd")
	return cmd
}

// provenByKey makes the openings of a coin from its private key.
func (a *app) provenByKey(out wire.OutPoint, source secretSource) (proofs []podle.Proof, err error) {
	params, err := a.params()
	if err != nil {
		return nil, err
	}
	wif, named, err := source.read(a.term)
	if !named && err == nil {
		if wif, err = a.term.askSecret("Private key of the coin (not shown): "); errors.Is(err, errNoTerminal) {
			err = usagef("%w; name a source with --key-file or --key-fd", err)
		}
	}
	if err != nil {
		return nil, err
	}
	defer wif.Wipe()
	trimmed := secret.NewText(strings.TrimSpace(wif.Reveal()))
	defer trimmed.Wipe()
	imported, err := keys.ParseWIF(trimmed, txbuild.P2WPKH, params)
	if err != nil {
		return nil, usagef("%w", err)
	}
	defer imported.Key.Wipe()
	key, _ := btcec.PrivKeyFromBytes(imported.Key.Reveal())
	defer key.Zero()
	for index := range a.cfg.Policy.TakerUTXORetries {
		proof, err := podle.Generate(key, out, index)
		if err != nil {
			return nil, err
		}
		proofs = append(proofs, proof)
	}
	return proofs, nil
}

// readOpenings reads a file of them, a line each.
func (a *app) readOpenings(path string) (proofs []podle.Proof, err error) {
	in := io.Reader(a.term.in)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, withCode(exitUsage, err)
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(io.LimitReader(in, maxOpenings))
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		proof, err := podle.ParseRevelation(text)
		if err != nil {
			return nil, usagef("line %d: %w", number, err)
		}
		proofs = append(proofs, proof)
	}
	if err := lines.Err(); err != nil {
		return nil, withCode(exitUsage, err)
	}
	if len(proofs) == 0 {
		return nil, usagef("there is no opening in it")
	}
	return proofs, nil
}

func (a *app) addOpenings(ctx context.Context, proofs []podle.Proof, unchecked bool) error {
	if !unchecked {
		if err := a.checkOpenings(ctx, proofs); err != nil {
			return err
		}
	}
	store, err := a.openCommitments()
	if err != nil {
		return err
	}
	if err := store.AddOutside(proofs...); err != nil {
		return err
	}
	a.term.say("%d openings are there; jm podle list shows what is left of them.", len(proofs))
	return nil
}

// checkOpenings asks the node about the coins.
func (a *app) checkOpenings(ctx context.Context, proofs []podle.Proof) error {
	if err := a.canVerify(); err != nil {
		return err
	}
	node, err := a.openChain(ctx)
	if err != nil {
		return err
	}
	defer node.Close()
	for _, proof := range proofs {
		out, err := node.TxOut(ctx, proof.UTXO)
		switch {
		case errors.Is(err, chain.ErrNoTxOut):
			return usagef("%v is spent, or was never there; leave it out, or add it with --unchecked", proof.UTXO)
		case err != nil:
			return nodeError(err)
		case !proof.Owns(out.Script):
			return usagef("%v does not belong to the key", proof.UTXO)
		}
	}
	return nil
}

func newPodleGenerate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "generate [WALLET] [TXID:VOUT...]",
		Short: "Print openings of commitments to coins of a wallet",
		Long: `Print openings of commitments to the coins named, or to all coins of the wallet
that are not frozen, for jm podle add in the data folder of another wallet. They
let nobody spend anything, but who reads them knows which coins are yours.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name, named := "", map[wire.OutPoint]bool{}
			for i, arg := range args {
				out, err := coins.ParseOutPoint(arg)
				if err == nil {
					named[out] = true
				} else if i == 0 {
					name = arg
				} else {
					return usagef("%w", err)
				}
			}
			return a.printOpenings(cmd.Context(), name, named)
		},
	}
}

func (a *app) printOpenings(ctx context.Context, name string, named map[wire.OutPoint]bool) error {
	w, done, err := a.openSynced(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	all, err := w.Coins()
	if err != nil {
		return err
	}
	openings, every := []string{}, len(named) == 0
	for _, c := range all {
		if c.Frozen || c.Locktime != 0 || !every && !named[c.OutPoint] {
			continue
		}
		delete(named, c.OutPoint)
		for index := range a.cfg.Policy.TakerUTXORetries {
			proof, err := w.Commit(c, index)
			if err != nil {
				return withCode(exitWallet, err)
			}
			openings = append(openings, proof.String())
		}
	}
	for out := range named {
		return withCode(exitFunds, fmt.Errorf("%v is no unspent coin of the wallet, or it is frozen or a fidelity bond", out))
	}
	if len(openings) == 0 {
		return withCode(exitFunds, errors.New("the wallet has no coin that may be committed to"))
	}
	if a.json {
		return a.print(openings)
	}
	for _, opening := range openings {
		fmt.Fprintln(a.term.out, opening)
	}
	return nil
}
