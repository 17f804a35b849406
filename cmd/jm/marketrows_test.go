package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client"
	"github.com/joinmarket-go/joinmarket/client/commitments"
	"github.com/joinmarket-go/joinmarket/client/inprocess"
	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/daemon"
	"github.com/joinmarket-go/joinmarket/daemon/channel"
	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet"
	"github.com/joinmarket-go/joinmarket/wallet/coins"
	"github.com/joinmarket-go/joinmarket/wallet/feerate"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
	"github.com/joinmarket-go/joinmarket/wallet/wallettest"
)

// pit is the market of a scene: a room in memory, and what others were shown
// there. What they note is read when the command has ended.
type pit struct {
	*daemontest.Pit

	txs      []*wire.MsgTx // that makers were asked to sign
	revealed []string      // addresses that takers were told

	payer *wallet.Wallet // of somebody else who is a taker
	used  *commitments.Store
}

const pitConfig = "[MESSAGING:pit]\nhost = 127.0.0.1\nport = 9\nchannel = joinmarket-pit\n[POLICY]\nminimum_makers = 1\ntx_broadcast = self\ntx_fees = 2000\n"

// enterMarket gives the scene a room to meet in.
func (s *scene) enterMarket() {
	s.t.Helper()
	path := filepath.Join(s.dir, "joinmarket.cfg")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("joinmarket.cfg", append(text, pitConfig...))
	s.pit = &pit{Pit: daemontest.NewPit("pit", "jmlab")}
}

// join is the way to the pit, in place of IRC.
func (p *pit) join(_ control.ChannelConfig, nick protocol.Nick, _ string) (channel.Channel, error) {
	return p.Pit.Join(nick), nil
}

// openMarket gives the scene a market with a maker.
func (s *scene) openMarket() {
	s.enterMarket()
	s.maker(5_000_000, 4_000_000, 3_000_000)
}

// neighbour makes a wallet of somebody else, which follows the chain.
func (s *scene) neighbour(values ...sats.Amount) *wallet.Wallet {
	s.t.Helper()
	cfg := s.chain.Config()
	cfg.Files = sound()
	w := wallettest.NewWith(s.t, s.chain, cfg, values)
	_, stop := follow(s.t.Context(), w)
	s.t.Cleanup(stop)
	return w
}

// connect enters the market for somebody else.
func (s *scene) connect(role control.Role) (*client.Session, error) {
	s.t.Helper()
	d, err := inprocess.New(daemon.Config{NewChannel: s.pit.join})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { d.Close() })
	return client.Connect(s.t.Context(), client.Config{
		Dial: d.Dial, Role: role, Network: "regtest", Software: "test",
		Channels: []control.ChannelConfig{{Name: "pit", Type: "irc", Host: "127.0.0.1", Port: 9, Room: "joinmarket-pit"}},
	})
}

// signer is the wallet of a maker, and notes what that is asked to sign.
type signer struct {
	*wallet.Wallet
	pit *pit
}

func (s signer) SignTx(tx *wire.MsgTx, own []coins.Coin) error {
	s.pit.txs = append(s.pit.txs, tx.Copy())
	return s.Wallet.SignTx(tx, own)
}

// maker starts somebody else's maker, and returns when it has offers.
func (s *scene) maker(values ...sats.Amount) {
	s.t.Helper()
	w := s.neighbour(values...)
	announced := make(chan struct{}, 100)
	m, err := maker.New(maker.Config{
		Wallet: signer{w, s.pit}, Node: w.Chain(),
		Connect: func(context.Context, maker.Prove) (maker.Daemon, error) { return s.connect(control.RoleMaker) },
		Terms:   maker.Terms{Types: []protocol.OfferType{protocol.SW0AbsOffer}, CJFeeAbs: 700},
		Record:  filepath.Join(s.t.TempDir(), "accepted"), Files: sound(),
		Notify: func(e maker.Event) {
			if _, is := e.(maker.Announced); is {
				announced <- struct{}{}
			}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			s.t.Errorf("a maker ended: %v", err)
		}
	})
	s.t.Cleanup(func() { cancel(); running.Wait() })
	<-announced
}

var committed = regexp.MustCompile(`^!fill .* (P[0-9a-f]{64}) `)

// repeatsNothing checks what the market has seen: no commitment comes from two
// nicks, which are those of two starts, and no output of a transaction that
// makers were shown is in another one.
func (s *scene) repeatsNothing() {
	s.t.Helper()
	nicks := make(map[string]protocol.Nick)
	for _, line := range s.pit.Lines() {
		found := committed.FindStringSubmatch(line.Text)
		if found == nil {
			continue
		}
		if before, twice := nicks[found[1]]; twice && before != line.From {
			s.t.Errorf("%s: a commitment is used twice", s.name)
		}
		nicks[found[1]] = line.From
	}
	destination, err := txbuild.ParseAddress(foreign, s.chain.Params())
	if err != nil {
		s.t.Fatal(err)
	}
	ids := make(map[string]string)
	for _, tx := range s.pit.txs {
		id := tx.TxHash().String()
		for _, out := range tx.TxOut {
			script := string(out.PkScript)
			if before, twice := ids[script]; twice && before != id && script != string(destination) {
				s.t.Errorf("D1: %s: an address is in two transactions", s.name)
			}
			ids[script] = id
		}
	}
}

// joins is how many CoinJoins came about.
func (s *scene) joins() int { return len(s.chain.Mempool()) }

// listener is a taker's session, and notes the addresses that it is told.
type listener struct {
	*client.Session
	events chan any
}

func (s *scene) listen(session *client.Session) listener {
	l := listener{session, make(chan any)}
	go func() {
		defer close(l.events)
		for e := range session.Events() {
			if told, is := e.(control.IOAuthEvent); is {
				for _, a := range []string{told.CJAddress, told.ChangeAddress} {
					if slices.Contains(s.pit.revealed, a) {
						s.t.Errorf("D1: %s: %s is revealed twice", s.name, a)
					}
					s.pit.revealed = append(s.pit.revealed, a)
				}
			}
			l.events <- e
		}
	}()
	return l
}

func (l listener) Events() <-chan any { return l.events }

// fill is somebody else's CoinJoin with the maker that runs meanwhile.
func (s *scene) fill(ctx context.Context) {
	s.t.Helper()
	announced := func(l daemontest.Line) bool { return l.To == "" && strings.Contains(l.Text, "offer ") }
	if _, _, err := s.pit.Await(ctx, len(s.pit.Lines()), announced); err != nil {
		return
	}
	session, err := s.connect(control.RoleTaker)
	if err != nil {
		s.t.Fatal(err)
	}
	defer session.Close()
	if err := session.Ready(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if s.pit.payer == nil {
		s.pit.payer = s.neighbour(3_000_000, 3_000_000, 3_000_000, 3_000_000)
		s.pit.used, err = commitments.Open(commitments.Config{Path: filepath.Join(s.t.TempDir(), "used.json"), Files: sound(), Tries: 3, Age: 5, Percent: 20})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	t, err := taker.New(taker.Config{
		Wallet: s.pit.payer, Daemon: s.listen(session), Commitments: s.pit.used,
		Limits: taker.Limits{Abs: 10_000, Rel: "0.001"}, FeeRate: feerate.Policy{TxFees: 2_000, Factor: "0"}, Broadcast: taker.Self,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	result, err := t.Run(ctx, taker.Payment{Amount: 500_000, Destination: foreign, Makers: 1, MinMakers: 1}, func(taker.Quote) error { return nil })
	if (err == nil) != (result.Tx != nil && s.joins() > 0) {
		s.t.Errorf("%s: the taker has %v, %v", s.name, result.TxID(), err)
	}
}
