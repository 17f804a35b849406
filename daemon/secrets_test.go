package daemon

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
	"github.com/joinmarket-go/joinmarket/protocol/line"
)

// TestD9LogAndStatusRevealNothing: a whole conversation, with refusals and a
// client that comes back, leaves no coin, address, key, signature, token or
// transaction in the log at any level, nor in the status.
func TestD9LogAndStatusRevealNothing(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 10}))
	inWorld(t, Config{Logger: logger}, func(t *testing.T, w *world) {
		maker, taker := w.returner(control.RoleMaker, bob), w.enter(control.RoleTaker, alice)
		taker.do(control.MethodRefresh, nil, nil)
		synctest.Wait()
		attempt := taker.fill(bob)
		key := expect[control.PubKeyEvent](taker).PubKey
		taker.auth(attempt, bob)
		id := expect[control.AuthEvent](maker.client).Conversation
		first := maker.token
		maker.cut()
		maker.back()
		maker.do(control.MethodIOAuth, control.IOAuthRequest{Conversation: id, IOAuth: coins(1)}, nil)
		expect[control.IOAuthEvent](taker)
		taker.tx(attempt, bob)
		expect[control.TxEvent](maker.client)
		maker.do(control.MethodSigs, control.SigsRequest{Conversation: id, Sigs: []string{testSig}}, nil)
		expect[control.SigEvent](taker)
		taker.do(control.MethodPush, control.PushRequest{Maker: bob, Tx: testTx}, nil)
		expect[control.PushEvent](maker.client)
		// What does not come to an end, or may not come.
		other := w.puppet(mal)
		other.begin(bob, 3)
		other.say(bob, protocol.CmdTx, other.seal(line.Tx{Tx: testTx}))
		other.say(bob, protocol.CmdAuth, "AAAA")
		other.say(bob, protocol.CmdAuth, other.seal(testAuth))
		second := expect[control.AuthEvent](maker.client).Conversation
		other.say(bob, protocol.CmdAuth, other.seal(testAuth))
		maker.do(control.MethodRefuse, control.RefuseRequest{Conversation: second, Reason: "taker-coin"}, nil)
		other.say(bob, protocol.CmdPush, line.Fields(line.Push{Tx: testTx}))
		time.Sleep(time.Hour) // every deadline passes
		status, err := json.Marshal(w.d.Status(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		<-w.stop()
		opened := coins(1)
		for what, secret := range map[string]string{
			"the taker's coin":   testAuth.UTXO.TxID,
			"a proof's point":    testAuth.P,
			"a proof's scalar":   testAuth.S,
			"the maker's coin":   opened.UTXOs[0],
			"an address":         opened.CJAddress,
			"a change address":   opened.ChangeAddress,
			"a key of a coin":    opened.AuthPubKey,
			"a signature":        testSig,
			"a signature's key":  opened.Signature,
			"a session key":      key,
			"a token":            string(maker.token),
			"a token before":     string(first),
			"a transaction":      base64.StdEncoding.EncodeToString(testTx),
			"a transaction, hex": hex.EncodeToString(testTx),
		} {
			if secret == "" {
				t.Fatalf("%s is empty", what)
			}
			for where, text := range map[string]string{"log": log.String(), "status": string(status)} {
				if i := strings.Index(text, secret); i >= 0 {
					t.Errorf("%s is in the %s: %.300s", what, where, text[max(0, i-100):])
				}
			}
		}
	})
	if n := strings.Count(log.String(), "\n"); n < 10 {
		t.Errorf("only %d lines", n)
	}
}
