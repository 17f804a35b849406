package amp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/daemon/daemontest"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/amp"
)

// failed checks that an ask is answered with the error for all faults, and that
// the connection ends with err.
func (p *python) failed(name string, err error, command string, b amp.Box) {
	p.t.Helper()
	got := p.send(command, b)
	if got["_error_code"] != amp.CodeUnknown || got["_error_description"] != "Unknown Error" {
		p.t.Errorf("%s: %s is answered %v", name, command, got)
	}
	<-p.ended
	if !errors.Is(p.err, err) {
		p.t.Errorf("%s: %s ended the connection with %v, want %v", name, command, p.err, err)
	}
	p.w.on()
}

// TestOutOfOrder: what may not be asked now is fatal, as with the reference, and
// harms nobody else.
func TestOutOfOrder(t *testing.T) {
	taker := func(p *python) { p.enter(); p.setUp() }
	maker := func(p *python) {
		p.enter()
		p.do("JMSetup", values{"role": "MAKER", "initdata": []any{offerValues(0)}, "use_fidelity_bond": false})
		p.expect("JMSetupDone")
	}
	none := func(*python) {}
	fill := values{"amount": 5000000, "commitment": commitment, "revelation": revelation, "filled_offers": map[string]any{string(bob): offerValues(0)}}
	announce := values{"to_announce": []any{}, "to_cancel": []any{}, "offerlist": []any{}}
	open := values{"nick": string(bob), "utxolist": coins, "pubkey": authKey, "cjaddr": "x", "changeaddr": "y", "pubkeysig": signature}
	setup := values{"role": "TAKER", "initdata": nil, "use_fidelity_bond": false}
	for name, c := range map[string]struct {
		before  func(*python)
		command string
		v       values
	}{
		"start before init":       {none, "JMStartMC", values{"nick": string(alice)}},
		"setup before start":      {none, "JMSetup", setup},
		"setup twice":             {taker, "JMSetup", setup},
		"offers before start":     {none, "JMRequestOffers", nil},
		"fill before start":       {none, "JMFill", fill},
		"fill of a maker":         {maker, "JMFill", fill},
		"tx of a maker":           {maker, "JMMakeTx", values{"nick_list": []string{string(bob)}, "tx": tx}},
		"push of a maker":         {maker, "JMPushTx", values{"nick": string(bob), "tx": tx}},
		"announce of a taker":     {taker, "JMAnnounceOffers", announce},
		"announce before setup":   {(*python).enter, "JMAnnounceOffers", announce},
		"coins of a taker":        {taker, "JMIOAuth", open},
		"signatures of a taker":   {taker, "JMTXSigs", values{"nick": string(bob), "sigs": sigs}},
		"neither taker nor maker": {(*python).enter, "JMSetup", values{"role": "WATCHER", "initdata": nil, "use_fidelity_bond": false}},
		"another role":            {func(p *python) { maker(p); p.enter() }, "JMSetup", setup},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.connect(alice)
				c.before(p)
				err := errProtocol
				got := p.send(c.command, p.put(c.command, c.v))
				if got["_error_code"] != amp.CodeUnknown {
					t.Errorf("answered %v", got)
				}
				<-p.ended
				if name != "another role" && !errors.Is(p.err, err) {
					t.Errorf("ended with %v", p.err)
				}
				w.on()
			})
		})
	}
}

// TestWrongArguments: each argument of each command missing or of a wrong form
// is fatal, and no other client notices.
func TestWrongArguments(t *testing.T) {
	good := map[string]values{
		"JMInit":    initValues(),
		"JMStartMC": {"nick": string(alice)},
		"JMSetup":   {"role": "TAKER", "initdata": nil, "use_fidelity_bond": false},
		"JMFill": {"amount": 1, "commitment": commitment, "revelation": revelation,
			"filled_offers": map[string]any{string(bob): offerValues(0)}},
		"JMMakeTx":             {"nick_list": []string{string(bob)}, "tx": tx},
		"JMPushTx":             {"nick": string(bob), "tx": tx},
		"JMAnnounceOffers":     {"to_announce": []any{}, "to_cancel": []any{}, "offerlist": []any{}},
		"JMIOAuth":             {"nick": string(bob), "utxolist": coins, "pubkey": authKey, "cjaddr": "x", "changeaddr": "y", "pubkeysig": signature},
		"JMTXSigs":             {"nick": string(bob), "sigs": sigs},
		"JMMsgSignature":       {"nick": string(bob), "cmd": "fill", "msg_to_return": "a b c", "hostid": hostID},
		"JMMsgSignatureVerify": {"verif_result": true, "nick": string(bob), "fullmsg": "x", "hostid": hostID},
		"JMFidelityBondProof":  {"nick": string(bob), "proof": "x"},
	}
	tried := 0
	for command, v := range good {
		for _, wrong := range []string{"missing", "\xff", "[[", strings.Repeat("[", 60000), "1e400", "NaN"} {
			inWorld(t, func(t *testing.T, w *world) {
				for key, typ := range w.calls[command][0].Types {
					text := typ == "Unicode" || typ == "String"
					if wrong != "missing" && text && (wrong != "\xff" || typ == "String") {
						continue // fine as a text
					}
					tried++
					p := w.connect(alice)
					b := p.put(command, v)
					if b[key] = wrong; wrong == "missing" {
						delete(b, key)
					}
					want := amp.ErrValue
					if wrong == "missing" {
						want = amp.ErrMissing
					}
					p.failed(key+" "+wrong[:min(8, len(wrong))], want, command, b)
				}
			})
		}
	}
	if tried < 80 {
		t.Errorf("only %d tried", tried)
	}
}

// TestUnhandled: commands of the reference that are for its clients, or for
// payjoin and SNICKER, are unknown; the connection goes on.
func TestUnhandled(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.connect(alice)
		count := 0
		for command := range w.calls {
			if _, ok := commands[command]; ok {
				continue
			}
			if _, ok := (&questions{}).answers(command); ok {
				continue
			}
			count++
			got := p.send(command, amp.Box{})
			if got["_error_code"] != amp.CodeUnhandled || got["_error_description"] != fmt.Sprintf("Unhandled Command: b'%s'", command) {
				t.Errorf("%s is answered %v", command, got)
			}
		}
		if count < 30 {
			t.Errorf("only %d commands", count)
		}
		p.enter()
	})
}

// TestAnswersToNothing: an answer to a question that was never asked, or that is
// no longer open, is accepted and comes to nothing.
func TestAnswersToNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.maker(bob, true, offerValues(0))
		said := len(w.pit.Lines())
		p.do("JMMsgSignature", values{"nick": string(alice), "cmd": "fill", "msg_to_return": "0 1 02aa c2ln", "hostid": hostID})
		p.do("JMMsgSignature", values{"nick": "", "cmd": "", "msg_to_return": "", "hostid": ""})
		p.do("JMMsgSignatureVerify", values{"verif_result": true, "nick": string(alice), "fullmsg": "!fill", "hostid": hostID})
		p.do("JMFidelityBondProof", values{"nick": string(alice), "proof": "x"})
		p.do("JMIOAuth", values{"nick": string(alice), "utxolist": coins, "pubkey": authKey, "cjaddr": "x", "changeaddr": "y", "pubkeysig": signature})
		p.do("JMTXSigs", values{"nick": string(alice), "sigs": sigs})
		if lines := w.pit.Lines(); len(lines) != said {
			t.Errorf("said %v", lines[said:])
		}
	})
}

// TestWrongAnswers: signatures, coins and signatures of a transaction that have
// a wrong form cost the conversation and no more.
func TestWrongAnswers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		maker := w.maker(bob, false, offerValues(0))
		taker := w.taker(alice)
		taker.fill(bob)
		maker.expect("JMAuthReceived")
		maker.do("JMIOAuth", values{"nick": string(alice), "utxolist": map[string]any{}, "pubkey": "no key", "cjaddr": " ", "changeaddr": "", "pubkeysig": ""})
		maker.open(alice)
		taker.expect("JMFillResponse")
		synctest.Wait()
		taker.do("JMMakeTx", values{"nick_list": []string{string(carol), string(bob)}, "tx": tx}) // one is nowhere
		maker.quiet()
		taker.do("JMMakeTx", values{"nick_list": []string{string(bob)}, "tx": strings.Repeat("x", protocol.MaxTx+1)})
		maker.quiet()
		taker.do("JMMakeTx", values{"nick_list": []string{string(bob)}, "tx": tx})
		maker.expect("JMTXReceived")
		maker.do("JMTXSigs", values{"nick": string(alice), "sigs": []string{"?"}})
		taker.do("JMPushTx", values{"nick": string(carol), "tx": tx})
		w.on(alice, bob)
	})
}

// TestNeverAnswers: a client that leaves all questions open harms nobody else
// and is not fed for ever.
func TestNeverAnswers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		stuck := w.maker(carol, true, offerValues(0))
		for _, command := range []string{"JMRequestMsgSig", "JMRequestMsgSigVerify", "JMFidelityBondProofRequest"} {
			stuck.silent[command] = true
		}
		maker := w.maker(bob, false, offerValues(0))
		taker := w.taker(alice)
		flood := func() {
			for i := range 200 {
				from := nick(i)
				w.pit.Say(daemontest.Line{From: from, To: carol, Text: "!fill 0 5000000 " + strings.Repeat("ab", 32) + " " + commitment +
					" " + fakeKey(string(from)) + " " + fakeSignature("", "")})
			}
		}
		flood()
		coinJoin(t, taker, maker)
		for begun, over := time.Now(), false; !over; {
			flood()
			select {
			case <-stuck.ended:
				over = true
			case <-time.After(time.Minute):
				if over = time.Since(begun) > 24*time.Hour; over {
					t.Fatal("it is asked for ever")
				}
			}
		}
		if !errors.Is(stuck.err, amp.ErrSlow) {
			t.Errorf("ended with %v", stuck.err)
		}
		w.on(alice, bob)
	})
}

// TestSlowReader: a client that does not read, however much it asks, does not
// grow memory and is dropped.
func TestSlowReader(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.taker(alice)
		ours, theirs := net.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- Serve(t.Context(), theirs, Config{Serve: w.d.Serve, Secret: "sesame"}) }()
		go io.Copy(io.Discard, io.LimitReader(ours, 1000)) // the first answers
		ask := func(command string, v values) bool {
			b := p.put(command, v)
			b["_ask"], b["_command"] = "1", command
			raw, err := b.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			ours.SetWriteDeadline(time.Now().Add(time.Hour))
			_, err = ours.Write(raw)
			return err == nil
		}
		ask("JMInit", initValues())
		ask("JMStartMC", values{"nick": string(bob)})
		synctest.Wait()
		for i := range 50 {
			w.pit.Say(daemontest.Line{From: nick(i), Text: "!sw0reloffer 0 100000 5000000 0 0.00002"})
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range 1_000_000 {
			if !ask("JMRequestOffers", nil) {
				break
			}
		}
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 128<<20 {
			t.Errorf("%d MiB more in use", grown>>20)
		}
		if err := <-ended; !errors.Is(err, amp.ErrSlow) {
			t.Errorf("ended with %v", err)
		}
		ours.Close()
		w.on(alice)
	})
}
