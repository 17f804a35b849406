package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/internal/regtest"
	"github.com/joinmarket-go/joinmarket/protocol/sats"
)

// TestD1KilledAtRandom: jm wallet address is killed at random moments, again and
// again. No address is printed twice, and no lock is left behind.
func TestD1KilledAtRandom(t *testing.T) {
	t.Parallel()
	p := owner(t)
	began := time.Now()
	p.jm("wallet", "address")
	whole := time.Since(began)
	printed := regexp.MustCompile(`"address": "(bcrt1[0-9a-z]+)"`)
	known := make(map[string]int)
	killed := 0
	for i := range 40 {
		cmd := p.command("wallet", "address")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(rand.N(whole+whole/4), func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		kill.Stop()
		if found := printed.FindSubmatch(out.Bytes()); found != nil {
			if before, again := known[string(found[1])]; again {
				t.Errorf("run %d prints the address of run %d: %s", i, before, found[1])
			}
			known[string(found[1])] = i
		}
	}
	if killed < 5 {
		t.Errorf("only %d of 40 were killed", killed)
	}
	if last := printed.FindSubmatch(p.jm("wallet", "address")); last == nil || known[string(last[1])] != 0 {
		t.Errorf("the last run gives %s", last)
	}
	t.Logf("%d killed, %d addresses", killed, len(known))
}

// change replaces a text in joinmarket.cfg.
func (p *participant) change(old, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, "joinmarket.cfg")
	config, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	if !bytes.Contains(config, []byte(old)) {
		p.t.Fatalf("%q is not in joinmarket.cfg", old)
	}
	p.write("joinmarket.cfg", strings.Replace(string(config), old, text, 1))
}

// next are the next indices of the wallet, external and internal, by mixdepth.
func (p *participant) next() [][2]uint32 {
	p.t.Helper()
	var export struct{ Next [][2]uint32 }
	decode(p.t, p.jm("wallet", "export"), &export)
	return export.Next
}

// TestD3MakerKilled: a maker is killed in the middle of CoinJoins, after it
// showed coins and after it signed, and started again. It comes back, shows no
// address a second time, keeps back what it signed for until the chain decides,
// and tells what it earned by what came about.
func TestD3MakerKilled(t *testing.T) {
	t.Parallel()
	const btc = sats.PerBTC
	m := newMarket(t, regtest.BTCD)
	taker, alice := m.join("taker", false), m.join("alice", false)
	for _, p := range []*participant{taker, alice} {
		p.change("minimum_makers = 2", "minimum_makers = 1")
		p.change("maker_timeout_sec = 30", "maker_timeout_sec = 2")
	}
	m.fund(taker, btc/2, btc/2, btc/2, btc/2)
	m.fund(alice, btc, btc, btc)
	m.mine(6)
	var before, after struct{ Total sats.Amount }
	decode(t, alice.jm("wallet", "show"), &before)
	var to struct{ Address string }

	var sent []string // transactions
	next, held := alice.next(), make(map[string]bool)
	for _, moment := range []string{"revealed", "signed", ""} {
		decode(t, taker.jm("wallet", "address", "-m", "3"), &to)
		maker := start(t, alice.command("yieldgenerator"))
		maker.line(`"event":"announced"`)
		type outcome struct {
			out []byte
			err error
		}
		paid := make(chan outcome, 1)
		payment := taker.command("sendpayment", "0.1", to.Address, "-N", "1", "--yes")
		go func() {
			out, err := payment.Output()
			paid <- outcome{out, err}
		}()
		if moment != "" {
			maker.line(fmt.Sprintf(`"event":%q`, moment))
			maker.cmd.Process.Kill()
			<-maker.ended
		}
		result := <-paid
		var tx struct {
			TxID         string
			Participants []struct{ Inputs []sats.Amount }
		}
		if result.err == nil {
			decode(t, result.out, &tx)
			sent = append(sent, tx.TxID)
		} else if moment == "" {
			t.Fatalf("the last payment failed: %s", result.out)
		}
		if moment == "" {
			m.mine(1)
			earned := sats.Amount(0)
			for range sent {
				var e struct {
					TxID    string
					Earning sats.Amount
				}
				if err := json.Unmarshal([]byte(maker.line(`"event":"earned"`)), &e); err != nil || !strings.Contains(strings.Join(sent, " "), e.TxID) {
					t.Errorf("earned by %s, %v; sent were %v", e.TxID, err, sent)
				}
				earned += e.Earning
			}
			maker.stop()
			decode(t, alice.jm("wallet", "show"), &after)
			if after.Total != before.Total+earned || earned <= 0 {
				t.Errorf("the maker had %v, has %v and earned %v", before.Total, after.Total, earned)
			}
		}

		// What was shown now lies between the indices of then and now.
		was := next
		next = alice.next()
		for mixdepth := range next {
			if next[mixdepth][1] < was[mixdepth][1] {
				t.Errorf("%s: mixdepth %d goes back from %d to %d", moment, mixdepth, was[mixdepth][1], next[mixdepth][1])
			}
		}
		if next[0][1]+next[1][1] < was[0][1]+was[1][1]+2 {
			t.Errorf("%s: of two addresses shown not all are used up: %v, then %v", moment, was, next)
		}
		for out, u := range alice.utxos() {
			if result.err != nil || !strings.HasPrefix(out, tx.TxID) {
				continue
			}
			var mixdepth, branch int
			var index uint32
			if _, err := fmt.Sscanf(u.Path[strings.Index(u.Path, "'/1'/")+5:], "%d'/%d/%d", &mixdepth, &branch, &index); err != nil {
				t.Fatalf("path %s: %v", u.Path, err)
			}
			if branch != 1 || index < was[mixdepth][1] {
				t.Errorf("%s: %s was shown before", moment, u.Path)
			}
		}
		var list struct {
			Signed []struct {
				TxID, State, Until string
				Coins              []string
			}
		}
		decode(t, alice.jm("wallet", "pending", "list"), &list)
		for _, s := range list.Signed {
			if s.State == "lost" && (len(s.Coins) == 0 || s.Until == "") || s.State == "spent" {
				t.Errorf("%s: signed and not held: %+v", moment, s)
			}
			for _, coin := range s.Coins {
				held[coin] = true
			}
		}
		if moment == "signed" && result.err != nil && len(held) == 0 {
			t.Error("it signed, and nothing is held")
		}
		all := alice.utxos()
		for coin := range held {
			if _, unspent := all[coin]; !unspent {
				t.Errorf("%s: %s was held, and is spent otherwise", moment, coin)
			}
		}
	}
	t.Logf("sent %d, held %d", len(sent), len(held))
}
