package e2e

import (
	"path/filepath"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

func TestBitcoind(t *testing.T) { t.Parallel(); run(t, onBitcoind(t)) }
func TestBTCD(t *testing.T)     { t.Parallel(); run(t, onBTCD(t)) }
func TestNeutrino(t *testing.T) { t.Parallel(); run(t, onNeutrino(t)) }

// run is what a wallet can rely on wherever its node is.
func run(t *testing.T, p *place) {
	p.mine(t, int(regtest.Params.CoinbaseMaturity)+10) // coins to pay with
	for _, test := range []struct {
		name    string
		run     func(*testing.T, *place)
		mempool bool // has to be seen
	}{
		{"ReceiveAndSend", receiveAndSend, false},
		{"Rewards", rewards, false},
		{"W8Types", types, false},
		{"W9Recovery", recovery, false},
		{"W9IndexBehind", indexBehind, false},
		{"D5Reorganisation", reorganisation, false},
		{"D5Conflict", conflict, false},
		{"M28CoinSpentElsewhere", spentElsewhere, false},
		{"BumpFee", bumpFee, true},
		{"BumpFeeOfCoinJoin", bumpCoinJoin, true},
		{"D4Evicted", evicted, true}, // restarts the node
	} {
		if p.light && test.mempool {
			continue // needs what a light client is documented not to have
		}
		t.Run(test.name, func(t *testing.T) { test.run(t, p) })
	}
}

// receiveAndSend follows a payment from one wallet to another, to the satoshi.
func receiveAndSend(t *testing.T, p *place) {
	payer, payee := p.holder(t, "payer"), p.holder(t, "payee")
	payer.earn(0, 600_000, 400_000)
	r := payer.pay(700_000, payee.address(1, keys.External).Script)
	if len(r.Quote.Inputs) != 2 || r.Quote.Fee < sats.Amount(r.Size)*rate/1000 {
		t.Errorf("%+v", r.Quote)
	}
	change := 300_000 - r.Quote.Fee
	payer.await("the change", func() bool { return payer.balances()[0].Unconfirmed == change })
	if !p.light {
		payee.await("the payment", func() bool { return payee.balances()[1].Unconfirmed == 700_000 })
	}
	p.awaitMempool(t, r.Tx)
	p.mine(t, 1)
	payer.catchUp()
	payee.catchUp()
	if got := payer.available(0); got != change {
		t.Errorf("the payer has %v, want %v", got, change)
	}
	if got := payee.available(1); got != 700_000 {
		t.Errorf("the payee has %v", got)
	}
	if n := len(payer.Pending()); n != 1 {
		t.Errorf("%d pending after one block", n)
	}
	p.mine(t, 5)
	payer.catchUp()
	if n := len(payer.Pending()); n != 0 {
		t.Errorf("%d pending after six blocks", n)
	}
}

// rewards of blocks can be spent when the node says so too.
func rewards(t *testing.T, p *place) {
	h := p.holder(t, "miner")
	block, err := p.MineBlock(timed(t), regtest.Block{Script: h.address(0, keys.External).Script})
	if err != nil {
		t.Fatal(err)
	}
	p.mine(t, int(regtest.Params.CoinbaseMaturity)-2)
	h.catchUp()
	b := h.balances()[0]
	if b.Immature == 0 || b.Available != 0 || b.Total() != b.Immature {
		t.Fatalf("with 99 confirmations: %+v", b)
	}
	p.mine(t, 1)
	h.catchUp()
	if got := h.balances()[0]; got.Available != b.Immature || got.Immature != 0 {
		t.Fatalf("with 100 confirmations: %+v", got)
	}
	reward := h.coin(b.Immature)
	if reward.Height != block.Height {
		t.Errorf("at height %d, want %d", reward.Height, block.Height)
	}
	if err := h.Publish(timed(t), h.sign(1000, nobody, reward)); err != nil {
		t.Error(err)
	}
}

var allTypes = []txbuild.ScriptType{txbuild.P2PKH, txbuild.P2SH, txbuild.P2WPKH}

// types receives to addresses of the seed and to a key that was paid before it
// was imported, and spends them together.
func types(t *testing.T, p *place) {
	for i, kind := range allTypes {
		t.Run(string(kind), func(t *testing.T) {
			cfg := config(p.backend(t, ""))
			cfg.Type, cfg.Mixdepths = kind, 1
			h := p.holderWith(t, newSeed(t), cfg)
			elsewhere := config(nil)
			elsewhere.Type = kind
			other, err := wallet.Create(filepath.Join(t.TempDir(), "w.jmw"), wallettest.Password, newSeed(t), elsewhere)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			key, _ := btcec.PrivKeyFromBytes([]byte{byte(100 + i)})
			text, err := btcutil.NewWIF(key, regtest.Params, kind != txbuild.P2PKH)
			if err != nil {
				t.Fatal(err)
			}
			wif := secret.NewText(text.String())
			imported, err := other.ImportKeys(0, wif)
			if err != nil || imported[0].Err != nil {
				t.Fatal(err, imported)
			}
			for _, script := range [][]byte{imported[0].Address.Script, h.address(0, keys.External).Script, h.address(0, keys.Internal).Script} {
				p.fund(t, script, 100_000)
			}
			p.mine(t, 1)
			h.catchUp()
			if got := h.available(0); got != 200_000 {
				t.Fatalf("before the import: %v", got)
			}
			if imported, err := h.ImportKeys(0, wif); err != nil || imported[0].Err != nil {
				t.Fatal(err, imported)
			}
			h.await("the imported key's coin", func() bool { return h.available(0) == 300_000 })
			all, err := h.Coins()
			if err != nil {
				t.Fatal(err)
			}
			tx := h.sign(3000, nobody, all...)
			if err := h.Publish(timed(t), tx); err != nil {
				t.Fatal(err)
			}
			p.awaitMempool(t, tx)
			p.mine(t, 1)
			h.catchUp()
			if b := h.balances()[0]; b.Total() != 0 {
				t.Errorf("after the spend: %+v", b)
			}
		})
	}
}

// spentElsewhere: of a coin that another program with the same words has spent,
// the node knows better than the wallet, and the wallet soon after.
func spentElsewhere(t *testing.T, p *place) {
	seed := newSeed(t)
	h := p.holderWith(t, again(t, seed), config(p.backend(t, "one")))
	h.earn(0, 100_000, 200_000)
	twin := p.holderWith(t, seed, config(p.backend(t, "twin")))
	spent, frozen := h.coin(100_000), h.coin(200_000)
	tx := twin.sign(1000, nobody, twin.coin(100_000))
	if err := twin.Publish(timed(t), tx); err != nil {
		t.Fatal(err)
	}
	p.awaitMempool(t, tx)
	p.mine(t, 1)
	h.awaitSpent(spent)
	h.catchUp()
	h.refuses(wallet.ErrNotOurs, spent)
	if err := h.Freeze(coins.ByUser, frozen.OutPoint); err != nil {
		t.Fatal(err)
	}
	h.refuses(wallet.ErrFrozen, frozen)
}
