package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
)

func newBondCertificate(a *app) *cobra.Command {
	var (
		until   int64
		offline bool
	)
	cmd := &cobra.Command{
		Use:   "certificate [WALLET] (OUTPOINT | YYYY-MM) PUBKEY",
		Short: "Sign that another key may speak for a fidelity bond",
		Long: `Sign that another key, such as one on a maker's machine, may speak for a fidelity
bond up to a block. The key of the bond can stay on a machine without a node:
name the month of the bond there in place of its coin, and a block with --until.

Who has the other key can pose as the owner of the bond until then, but never
spend it. Takers count blocks in periods of 2016; the certificate ends with the
period that --until is in, by default with the present one, as the reference's
do. PUBKEY is compressed, 66 hex digits; the signature is base64 of DER, over
"fidelity-bond-cert|", the 33 bytes of PUBKEY, "|" and the number of the period,
as a Bitcoin signed message.`,
		Example: `  jm wallet bond certificate 4a5e...:0 02c6...
  jm wallet bond certificate cold 2030-01 02c6... --until 1050000`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			last := len(args) - 1
			key, err := parsePubKey(args[last])
			if err != nil {
				return err
			}
			period, err := periodOf(until)
			if err != nil {
				return err
			}
			return a.certifyBond(cmd.Context(), one(args[:last-1]), args[last-1], key, period, offline)
		},
	}
	cmd.Flags().Int64Var(&until, "until", 0, "a `height` up to which the certificate is good at least (default: the end of the present period)")
	cmd.Flags().BoolVar(&offline, "offline", false, "go by the last known state, without asking the node")
	return cmd
}

func parsePubKey(text string) (key [btcec.PubKeyBytesLenCompressed]byte, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) == len(key) {
		if _, err = btcec.ParsePubKey(raw); err == nil {
			return [btcec.PubKeyBytesLenCompressed]byte(raw), nil
		}
	}
	return key, usagef("%.80q is no public key: want 66 hex digits, 02... or 03...", text)
}

// periodOf returns the period that a block is in; 0 for the height 0.
func periodOf(height int64) (uint16, error) {
	if height < 0 || height > 0xffff*bond.Period {
		return 0, usagef("--until %d: want a height up to %d", height, 0xffff*bond.Period)
	}
	return uint16((height + bond.Period - 1) / bond.Period), nil
}

// certifyBond certifies for the bond named by its coin, or by its month, which
// needs no node. Period 0 stands for the present one.
func (a *app) certifyBond(ctx context.Context, name, what string, key [btcec.PubKeyBytesLenCompressed]byte, period uint16, offline bool) error {
	out, err := coins.ParseOutPoint(what)
	if err != nil {
		n, err := bond.ParseMonth(what)
		if err != nil {
			return usagef("%.80q: want the bond as txid:vout, or its month as YYYY-MM", what)
		}
		path, err := keys.BondPath(n)
		if err != nil {
			return err
		}
		w, err := a.openWallet(name, nil)
		if err != nil {
			return err
		}
		defer w.Close()
		return a.certifyPath(w, path, key, period)
	}
	w, done, err := a.openKnown(ctx, name, offline)
	if err != nil {
		return err
	}
	defer done()
	b, err := findBond(w, out)
	if err != nil {
		return err
	}
	return a.certifyPath(w, b.Path(), key, period)
}

// certificate is the document of `jm wallet bond certificate --json`.
type certificate struct {
	BondKey   string `json:"bond_pubkey"` // hex, as are keys below
	Path      string `json:"path"`
	Locktime  uint32 `json:"locktime"` // Unix time
	Key       string `json:"cert_pubkey"`
	Expiry    uint16 `json:"cert_expiry"` // in periods of 2016 blocks
	Until     int64  `json:"until_block"` // the last block, Expiry times 2016
	Signature string `json:"signature"`   // base64 of DER
}

func (a *app) certifyPath(w *wallet.Wallet, path keys.Path, key [btcec.PubKeyBytesLenCompressed]byte, period uint16) error {
	tip, _ := w.Synced()
	switch {
	case period == 0 && tip.Height == 0:
		return usagef("the wallet has not seen the chain: say with --until up to which block the certificate is to be good")
	case period == 0:
		period = bond.Expiry(tip.Height)
	}
	if (bond.Certificate{Expiry: period}).Expired(tip.Height) {
		return usagef("--until: block %d is past already, the chain is at %d", int64(period)*bond.Period, tip.Height)
	}
	signed, err := w.CertifyBond(path, key, period)
	if err != nil {
		return bondError(err)
	}
	c := certificate{
		hex.EncodeToString(signed.BondKey[:]), w.PathText(path), path.Locktime, hex.EncodeToString(signed.Key[:]),
		signed.Expiry, int64(signed.Expiry) * bond.Period, base64.StdEncoding.EncodeToString(signed.Signature),
	}
	if a.json {
		return a.print(c)
	}
	fmt.Fprintf(a.term.out, "bond key   %s  %s\nkey        %s\nexpiry     %d (up to block %d)\nsignature  %s\n",
		c.BondKey, c.Path, c.Key, c.Expiry, c.Until, c.Signature)
	return nil
}
