package chain_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// A backend tells what its node believes of a coin, whoever owns it. This one is
// a chain in memory; core, btcd and neutrino are those of real nodes.
func Example() {
	c := wallettest.NewChain(&chaincfg.RegressionNetParams)
	var node chain.Backend = c.Backend()
	ctx := context.Background()
	out := c.Pay(txbuild.Program(make([]byte, 33)), 30_000_000)
	c.Mine(3)

	coin, err := node.TxOut(ctx, out)
	fmt.Println(coin.Value, coin.Confirmations, err)
	tip, err := node.Tip(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	since, err := chain.Confirmed(ctx, node, coin, tip)
	fmt.Println(!since.IsZero(), err)

	out.Index++
	_, err = node.TxOut(ctx, out)
	fmt.Println(errors.Is(err, chain.ErrNoTxOut))
	// Output:
	// 30 000 000 sat 3 <nil>
	// true <nil>
	// true
}
