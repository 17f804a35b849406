package wallettest_test

import (
	"path/filepath"
	"slices"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/spend"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// taken are the coins that belong to a session or to a transaction that waits.
func (l *life) taken() map[wire.OutPoint]bool {
	taken := make(map[wire.OutPoint]bool)
	take := func(out wire.OutPoint) {
		if taken[out] {
			l.t.Errorf("D2: coin %v is taken twice", out)
		}
		taken[out] = true
	}
	for _, lease := range l.leases {
		for _, c := range lease.Coins {
			take(c.OutPoint)
		}
	}
	for _, p := range l.Pending() {
		if p.Spent {
			continue // it cannot be mined any more, and its coins are free
		}
		for _, in := range p.Tx.TxIn {
			take(in.PreviousOutPoint)
		}
	}
	return taken
}

// spent: what goes in comes out, but for the fee that was quoted; nothing is
// spent that was taken or frozen; and what it pays to us goes to an address that
// nobody had.
func (l *life) spent(r spend.Receipt, taken map[wire.OutPoint]bool, mixdepth int) {
	l.t.Helper()
	l.sent++
	sum := r.Quote.Fee
	for _, out := range r.Tx.TxOut {
		sum += sats.Amount(out.Value)
	}
	if in := coins.Sum(r.Quote.Inputs); in != sum || r.Quote.Fee <= 0 || len(r.Tx.TxIn) != len(r.Quote.Inputs) {
		l.t.Errorf("%v go in, %v come out with the fee of %v", in, sum, r.Quote.Fee)
	}
	for _, c := range r.Quote.Inputs {
		if taken[c.OutPoint] || c.Frozen || c.Mixdepth != mixdepth {
			l.t.Errorf("D2, M28, P5: %+v is spent for mixdepth %d", c, mixdepth)
		}
	}
	for _, out := range r.Quote.Outputs {
		if _, old := l.given[string(out.Script)]; out.Change && !(old && r.Quote.Bump != nil) {
			l.give(out.Script, keys.Path{Mixdepth: mixdepth, Branch: keys.Internal})
		}
	}
	if tx, _ := l.chain.Tx(r.Tx.TxHash()); tx == nil {
		l.t.Error("the node does not have it")
	}
}

// obey holds the wallet, which has just asked its node, to its laws.
func (l *life) obey() {
	l.t.Helper()
	truth, all := l.truth(), l.coins()
	if len(all) != len(truth) {
		l.t.Errorf("%d coins, the chain has %d", len(all), len(truth))
	}
	taken := l.taken()
	want := make([]wallet.Balance, mixdepths)
	seen := make(map[wire.OutPoint]bool)
	for _, c := range all {
		if is, ok := truth[c.OutPoint]; !ok || is.value != c.Value || is.height != c.Height || is.script != string(c.Script) {
			l.t.Errorf("%+v, the chain has %+v", c, is)
		}
		if seen[c.OutPoint] {
			l.t.Errorf("%+v is there twice", c)
		}
		seen[c.OutPoint] = true
		if frozen, said := l.frozen[c.OutPoint]; said && frozen != c.Frozen {
			l.t.Errorf("%+v: the user's word is forgotten", c)
		}
		b := &want[c.Mixdepth]
		part := &b.Available
		switch {
		case c.Frozen:
			part = &b.Frozen
		case c.Height == 0:
			part = &b.Unconfirmed
		case taken[c.OutPoint]:
			part = &b.Leased
		}
		*part += c.Value
	}
	got, err := l.Balances()
	if err != nil {
		l.t.Fatal(err)
	}
	for m := range want {
		want[m].Mixdepth = m
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("balances %+v, the coins add up to %+v", got, want)
	}
	if l.t.Failed() {
		l.t.FailNow()
	}
}

// output is an unspent one of the chain.
type output struct {
	value  sats.Amount
	script string
	height int32
}

// truth is what the chain and the mempool have for the addresses that went out.
func (l *life) truth() map[wire.OutPoint]output {
	b := l.chain.Backend()
	defer b.Close()
	err := b.Watch(l.t.Context(), []chain.Branch{{
		Script: func(i uint32) ([]byte, error) { return l.scripts[i], nil }, Count: uint32(len(l.scripts)),
	}})
	if err != nil {
		l.t.Fatal(err)
	}
	update, err := b.Sync(l.t.Context(), chain.BlockID{})
	if err != nil {
		l.t.Fatal(err)
	}
	unspent := make(map[wire.OutPoint]output)
	for _, tx := range update.Txs {
		for i, out := range tx.Msg.TxOut {
			if _, ours := l.given[string(out.PkScript)]; ours {
				unspent[wire.OutPoint{Hash: tx.Msg.TxHash(), Index: uint32(i)}] =
					output{sats.Amount(out.Value), string(out.PkScript), tx.Block.Height}
			}
		}
	}
	for _, tx := range update.Txs {
		for _, in := range tx.Msg.TxIn {
			delete(unspent, in.PreviousOutPoint)
		}
	}
	return unspent
}

// recover makes the wallet anew of its words. It has the same coins at the same
// addresses, and neither hands out an address that was ever paid.
func (l *life) recover() {
	cfg := l.chain.Config()
	cfg.Mixdepths, cfg.RecoveryGap, cfg.Files = mixdepths, recoveryGap, l.disk
	w, err := wallet.Create(filepath.Join(l.t.TempDir(), "again.jmw"), wallettest.Password, l.copySeed(), cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	defer w.Close()
	if err := w.Sync(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	again, err := w.Coins()
	if err != nil {
		l.t.Fatal(err)
	}
	plain := func(all []coins.Coin) map[wire.OutPoint]output {
		set := make(map[wire.OutPoint]output)
		for _, c := range all {
			set[c.OutPoint] = output{c.Value, w.PathText(c.Path()), c.Height}
		}
		return set
	}
	got, want := plain(again), plain(l.coins())
	if len(got) != len(want) {
		l.t.Errorf("%d coins recovered of %d", len(got), len(want))
	}
	for out, is := range want {
		if got[out] != is {
			l.t.Errorf("recovered %+v, the original is %+v", got[out], is)
		}
	}
	l.sameAddresses(w)
	for m := range mixdepths {
		for _, branch := range []uint32{keys.External, keys.Internal} {
			a, err := w.NextAddress(m, branch)
			if err != nil {
				l.t.Fatal(err)
			}
			b, err := l.NextAddress(m, branch)
			if err != nil {
				l.t.Fatal(err)
			}
			if a.Path.Index > b.Path.Index {
				l.t.Errorf("the recovered wallet is at %v, the original at %v", a.Path, b.Path)
			}
		}
	}
}

// sameAddresses compares what is known of each address; the original has handed
// out more.
func (l *life) sameAddresses(again *wallet.Wallet) {
	type address struct {
		status string
		value  sats.Amount
		count  int
	}
	used := func(w *wallet.Wallet) map[string]address {
		accounts, err := w.Accounts()
		if err != nil {
			l.t.Fatal(err)
		}
		set := make(map[string]address)
		for _, a := range accounts {
			for _, b := range a.Branches {
				for _, e := range b.Entries {
					set[e.PathText] = address{string(e.Status), e.Balance.Total(), e.Coins}
				}
			}
		}
		return set
	}
	original := used(l.Wallet)
	for path, is := range used(again) {
		if want, ok := original[path]; !ok || is != want {
			l.t.Errorf("%s is %+v, in the original %+v", path, is, want)
		}
		delete(original, path)
	}
	for path, is := range original {
		if is.count > 0 {
			l.t.Errorf("%s with %+v is not recovered", path, is)
		}
	}
}
