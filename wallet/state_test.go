package wallet

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/labels"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/store"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

func testBody(t testing.TB) (keys.Seed, state, []byte) {
	t.Helper()
	seed, err := keys.SeedOf(secret.NewBytes(make([]byte, 16)), secret.NewText("ext \"ä\""), time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 3}, nil, wire.TxWitness{{1}, {2, 3}}))
	tx.AddTxOut(wire.NewTxOut(5, []byte{0x51}))
	bare := tx.Copy()
	bare.TxIn[0].Witness, bare.LockTime = nil, 9
	st := state{
		kind:   txbuild.P2WPKH,
		next:   []branchPair{{1, 2}, {3, keys.MaxIndex + 1}},
		frozen: map[wire.OutPoint]coins.Cause{{Index: 7}: coins.ByUser, {Hash: [32]byte{1, 2}, Index: 1<<32 - 1}: coins.ByReuse, {Index: 8}: thawed},
		seek:   true,
		bonds:  []knownBond{{path: keys.Path{Branch: keys.Timelocked, Index: 3, Locktime: 1_585_699_200}}, {keys.Path{Branch: keys.Timelocked, Locktime: 1_585_699_200}, time.Unix(1_700_000_004, 0)}},
		imported: []importedKey{
			{keys.Path{Mixdepth: 1, Branch: keys.Imported}, keys.ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{1}, 32))}},
			{keys.Path{Branch: keys.Imported}, keys.ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{2}, 32))}},
			{keys.Path{Mixdepth: 1, Branch: keys.Imported, Index: 1}, keys.ImportedKey{Key: secret.NewBytes(bytes.Repeat([]byte{3}, 32))}},
		},
		behind:  true,
		backup:  backupMark{1_700_000_002, []branchPair{{1, 0}, {3, 7}}},
		pending: map[chainhash.Hash]pending{tx.TxHash(): {tx, time.Unix(1_700_000_001, 0), true, 7}},
		held:    map[wire.OutPoint]time.Time{{Index: 4}: time.Unix(1_700_000_009, 0)},
		signed:  []signed{{Deal{bare, 5, -1}, []wire.OutPoint{{Index: 3}}, time.Unix(1_700_000_003, 0)}, {Deal{tx.Copy(), 6, 1}, nil, time.Unix(1_700_000_003, 0)}},
	}
	for _, label := range []string{"rent", "März"} {
		if err := st.labels.Put(labels.Ref{Type: labels.Address, Text: "bcrt1" + label[:1]}, label); err != nil {
			t.Fatal(err)
		}
	}
	data, err := st.encode(seed, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	return seed, st, data
}

func TestStateReadsBack(t *testing.T) {
	seed, st, data := testBody(t)
	gotSeed, got, err := decodeState(data, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	if !got.equal(st) || !reflect.DeepEqual(got.backup, st.backup) {
		t.Errorf("state %v, want %v", got, st)
	}
	if !bytes.Equal(gotSeed.Entropy().Reveal(), seed.Entropy().Reveal()) ||
		gotSeed.Extension().Reveal() != seed.Extension().Reveal() || !gotSeed.Birth().Equal(seed.Birth()) {
		t.Error("another seed")
	}
	unborn, err := keys.SeedOf(seed.Entropy(), seed.Extension(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if data, err = st.encode(unborn, &chaincfg.RegressionNetParams); err != nil {
		t.Fatal(err)
	}
	if back, _, err := decodeState(data, &chaincfg.RegressionNetParams); err != nil || !back.Birth().IsZero() {
		t.Errorf("an unknown birth became %v, %v", back.Birth(), err)
	}
}

func TestD13FirstVersion(t *testing.T) {
	out := wire.OutPoint{Index: 7}
	_, st, err := decodeState([]byte(`{"version":1,"network":"regtest","type":"p2wpkh","entropy":"00000000000000000000000000000000",`+
		`"extension":"","birth":0,"next":[[1,2]],"frozen":["`+out.String()+`"]}`), &chaincfg.RegressionNetParams)
	if err != nil || len(st.next) != 1 || len(st.frozen) != 1 || st.frozen[out] != coins.ByUser {
		t.Errorf("%+v, %v", st, err)
	}
	if st.kind != txbuild.P2WPKH || !st.seek {
		t.Errorf("a wallet of type %s that looks for bonds: %v", st.kind, st.seek)
	}
}

// TestD13FifthVersion: a program of version 5 watched all bonds or none, and so
// does this one until it knows which there are.
func TestD13FifthVersion(t *testing.T) {
	for _, c := range []struct {
		text string
		seek bool
	}{
		{`"type":"p2wpkh","bonds":true`, true},
		{`"type":"p2wpkh","bonds":false`, false},
		{`"type":"p2pkh","bonds":false`, false},
	} {
		_, st, err := decodeState([]byte(`{"version":5,"network":"regtest","entropy":"00000000000000000000000000000000",`+
			`"extension":"","birth":0,"next":[[1,2]],"frozen":[],`+c.text+`}`), &chaincfg.RegressionNetParams)
		if err != nil || st.seek != c.seek || len(st.bonds) != 0 {
			t.Errorf("%s: seeks %v, knows %v, %v", c.text, st.seek, st.bonds, err)
		}
	}
}

func TestD13StateOfOtherVersions(t *testing.T) {
	_, _, data := testBody(t)
	replace := func(old, new string) []byte {
		changed := strings.Replace(string(data), old, new, 1)
		if changed == string(data) {
			t.Fatalf("%s is not in %s", old, data)
		}
		return []byte(changed)
	}
	for _, c := range []struct {
		name string
		data []byte
		want error // nil: any
	}{
		{"newer", []byte(`{"version":8,"something":"new"}`), store.ErrFutureVersion},
		{"another network", replace("regtest", "mainnet"), ErrNetwork},
		{"version 0", replace(`"version":7`, `"version":0`), nil},
		{"unknown type", replace("p2wpkh", "p2tr"), keys.ErrType},
		{"imported key of zero", replace(strings.Repeat("01", 32), strings.Repeat("00", 32)), keys.ErrWIF},
		{"imported key cut", replace(strings.Repeat("01", 32), strings.Repeat("01", 31)), keys.ErrWIF},
		{"imported key not hex", replace(strings.Repeat("01", 32), strings.Repeat("0x", 32)), nil},
		{"imported uncompressed key", replace(strings.Repeat("01", 32)+`"`, strings.Repeat("01", 32)+`","uncompressed":true`), keys.ErrWIF},
		{"imported beyond the mixdepths", replace(`"mixdepth":1`, `"mixdepth":2`), nil},
		{"watch-only with a seed", replace(`"extension"`, `"master":"fbonds-mpk-xpub","extension"`), nil},
		{"unknown field", replace(`{`, `{"colour":{},`), nil},
		{"entropy not hex", replace(`"entropy":"00`, `"entropy":"0x`), nil},
		{"entropy too short", replace(`"entropy":"00`, `"entropy":"`), nil},
		{"index out of range", replace(`[1,2]`, `[1,2147483649]`), nil},
		{"no mixdepth", replace(`[[1,2],[3,2147483648]]`, `[]`), nil},
		{"bad outpoint", replace(`:7"`, `:07"`), nil},
		{"unknown cause", replace(`"reuse"`, `"weather"`), nil},
		{"label of something else", replace(`"labels":{"addr"`, `"labels":{"pubkey"`), nil},
		{"label that moves the cursor", replace(`"rent"`, `"\u001b[2J"`), nil},
		{"half a transaction", replace(`"tx":"0200`, `"tx":"02`), nil},
		{"transaction with a tail", replace(`00000000","since"`, `0000000000","since"`), nil},
		{"held coin of no outpoint", replace(`:4","until"`, `:","until"`), nil},
		{"bond of no month", replace(`"locktime":1585699200`, `"locktime":1585699201`), nil},
		{"bond of another key", replace(`"index":3`, `"index":4`), nil},
		{"bond twice", replace(`"index":3`, `"index":0`), nil},
		{"bonds of another type", replace("p2wpkh", "p2pkh"), nil},
		{"two values", append(bytes.Clone(data), '{', '}'), nil},
		{"nothing", nil, nil},
	} {
		_, _, err := decodeState(c.data, &chaincfg.RegressionNetParams)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestStateOfWatchOnly reads back without a seed.
func TestStateOfWatchOnly(t *testing.T) {
	full, _, _ := testBody(t)
	tree, err := keys.NewTree(full, txbuild.P2WPKH, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	master, err := tree.Master()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := keys.ParseMaster(master, full.Birth())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newState(seed, Config{Mixdepths: 5}); err == nil {
		t.Error("a watch-only wallet with 5 mixdepths")
	}
	st, err := newState(seed, Config{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := st.encode(seed, &chaincfg.RegressionNetParams)
	if err != nil {
		t.Fatal(err)
	}
	back, got, err := decodeState(data, &chaincfg.RegressionNetParams)
	if err != nil || !got.equal(st) || back.Master().Reveal() != master || !back.Birth().Equal(seed.Birth()) {
		t.Errorf("%s reads back as %+v, %v", data, got, err)
	}
}

// FuzzDecodeState: what parses writes back to a body that reads the same.
func FuzzDecodeState(f *testing.F) {
	_, _, data := testBody(f)
	f.Add(data)
	f.Add([]byte(`{"version":1}`))
	params := &chaincfg.RegressionNetParams
	f.Fuzz(func(t *testing.T, data []byte) {
		seed, st, err := decodeState(data, params)
		if err != nil {
			return
		}
		once, err := st.encode(seed, params)
		if err != nil {
			t.Fatal(err)
		}
		seed2, st2, err := decodeState(once, params)
		if err != nil || !st2.equal(st) {
			t.Fatalf("%s reads back as %v, %v", once, st2, err)
		}
		twice, err := st2.encode(seed2, params)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s, then %s, %v", once, twice, err)
		}
	})
}

func TestBackupDue(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	mark := backupMark{now.Unix(), []branchPair{{10, 20}, {0, 0}}}
	same := []branchPair{{10, 20}, {0, 0}}
	for _, c := range []struct {
		name string
		mark backupMark
		next []branchPair
		age  time.Duration
		due  bool
	}{
		{"none yet", backupMark{}, same, 0, true},
		{"just made", mark, same, 0, false},
		{"almost a day old", mark, same, backupEvery - time.Second, false},
		{"a day old", mark, same, backupEvery, true},
		{"D6: from the future", mark, same, -time.Second, true},
		{"many addresses", mark, []branchPair{{10, 20}, {0, backupAddresses - 1}}, 0, false},
		{"too many addresses", mark, []branchPair{{10, 20 + backupAddresses}, {0, 0}}, 0, true},
	} {
		if got := c.mark.due(c.next, now.Add(c.age)); got != c.due {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
