package core_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// poll is short, so that tests need not wait for news.
const poll = 50 * time.Millisecond

func TestBitcoind(t *testing.T) {
	chaintest.Run(t, chaintest.StartBitcoind(t), func(t *testing.T, node rpc.Config, params *chaincfg.Params) (chain.Backend, error) {
		return core.New(core.Config{
			Node:   node,
			Wallet: strings.ReplaceAll(t.Name(), "/", "-"),
			Params: params,
			Poll:   poll,
			Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
	})
}
