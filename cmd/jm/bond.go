package main

import "github.com/spf13/cobra"

// newBond is all that a maker does with fidelity bonds; what concerns the wallet
// alone is in wallet bond too.
func newBond(a *app) *cobra.Command {
	cmd := group("bond", "Fidelity bonds of a maker: make, watch, renew, spend")
	cmd.Long = `Fidelity bonds of a maker: coins locked until the beginning of a month, for which
takers prefer it.

jm yieldgenerator shows takers the most valuable bond of its wallet. It needs no
help for that: it certifies a key of its own with the bond's, and does so anew in
each period of 2016 blocks. A bond whose key is on another machine, in a hardware
signer for example, needs a certificate from there: jm bond renew.`
	cmd.AddCommand(newBondAddress(a, "create"), newBondList(a), newBondStatus(a), newBondRenew(a), newBondSpend(a),
		newBondCertificate(a), newBondValue(a, "calc"))
	return cmd
}
