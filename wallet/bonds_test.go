package wallet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// nextMonth is the timenumber of the month after this one.
func nextMonth(t testing.TB) int {
	t.Helper()
	now := time.Now().UTC()
	n, err := bond.ParseMonth(time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func bondAddress(t testing.TB, w *wallet.Wallet, timenumber int) wallet.Address {
	t.Helper()
	a, err := w.BondAddress(timenumber)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func bonds(t testing.TB, w *wallet.Wallet) []wallet.Bond {
	t.Helper()
	all, err := w.Bonds()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// release spends a coin as a fidelity bond wants it.
func release(c coins.Coin, lockTime uint32) *wire.MsgTx {
	tx := payment(1000, c)
	tx.LockTime, tx.TxIn[0].Sequence = lockTime, txbuild.RBF
	return tx
}

// TestW13LifeOfABond creates, funds and spends a bond when its time has come.
func TestW13LifeOfABond(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	month := nextMonth(t)
	a := bondAddress(t, w, month)
	if again := bondAddress(t, w, month); again.Text != a.Text || len(a.Script) != 34 {
		t.Errorf("bond addresses %v and %v", a, again)
	}
	out := c.Pay(a.Script, 500_000)
	sync(t, w)
	c.Mine(6)
	sync(t, w)

	all := bonds(t, w)
	if len(all) != 1 || all[0].OutPoint != out || all[0].Address != a.Text || all[0].Expired || !all[0].Frozen ||
		all[0].Locktime != a.Path.Locktime || all[0].Path() != a.Path {
		t.Fatalf("bonds %+v", all)
	}
	if b := balances(t, w)[0]; b != (wallet.Balance{Bonds: 500_000, Available: 10_000}) || b.Total() != 510_000 {
		t.Errorf("balance %+v", b)
	}
	coin := all[0].Coin
	if err := w.SignTx(release(coin, coin.LockTime()), []coins.Coin{coin}); !errors.Is(err, wallet.ErrLocked) {
		t.Errorf("before its time: %v", err)
	}
	if err := w.Thaw(out); !errors.Is(err, wallet.ErrLocked) {
		t.Errorf("thawed before its time: %v", err)
	}
	named := func(wallet.Choice) ([]coins.Coin, error) { return []coins.Coin{coin}, nil }
	if _, err := w.Lease("test", time.Minute, named); !errors.Is(err, wallet.ErrLocked) {
		t.Errorf("leased before its time: %v", err)
	}
	onlyOrdinary(t, w)

	for !bonds(t, w)[0].Expired {
		if tip, _ := w.Synced(); tip.MedianTime.After(time.Unix(int64(coin.Locktime)+3600, 0)) {
			t.Fatalf("locked at %v", tip.MedianTime)
		}
		c.Mine(12)
		sync(t, w)
	}
	onlyOrdinary(t, w)
	if err := w.SignTx(release(coin, coin.LockTime()), []coins.Coin{coin}); !errors.Is(err, wallet.ErrFrozen) || bonds(t, w)[0].Cause != coins.ByBond {
		t.Errorf("expired, but frozen: %v", err)
	}
	thaw(t, w, out)
	if bonds(t, w)[0].Frozen || bonds(t, w)[0].Cause != "" {
		t.Errorf("thawed: %+v", bonds(t, w))
	}
	onlyOrdinary(t, w)
	if err := w.Freeze(coins.ByUser, out); err != nil || !bonds(t, w)[0].Frozen {
		t.Errorf("frozen again: %v", err)
	}
	thaw(t, w, out)
	lease, err := w.Lease("test", time.Minute, named)
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
	for name, tx := range map[string]*wire.MsgTx{
		"no lock time": release(coin, 0), "block height": release(coin, uint32(c.Height())), "too early": release(coin, coin.Locktime-1),
		"final": payment(1000, coin),
	} {
		if err := w.SignTx(tx, []coins.Coin{coin}); !errors.Is(err, txsign.ErrLockTime) || tx.TxIn[0].Witness != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	tx := release(coin, coin.LockTime())
	if err := w.SignTx(tx, []coins.Coin{coin}); err != nil {
		t.Fatal(err)
	}
	if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	sync(t, w)
	if all := bonds(t, w); len(all) != 0 {
		t.Errorf("after the spend: %+v", all)
	}
}

func thaw(t testing.TB, w *wallet.Wallet, out wire.OutPoint) {
	t.Helper()
	if err := w.Thaw(out); err != nil {
		t.Fatal(err)
	}
}

// onlyOrdinary checks that whatever chooses coins by itself leaves bonds alone.
func onlyOrdinary(t testing.TB, w *wallet.Wallet) {
	t.Helper()
	for _, r := range []wallet.Reservation{{Sweep: true}, {Target: 10_000}} {
		lease := reserve(t, w, r)
		if len(lease.Coins) != 1 || lease.Coins[0].Locktime != 0 {
			t.Errorf("W13: reserved %+v", lease.Coins)
		}
		lease.Release()
	}
	if _, err := w.Reserve(wallet.Reservation{Target: 10_001, TTL: time.Minute}); !errors.Is(err, coins.ErrFunds) {
		t.Errorf("W13: more than the ordinary coins: %v", err)
	}
	coin := bonds(t, w)[0].Coin
	if _, _, err := w.SignMessage(coin, "text"); !errors.Is(err, wallet.ErrBond) {
		t.Errorf("M28: a bond signs a message: %v", err)
	}
	if _, err := w.Commit(coin, 0); !errors.Is(err, wallet.ErrBond) {
		t.Errorf("M28: a commitment to a bond: %v", err)
	}
}

// TestW8BothSchemesOfBonds: a recovered wallet finds bonds that were derived
// with the key of the month, and those with the key 0, and spends both.
func TestW8BothSchemesOfBonds(t *testing.T) {
	c := wallettest.NewChain(regtest)
	seed := newSeed(t)
	tree, err := keys.NewTree(seed, txbuild.P2WPKH, regtest)
	if err != nil {
		t.Fatal(err)
	}
	paid := make(map[keys.Path]wire.OutPoint)
	for _, n := range []int{0, 1, 66, 217, 500, 959} {
		path, err := keys.BondPath(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range []uint32{path.Index, 0} {
			path.Index = index
			script, err := tree.Script(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, done := paid[path]; !done {
				paid[path] = c.Pay(script, 100_000)
			}
		}
	}
	c.Mine(1)
	phrase, err := seed.Phrase()
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.ParsePhrase(phrase, seed.Extension(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w, _ := create(t, again, c.Config())
	defer w.Close()
	sync(t, w)
	all := bonds(t, w)
	if len(all) != 11 || len(paid) != 11 {
		t.Fatalf("%d bonds found, want 11", len(all))
	}
	for i, b := range all {
		if paid[b.Path()] != b.OutPoint || i > 0 && all[i-1].Locktime > b.Locktime {
			t.Errorf("bond %+v", b)
		}
		if past := b.Locktime < uint32(time.Now().Add(-24*time.Hour).Unix()); past != b.Expired {
			t.Errorf("%s: expired %v", w.PathText(b.Path()), b.Expired)
		} else if !past {
			continue
		}
		thaw(t, w, b.OutPoint)
		tx := release(b.Coin, b.LockTime())
		if err := w.SignTx(tx, []coins.Coin{b.Coin}); err != nil {
			t.Errorf("%s: %v", w.PathText(b.Path()), err)
		}
		if err := c.Backend().Broadcast(t.Context(), tx); err != nil {
			t.Errorf("%s: %v", w.PathText(b.Path()), err)
		}
	}
}

// TestFreshWalletWatchesTheBondsAskedFor: who never made a bond does not pay for
// those there can be, and who made one pays for one.
func TestFreshWalletWatchesTheBondsAskedFor(t *testing.T) {
	c := wallettest.NewChain(regtest)
	node := newScannerNode(c)
	cfg := c.Config()
	cfg.Chain = node
	w, path := create(t, newSeed(t), cfg)
	sync(t, w)
	if node.counts != 0 {
		t.Errorf("a fresh wallet watches %d scripts one by one", node.counts)
	}
	before := node.calls
	a := bondAddress(t, w, 100)
	c.Pay(a.Script, 1000)
	sync(t, w)
	if node.calls != before+2 || node.counts != 1 || len(bonds(t, w)) != 1 {
		t.Errorf("watched then: %d scripts; bonds %+v", node.counts, bonds(t, w))
	}
	// The address is on the disk before anybody gets it.
	b := bondAddress(t, w, 101)
	w.Close()
	c.Pay(b.Script, 1000)
	w = reopen(t, path, c.Config())
	sync(t, w)
	if len(bonds(t, w)) != 2 {
		t.Error("W13: a bond is lost after a restart")
	}
}

func TestBondAddressRefuses(t *testing.T) {
	w, _ := create(t, newSeed(t), offline())
	defer w.Close()
	for _, n := range []int{-1, bond.Locktimes} {
		if a, err := w.BondAddress(n); !errors.Is(err, bond.ErrMonth) {
			t.Errorf("BondAddress(%d) = %v, %v", n, a, err)
		}
	}
	if _, err := w.Bonds(); !errors.Is(err, wallet.ErrNotSynced) {
		t.Errorf("Bonds before a synchronisation: %v", err)
	}
	cfg := offline()
	cfg.Type = txbuild.P2SH
	nested, _ := create(t, newSeed(t), cfg)
	defer nested.Close()
	if a, err := nested.BondAddress(0); !errors.Is(err, wallet.ErrNoBonds) {
		t.Errorf("a nested wallet: %v, %v", a, err)
	}
}

// TestM27Certificate makes the proof that a maker sends, and judges it as a
// taker does.
func TestM27Certificate(t *testing.T) {
	c := wallettest.NewChain(regtest)
	w := wallettest.New(t, c, []sats.Amount{10_000})
	a := bondAddress(t, w, nextMonth(t))
	out := c.Pay(a.Script, 500_000)
	c.Mine(1)
	sync(t, w)
	certKey, certPub := btcec.PrivKeyFromBytes([]byte{5})
	pub := [33]byte(certPub.SerializeCompressed())
	certificate, err := w.CertifyBond(bonds(t, w)[0].Path(), pub, bond.Expiry(c.Height()))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := certificate.Prove(certKey, out, a.Path.Locktime, "taker", "maker")
	if err != nil {
		t.Fatal(err)
	}
	text, err := proof.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := bond.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Verify("taker", "maker"); err != nil {
		t.Error(err)
	}
	node, err := w.Chain().TxOut(t.Context(), read.OutPoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.CheckCoin(bond.Coin{Script: node.Script, Confirmations: node.Confirmations}, c.Height()); err != nil {
		t.Error(err)
	}
	for _, ordinary := range list(t, w) {
		if ordinary.Locktime == 0 {
			if _, err := w.CertifyBond(ordinary.Path(), pub, 1); !errors.Is(err, wallet.ErrBond) {
				t.Errorf("an ordinary coin: %v", err)
			}
		}
	}
	cfg := offline()
	cfg.Type = txbuild.P2SH
	nested, _ := create(t, newSeed(t), cfg)
	defer nested.Close()
	if _, err := nested.CertifyBond(a.Path, pub, 1); !errors.Is(err, wallet.ErrNoBonds) {
		t.Errorf("a nested wallet: %v", err)
	}
}
