package rpc_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/chain/rpc"
)

// headers of a chain with a block every six hours since start, and a branch of
// it that was left.
type headers struct {
	start time.Time
	best  []wire.BlockHeader
	known map[chainhash.Hash]wire.BlockHeader
}

func newHeaders(count int) *headers {
	h := &headers{start: time.Unix(1_600_000_000, 0), known: make(map[chainhash.Hash]wire.BlockHeader)}
	h.best = h.grow([]wire.BlockHeader{regtest.Params.GenesisBlock.Header}, count-1, 0)
	return h
}

// grow returns a chain with more blocks.
func (h *headers) grow(on []wire.BlockHeader, count int, nonce uint32) []wire.BlockHeader {
	grown := append([]wire.BlockHeader(nil), on...)
	for range count {
		grown = append(grown, wire.BlockHeader{
			PrevBlock: grown[len(grown)-1].BlockHash(),
			Timestamp: h.start.Add(time.Duration(len(grown)) * 6 * time.Hour),
			Nonce:     nonce,
		})
	}
	for _, header := range grown {
		h.known[header.BlockHash()] = header
	}
	return grown
}

func (h *headers) client(t *testing.T) *rpc.Client {
	t.Helper()
	f := chaintest.NewFake(t, regtest.Params)
	f.Set("getblockhash", func(params json.RawMessage) (any, error) {
		var height [1]int
		if err := json.Unmarshal(params, &height); err != nil {
			return nil, err
		}
		if height[0] >= len(h.best) {
			return nil, &rpc.Error{Code: rpc.CodeInvalidParameter, Message: "Block height out of range"}
		}
		return h.best[height[0]].BlockHash().String(), nil
	})
	f.Set("getblockheader", func(params json.RawMessage) (any, error) {
		var question [2]any
		if err := json.Unmarshal(params, &question); err != nil {
			return nil, err
		}
		hash, err := chainhash.NewHashFromStr(question[0].(string))
		if err != nil {
			return nil, err
		}
		header, ok := h.known[*hash]
		if !ok {
			return nil, &rpc.Error{Code: rpc.CodeNotFound, Message: "Block not found"}
		}
		var raw bytes.Buffer
		if err := header.Serialize(&raw); err != nil {
			return nil, err
		}
		return hex.EncodeToString(raw.Bytes()), nil
	})
	c, err := rpc.New(f.Access())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func id(blocks []wire.BlockHeader, height int) chain.BlockID {
	return chain.BlockID{Height: int32(height), Hash: blocks[height].BlockHash()}
}

func TestBlockTime(t *testing.T) {
	h := newHeaders(5)
	c := h.client(t)
	for height := range h.best {
		got, err := c.BlockTime(t.Context(), int32(height))
		if err != nil || !got.Equal(h.best[height].Timestamp.Truncate(time.Second)) {
			t.Errorf("block %d is of %v, %v; want %v", height, got, err, h.best[height].Timestamp)
		}
	}
	if _, err := c.BlockTime(t.Context(), int32(len(h.best))); !errors.Is(err, rpc.ErrNoBlock) {
		t.Errorf("above the tip: %v", err)
	}
}

func TestFork(t *testing.T) {
	h := newHeaders(50)
	left := h.grow(h.best[:40], 20, 1)
	strange := newHeaders(10).grow(h.best[:3], 5, 2) // not known to this node
	genesis := id(h.best, 0)
	c := h.client(t)
	for _, x := range []struct {
		name        string
		since, want chain.BlockID
	}{
		{"nothing", chain.BlockID{}, genesis},
		{"the first block", genesis, genesis},
		{"the tip", id(h.best, 49), id(h.best, 49)},
		{"in the chain", id(h.best, 7), id(h.best, 7)},
		{"left", id(left, 45), id(h.best, 39)},
		{"left, longer than the chain", id(left, 59), id(h.best, 39)},
		{"not known", id(strange, 6), genesis},
		{"below the first", chain.BlockID{Height: -5, Hash: chainhash.Hash{1}}, genesis},
		{"right hash, wrong height", chain.BlockID{Height: 9, Hash: h.best[7].BlockHash()}, genesis},
	} {
		if got, err := c.Fork(t.Context(), x.since, regtest.Params); err != nil || got != x.want {
			t.Errorf("%s: %v, %v; want %v", x.name, got, err, x.want)
		}
	}
}

func TestHeightBefore(t *testing.T) {
	h := newHeaders(50)
	c := h.client(t)
	for _, x := range []struct {
		birth time.Time
		want  int32
	}{
		{time.Time{}, 0},
		{h.start.Add(-time.Hour), 0},
		{h.start.Add(24 * time.Hour), 0},
		// A day before the birth, the last block is 10 times six hours old.
		{h.start.Add(24*time.Hour + 61*time.Hour), 10},
		{h.start.Add(24*time.Hour + 60*time.Hour), 9},
		{h.start.Add(1000 * time.Hour), 49},
		{time.Now(), 49},
	} {
		if got, err := c.HeightBefore(t.Context(), x.birth, 49); err != nil || got != x.want {
			t.Errorf("%s after the start: %d, %v; want %d", x.birth.Sub(h.start), got, err, x.want)
		}
	}
}

func TestHeaderOfAnotherBlock(t *testing.T) {
	h := newHeaders(5)
	lie := h.best[2].BlockHash()
	h.known[lie] = h.best[3]
	if _, err := h.client(t).Header(t.Context(), lie); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("%v, want ErrUnreachable", err)
	}
	if _, err := h.client(t).Header(t.Context(), chainhash.Hash{9}); !errors.Is(err, rpc.ErrNoBlock) {
		t.Errorf("%v, want ErrNoBlock", err)
	}
}

func TestTxRefusesRest(t *testing.T) {
	var raw bytes.Buffer
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{Witness: wire.TxWitness{{1}}})
	tx.AddTxOut(wire.NewTxOut(5, []byte{0x51}))
	if err := tx.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	text := hex.EncodeToString(raw.Bytes())
	var got rpc.Tx
	if err := json.Unmarshal([]byte(`"`+text+`"`), &got); err != nil || got.WitnessHash() != tx.WitnessHash() {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{`"` + text + `00"`, `"` + text[2:] + `"`, `"xx"`, `7`, `""`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}
