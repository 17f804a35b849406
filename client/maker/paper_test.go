package maker

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/keys"
	"github.com/joinmarket-go/joinmarket/wallet/message"
	"github.com/joinmarket-go/joinmarket/wallet/secret"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/txsign"
)

// paperWallet has the coins that a vector says, whose transactions nobody has
// seen, and keys of a phrase.
type paperWallet struct {
	tree   *keys.Tree
	height int32
	coins  []coins.Coin
	leases coins.Leases
	deals  []wallet.Deal  // what was held for
	next   map[int]uint32 // internal branch, by mixdepth
	spent  map[wire.OutPoint]bool
	taker  map[wire.OutPoint]chain.TxOut
	shown  [][]wire.OutPoint
}

func (w *paperWallet) Mixdepths() int { return 5 }
func (w *paperWallet) Synced() (chain.Tip, bool) {
	return chain.Tip{BlockID: chain.BlockID{Height: w.height}}, true
}
func (w *paperWallet) Coins() ([]coins.Coin, error)         { return w.coins, nil }
func (w *paperWallet) InUse() map[wire.OutPoint]string      { return w.leases.Owners() }
func (w *paperWallet) Subscribe() (<-chan struct{}, func()) { return nil, func() {} }

func (w *paperWallet) Bonds() ([]wallet.Bond, error) { return nil, nil }
func (w *paperWallet) CertifyBond(keys.Path, [33]byte, uint16) (bond.Certificate, error) {
	return bond.Certificate{}, wallet.ErrNoBonds
}

func (w *paperWallet) Record(id chainhash.Hash) (wallet.Record, error) {
	return wallet.Record{}, wallet.ErrNoRecord
}

func (w *paperWallet) SignTx(tx *wire.MsgTx, own []coins.Coin) error {
	for _, c := range own {
		key, err := w.tree.PrivateKey(keys.Path{Mixdepth: c.Mixdepth, Branch: c.Branch, Index: c.Index})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(tx.TxIn, func(in *wire.TxIn) bool { return in.PreviousOutPoint == c.OutPoint })
		if err := txsign.Sign(tx, i, txsign.PrevOut{Value: c.Value, Script: c.Script}, key); err != nil {
			return err
		}
	}
	return nil
}

func (w *paperWallet) Hold(l *coins.Lease, ttl time.Duration, d wallet.Deal) error {
	w.deals = append(w.deals, d)
	return l.Extend(ttl)
}

func (w *paperWallet) Signed() (all []wallet.Signed) {
	for _, d := range w.deals {
		s := wallet.Signed{Deal: d, ID: d.Tx.TxHash()}
		for _, c := range w.coins {
			if c.OutPoint.Hash == s.ID {
				s.Seen, s.Confirmations = true, c.Confirmations(w.height)
			}
		}
		s.Spent = !s.Seen && slices.ContainsFunc(d.Tx.TxIn, func(in *wire.TxIn) bool { return w.spent[in.PreviousOutPoint] })
		all = append(all, s)
	}
	return all
}

func (w *paperWallet) Settled(id chainhash.Hash) error {
	w.deals = slices.DeleteFunc(w.deals, func(d wallet.Deal) bool { return d.Tx.TxHash() == id })
	return nil
}

func (w *paperWallet) Reserve(r wallet.Reservation) (*coins.Lease, error) {
	return w.leases.Take(r.Purpose, r.TTL, func(leased func(wire.OutPoint) bool) ([]coins.Coin, error) {
		f := coins.Filter{Mixdepth: r.Mixdepth, MinConf: r.MinConf, Tip: w.height, Exclude: leased}
		able := f.Apply(w.coins)
		if len(r.Include) == 0 {
			return coins.Default.Select(able, r.Target)
		}
		able = slices.DeleteFunc(able, func(c coins.Coin) bool { return !slices.Contains(r.Include, c.OutPoint) })
		if len(able) < len(r.Include) {
			return nil, coins.ErrFunds
		}
		return able, nil
	})
}

func (w *paperWallet) Shown() [][]wire.OutPoint { return w.shown }

func (w *paperWallet) Show(set []coins.Coin, mixdepths ...int) (all []wallet.Address, err error) {
	var outs []wire.OutPoint
	for _, c := range set {
		outs = append(outs, c.OutPoint)
	}
	w.shown = append(w.shown, outs)
	for _, mixdepth := range mixdepths {
		path := keys.Path{Mixdepth: mixdepth, Branch: keys.Internal, Index: w.next[mixdepth]}
		w.next[mixdepth]++
		text, err := w.tree.Address(path)
		if err != nil {
			return nil, err
		}
		script, err := w.tree.Script(path)
		if err != nil {
			return nil, err
		}
		all = append(all, wallet.Address{Text: text, Script: script, Path: path})
	}
	return all, nil
}

func (w *paperWallet) SignMessage(c coins.Coin, text string) (pubkey, der []byte, err error) {
	key, err := w.tree.PrivateKey(keys.Path{Mixdepth: c.Mixdepth, Branch: c.Branch, Index: c.Index})
	if err != nil {
		return nil, nil, err
	}
	return key.PubKey().SerializeCompressed(), message.Sign(key, text), nil
}

func (w *paperWallet) TxOut(_ context.Context, out wire.OutPoint) (chain.TxOut, error) {
	if txOut, ok := w.taker[out]; ok {
		return txOut, nil
	}
	for _, c := range w.coins {
		if c.OutPoint == out && !w.spent[out] {
			return chain.TxOut{Value: c.Value, Script: c.Script, Confirmations: c.Confirmations(w.height)}, nil
		}
	}
	if out == input(99).PreviousOutPoint {
		return takersCoin, nil
	}
	return chain.TxOut{}, chain.ErrNoTxOut
}

func (w *paperWallet) MinFeeRate(context.Context) (sats.Amount, error) { return 1000, nil }

func (w *paperWallet) Broadcast(context.Context, *wire.MsgTx) error { return errors.ErrUnsupported }

// authCase is a case of the corpus.
type authCase struct {
	WalletType string `json:"wallet_type"`
	Mnemonic   string
	Coins      []struct {
		UTXO     string
		Mixdepth int
		Value    sats.Amount
		Height   int32
		Frozen   bool
		Address  string
	} `json:"coins_of_maker"`
	Height     int32
	Offer      vectorOffer
	Amount     sats.Amount
	Revelation string
	Commitment string
	PubKey     string `json:"nacl_pubkey"`
	TakerCoin  []struct {
		UTXO          string
		Value         sats.Amount
		Confirmations int32
		Script        string
	} `json:"coin_of_taker"`
	Tries  int
	Age    int32
	Share  int64 `json:"amount_percent"`
	Valid  bool
	Reason string
	Note   string
	Reply  *struct {
		UTXOs      []string
		AuthPubKey string `json:"auth_pubkey"`
		CJ         string `json:"cj_address"`
		CJMixdepth int    `json:"cj_mixdepth"`
		Change     string `json:"change_address"`
		Signature  string
	}
}

func (c authCase) wallet(t *testing.T) *paperWallet {
	t.Helper()
	seed, err := keys.ParsePhrase(secret.NewText(c.Mnemonic), secret.Text{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w := &paperWallet{
		height: c.Height,
		next:   make(map[int]uint32),
		spent:  make(map[wire.OutPoint]bool),
		taker:  make(map[wire.OutPoint]chain.TxOut),
	}
	if w.tree, err = keys.NewTree(seed, txbuild.P2WPKH, &chaincfg.MainNetParams); err != nil {
		t.Fatal(err)
	}
	for _, v := range c.Coins {
		w.coins = append(w.coins, coins.Coin{OutPoint: parseOut(t, v.UTXO), Value: v.Value, Mixdepth: v.Mixdepth, Height: v.Height, Frozen: v.Frozen})
		if v.Height > c.Height { // the reference's height of an unconfirmed coin
			w.coins[len(w.coins)-1].Height = 0
		}
		w.locate(t, &w.coins[len(w.coins)-1], v.Address)
	}
	for _, v := range c.TakerCoin {
		script, err := hex.DecodeString(v.Script)
		if err != nil {
			t.Fatal(err)
		}
		w.taker[parseOut(t, v.UTXO)] = chain.TxOut{Value: v.Value, Confirmations: v.Confirmations, Script: script}
	}
	return w
}

// locate finds the path of a coin's address.
func (w *paperWallet) locate(t *testing.T, c *coins.Coin, addr string) {
	t.Helper()
	for index := range uint32(10) {
		for branch := range uint32(2) {
			path := keys.Path{Mixdepth: c.Mixdepth, Branch: branch, Index: index}
			text, err := w.tree.Address(path)
			if err != nil {
				t.Fatal(err)
			}
			if text != addr {
				continue
			}
			c.Branch, c.Index = branch, index
			c.Script = script(t, addr)
			if branch == keys.Internal {
				w.next[c.Mixdepth] = max(w.next[c.Mixdepth], index+1)
			}
			return
		}
	}
	t.Fatalf("%s is not in mixdepth %d", addr, c.Mixdepth)
}

func parseOut(t testing.TB, text string) wire.OutPoint {
	t.Helper()
	out, err := coins.ParseOutPoint(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// maker returns a maker in the middle of a session that has published the
// offer of the case, and the event of the case.
func (c authCase) maker(t *testing.T, w *paperWallet) (*Maker, control.AuthEvent) {
	t.Helper()
	m, err := New(Config{
		Wallet: w, Node: w,
		Connect: func(context.Context, Prove) (Daemon, error) { return nil, errors.ErrUnsupported },
		Terms:   bothTerms(),
		Record:  filepath.Join(t.TempDir(), "accepted"),
		Age:     c.Age, AmountShare: c.Share, Tries: c.Tries,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.accepted.close() })
	m.published = []protocol.Offer{c.Offer.offer()}
	m.talks = make(map[uint64]*talk)
	return m, control.AuthEvent{
		Conversation: 7,
		Taker:        "J5taker111111111",
		OfferID:      c.Offer.ID,
		Amount:       c.Amount,
		Commitment:   protocol.Commitment("P" + c.Commitment),
		Revelation:   c.Revelation,
		PubKey:       c.PubKey,
	}
}

// firstCase is a maker with the first case of the corpus, which is good.
func firstCase(t *testing.T) (*Maker, *paperWallet, control.AuthEvent) {
	t.Helper()
	c := vectors.Load[authCase](t, "ioauth_maker.json", 45)[0]
	w := c.wallet(t)
	m, e := c.maker(t, w)
	return m, w, e
}
