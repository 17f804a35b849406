package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"

	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/chain/neutrino"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
)

// coreWallet is the name of the watch-only wallet that jm makes in Bitcoin Core.
// The one of rpc_wallet_file is that of the reference, which may hold keys, or be
// of the old kind: a wallet beside it leaves it as it is, also for going back.
func coreWallet(b config.Blockchain) string { return cmp.Or(b.Wallet, "joinmarket") + "-watch" }

// openChain connects to the node and checks that it can be used. A light client
// has the chain to download first: it begins, while the password is asked for.
func (a *app) openChain(ctx context.Context) (chain.Backend, error) {
	backend, err := a.newChain()
	if err != nil {
		return nil, withCode(exitNode, err)
	}
	if a.light() {
		return backend, nil
	}
	a.term.waiting("asking the node")
	_, err = backend.Tip(ctx)
	a.term.waiting("")
	if err != nil {
		backend.Close()
		return nil, nodeError(err)
	}
	return backend, nil
}

// light reports whether the node is a light client.
func (a *app) light() bool { return a.cfg.Blockchain.Source == config.Neutrino }

// newChain makes what speaks with the node.
func (a *app) newChain() (chain.Backend, error) {
	if a.node != nil {
		return a.node()
	}
	params, err := a.params()
	if err != nil {
		return nil, err
	}
	b := a.cfg.Blockchain
	if a.light() {
		return neutrino.New(neutrino.Config{
			Dir: filepath.Join(a.cfg.Dir, "neutrino", b.Network), Params: params, Peers: b.Peers, Proxy: b.Proxy, Logger: a.log,
		})
	}
	port := b.Port
	ports := map[string]uint16{"mainnet": 8332, "testnet3": 18332, "signet": 38332, "regtest": 18443}
	if b.Source == "btcd" {
		ports = map[string]uint16{"mainnet": 8334, "testnet3": 18334, "signet": 38332, "regtest": 18334}
	}
	addr := net.JoinHostPort(b.Host, strconv.Itoa(int(cmp.Or(port, ports[params.Name]))))
	password := secret.NewText(string(b.Password))
	if b.Source == "btcd" {
		return btcd.New(btcd.Config{Addr: addr, User: b.User, Password: password, CertFile: b.CertFile, Params: params, Logger: a.log})
	}
	cookie := cookieFile(b, params.Name)
	if cookie == "" && (b.User == "" || b.Password == "") {
		return nil, errors.New("joinmarket.cfg: set rpc_cookie_file, or rpc_user and rpc_password")
	}
	return core.New(core.Config{
		Node:   rpc.Config{Addr: addr, User: b.User, Password: password, CookieFile: cookie},
		Wallet: coreWallet(b), Params: params, Logger: a.log,
	})
}
