package main

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// canVerify returns why there can be no CoinJoins, if it is so: a light client
// would have to believe others that the coins exist which they put in.
func (a *app) canVerify() error {
	if !a.light() {
		return nil
	}
	return withCode(exitNode, fmt.Errorf("%w, so it is of no use for CoinJoins\n"+
		"Set blockchain_source in joinmarket.cfg to bitcoin-rpc or btcd; jm wallet send and jm sendpayment -N 0 pay without a CoinJoin", chain.ErrCannotVerify))
}

// joinable returns why a wallet cannot take part in CoinJoins, if it cannot: the
// market is one of P2WPKH coins, and coins of another type would stand out.
func joinable(w *wallet.Wallet) error {
	if w.WatchOnly() {
		return withCode(exitWallet, keys.ErrWatchOnly)
	}
	if kind := w.Type(); kind != txbuild.P2WPKH {
		return withCode(exitWallet, fmt.Errorf("this wallet is of type %s, and CoinJoins are for %s wallets; make one with jm wallet create and send the coins there",
			kind, txbuild.P2WPKH))
	}
	return nil
}
