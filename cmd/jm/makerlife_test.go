package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"github.com/joinmarket-go/joinmarket/client/maker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
	"github.com/joinmarket-go/joinmarket/wallet/message"
)

// TestMakerLife: what a maker tells is counted, and each request gets what came
// of it; another program reads the same.
func TestMakerLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w"+walletExt)
	w := newLifeWriter(durable.OS, path, slog.New(slog.DiscardHandler))
	now := time.Unix(1_800_000_000, 0)
	for _, e := range []maker.Event{
		maker.Announced{Offers: []protocol.Offer{{Type: protocol.SW0AbsOffer, CJFee: "5"}}, Bond: &maker.ShownBond{OutPoint: wire.OutPoint{Index: 1}, Until: 2016, Worth: 7}},
		maker.Refused{Taker: "J5a", Reason: protocol.ReasonTakerCoin, Err: errors.New("x")},
		maker.Revealed{Taker: "J5b", Amount: 100}, maker.Unused{Taker: "J5b", Reason: protocol.ReasonTimeoutTx},
		maker.Revealed{Taker: "J5b", Amount: 101}, maker.Signed{Taker: "J5b", Amount: 101},
		maker.Revealed{Taker: "J5c", Amount: 102}, maker.Refused{Taker: "J5c", Reason: protocol.ReasonBadTx},
		maker.Revealed{Taker: "J5d", Amount: 103},
		maker.Earned{Earning: 40}, maker.Earned{Earning: 2},
	} {
		w.life.saw(e, now)
		w.save()
	}
	w.end()
	life, err := readLife(path)
	if err != nil {
		t.Fatal(err)
	}
	at := now.Unix()
	want := []takerRequest{
		{at, "J5a", 0, "refused", protocol.ReasonTakerCoin}, {at, "J5b", 100, "unused", protocol.ReasonTimeoutTx},
		{at, "J5b", 101, "signed", ""}, {at, "J5c", 102, "refused", protocol.ReasonBadTx}, {at, "J5d", 103, "shown", ""},
	}
	if !reflect.DeepEqual(life.Requests, want) || life.Shown != 4 || life.Unused != 1 || life.Signed != 1 || life.Refused != 2 || life.Joins != 2 || life.Earned != 42 {
		t.Errorf("%+v", life)
	}
	if life.Ended == 0 || life.running() || life.Bond == nil || life.Bond.Until != 2016 || len(life.Offers) != 1 {
		t.Errorf("%+v", life)
	}
	for range 2 * maxRequests {
		life.saw(maker.Refused{Taker: "J5e"}, now)
	}
	life.saw(maker.Lost{Err: errors.New("gone")}, now)
	if len(life.Requests) != maxRequests || life.Lost != "gone" || life.Offers != nil {
		t.Errorf("%d requests, %+v", len(life.Requests), life)
	}
	if info, err := os.Stat(lifeFile(path)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(lifeFile(path), []byte(`{"version": 2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readLife(path); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("of a newer version: %v", err)
	}
	if life, err := readLife(path + "none"); err != nil || life.running() {
		t.Errorf("without a file: %v", err)
	}
}

// The statement has the rows of the reference, one header, and survives in a file
// that it began.
func TestStatement(t *testing.T) {
	dir := t.TempDir()
	a := &app{files: durable.OS}
	a.cfg.Dir = dir
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2031, 5, 6, 7, 8, 9, 0, time.Local)
	row := earnedRow(at, maker.Earned{Amount: 5_000_000, Coins: 2, Value: 7_300_000, Fee: 100, Earning: 100, Waited: 23*time.Minute + 30*time.Second})
	if row != "2031/05/06 07:08:09,5000000,2,7300000,100,100,23.5,\n" { // the example of the specification
		t.Errorf("%q", row)
	}
	for _, r := range []string{connectedRow(at), row} {
		if err := a.state(r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(a.statementFile())
	if want := statementHeader + "2031/05/06 07:08:09,,,,,,,Connected\n" + row; err != nil || string(got) != want {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
	for d, want := range map[time.Duration]string{0: "0.0", time.Minute: "1.0", 20 * time.Second: "0.33", 100 * time.Hour: "6000.0", 59*time.Minute + 59*time.Second + 999*time.Millisecond: "60.0"} {
		if got := minutes(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

// TestM27RenewColdBond: a certificate for a bond of another wallet is asked for
// here, made there, and taken in here.
func TestM27RenewColdBond(t *testing.T) {
	s := newScene(t, writing{})
	s.must("wallet", "list")
	document := func(args ...string) (d coldSummary) {
		t.Helper()
		if err := json.Unmarshal([]byte(s.must(append([]string{"--json"}, args...)...)), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	cold := s.neighbour(1_000_000)
	n := (time.Now().Year() - 2015) * 12
	address, err := cold.BondAddress(n)
	if err != nil {
		t.Fatal(err)
	}
	out := s.chain.Pay(address.Script, 700_000)
	s.chain.Mine(1)
	certify := func(d coldSummary) string {
		t.Helper()
		key, err := parsePubKey(d.Key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := cold.CertifyBond(address.Path, key, uint16(d.Until/2016))
		if err != nil {
			t.Fatal(err)
		}
		return message.EncodeSignature(c.Signature)
	}
	probe, err := cold.CertifyBond(address.Path, [33]byte{2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	month, pubKey := unixUTC(address.Path.Locktime).Format("2006-01"), hex.EncodeToString(probe.BondKey[:])
	for name, args := range map[string][]string{
		"not known yet":  {"bond", "renew", out.String()},
		"not waiting":    {"bond", "renew", out.String(), "--signature", "AAAA"},
		"another month":  {"bond", "renew", out.String(), "--month", "2029-01", "--pubkey", pubKey},
		"no such coin":   {"bond", "renew", strings.Repeat("00", 32) + ":1", "--month", month, "--pubkey", pubKey},
		"no public key":  {"bond", "renew", out.String(), "--month", month, "--pubkey", "02"},
		"until the past": {"bond", "renew", out.String(), "--month", month, "--pubkey", pubKey, "--until", "0x"},
	} {
		if code := s.jm(sound(), args...); code == exitOK {
			t.Errorf("%s: done", name)
		}
	}
	first := document("bond", "renew", out.String(), "--month", month, "--pubkey", pubKey)
	if first.Signed || first.Until != 27*2016 || !strings.Contains(first.Command, first.Key) || !strings.HasPrefix(first.Text, "fidelity-bond-cert|"+first.Key) {
		t.Errorf("%+v", first)
	}
	if signed := document("bond", "renew", out.String(), "--signature", certify(first)); !signed.Signed || signed.Key != first.Key {
		t.Errorf("%+v", signed)
	}
	second := document("bond", "renew", out.String(), "--until", "70000")
	if second.Signed || second.Until != 35*2016 || second.Key == first.Key {
		t.Errorf("%+v", second)
	}
	if code := s.jm(sound(), "bond", "renew", out.String(), "--signature", certify(first)); code != exitWallet {
		t.Errorf("a signature for another key: exit status %d", code)
	}
	var state bondState
	if err := json.Unmarshal([]byte(s.must("--json", "bond", "status")), &state); err != nil || len(state.Cold) != 2 || state.Shown != nil {
		t.Errorf("%+v, %v", state, err)
	}
	if text := s.must("bond", "status"); !strings.Contains(text, "certified up to block 54432") || !strings.Contains(text, "to be signed: "+second.Text) {
		t.Errorf("%s", text)
	}
}
