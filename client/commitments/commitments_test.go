package commitments

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/podle"
)

// world is a node and a wallet in one: coins with their keys.
type world struct {
	outs map[wire.OutPoint]chain.TxOut
	keys map[wire.OutPoint]*btcec.PrivateKey
	down error // if set, the node does not answer
}

func newWorld() *world {
	return &world{map[wire.OutPoint]chain.TxOut{}, map[wire.OutPoint]*btcec.PrivateKey{}, nil}
}

func (w *world) TxOut(_ context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if w.down != nil {
		return chain.TxOut{}, w.down
	}
	txOut, ok := w.outs[out]
	if !ok {
		return chain.TxOut{}, chain.ErrNoTxOut
	}
	return txOut, nil
}

func (w *world) Commit(c coins.Coin, index int) (podle.Proof, error) {
	key, ok := w.keys[c.OutPoint]
	if !ok {
		return podle.Proof{}, errors.New("not our coin")
	}
	return podle.Generate(key, c.OutPoint, index)
}

func p2wpkh(pubKey []byte) []byte { return append([]byte{0, 20}, address.Hash160(pubKey)...) }

// add makes an old coin of the given value.
func (w *world) add(t testing.TB, utxo string, privKey []byte, value sats.Amount) coins.Coin {
	t.Helper()
	out, err := coins.ParseOutPoint(utxo)
	if err != nil {
		t.Fatal(err)
	}
	key, pub := btcec.PrivKeyFromBytes(privKey)
	script := p2wpkh(pub.SerializeCompressed())
	w.keys[out] = key
	w.outs[out] = chain.TxOut{Value: value, Script: script, Confirmations: 10}
	return coins.Coin{OutPoint: out, Value: value, Script: script, Height: 1}
}

func outPoint(n int) string { return fmt.Sprintf("%064x:%d", n+1, n) }

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(Config{Path: path, Tries: 3, Age: 5, Percent: 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tempFile(t testing.TB) string { return filepath.Join(t.TempDir(), "commitments.json") }

// nextCase is a choice of the reference.
type nextCase struct {
	Coins         []struct{ PrivKey, UTXO string }
	Tries         int
	FileBefore    json.RawMessage `json:"file_before"`
	AllowExternal []string        `json:"allow_external"`
	Note          string
	Valid         bool
	ChosenUTXO    string `json:"chosen_utxo"`
	Commitment    string
	ChosenIndex   int      `json:"chosen_index"`
	UsedAfter     []string `json:"used_after"`
}

func TestNextAsReference(t *testing.T) {
	for _, v := range vectors.Load[nextCase](t, "next_index.json", 12) {
		path, w := tempFile(t), newWorld()
		if err := os.WriteFile(path, v.FileBefore, 0o600); err != nil {
			t.Fatal(err)
		}
		var own []coins.Coin
		for _, c := range v.Coins {
			own = append(own, w.add(t, c.UTXO, vectors.Hex(t, c.PrivKey), 1_000_000))
		}
		before, err := readFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range before.External {
			if p := e.proofs[0]; slices.Contains(v.AllowExternal, p.UTXO.String()) {
				w.outs[p.UTXO] = chain.TxOut{Value: 1_000_000, Script: p2wpkh(p.P[:]), Confirmations: 10}
			}
		}
		s, err := Open(Config{Path: path, Tries: v.Tries, Age: 5, Percent: 20})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.Next(t.Context(), w, w, 1_000_000, own[:1], own[1:])
		if !v.Valid {
			var none *NoneError
			if want := 2 + len(v.AllowExternal); !errors.As(err, &none) || none.Used != want || none.TooNew > 0 {
				t.Errorf("%s: %v", v.Note, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.Note, err)
			continue
		}
		c := proof.Commitment()
		index, errVerify := proof.Verify(c, v.Tries)
		if proof.UTXO.String() != v.ChosenUTXO || hex.EncodeToString(c[:]) != v.Commitment || index != v.ChosenIndex || errVerify != nil {
			t.Errorf("%s: index %d of %v, %v, want %d of %s", v.Note, index, proof.UTXO, errVerify, v.ChosenIndex, v.ChosenUTXO)
		}
		after, err := readFile(path)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(after.Used)
		slices.Sort(v.UsedAfter)
		if !slices.Equal(after.Used, v.UsedAfter) || len(after.External) != len(before.External) {
			t.Errorf("%s: file has %v, want %v", v.Note, after.Used, v.UsedAfter)
		}
	}
}

func TestT12EachCommitmentOnce(t *testing.T) {
	path, w := tempFile(t), newWorld()
	own := []coins.Coin{w.add(t, outPoint(0), []byte{1}, 1_000_000), w.add(t, outPoint(1), []byte{2}, 1_000_000)}
	seen := map[[32]byte]bool{}
	for range 6 {
		proof, err := open(t, path).Next(t.Context(), w, w, 1_000_000, own, nil) // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		if seen[proof.Commitment()] {
			t.Fatal("a commitment twice")
		}
		seen[proof.Commitment()] = true
	}
	_, err := open(t, path).Next(t.Context(), w, w, 1_000_000, own, nil)
	var none *NoneError
	if !errors.As(err, &none) || none.Used != 2 || !strings.Contains(err.Error(), "2 used 3 times already") {
		t.Errorf("after the last try: %v", err)
	}
}

func TestConcurrentStoresShareTheFile(t *testing.T) {
	path, w := tempFile(t), newWorld()
	var own []coins.Coin
	for i := range 4 {
		own = append(own, w.add(t, outPoint(i), []byte{byte(i + 1)}, 1_000_000))
	}
	var mu sync.Mutex
	seen := map[[32]byte]int{}
	var wait sync.WaitGroup
	for range 2 { // two processes
		s := open(t, path)
		for range 2 {
			wait.Go(func() {
				for range 3 {
					proof, err := s.Next(t.Context(), w, w, 1_000_000, own, nil)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					seen[proof.Commitment()]++
					mu.Unlock()
				}
			})
		}
	}
	wait.Wait()
	if len(seen) != 12 {
		t.Errorf("%d commitments for 12 calls", len(seen))
	}
}

func TestEligibility(t *testing.T) {
	const amount = 1_000_003 // 20 % rounded down is 200,000
	w := newWorld()
	edit := func(c coins.Coin, f func(*chain.TxOut)) coins.Coin {
		out := w.outs[c.OutPoint]
		f(&out)
		w.outs[c.OutPoint] = out
		return c
	}
	own := []coins.Coin{
		edit(w.add(t, outPoint(0), []byte{1}, 500_000), func(o *chain.TxOut) { o.Confirmations = 4 }),
		edit(w.add(t, outPoint(1), []byte{2}, 500_000), func(o *chain.TxOut) { o.Value = 199_999 }),
		edit(w.add(t, outPoint(2), []byte{3}, 500_000), func(o *chain.TxOut) { o.Script = []byte{0x6a} }),
		w.add(t, outPoint(3), []byte{4}, 500_000),
	}
	delete(w.outs, own[3].OutPoint) // spent
	s := open(t, tempFile(t))
	_, err := s.Next(t.Context(), w, w, amount, own[:2], own[2:])
	var none *NoneError
	if !errors.As(err, &none) || none.TooNew != 1 || none.TooSmall != 1 || none.Used != 0 {
		t.Fatalf("%v", err)
	}
	if text := err.Error(); !strings.Contains(text, "5 confirmations") || !strings.Contains(text, "20 %") {
		t.Errorf("the error does not say what to do: %s", text)
	}

	good := edit(w.add(t, outPoint(4), []byte{5}, 500_000), func(o *chain.TxOut) { o.Confirmations, o.Value = 5, 200_000 })
	proof, err := s.Next(t.Context(), w, w, amount, own, []coins.Coin{good})
	if err != nil || proof.UTXO != good.OutPoint {
		t.Errorf("coin at both limits: %v, %v", proof.UTXO, err)
	}

	w.down = chain.ErrUnreachable
	if _, err := s.Next(t.Context(), w, w, amount, own, nil); !errors.Is(err, chain.ErrUnreachable) {
		t.Errorf("no answer from the node: %v", err)
	}
}

func TestExternalMustBeValid(t *testing.T) {
	w := newWorld()
	key, _ := btcec.PrivKeyFromBytes([]byte{9})
	c := w.add(t, outPoint(0), []byte{9}, 1_000_000)
	opening := func(index int) string {
		p, err := podle.Generate(key, c.OutPoint, index)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"P2": "%x", "s": "%x", "e": "%x"}`, p.P2, p.S, p.E)
	}
	pub := hex.EncodeToString(key.PubKey().SerializeCompressed())
	write := func(reveal string) *Store {
		path := tempFile(t)
		text := fmt.Sprintf(`{"used": [], "external": {"%s": {"P": "%s", "reveal": {%s}}}}`, c.OutPoint, pub, reveal)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return open(t, path)
	}
	next := func(s *Store) (podle.Proof, error) { return s.Next(t.Context(), w, w, 1_000_000, nil, nil) }

	// Index 1 in the place of 0 proves nothing for 0; index 2 is in its place.
	if p, err := next(write(fmt.Sprintf(`"0": %s, "2": %s`, opening(1), opening(2)))); err != nil {
		t.Error(err)
	} else if i, _ := p.Verify(p.Commitment(), 3); i != 2 {
		t.Errorf("index %d", i)
	}
	var none *NoneError
	if _, err := next(write(`"3": ` + opening(3))); !errors.As(err, &none) {
		t.Errorf("index beyond the tries: %v", err)
	}
	hash := address.Hash160(key.PubKey().SerializeCompressed())
	for name, script := range map[string][]byte{
		"p2pkh":       append(append([]byte{0x76, 0xa9, 20}, hash...), 0x88, 0xac),
		"nested":      append(append([]byte{0xa9, 20}, address.Hash160(c.Script)...), 0x87),
		"another key": append([]byte{0, 20}, make([]byte, 20)...),
		"p2wsh":       append([]byte{0, 32}, make([]byte, 32)...),
	} {
		out := w.outs[c.OutPoint]
		out.Script = script
		w.outs[c.OutPoint] = out
		_, err := next(write(`"0": ` + opening(0)))
		if want := name == "p2pkh" || name == "nested"; (err == nil) != want {
			t.Errorf("coin with script %s: %v", name, err)
		}
	}
}

func TestTried(t *testing.T) {
	path, w := tempFile(t), newWorld()
	own := []coins.Coin{w.add(t, outPoint(0), []byte{1}, 1_000_000), w.add(t, outPoint(1), []byte{2}, 1_000_000)}
	s := open(t, path)
	for _, want := range [][]int{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {3, 1}} {
		got, err := s.Tried(w, own)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		if _, err := s.Next(t.Context(), w, w, 1_000_000, own, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Tried(w, []coins.Coin{{}}); err == nil {
		t.Error("a coin that the wallet does not have")
	}
}

// TestOutside puts openings of other coins into the file, uses one up, and takes
// them out again.
func TestOutside(t *testing.T) {
	w := newWorld()
	path := filepath.Join(t.TempDir(), "commitments.json")
	s := open(t, path)
	var proofs []podle.Proof
	var outs []wire.OutPoint
	for i := range 2 {
		coin := w.add(t, outPoint(i), []byte{byte(i + 1)}, 1e8)
		outs = append(outs, coin.OutPoint)
		for index := range 3 {
			proof, err := w.Commit(coin, index)
			if err != nil {
				t.Fatal(err)
			}
			proofs = append(proofs, proof)
		}
	}
	want := func(left ...int) {
		t.Helper()
		list, err := s.Outside()
		if err != nil || len(list) != len(left) {
			t.Fatalf("%v, %v; want %v", list, err, left)
		}
		for i, n := range left {
			if list[i].Left != n || list[i].Coin != outs[i] {
				t.Errorf("coin %d: %+v, want %d left", i, list[i], n)
			}
		}
	}
	want()
	bad := proofs[0]
	bad.S[5] ^= 1
	if err := s.AddOutside(proofs[1], bad); !errors.Is(err, podle.ErrProof) {
		t.Errorf("an opening that proves nothing: %v", err)
	}
	want()
	for range 2 { // a second time is no error
		if err := s.AddOutside(proofs...); err != nil {
			t.Fatal(err)
		}
		want(3, 3)
	}
	if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), `"used": [],`) {
		t.Errorf("the reference wants a list: %.40s, %v", data, err)
	}
	other := newWorld()
	stranger, err := other.Commit(other.add(t, outPoint(0), []byte{9}, 1e8), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddOutside(stranger); !errors.Is(err, podle.ErrProof) {
		t.Errorf("another key for a coin: %v", err)
	}
	got, err := s.Next(t.Context(), w, w, 1e8, nil, nil)
	if err != nil || got.Commitment() != proofs[0].Commitment() {
		t.Fatalf("%v, %v", got, err)
	}
	want(2, 3)
	delete(w.outs, outs[0]) // spent
	if got, err = s.Next(t.Context(), w, w, 1e8, nil, nil); err != nil || got.UTXO != outs[1] {
		t.Fatalf("%v, %v", got, err)
	}
	if n, err := s.RemoveOutside(outs[0]); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if n, err := s.RemoveOutside(); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	want()
	if err := s.AddOutside(proofs...); err != nil {
		t.Fatal(err)
	}
	want(2, 2) // what was used is remembered
}
