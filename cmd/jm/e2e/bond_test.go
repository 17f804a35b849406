package e2e

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/chain/chaintest"
)

// bondList is what the tests read of jm wallet bond list.
type bondList struct {
	Best  string
	Bonds []struct {
		OutPoint, Address string
		Amount            sats.Amount
		Confirmed         int64
		Locktime          int64
		Locked            bool
		Value             float64 `json:"bond_value"`
		Cause             string  `json:"frozen_by"`
		Links             []struct{ Kind, OutPoint string }
	}
	Beside int `json:"coins_beside"`
}

func (p *participant) bonds(wallet string) (list bondList) {
	p.t.Helper()
	decode(p.t, p.jm("wallet", "bond", "list", wallet), &list)
	return list
}

// later moves the clock of the node, but of nothing else, and mines blocks then.
func (m *market) later(at time.Time, blocks int) {
	m.t.Helper()
	if err := m.node.Client().Call(m.ctx, "setmocktime", []any{at.Unix()}, nil); err != nil {
		m.t.Fatal(err)
	}
	for range blocks {
		if _, err := m.node.MineBlock(m.ctx, regtest.Block{Time: at}); err != nil {
			m.t.Fatal(err)
		}
	}
}

// TestW13Bond makes, funds, finds again and spends a fidelity bond. The clock of
// jm's machine stays months behind the chain's, which alone decides (D6).
func TestW13Bond(t *testing.T) {
	t.Parallel()
	// One write to the disk for each of 1919 scripts makes the test slow.
	node := chaintest.StartBitcoind(t, chaintest.Line("unsafesqlitesync=1"))
	ctx, cancel := context.WithTimeout(t.Context(), 3*deadline)
	t.Cleanup(cancel)
	m := &market{t: t, ctx: ctx, node: node, chain: chainLines("bitcoin-rpc", "regtest", node), irc: "127.0.0.1:1"}
	p := m.join("bonds", false)
	m.fund(p, 50_000_000, 20_000_000)
	m.mine(1)

	// Its address, with what there is to know.
	now := time.Now().UTC()
	end := time.Date(now.Year(), now.Month()+2, 1, 0, 0, 0, 0, time.UTC)
	month := end.Format("2006-01")
	var made struct {
		Address, Path string
		Locktime      int64
		Past          bool
	}
	out, talk, code := p.try("wallet", "bond", "address", month)
	if code != 0 {
		t.Fatalf("exit status %d\n%s", code, talk)
	}
	decode(t, out, &made)
	if made.Locktime != end.Unix() || made.Past || !strings.HasSuffix(made.Path, ":"+strconv.FormatInt(end.Unix(), 10)) {
		t.Errorf("%+v", made)
	}
	for _, words := range []string{"before " + end.Format("2006-01-02 15:04") + " UTC", "pay it once", "through a CoinJoin"} {
		if !strings.Contains(talk, words) {
			t.Errorf("P6: the address comes without %q:\n%s", words, talk)
		}
	}
	if text := p.plain("wallet", "gettimelockaddress", "default", month); text != "path     "+made.Path+"\naddress  "+made.Address+"\n" {
		t.Errorf("by the name of the reference: %s", text)
	}
	p.expect(2, []string{"2020-01 to 2099-12"}, "wallet", "bond", "address", "2100-01")
	if _, talk, _ := p.try("wallet", "bond", "address", "2020-01"); !strings.Contains(talk, "in the past") {
		t.Errorf("a month in the past: %s", talk)
	}

	coin := p.coin(20_000_000)
	p.decline([]string{"it funds a fidelity bond", coin, "the other outputs are tied to"}, "wallet", "send", made.Address+"=0.1", "--coin", coin)
	paid := p.spend("wallet", "send", "--sweep", made.Address, "--coin", coin)
	m.mine(1)
	list := p.bonds("default")
	if len(list.Bonds) != 1 || list.Beside != 1 {
		t.Fatalf("%+v", list)
	}
	b := list.Bonds[0]
	if b.OutPoint != paid.TxID+":0" || list.Best != b.OutPoint || b.Address != made.Address || b.Amount != paid.Amount || !b.Locked ||
		b.Cause != "bond" || b.Locktime != end.Unix() || b.Confirmed == 0 {
		t.Errorf("%+v", list)
	}
	if want := bond.DefaultRates.Value(b.Amount, time.Unix(b.Confirmed, 0), uint32(b.Locktime), now); b.Value != want || want == 0 {
		t.Errorf("it is worth %v, want %v", b.Value, want)
	}
	if len(b.Links) != 1 || b.Links[0].Kind != "source" || b.Links[0].OutPoint != coin {
		t.Errorf("P6: it is paid from a deposit, and tied to %+v", b.Links)
	}
	if _, talk, _ := p.try("wallet", "bond", "list", "--offline"); strings.Contains(talk, "WARNING") {
		t.Errorf("warnings beside JSON: %s", talk)
	}

	// It is found again. (That words suffice is tested on nodes, too: package wallet.)
	var backup struct{ Backups []struct{ File string } }
	decode(t, p.jm("wallet", "backup", "default"), &backup)
	p.jm("wallet", "restore-backup", backup.Backups[0].File, "restored")
	if again := p.bonds("restored"); len(again.Bonds) != 1 || again.Bonds[0].OutPoint != b.OutPoint || !again.Bonds[0].Locked {
		t.Errorf("the restored wallet has the bonds %+v", again)
	}

	p.certify(b.OutPoint, month)

	// Before its time.
	spendIt := []string{"wallet", "bond", "spend", "default", b.OutPoint, "--to-mixdepth", "2"}
	refused := func(when string) {
		t.Helper()
		p.expect(7, []string{"locked still until " + end.Format(time.DateTime) + " UTC", "so wait about"}, append(spendIt, "--yes")...)
		p.expect(4, []string{"locked still"}, "wallet", "unfreeze", "default", b.OutPoint)
		if list := p.bonds("default"); !list.Bonds[0].Locked {
			t.Errorf("%s: %+v", when, list)
		}
	}
	refused("at once")
	m.later(end.Add(2*time.Hour), 5)
	refused("five blocks after its end, when the median is before")
	p.expect(4, []string{"no unspent fidelity bond"}, "wallet", "bond", "spend", "default", p.coin50(), "--to-mixdepth", "2")

	// When its time has come. Thawed it is still no coin for a CoinJoin (M28).
	m.later(end.Add(3*time.Hour), 6)
	p.jm("wallet", "unfreeze", "restored", b.OutPoint)
	if u := p.utxos("restored", "--tries")[b.OutPoint]; u.Frozen || u.Tries != nil {
		t.Errorf("thawed: %+v", u)
	}
	p.jm("wallet", "freeze", "restored", b.OutPoint)
	p.expect(7, []string{"frozen"}, "wallet", "bond", "spend", "restored", b.OutPoint, "--to-mixdepth", "2", "--yes", "--feerate", "2")
	p.decline([]string{"the fidelity bond that ended " + end.Format("2006-01-02 15:04"), "from ", b.OutPoint, "a new address", "fee ",
		"NOTE: everybody can see", "mixdepth 2"}, spendIt...)
	r := p.spend(append(spendIt, "--feerate", "2")...)
	if len(r.Inputs) != 1 || r.Inputs[0].OutPoint != b.OutPoint || r.Amount != 0 || r.Change != b.Amount-r.Fee {
		t.Errorf("%+v", r)
	}
	raised := p.spend("wallet", "bumpfee", "default", r.TxID, "--feerate", "9")
	if raised.Bump.Method != "replace" || raised.Inputs[0].OutPoint != b.OutPoint || m.mempool(raised.TxID).Own.Fee != raised.Fee {
		t.Errorf("%+v", raised)
	}
	m.later(end.Add(4*time.Hour), 0)
	m.mine(1)
	var summary struct {
		Mixdepths []struct{ Available, Bonds sats.Amount }
	}
	decode(t, p.jm("wallet", "show", "default"), &summary)
	if at := summary.Mixdepths; at[0].Bonds != 0 || at[2].Available != raised.Change {
		t.Errorf("%+v", summary)
	}
	if list := p.bonds("default"); len(list.Bonds) != 0 || list.Best != "" {
		t.Errorf("%+v", list)
	}
}

// coin50 is the coin that was left in mixdepth 0.
func (p *participant) coin50() string {
	p.t.Helper()
	for out, u := range p.utxos("default") {
		if u.Value == 50_000_000 {
			return out
		}
	}
	p.t.Fatal("no coin of 0.5")
	return ""
}

// certify has a bond speak through another key, by its coin and by its month.
func (p *participant) certify(out, month string) {
	p.t.Helper()
	_, public := btcec.PrivKeyFromBytes([]byte{7})
	key := hex.EncodeToString(public.SerializeCompressed())
	for _, args := range [][]string{{out, key, "--until", "5000"}, {month, key, "--until", "4033"}} {
		var c struct {
			BondKey   string `json:"bond_pubkey"`
			Key       string `json:"cert_pubkey"`
			Expiry    uint16 `json:"cert_expiry"`
			Until     int64  `json:"until_block"`
			Signature string
		}
		decode(p.t, p.jm(append([]string{"wallet", "bond", "certificate", "default"}, args...)...), &c)
		bondKey, err1 := hex.DecodeString(c.BondKey)
		signature, err2 := base64.StdEncoding.DecodeString(c.Signature)
		if err1 != nil || err2 != nil || len(bondKey) != 33 || c.Key != key || c.Expiry != 3 || c.Until != 6048 {
			p.t.Fatalf("%+v, %v, %v", c, err1, err2)
		}
		signed := bond.Certificate{Key: [33]byte(public.SerializeCompressed()), Expiry: c.Expiry, BondKey: [33]byte(bondKey), Signature: signature}
		if err := signed.Verify(); err != nil {
			p.t.Errorf("M27: %v", err)
		}
	}
	p.expect(2, []string{"no public key"}, "wallet", "bond", "certificate", "default", out, key[2:])
}
