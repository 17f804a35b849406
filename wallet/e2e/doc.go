// Package e2e tests wallets on real nodes: one suite that the wallet passes with
// every backend, and what it shares with a wallet of Bitcoin Core. It has no
// code of its own.
package e2e
