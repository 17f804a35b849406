package neutrino_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	light "github.com/lightninglabs/neutrino"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/neutrino"
)

const (
	// patience bounds how long a test waits for a single thing.
	patience  = time.Minute
	coinValue = 5_000_000
	coinFee   = 1000
	// Times of backends in tests.
	stallTime  = 3 * time.Second
	askTime    = 6 * time.Second // a little more than Bitcoin Core waits
	rejectTime = 300 * time.Millisecond
)

func TestMain(m *testing.M) {
	light.ConnectionRetryInterval = 100 * time.Millisecond
	neutrino.SetTimes(stallTime, askTime, rejectTime)
	// No test asks the world for a name.
	var leaks atomic.Int32
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		leaks.Add(1)
		return nil, errors.New("a test asks for a name")
	}}
	code := m.Run()
	if leaks.Load() > 0 {
		fmt.Fprintln(os.Stderr, "names were looked up", leaks.Load(), "times")
		code = 1
	}
	os.Exit(code)
}

func peers(cfg *regtest.Config) { cfg.Peers = true }

// startNode runs a node with a chain of today.
func startNode(t *testing.T) *regtest.Node {
	t.Helper()
	node := chaintest.StartBTCD(t, peers)
	mine(t, node, 1)
	return node
}

// config is for a node as the only peer.
func config(t *testing.T, addr string) neutrino.Config {
	return neutrino.Config{
		Dir:      t.TempDir(),
		Params:   regtest.Params,
		Peers:    []string{addr},
		Patience: 5 * time.Second,
		Logger:   slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func open(t *testing.T, cfg neutrino.Config) *neutrino.Backend {
	t.Helper()
	b, err := neutrino.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(t, b) })
	return b
}

// closeNow closes what may be closed already.
func closeNow(t *testing.T, b *neutrino.Backend) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// account is a run of scripts that anybody can spend from (P2WSH).
type account uint32

var accounts atomic.Uint32

// newAccount has scripts that were not used before.
func newAccount() account { return account(accounts.Add(1)) }

// witnessScript has its number in opcodes: nodes do not like data.
func (a account) witnessScript(i uint32) []byte {
	script := []byte{txscript.OP_TRUE}
	for number := uint64(a)<<32 | uint64(i); number > 0; number >>= 4 {
		script = append(script, txscript.OP_1+byte(number%16), txscript.OP_BOOLAND)
	}
	return script
}

func (a account) script(i uint32) []byte {
	program := sha256.Sum256(a.witnessScript(i))
	return append([]byte{txscript.OP_0, byte(len(program))}, program[:]...)
}

// spend moves an output of tx, which pays to script i, to another script. It can
// be replaced (BIP 125).
func (a account) spend(tx *wire.MsgTx, vout, i uint32, to []byte, fee int64) *wire.MsgTx {
	spend := wire.NewMsgTx(2)
	in := wire.NewTxIn(outPoint(tx, vout), nil, wire.TxWitness{a.witnessScript(i)})
	in.Sequence = wire.MaxTxInSequenceNum - 2
	spend.AddTxIn(in)
	spend.AddTxOut(wire.NewTxOut(tx.TxOut[vout].Value-fee, to))
	return spend
}

func (a account) branch(count uint32, birth time.Time) []chain.Branch {
	return []chain.Branch{{Script: func(i uint32) ([]byte, error) { return a.script(i), nil }, Count: count, Birth: birth}}
}

func outPoint(tx *wire.MsgTx, index uint32) *wire.OutPoint {
	hash := tx.TxHash()
	return wire.NewOutPoint(&hash, index)
}

// watching opens a backend that watches an account, and syncs it once.
func watching(t *testing.T, cfg neutrino.Config, a account) (*neutrino.Backend, chain.Update) {
	t.Helper()
	b := open(t, cfg)
	watch(t, b, a.branch(10, time.Now()))
	return b, syncNow(t, b, chain.BlockID{})
}

func watch(t *testing.T, b chain.Backend, branches []chain.Branch) {
	t.Helper()
	if err := b.Watch(timed(t), branches); err != nil {
		t.Fatal(err)
	}
}

func syncNow(t *testing.T, b chain.Backend, since chain.BlockID) chain.Update {
	t.Helper()
	update, err := b.Sync(timed(t), since)
	if err != nil {
		t.Fatal(err)
	}
	return update
}

// await syncs at every change until an update is as wanted, and returns that.
func await(t *testing.T, b chain.Backend, since chain.BlockID, what string, wanted func(chain.Update) bool) chain.Update {
	t.Helper()
	ctx := timed(t)
	for {
		update, err := b.Sync(ctx, since)
		if err == nil && wanted(update) {
			return update
		}
		select {
		case <-b.Changes():
		case <-ctx.Done():
			t.Fatalf("waiting for %s: last update %+v, %v", what, update, err)
		}
	}
}

func fund(t *testing.T, node *regtest.Node, script []byte) *wire.MsgTx {
	t.Helper()
	tx, err := node.Fund(timed(t), wire.NewTxOut(coinValue, script))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func mine(t *testing.T, node *regtest.Node, count int) chain.BlockID {
	t.Helper()
	tip, err := node.Mine(timed(t), count)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

func mineBlock(t *testing.T, node *regtest.Node, block regtest.Block) chain.BlockID {
	t.Helper()
	id, err := node.MineBlock(timed(t), block)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// nodeTip asks the node, past the backend.
func nodeTip(t *testing.T, node *regtest.Node) chain.BlockID {
	t.Helper()
	info, err := node.Client().ChainInfo(timed(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.Tip().BlockID
}

// inMempool asks the node whether a transaction waits for a block.
func inMempool(t *testing.T, node *regtest.Node, tx *wire.MsgTx) bool {
	t.Helper()
	var ids []chainhash.Hash
	if err := node.Client().Call(timed(t), "getrawmempool", nil, &ids); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if id == tx.TxHash() {
			return true
		}
	}
	return false
}

func timed(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// find returns the transaction in an update, nil if it is not there.
func find(update chain.Update, tx *wire.MsgTx) *chain.Tx {
	for i := range update.Txs {
		if update.Txs[i].Msg.TxHash() == tx.TxHash() {
			return &update.Txs[i]
		}
	}
	return nil
}

// unconfirmed and in say where a transaction has to be.
func unconfirmed(tx *wire.MsgTx) func(chain.Update) bool { return in(tx, chain.BlockID{}) }

func in(tx *wire.MsgTx, block chain.BlockID) func(chain.Update) bool {
	return func(update chain.Update) bool {
		found := find(update, tx)
		return found != nil && found.Block == block
	}
}

func tipIs(block chain.BlockID) func(chain.Update) bool {
	return func(update chain.Update) bool { return update.Tip.BlockID == block }
}
