package wallet_test

import (
	"bytes"
	"errors"
	"slices"
	gosync "sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func reserve(t testing.TB, w *wallet.Wallet, r wallet.Reservation) *coins.Lease {
	t.Helper()
	if r.TTL == 0 {
		r.TTL = time.Minute
	}
	lease, err := w.Reserve(r)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// payment spends coins, less a fee, to nobody.
func payment(fee sats.Amount, from ...coins.Coin) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	for _, c := range from {
		tx.AddTxIn(wire.NewTxIn(&c.OutPoint, nil, nil))
	}
	tx.AddTxOut(wire.NewTxOut(int64(coins.Sum(from)-fee), append([]byte{0, 20}, make([]byte, 20)...)))
	return tx
}

func spend(t testing.TB, c *wallettest.Chain, w *wallet.Wallet, coin coins.Coin, fee sats.Amount) *wire.MsgTx {
	t.Helper()
	tx := payment(fee, coin)
	if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
		t.Fatal(err)
	}
	if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestReserve(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000, 30_000}, []sats.Amount{99_000})
	c.Pay(next(t, w, 0, keys.External).Script, 40_000)
	sync(t, w)

	for _, r := range []wallet.Reservation{
		{Mixdepth: -1, Target: 1, TTL: 1},
		{Mixdepth: 5, Target: 1, TTL: 1},
		{Target: 0, TTL: 1},
		{Target: -5, TTL: 1},
		{Target: 1},
	} {
		if _, err := w.Reserve(r); err == nil {
			t.Errorf("reserved for %+v", r)
		}
	}
	values := func(l *coins.Lease) (v []sats.Amount) {
		for _, c := range l.Coins {
			v = append(v, c.Value)
		}
		slices.Sort(v)
		return v
	}
	first := reserve(t, w, wallet.Reservation{Target: 15_000, MinConf: 1, Purpose: "first"})
	if got := values(first); !slices.Equal(got, []sats.Amount{20_000}) || first.Owner != "first" {
		t.Errorf("first: %v for %s", got, first.Owner)
	}
	second := reserve(t, w, wallet.Reservation{Sweep: true, MinConf: 1})
	if got := values(second); !slices.Equal(got, []sats.Amount{10_000, 30_000}) {
		t.Errorf("sweep of the rest: %v", got)
	}
	for _, r := range []wallet.Reservation{{Target: 1, MinConf: 1}, {Sweep: true, MinConf: 1}, {Target: 40_001}} {
		r.TTL = time.Minute
		if _, err := w.Reserve(r); !errors.Is(err, coins.ErrFunds) {
			t.Errorf("nothing is left for %+v: %v", r, err)
		}
	}
	if got := values(reserve(t, w, wallet.Reservation{Target: 1})); !slices.Equal(got, []sats.Amount{40_000}) {
		t.Errorf("unconfirmed: %v", got)
	}
	first.Release()
	if got := values(reserve(t, w, wallet.Reservation{Target: 1, MinConf: wallettest.Confirmations})); !slices.Equal(got, []sats.Amount{20_000}) {
		t.Errorf("after a release: %v", got)
	}
}

func TestReserveIncludes(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000, 30_000}, []sats.Amount{99_000})
	all, err := w.Coins()
	if err != nil {
		t.Fatal(err)
	}
	coin := make(map[sats.Amount]wire.OutPoint)
	for _, c := range all {
		coin[c.Value] = c.OutPoint
	}
	for _, r := range []struct {
		wallet.Reservation
		want []sats.Amount // nil: refused
	}{
		{wallet.Reservation{Target: 5_000, Include: []wire.OutPoint{coin[30_000]}}, []sats.Amount{30_000}},
		{wallet.Reservation{Target: 35_000, Include: []wire.OutPoint{coin[30_000]}}, []sats.Amount{30_000, 10_000}},
		{wallet.Reservation{Target: 60_000, Include: []wire.OutPoint{coin[10_000], coin[20_000]}}, []sats.Amount{10_000, 20_000, 30_000}},
		{wallet.Reservation{Sweep: true, Include: []wire.OutPoint{coin[10_000]}}, []sats.Amount{10_000, 20_000, 30_000}},
		{wallet.Reservation{Target: 60_001, Include: []wire.OutPoint{coin[10_000]}}, nil},
		{wallet.Reservation{Target: 5_000, Include: []wire.OutPoint{coin[99_000]}}, nil}, // of another mixdepth
		{wallet.Reservation{Sweep: true, Include: []wire.OutPoint{coin[99_000]}}, nil},
		{wallet.Reservation{Target: 5_000, MinConf: 100, Include: []wire.OutPoint{coin[10_000]}}, nil},
	} {
		r.TTL = time.Minute
		lease, err := w.Reserve(r.Reservation)
		if r.want == nil {
			if !errors.Is(err, coins.ErrFunds) {
				t.Errorf("%+v: %v", r.Reservation, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", r.Reservation, err)
		}
		var got []sats.Amount
		for _, c := range lease.Coins {
			got = append(got, c.Value)
		}
		slices.Sort(got)
		slices.Sort(r.want)
		if !slices.Equal(got, r.want) {
			t.Errorf("%+v: %v, want %v", r.Reservation, got, r.want)
		}
		lease.Release()
	}
}

func TestReserveUsesTheConfiguredAlgorithm(t *testing.T) {
	c := wallettest.NewChain(regtest)
	cfg := c.Config()
	cfg.Selection = coins.Greediest
	w := wallettest.NewWith(t, c, cfg, []sats.Amount{10_000, 20_000, 30_000, 90_000})
	if got := reserve(t, w, wallet.Reservation{Target: 55_000}).Coins; len(got) != 3 {
		t.Errorf("chose %d coins, want the three small ones", len(got))
	}
}

func TestM28FrozenCoinIsNeverUsed(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000})
	lease := reserve(t, w, wallet.Reservation{Target: 20_000})
	frozen := lease.Coins[0]
	// The user freezes the coin while a session has it.
	if err := w.Freeze(coins.ByUser, frozen.OutPoint); err != nil {
		t.Fatal(err)
	}
	if err := w.SignTx(payment(1000, frozen), lease.Coins); !errors.Is(err, wallet.ErrFrozen) {
		t.Errorf("SignTx: %v", err)
	}
	if _, _, err := w.SignMessage(frozen, "x"); !errors.Is(err, wallet.ErrFrozen) {
		t.Errorf("SignMessage: %v", err)
	}
	if _, err := w.Commit(frozen, 0); !errors.Is(err, wallet.ErrFrozen) {
		t.Errorf("Commit: %v", err)
	}
	lease.Release()
	if got := reserve(t, w, wallet.Reservation{Sweep: true}).Coins; len(got) != 1 || got[0].OutPoint == frozen.OutPoint {
		t.Errorf("a sweep takes %+v", got)
	}
}

func TestM28SpentOrReorganisedCoinIsNotSigned(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000}, []sats.Amount{20_000})
	spent := list(t, w)[0]
	spend(t, c, w, spent, 1000)
	sync(t, w)
	if err := w.SignTx(payment(2000, spent), []coins.Coin{spent}); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("spent in the mempool: %v", err)
	}
	gone := list(t, w)[0]
	c.Reorg(wallettest.Confirmations)
	if c.DoubleSpend(gone.OutPoint.Hash) == nil {
		t.Fatal("nothing to replace")
	}
	sync(t, w)
	if err := w.SignTx(payment(2000, gone), []coins.Coin{gone}); !errors.Is(err, wallet.ErrNotOurs) {
		t.Errorf("replaced after a reorganisation: %v", err)
	}
}

func TestSignTx(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000, 30_000})
	other := wallettest.New(t, c, []sats.Amount{50_000})
	mine, theirs := list(t, w), list(t, other)[0]

	// A joint transaction: each signs its own inputs only.
	tx := payment(2000, mine[1], theirs, mine[0])
	if err := w.SignTx(tx, []coins.Coin{mine[0], mine[1]}); err != nil {
		t.Fatal(err)
	}
	if tx.TxIn[1].Witness != nil || tx.TxIn[0].Witness == nil || tx.TxIn[2].Witness == nil {
		t.Error("not exactly the own inputs are signed")
	}
	if err := other.SignTx(tx, []coins.Coin{theirs}); err != nil {
		t.Fatal(err)
	}
	if err := w.Chain().Broadcast(t.Context(), tx); err != nil {
		t.Fatalf("the chain refuses what they signed: %v", err)
	}
	sync(t, w)
	sync(t, other)
	if total(t, w) != 30_000 || total(t, other) != 0 {
		t.Errorf("left: %v and %v", total(t, w), total(t, other))
	}
}

func TestM15SignTxRefuses(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000})
	other := wallettest.New(t, c, []sats.Amount{50_000})
	a, b, theirs := list(t, w)[0], list(t, w)[1], list(t, other)[0]
	lie := func(change func(*coins.Coin)) coins.Coin {
		c := a
		c.Script = bytes.Clone(a.Script)
		change(&c)
		return c
	}
	for _, test := range []struct {
		name string
		tx   *wire.MsgTx
		own  []coins.Coin
		want error
	}{
		{"no coin", payment(1000, a), nil, wallet.ErrInputs},
		{"a coin that tx does not spend", payment(1000, a), []coins.Coin{a, b}, wallet.ErrInputs},
		{"a coin named twice", payment(1000, a), []coins.Coin{a, a}, wallet.ErrInputs},
		{"M15: an own input not named", payment(1000, a, b), []coins.Coin{a}, wallet.ErrInputs},
		{"M14: an input twice", payment(1000, a, a), []coins.Coin{a}, wallet.ErrInputs},
		{"a foreign coin", payment(1000, theirs), []coins.Coin{theirs}, wallet.ErrNotOurs},
		{"M21: another value", payment(1000, a), []coins.Coin{lie(func(c *coins.Coin) { c.Value++ })}, wallet.ErrNotOurs},
		{"M21: another script", payment(1000, a), []coins.Coin{lie(func(c *coins.Coin) { c.Script[5]++ })}, wallet.ErrNotOurs},
	} {
		var before, after bytes.Buffer
		test.tx.Serialize(&before)
		err := w.SignTx(test.tx, test.own)
		test.tx.Serialize(&after)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if !bytes.Equal(before.Bytes(), after.Bytes()) {
			t.Errorf("%s: the refused transaction was changed", test.name)
		}
	}
	// The path that the caller names is not trusted: the right key signs.
	wrong := a
	wrong.Mixdepth, wrong.Branch, wrong.Index = 3, keys.Internal, 17
	tx := payment(1000, a)
	if err := w.SignTx(tx, []coins.Coin{wrong}); err != nil {
		t.Errorf("wrong path: %v", err)
	}
	if err := w.Chain().Broadcast(t.Context(), tx); err != nil {
		t.Errorf("wrong path: %v", err)
	}
}

func TestSignMessageAndCommit(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	coin := list(t, w)[0]
	pub, der, err := w.SignMessage(coin, "a text")
	if err != nil || message.Verify(pub, "a text", der) != nil {
		t.Errorf("SignMessage: %v", err)
	}
	proof, err := w.Commit(coin, 2)
	if err != nil {
		t.Fatal(err)
	}
	if index, err := proof.Verify(proof.Commitment(), 3); err != nil || index != 2 || proof.UTXO != coin.OutPoint {
		t.Errorf("index %d of %v, %v", index, proof.UTXO, err)
	}
	if !bytes.Equal(proof.P[:], pub) {
		t.Error("proof and signature have different keys")
	}
	if _, err := w.Commit(coin, 256); err == nil {
		t.Error("committed to an index out of range")
	}
}

func TestD2NoAddressTwice(t *testing.T) {
	w, _ := create(t, newSeed(t), offline())
	defer w.Close()
	const goroutines = 1000
	got := make([]string, goroutines)
	var wg gosync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			a, err := w.NextAddress(i%2, uint32(i/2%2))
			if err != nil {
				t.Error(err)
			}
			got[i] = a.Text
		})
	}
	wg.Wait()
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != goroutines {
		t.Errorf("%d different addresses for %d callers", n, goroutines)
	}
}

func TestD2NoCoinTwice(t *testing.T) {
	c := wallettest.NewChain(regtest)
	const coinsEach, goroutines = 40, 1000
	values := make([]sats.Amount, coinsEach)
	for i := range values {
		values[i] = 10_000 + sats.Amount(i)
	}
	w := wallettest.New(t, c, values, values)
	leases := make([]*coins.Lease, goroutines)
	var wg gosync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			lease, err := w.Reserve(wallet.Reservation{Mixdepth: i % 2, Target: 15_000, MinConf: 1, TTL: time.Hour})
			if err != nil && !errors.Is(err, coins.ErrFunds) {
				t.Error(err)
			}
			leases[i] = lease
			if i%100 == 0 { // the wallet does not stand still meanwhile
				if err := w.Sync(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	seen := make(map[wire.OutPoint]bool)
	for _, l := range leases {
		if l == nil {
			continue
		}
		for _, c := range l.Coins {
			if seen[c.OutPoint] {
				t.Fatalf("%v is in two leases", c.OutPoint)
			}
			seen[c.OutPoint] = true
		}
	}
	if len(seen) != 2*coinsEach {
		t.Errorf("%d coins are leased, want all %d", len(seen), 2*coinsEach)
	}
}

func TestChainRefuses(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	coin := list(t, w)[0]
	signed := func(fee sats.Amount) *wire.MsgTx {
		tx := payment(fee, coin)
		if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	broken := signed(1000)
	broken.TxIn[0].Witness[0][10] ^= 1
	foreign := coin
	foreign.OutPoint.Index++
	for name, tx := range map[string]*wire.MsgTx{
		"unsigned":        payment(1000, coin),
		"bad signature":   broken,
		"no fee":          signed(0),
		"value from air":  signed(-1000),
		"no such coin":    payment(1000, foreign),
		"no inputs":       payment(1000),
		"an input, twice": payment(1000, coin, coin),
	} {
		if err := w.Chain().Broadcast(t.Context(), tx); !errors.Is(err, chain.ErrRejected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tx := signed(1000)
	for range 2 { // the second time it is known already
		if err := w.Chain().Broadcast(t.Context(), tx); err != nil {
			t.Error(err)
		}
	}
	if err := w.Chain().Broadcast(t.Context(), signed(2000)); !errors.Is(err, chain.ErrRejected) {
		t.Errorf("double spend: %v", err)
	}
}

// TestReserveOfOthersCoins: what another session has is told apart from what is
// not there, in a sweep too, and subscribers hear of it.
func TestReserveOfOthersCoins(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000, 20_000})
	changes, cancel := w.Subscribe()
	defer cancel()
	r := wallet.Reservation{Target: 15_000, Purpose: "offer to J5", TTL: time.Hour}
	first, err := w.Reserve(r)
	if err != nil {
		t.Fatal(err)
	}
	<-changes
	if used := w.InUse(); len(used) != 1 || used[first.Coins[0].OutPoint] != "offer to J5" {
		t.Errorf("in use: %v", used)
	}
	for target, leased := range map[sats.Amount]bool{11_000: true, 30_000: true, 30_001: false} {
		r.Target = target
		if _, err := w.Reserve(r); !errors.Is(err, coins.ErrFunds) || errors.Is(err, coins.ErrLeased) != leased {
			t.Errorf("%v: %v", target, err)
		}
	}
	first.Release()
	<-changes
	r.Sweep, r.Target = true, 0
	if first, err = w.Reserve(r); err != nil || len(first.Coins) != 2 {
		t.Fatal(err)
	}
	if _, err = w.Reserve(r); !errors.Is(err, coins.ErrFunds) || !errors.Is(err, coins.ErrLeased) {
		t.Error(err)
	}
	first.Release()
	first.Release() // tells nobody
	<-changes
	select {
	case <-changes:
		t.Error("nothing has changed")
	default:
	}
}
