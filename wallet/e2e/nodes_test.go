package e2e

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	light "github.com/lightninglabs/neutrino"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/btcd"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/core"
	"github.com/joinmarket-go/joinmarket/wallet/chain/neutrino"
)

// patience bounds how long a test waits for a single thing.
const patience = time.Minute

func TestMain(m *testing.M) {
	light.ConnectionRetryInterval = 100 * time.Millisecond
	os.Exit(m.Run())
}

// place is a node, and a way to follow it. It has no index of transactions
// (txindex).
type place struct {
	*regtest.Node
	// open makes a backend; of the same name, one that finds what the other
	// has left behind.
	open func(t *testing.T, name string) (chain.Backend, error)
	// light tells that the backend sees others' payments only in blocks.
	light bool
}

func onBitcoind(t *testing.T) *place {
	// A restart empties the mempool, as that of btcd, and no wallet of the node
	// fills it again.
	p := &place{Node: chaintest.StartBitcoind(t, chaintest.Line("persistmempool=0"), chaintest.Line("walletbroadcast=0"),
		chaintest.Line("unsafesqlitesync=1"))} // quick; that the node's disk is safe is not for us to test
	p.open = func(_ *testing.T, name string) (chain.Backend, error) {
		return core.New(core.Config{Node: p.Access(), Wallet: name, Params: regtest.Params, Poll: 50 * time.Millisecond})
	}
	return p
}

func onBTCD(t *testing.T) *place {
	p := &place{Node: chaintest.StartBTCD(t)}
	p.open = func(*testing.T, string) (chain.Backend, error) {
		access := p.Access()
		return btcd.New(btcd.Config{Addr: access.Addr, User: access.User, Password: access.Password, Params: regtest.Params})
	}
	return p
}

func onNeutrino(t *testing.T) *place {
	p := &place{Node: chaintest.StartBTCD(t, func(cfg *regtest.Config) { cfg.Peers = true }), light: true}
	dirs := make(map[string]string)
	p.open = func(t *testing.T, name string) (chain.Backend, error) {
		if dirs[name] == "" {
			dirs[name] = t.TempDir()
		}
		return neutrino.New(neutrino.Config{Dir: dirs[name], Params: regtest.Params, Peers: []string{p.PeerAddr()}})
	}
	return p
}

// backend opens one until the test ends.
func (p *place) backend(t *testing.T, name string) chain.Backend {
	t.Helper()
	b, err := p.open(t, strings.ReplaceAll(t.Name()+name, "/", "-"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (p *place) mine(t *testing.T, count int) chain.BlockID {
	t.Helper()
	tip, err := p.Mine(timed(t), count)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// mineOn makes count blocks upon parent, with txs in the first.
func (p *place) mineOn(t *testing.T, parent chain.BlockID, count int, txs ...*wire.MsgTx) chain.BlockID {
	t.Helper()
	for range count {
		tip, err := p.MineBlock(timed(t), regtest.Block{Parent: parent, Txs: txs})
		if err != nil {
			t.Fatal(err)
		}
		parent, txs = tip, nil
	}
	return parent
}

// fund pays to a script from the node's subsidies.
func (p *place) fund(t *testing.T, script []byte, value sats.Amount) *wire.MsgTx {
	t.Helper()
	tx, err := p.Fund(timed(t), wire.NewTxOut(int64(value), script))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// tip asks the node, past the backends.
func (p *place) tip(t *testing.T) chain.BlockID {
	t.Helper()
	info, err := p.Client().ChainInfo(timed(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.Tip().BlockID
}

// mempool is what the node has, past the backends.
func (p *place) mempool(t *testing.T) map[chainhash.Hash]bool {
	t.Helper()
	var ids []chainhash.Hash
	if err := p.Client().Call(timed(t), "getrawmempool", nil, &ids); err != nil {
		t.Fatal(err)
	}
	has := make(map[chainhash.Hash]bool)
	for _, id := range ids {
		has[id] = true
	}
	return has
}

// awaitMempool waits until the node has a transaction that was sent to it: a
// light client's peers fetch it later.
func (p *place) awaitMempool(t *testing.T, tx *wire.MsgTx) {
	t.Helper()
	ctx := timed(t)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !p.mempool(t)[tx.TxHash()] {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("the node did not get the transaction")
		}
	}
}

func timed(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
