package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/spf13/cobra"

	"github.com/joinmarket-go/joinmarket/client/coldbonds"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
)

func newBondRenew(a *app) *cobra.Command {
	var r renewal
	var until int64
	cmd := &cobra.Command{
		Use:   "renew OUTPOINT",
		Short: "Get a certificate for a fidelity bond whose key is elsewhere",
		Long: `Get a certificate for a fidelity bond whose key is on another machine, so that the
maker here can show the bond. Bonds of the maker's own wallet need none: it makes
and renews certificates by itself.

First jm makes a key, and says what the bond's key is to sign: a text, which any
signer of messages can sign, or a command for jm on the other machine. The answer
is taken in with --signature; a running maker uses it at once. Until then, and up
to its last block, the old certificate stays good. The first time the month and
the public key of the bond are needed too: jm bond certificate shows them there.

Nobody can spend the bond with what is kept here.`,
		Example: `  jm bond renew 4a5e...:0 --month 2030-01 --pubkey 02be... --until 1050000
  jm bond renew 4a5e...:0 --signature MEUCIQ...
  jm bond renew 4a5e...:0`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			var err error
			if r.out, err = coins.ParseOutPoint(args[0]); err != nil {
				return usagef("%.80q: %w", args[0], err)
			}
			if r.expiry, err = periodOf(until); err != nil {
				return err
			}
			return a.renewBond(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.wallet, "wallet", "", "`name` of the maker's wallet, if there are several")
	f.StringVar(&r.month, "month", "", "the bond is locked until this month, `YYYY-MM`")
	f.StringVar(&r.pubKey, "pubkey", "", "public `key` of the bond, 66 hex digits")
	f.StringVar(&r.signature, "signature", "", "the signature that was made, `base64`")
	f.Int64Var(&until, "until", 0, "a `height` up to which the certificate is good at least (default: about a year)")
	return cmd
}

// yearOfPeriods is the default life of a certificate: as short as the
// reference's, it would have to be brought over every fortnight.
const yearOfPeriods = 26

// renewal is what the flags of `jm bond renew` say.
type renewal struct {
	wallet, month, pubKey, signature string
	out                              wire.OutPoint
	expiry                           uint16 // 0: the default
}

func (a *app) renewBond(ctx context.Context, r renewal) error {
	path, err := a.walletPath(r.wallet)
	if err != nil {
		return err
	}
	path = coldBondsFile(path)
	all, err := coldbonds.Load(path)
	if err != nil {
		return withCode(exitWallet, err)
	}
	if r.signature != "" {
		return a.takeSignature(path, all, r)
	}
	made, err := a.requestCertificate(ctx, all, r)
	if err != nil {
		return err
	}
	if err := coldbonds.Save(a.files, path, append(all, made)); err != nil {
		return withCode(exitWallet, err)
	}
	return a.printRequest(made, r.wallet)
}

// takeSignature completes the certificate that waits for it.
func (a *app) takeSignature(path string, all []coldbonds.Bond, r renewal) error {
	at, found := coldbonds.Waiting(all, r.out)
	if !found {
		return withCode(exitWallet, fmt.Errorf("no certificate of %v waits for a signature; begin with: jm bond renew %v", r.out, r.out))
	}
	if err := all[at].Sign(r.signature); err != nil {
		return withCode(exitWallet, fmt.Errorf("%w; see what is to be signed with: jm bond status", err))
	}
	signed := all[at]
	if err := coldbonds.Save(a.files, path, all); err != nil {
		return withCode(exitWallet, err)
	}
	if a.json {
		return a.print(newColdSummary(signed))
	}
	a.term.say("The maker may speak for %v up to block %d.", r.out, int64(signed.Expiry)*bond.Period)
	return nil
}

// requestCertificate makes a key, for a bond that is known or described by r.
func (a *app) requestCertificate(ctx context.Context, all []coldbonds.Bond, r renewal) (made coldbonds.Bond, err error) {
	var known coldbonds.Bond
	for _, b := range all {
		if b.OutPoint == r.out {
			known = b
		}
	}
	key, locktime := known.BondKey, known.Locktime
	if r.pubKey != "" {
		if key, err = parsePubKey(r.pubKey); err != nil {
			return made, err
		}
	}
	if r.month != "" {
		n, err := bond.ParseMonth(r.month)
		if err != nil {
			return made, usagef("%w", err)
		}
		if locktime, err = bond.Locktime(n); err != nil {
			return made, err
		}
	}
	if locktime == 0 || key == [btcec.PubKeyBytesLenCompressed]byte{} {
		return made, usagef("%v is not known yet: name its --month and its --pubkey", r.out)
	}
	backend, err := a.openChain(ctx)
	if err != nil {
		return made, err
	}
	defer backend.Close()
	tip, err := backend.Tip(ctx)
	if err != nil {
		return made, nodeError(err)
	}
	expiry := cmp.Or(r.expiry, bond.Expiry(tip.Height)+yearOfPeriods)
	made, err = coldbonds.New(r.out, locktime, key, expiry)
	if err != nil {
		return made, err
	}
	out, err := backend.TxOut(ctx, r.out)
	if err == nil {
		proof := bond.Proof{Certificate: made.Certificate, OutPoint: r.out, Locktime: locktime}
		err = proof.CheckCoin(bond.Coin{Script: out.Script, Confirmations: out.Confirmations}, tip.Height)
	}
	return made, withCode(exitWallet, err)
}

// printRequest says what the key of the bond is to sign.
func (a *app) printRequest(b coldbonds.Bond, wallet string) error {
	if a.json {
		return a.print(newColdSummary(b))
	}
	if wallet != "" {
		wallet = " --wallet " + wallet
	}
	a.term.say("Have the key of the bond sign this text, or run the command where the words of its wallet are. Then:\n"+
		"  jm bond renew %v%s --signature SIGNATURE", b.OutPoint, wallet)
	fmt.Fprintf(a.term.out, "text     %s\ncommand  %s\n", b.Text(), certificateCommand(b))
	return nil
}

// certificateCommand makes the signature on a machine with jm.
func certificateCommand(b coldbonds.Bond) string {
	return fmt.Sprintf("jm bond certificate %s %s --until %d", unixUTC(b.Locktime).Format("2006-01"), hex.EncodeToString(b.Key[:]), int64(b.Expiry)*bond.Period)
}
