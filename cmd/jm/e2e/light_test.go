package e2e

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// lightLines are the keys of [BLOCKCHAIN] for a light client with one peer.
func lightLines(peer string) string {
	return "blockchain_source = neutrino\nnetwork = regtest\nneutrino_peers = " + peer + "\n"
}

// light is a market in which nobody must be met: a light client never goes
// there.
func light(t *testing.T, chain string) *market {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	t.Cleanup(cancel)
	irc, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int32
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := irc.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		irc.Close()
		<-ended
		if n := visits.Load(); n > 0 {
			t.Errorf("%d connections to the market", n)
		}
	})
	return &market{t: t, ctx: ctx, chain: chain, irc: irc.Addr().String()}
}

// lightNode is a market with a node that serves filters.
func lightNode(t *testing.T, kind regtest.Kind) *market {
	t.Helper()
	run := chaintest.StartBTCD
	if kind == regtest.Bitcoind {
		run = chaintest.StartBitcoind
	}
	node := run(t, func(cfg *regtest.Config) { cfg.Peers = true })
	m := light(t, lightLines(node.PeerAddr()))
	m.node = node
	m.mine(1) // a chain of today
	return m
}

// waits tells whether the node has a transaction in its mempool.
func (m *market) waits(txid string) bool {
	m.t.Helper()
	var ids []string
	if err := m.node.Client().Call(m.ctx, "getrawmempool", nil, &ids); err != nil {
		m.t.Fatal(err)
	}
	return slices.Contains(ids, txid)
}

// reaches waits until the node has a transaction in its mempool.
func (m *market) reaches(txid string) {
	m.t.Helper()
	for limit := time.After(deadline); !m.waits(txid); {
		select {
		case <-time.After(50 * time.Millisecond): // the node tells nobody
		case <-limit:
			m.t.Fatalf("the node does not get %s", txid)
		}
	}
}

// A wallet without a node of its own, in the hands of its user.
func TestLight(t *testing.T) {
	for name, kind := range map[string]regtest.Kind{"btcd": regtest.BTCD, "Bitcoin Core": regtest.Bitcoind} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testLight(t, lightNode(t, kind))
		})
	}
}

func testLight(t *testing.T, m *market) {
	p, q := m.join("payer", false), m.join("payee", false)
	m.fund(p, 1_000_000, 300_000)
	if got := p.available()[0]; got != 0 {
		t.Errorf("%v before a block has the payment", got)
	}
	m.mine(1)
	if got := p.available()[0]; got != 1_300_000 {
		t.Fatalf("%v after it has", got)
	}
	if info, err := os.Stat(filepath.Join(p.dir, "neutrino", "regtest")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the light client's folder: %v, %v", info, err)
	}

	// There are no estimates: the default of the sample file is one.
	to := q.address("0")
	p.expect(5, []string{"no fee estimate", "--feerate", "tx_fees"}, "wallet", "send", to+"=0.002", "--target", "3", "--yes")
	p.expect(5, []string{"no fee estimate", "-f"}, "sendpayment", "0.002", to, "-N", "0", "-f", "3", "--yes")

	small := p.coin(300_000)
	p.jm("wallet", "freeze", small)
	old := p.spend("sendpayment", "0.002", to, "-N", "0")
	m.reaches(old.TxID)
	new := p.spend("wallet", "bumpfee", old.TxID, "--feerate", "10")
	if new.Bump == nil || new.Bump.Method != "replace" {
		t.Errorf("%+v", new)
	}
	m.reaches(new.TxID)
	child := p.spend("wallet", "bumpfee", new.TxID, "--cpfp", "--feerate", "20")
	m.reaches(child.TxID)
	if m.waits(old.TxID) || child.Bump.Method != "child" {
		t.Errorf("%+v", child)
	}

	// What it sent is known to every later run, until it is safe.
	var list struct {
		Pending []struct{ TxID, State string }
	}
	decode(t, p.jm("wallet", "pending", "list"), &list)
	if len(list.Pending) != 2 || list.Pending[0].State != "unconfirmed" || list.Pending[1].State != "unconfirmed" {
		t.Errorf("%+v", list)
	}
	if err := m.node.Stop(); err != nil { // btcd forgets its mempool
		t.Fatal(err)
	}
	if err := m.node.Resume(m.ctx); err != nil {
		t.Fatal(err)
	}
	if text := p.plain("wallet", "pending", "send"); text != "2 sent\n" {
		t.Errorf("pending send: %q", text)
	}
	m.reaches(new.TxID)
	m.reaches(child.TxID)
	p.expect(7, nil, "wallet", "send", to+"=0.001", "--feerate", "2", "--yes")
	m.mine(6)
	decode(t, p.jm("wallet", "pending", "list"), &list)
	if len(list.Pending) != 0 {
		t.Errorf("six blocks deep: %+v", list)
	}
	if got := q.available()[0]; got != 200_000 {
		t.Errorf("the payee has %v", got)
	}
	p.jm("wallet", "unfreeze", small)
	left := 1_300_000 - 200_000 - new.Fee - child.Fee
	if got := p.available()[0]; got != left {
		t.Errorf("the payer has %v, want %v", got, left)
	}
	var past struct {
		Transactions []struct{ Type string }
		Balance      sats.Amount
	}
	decode(t, p.jm("wallet", "history"), &past)
	if len(past.Transactions) != 3 || past.Balance != left {
		t.Errorf("%+v", past)
	}

	// CoinJoins are refused, before the market sees anything.
	for _, args := range [][]string{{"sendpayment", "0.002", to, "--yes"}, {"yieldgenerator"}} {
		p.expect(5, []string{"cannot check other people's coins", "blockchain_source"}, args...)
	}
}

// A PSBT that spends coins of others, too: the light client says what it cannot
// check.
func TestLightPSBT(t *testing.T) {
	t.Parallel()
	m := lightNode(t, regtest.BTCD)
	p := m.join("payer", false)
	m.fund(p, 1_000_000)
	m.mine(1)
	to := p.address("1")
	var made receipt
	decode(t, p.jm("wallet", "psbt", "create", to+"=0.003", "--feerate", "4", "--yes"), &made)
	p.write("payment.psbt", made.PSBT)
	var signed struct{ PSBT string }
	decode(t, p.jm("wallet", "psbt", "sign", filepath.Join(p.dir, "payment.psbt"), "--yes"), &signed)
	p.write("signed.psbt", signed.PSBT)
	path := filepath.Join(p.dir, "signed.psbt")

	// To another wallet the coin is a stranger's.
	q := m.join("other", false)
	var sent struct {
		TxID   string
		Sent   bool
		Inputs []struct{ Own, Checked bool }
	}
	out, talk, code := q.try("wallet", "psbt", "broadcast", path, "--yes")
	decode(t, out, &sent)
	if code != 0 || !sent.Sent || sent.Inputs[0].Own || sent.Inputs[0].Checked || !strings.Contains(talk, "cannot check") {
		t.Errorf("status %d, %+v, %s", code, sent, talk)
	}
	m.reaches(sent.TxID)
	decode(t, p.jm("wallet", "psbt", "broadcast", path, "--yes"), &sent)
	if !sent.Sent || !sent.Inputs[0].Own || !sent.Inputs[0].Checked {
		t.Errorf("%+v", sent)
	}
	m.mine(1)
	p.expect(7, []string{"no such unspent output"}, "wallet", "psbt", "broadcast", path, "--yes")
}

// Words bring a wallet back, with its coins and its past.
func TestLightRecover(t *testing.T) {
	t.Parallel()
	m := lightNode(t, regtest.BTCD)
	const (
		words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
		first = "bcrt1qsy37f3cfsdd6z8ca3ge0q00xjyzxkclnwjv3yk" // of its mixdepth 3
	)
	m.pay(first, 700_000)
	m.mine(3)
	p := m.join("after", false)
	p.write("words", words)
	p.jm("wallet", "recover", "old", "--yes", "--phrase-file", filepath.Join(p.dir, "words"),
		"--birthday", time.Now().AddDate(0, 0, -7).Format(time.DateOnly))
	var shown struct {
		Mixdepths []struct{ Available sats.Amount }
	}
	decode(t, p.jm("wallet", "show", "old"), &shown)
	if got := shown.Mixdepths[3].Available; got != 700_000 {
		t.Errorf("recovered: %+v", shown)
	}
}

// pay pays to an address.
func (m *market) pay(address string, value sats.Amount) {
	m.t.Helper()
	script, err := txbuild.ParseAddress(address, regtest.Params)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.node.Fund(m.ctx, wire.NewTxOut(int64(value), script)); err != nil {
		m.t.Fatal(err)
	}
}

// Without its peers a light client shows what it knew last, as such, and goes on
// when they are back: also when six blocks were replaced meanwhile.
func TestD5LightWithoutPeers(t *testing.T) {
	t.Parallel()
	m := lightNode(t, regtest.Bitcoind)
	p := m.join("alone", false)
	m.fund(p, 1_000_000)
	tip, err := m.node.Mine(m.ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Height    int32
		Synced    bool
		Mixdepths []struct{ Available sats.Amount }
	}
	decode(t, p.jm("wallet", "show"), &shown)
	if !shown.Synced || shown.Mixdepths[0].Available != 1_000_000 {
		t.Fatalf("%+v with a peer", shown)
	}
	if err := m.node.Stop(); err != nil {
		t.Fatal(err)
	}
	out, talk, code := p.try("wallet", "show")
	decode(t, out, &shown)
	if code != 0 || shown.Synced || shown.Height != tip.Height || shown.Mixdepths[0].Available != 1_000_000 ||
		!strings.Contains(talk, "last known state") || !strings.Contains(talk, "refused") {
		t.Errorf("without it: status %d, %+v\n%s", code, shown, talk)
	}
	if err := m.node.Resume(m.ctx); err != nil {
		t.Fatal(err)
	}
	// The same chain without the last six blocks, of which the first had the
	// payment, and seven others.
	first, err := m.node.Client().BlockHash(m.ctx, tip.Height-5)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.node.Client().Call(m.ctx, "invalidateblock", []any{first.String()}, nil); err != nil {
		t.Fatal(err)
	}
	for range 7 {
		if _, err := m.node.MineBlock(m.ctx, regtest.Block{}); err != nil {
			t.Fatal(err)
		}
	}
	decode(t, p.jm("wallet", "show"), &shown)
	if !shown.Synced || shown.Height != tip.Height+1 || shown.Mixdepths[0].Available != 0 {
		t.Errorf("on the other branch: %+v", shown)
	}
	m.mine(1)
	if got := p.available()[0]; got != 1_000_000 {
		t.Errorf("%v when it is confirmed again", got)
	}
}

// One folder is for one program at a time, and who waits for peers can be
// interrupted.
func TestLightTwoAtOnce(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived, ended := make(chan net.Conn), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			arrived <- conn
		}
	}()
	m := light(t, lightLines(silent.Addr().String()))
	p := m.join("first", false)
	p.jm("wallet", "create", "second")
	first := start(t, p.command("wallet", "show", "default"))
	select {
	case conn := <-arrived:
		defer conn.Close()
	case <-time.After(deadline):
		t.Fatal("it does not connect")
	}
	p.expect(5, []string{"another program uses", "close that program"}, "wallet", "show", "second")
	if code := first.stop(); code != 130 {
		t.Errorf("interrupted, it ends with status %d, want 130:\n%s", code, first.talk)
	}
	silent.Close()
	<-ended
}
