package btcd_test

import (
	"log/slog"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

func TestBTCD(t *testing.T) {
	chaintest.Run(t, chaintest.StartBTCD(t), func(t *testing.T, node rpc.Config, params *chaincfg.Params) (chain.Backend, error) {
		return btcd.New(btcd.Config{
			Addr:     node.Addr,
			User:     node.User,
			Password: node.Password,
			Params:   params,
			Logger:   slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
	})
}
