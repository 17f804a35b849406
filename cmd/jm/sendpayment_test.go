package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/protocol/control"
)

// TestWrongWords: what is wrong is said, and where help is.
func TestWrongWords(t *testing.T) {
	const address = "bcrt1ql5e9d9f6l0wzwg9sv22ulk2lzk4ptucpltl82x"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "joinmarket.cfg"), []byte("[BLOCKCHAIN]\nnetwork = regtest\n[POLICY]\nmax_cj_fee_abs = 1\nmax_cj_fee_rel = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sendpayment"}, "want an amount and an address"},
		{[]string{"sendpayment", "a", "b", "c", "d"}, "want an amount and an address"},
		{[]string{"sendpayment", "0.1", address, "-f", "-3"}, "-f -3: want"},
		{[]string{"sendpayment", "0.1", address, "-N", "0", "-f", "-3"}, "-f -3: want"},
		{[]string{"sendpayment", address}, "how much"},
		{[]string{"sendpayment", "0.1", "bitcoin:" + address + "?amount=0.2"}, "two amounts"},
		{[]string{"sendpayment", "w", "0.1", "bitcoin:" + address + "?amount=0.2"}, "two amounts"},
		{[]string{"sendpayment", "bitcoin:" + address + "?req-pop=x&amount=0.2"}, "requires something unknown"},
		{[]string{"sendpayment", "bitcoin:" + address + "?amount=0,2"}, "not one in BTC"},
		{[]string{"sendpayment", "0.5sat", address, "-N", "0"}, "nothing to pay"},
		{[]string{"sendpayment", "0.1", address, "-N", "0", "-m", "-2"}, "-m -2"},
		{[]string{"sendpayment", "-S", filepath.Join(dir, "none.txt")}, "none.txt: no such file"},
		{[]string{"sendpayment", "-S", filepath.Join(dir, "joinmarket.cfg")}, "line 1: 1 fields, want 7"},
		{[]string{"sendpayment", "-S", "x", "wallet", address}, "at most 1 arg"},
		{[]string{"sendtomany", "wallet"}, "want a coin"},
		{[]string{"sendtomany", "wallet", address, address}, "not an outpoint"},
		{[]string{"sendtomany", strings.Repeat("ab", 32) + ":0", address, "nowhere"}, "not a valid address"},
		{[]string{"podle", "add", filepath.Join(dir, "joinmarket.cfg")}, "line 1: malformed opening"},
		{[]string{"podle", "add", filepath.Join(dir, "none")}, "none: no such file"},
		{[]string{"podle", "remove"}, "or --all"},
		{[]string{"podle", "remove", "abc"}, "not an outpoint"},
		{[]string{"podle", "generate", "wallet", "abc"}, "not an outpoint"},
		{[]string{"tumbler", address, "nowhere"}, "not a valid address"},
		{[]string{"tumbler", "--restart", address}, "cannot be changed"},
		{[]string{"tumbler", "--restart", "--show"}, "[restart show] were all set"},
		{[]string{"tumbler", address, "-N", "9"}, "want two numbers"},
		{[]string{"tumbler", address, "-l", "-1"}, "--timelambda"},
		{[]string{"tumbler", address, "--minmakercount", "1"}, "minimum_makers"},
		{[]string{"orderbook", "--wait", "-5s"}, "--wait -5s: want"},
		{[]string{"wallet", "send"}, "whom to pay"},
		{[]string{"wallet", "send", "default", address}, "ADDRESS=AMOUNT"},
		{[]string{"wallet", "send", "default", "=5000"}, "not a valid address"},
		{[]string{"wallet", "send", address + "=much"}, "not an amount"},
		{[]string{"wallet", "send", address + "=0"}, "use --sweep"},
		{[]string{"wallet", "send", address + "=20000", "--sweep", address}, "leave out the other receivers"},
		{[]string{"wallet", "send", "--sweep", "nowhere"}, "not a valid address"},
		{[]string{"wallet", "send", "bitcoin:" + address}, "says no amount"},
		{[]string{"wallet", "send", address + "=20000", "--coin", "abc:0"}, "not an outpoint"},
		{[]string{"wallet", "send", address + "=20000", "--feerate", "0"}, `--feerate "0": want`},
		{[]string{"wallet", "send", address + "=20000", "--feerate", "-1"}, `--feerate "-1": want`},
		{[]string{"wallet", "send", address + "=20000", "--feerate", "1", "--target", "2"}, "not both"},
		{[]string{"wallet", "send", address + "=20000", "--target", "1001"}, "--target 1001: want"},
		{[]string{"wallet", "send", address + "=20000", "--max-fee", "0"}, `--max-fee "0": want`},
		{[]string{"wallet", "bumpfee", "abc"}, "no transaction id"},
		{[]string{"wallet", "bumpfee", strings.Repeat("AB", 32)}, "no transaction id"},
		{[]string{"wallet", "bumpfee", strings.Repeat("ab", 32), "-o", "-2"}, "--output -2: want"},
		{[]string{"wallet", "pending", "forget", "abc"}, "no transaction id"},
		{[]string{"wallet", "psbt", "show", filepath.Join(dir, "joinmarket.cfg")}, "not a valid PSBT"},
		{[]string{"wallet", "psbt", "sign", filepath.Join(dir, "none.psbt")}, "reading the PSBT"},
	} {
		var out, talk bytes.Buffer
		code := (&app{term: &terminal{out: &out, err: &talk}}).run(t.Context(), append([]string{"--datadir", dir}, c.args...))
		if code != exitUsage || out.Len() > 0 || !strings.Contains(talk.String(), c.want) || !strings.Contains(talk.String(), "Try: jm "+c.args[0]) || !strings.HasSuffix(talk.String(), " --help\n") {
			t.Errorf("%q: exit status %d, %s%s", c.args, code, &out, &talk)
		}
	}
}

// TestCheapestOffersFirst: a longer fraction is not a larger one.
func TestCheapestOffersFirst(t *testing.T) {
	var book control.OrderbookAnswer
	for _, fee := range []string{"0.002", "0.00002", "0.01", "0.0003"} {
		book.Offers = append(book.Offers, control.OfferEntry{Offer: protocol.Offer{Type: protocol.SW0RelOffer, CJFee: fee}})
	}
	for _, fee := range []string{"1000", "200"} {
		book.Offers = append(book.Offers, control.OfferEntry{Offer: protocol.Offer{Type: protocol.SW0AbsOffer, CJFee: fee}})
	}
	text, at := bookText(book), 0
	for _, fee := range []string{" 200 ", " 1000 ", " 0.00002 ", " 0.0003 ", " 0.002 ", " 0.01 "} {
		i := strings.Index(text[at:], fee)
		if i < 0 {
			t.Fatalf("%s is not in its place:\n%s", fee, text)
		}
		at += i
	}
}

// TestExitStatusOfAPayment: nobody is told that no coin was spent when others
// may have the signed transaction.
func TestExitStatusOfAPayment(t *testing.T) {
	for _, c := range []struct {
		reason protocol.Reason
		signed bool
		want   int
	}{
		{protocol.ReasonFewMakers, false, exitMarket},
		{protocol.ReasonDeclined, false, exitDeclined},
		{protocol.ReasonNoFunds, false, exitFunds},
		{protocol.ReasonChain, false, exitNode},
		{protocol.ReasonDaemonGone, false, exitDaemon},
		{protocol.ReasonBadAddress, false, exitUsage},
		{protocol.ReasonRejected, true, exitMarket},
		{protocol.ReasonUnseen, true, exitUnsure},
		{protocol.ReasonChain, true, exitUnsure},
		{protocol.ReasonCancelled, true, exitInterrupted},
	} {
		err := &taker.Error{Step: taker.StepBroadcast, Reason: c.reason, Err: errors.New("why")}
		if c.reason == protocol.ReasonCancelled {
			err.Err = context.Canceled
		}
		if got := exitCode(paymentError(err, c.signed)); got != c.want {
			t.Errorf("%s, signed %v: exit status %d, want %d", c.reason, c.signed, got, c.want)
		}
	}
	if err := paymentError(nil, true); err != nil {
		t.Error(err)
	}
}
