package amp

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
)

// What is said in a conversation.
var (
	commitment = "Pa52cb8e6ae2e4bb2b2f75d848ed0d98e6f4fc7fd4b30c64ac05041972cf6dc5b"
	revelation = strings.Repeat("0c", 32) + ":1|02" + strings.Repeat("11", 32) + "|03" + strings.Repeat("22", 32) +
		"|" + strings.Repeat("33", 32) + "|" + strings.Repeat("44", 32)
	coins = json.RawMessage(`{"` + strings.Repeat("d7", 32) + `:1": {"value": 7300000, "address": "bc1qcr8"}, "` +
		strings.Repeat("0c", 32) + `:0": {"value": 1, "address": "x"}}`)
	authKey   = "02" + strings.Repeat("55", 32)
	signature = base64.StdEncoding.EncodeToString(make([]byte, 70))
	tx        = strings.Repeat("\x02\x00\xff", 100)
	sigs      = []string{base64.StdEncoding.EncodeToString(make([]byte, 107)), base64.StdEncoding.EncodeToString(make([]byte, 108))}
)

func (p *python) fill(makers ...protocol.Nick) {
	p.t.Helper()
	offers := make(map[string]any)
	for _, m := range makers {
		offers[string(m)] = offerValues(0)
	}
	p.do("JMFill", values{"amount": 5000000, "commitment": commitment, "revelation": revelation, "filled_offers": offers})
}

func (p *python) open(taker protocol.Nick) {
	p.t.Helper()
	p.do("JMIOAuth", values{"nick": string(taker), "utxolist": coins, "pubkey": authKey, "cjaddr": "bc1qx",
		"changeaddr": "bc1qy", "pubkeysig": signature})
}

// coinJoin goes through one round of the market's messages.
func coinJoin(t *testing.T, taker *python, makers ...*python) {
	t.Helper()
	var nicks []protocol.Nick
	var names []string
	for _, m := range makers {
		nicks, names = append(nicks, m.nick), append(names, string(m.nick))
	}
	taker.fill(nicks...)
	synctest.Wait() // all makers, who share a daemon, have seen it before one uses the commitment
	keys := make(map[string]any)
	for _, m := range makers {
		v := m.expect("JMAuthReceived")
		keys[string(m.nick)] = v["kphex"]
		delete(v, "kphex")
		want := values{"nick": string(taker.nick), "commitment": commitment[1:], "revelation": revelation, "amount": int64(5000000),
			"offer": plain(t, offerValues(0))}
		if !reflect.DeepEqual(v, want) {
			t.Errorf("JMAuthReceived %v, want %v", v, want)
		}
		m.open(taker.nick)
	}
	v := taker.expect("JMFillResponse")
	data, _ := v["ioauth_data"].(map[string]any)
	if v["success"] != true || len(data) != len(makers) {
		t.Fatalf("JMFillResponse %v", v)
	}
	for name, got := range data {
		want := plain(t, []any{[]string{strings.Repeat("d7", 32) + ":1", strings.Repeat("0c", 32) + ":0"}, authKey, "bc1qx", "bc1qy", signature, keys[name]})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s opened %v, want %v", name, got, want)
		}
	}
	synctest.Wait() // the answer to JMFillResponse came
	taker.do("JMMakeTx", values{"nick_list": names, "tx": tx})
	for _, m := range makers {
		v := m.expect("JMTXReceived")
		if v["nick"] != string(taker.nick) || v["tx"] != tx {
			t.Errorf("JMTXReceived %v", v)
		}
		m.do("JMTXSigs", values{"nick": string(taker.nick), "sigs": sigs})
	}
	got := make(map[string][]string)
	for range 2 * len(makers) {
		v := taker.expect("JMSigReceived")
		got[v["nick"].(string)] = append(got[v["nick"].(string)], v["sig"].(string))
	}
	for _, name := range names {
		if !slices.Equal(got[name], sigs) {
			t.Errorf("%s signed %v", name, got[name])
		}
	}
	taker.do("JMPushTx", values{"nick": names[0], "tx": tx})
	if v := makers[0].expect("JMTXBroadcast"); v["tx"] != tx {
		t.Errorf("JMTXBroadcast %v", v)
	}
}

// plain is v as JSON is read.
func plain(t *testing.T, v any) (x any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &x)
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestCoinJoin: a taker and makers, all clients of the reference, exchange all
// messages of two CoinJoins through our daemon. The second round is begun on
// the same connection, under the same nick.
func TestCoinJoin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		makers := []*python{w.maker(bob, false, offerValues(0)), w.maker(carol, false, offerValues(0))}
		taker := w.taker(alice)
		taker.do("JMRequestOffers", nil)
		v := taker.expect("JMOffers")
		var book []map[string]any
		if err := json.Unmarshal([]byte(v["orderbook"].(string)), &book); err != nil || len(book) != 2 || v["fidelitybonds"] != "[]" {
			t.Fatalf("JMOffers %v, %v", v, err)
		}
		coinJoin(t, taker, makers...)

		commitment = strings.Replace(commitment, "Pa", "Pb", 1) // the first is used
		defer func() { commitment = strings.Replace(commitment, "Pb", "Pa", 1) }()
		time.Sleep(time.Minute) // makers answer a nick once in a while
		taker.enter()
		taker.setUp()
		coinJoin(t, taker, makers...)
		time.Sleep(10 * time.Minute) // whoever publishes the commitments has come and gone
		if nicks := w.pit.Nicks(); len(nicks) != 3 {
			t.Errorf("on the pit: %v", nicks)
		}
	})
}

// request is the bytes of a call of amp.json with another tag.
func request(t *testing.T, c known, tag string) amp.Box {
	t.Helper()
	raw, err := hex.DecodeString(c.Request)
	if err != nil {
		t.Fatal(err)
	}
	b, err := amp.Read(bufio.NewReader(bytes.NewReader(raw)), len(raw))
	if err != nil {
		t.Fatal(err)
	}
	b["_ask"] = tag
	return b
}

// TestGoldenBytes: what the reference's daemon says in the cases of amp.json
// that can come to pass, ours says in the same bytes.
func TestGoldenBytes(t *testing.T) {
	compared := 0
	same := func(t *testing.T, got amp.Box, c known) {
		t.Helper()
		compared++
		want, err := request(t, c, got["_ask"]).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := got.Append(nil); err != nil || string(raw) != string(want) {
			t.Errorf("said %.600q, want %.600q, %v", raw, want, err)
		}
	}
	inWorld(t, func(t *testing.T, w *world) {
		// A maker, who is told of a fill and a transaction.
		maker := w.connect(bob)
		maker.do("JMInit", initValues())
		same(t, maker.expectBox("JMInitProto"), w.calls["JMInitProto"][0])
		maker.do("JMStartMC", values{"nick": string(bob)})
		same(t, maker.expectBox("JMUp"), w.calls["JMUp"][0])
		maker.do("JMSetup", values{"role": "MAKER", "initdata": []any{offerValues(0)}, "use_fidelity_bond": true})
		same(t, maker.expectBox("JMSetupDone"), w.calls["JMSetupDone"][0])
		var proof string
		if err := json.Unmarshal(w.calls["JMFidelityBondProof"][0].Arguments["proof"], &proof); err != nil {
			t.Fatal(err)
		}
		maker.bond = proof
		w.pit.Say(daemontest.Line{From: carol, Text: "!sw0reloffer 1 100000 5000000 0 0.00002"})

		// A taker, who sees the order book of the reference's example.
		taker := w.connect(alice)
		taker.enter()
		w.pit.Say(daemontest.Line{From: carol, Text: "!sw0reloffer 1 100000 5000000 0 0.00002"})
		taker.setUp()
		taker.do("JMRequestOffers", nil)
		same(t, taker.expectBox("JMOffers"), w.calls["JMOffers"][0])
		synctest.Wait()
		if len(maker.bonds) != 1 {
			t.Fatalf("asked for bonds: %v", maker.bonds)
		}
		same(t, maker.bonds[0], w.calls["JMFidelityBondProofRequest"][0])

		example := w.calls["JMAuthReceived"][0]
		var revealed string
		if err := json.Unmarshal(example.Arguments["revelation"], &revealed); err != nil {
			t.Fatal(err)
		}
		taker.do("JMFill", values{"amount": 5000000, "commitment": commitment, "revelation": revealed,
			"filled_offers": map[string]any{string(bob): offerValues(0)}})
		got := maker.expectBox("JMAuthReceived")
		key := got["kphex"]
		got["kphex"] = request(t, example, "")["kphex"] // drawn anew each time
		same(t, got, example)
		told := w.calls["JMTXReceived"][0]
		var echoed struct{ UTXOs json.RawMessage }
		if err := json.Unmarshal(told.Arguments["offer"], &echoed); err != nil {
			t.Fatal(err)
		}
		maker.do("JMIOAuth", values{"nick": string(alice), "utxolist": echoed.UTXOs, "pubkey": authKey, "cjaddr": "bc1qx",
			"changeaddr": "bc1qy", "pubkeysig": signature})
		response := taker.expectBox("JMFillResponse")
		if !strings.HasSuffix(response["ioauth_data"], `, "`+authKey+`", "bc1qx", "bc1qy", "`+signature+`", "`+key+`"]}`) ||
			!strings.HasPrefix(response["ioauth_data"], `{"`+string(bob)+`": [["0c63d4663159`) {
			t.Errorf("JMFillResponse %q", response)
		}
		synctest.Wait()
		sent := request(t, told, "")["tx"]
		taker.do("JMMakeTx", values{"nick_list": []string{string(bob)}, "tx": sent})
		same(t, maker.expectBox("JMTXReceived"), told)
		pushed := request(t, w.calls["JMTXBroadcast"][0], "")["tx"]
		taker.do("JMPushTx", values{"nick": string(bob), "tx": pushed})
		same(t, maker.expectBox("JMTXBroadcast"), w.calls["JMTXBroadcast"][0])
		example = w.calls["JMSigReceived"][0]
		var sig string
		if err := json.Unmarshal(example.Arguments["sig"], &sig); err != nil {
			t.Fatal(err)
		}
		maker.do("JMTXSigs", values{"nick": string(alice), "sigs": []string{sig}})
		same(t, taker.expectBox("JMSigReceived"), example)
	})
	if compared < 9 {
		t.Errorf("only %d asks compared", compared)
	}
}
