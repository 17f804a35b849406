package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/journal"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/protocol"
)

// tried is a data folder with three attempts: one that was spoiled, its retry,
// and one that was cut off.
func tried(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "joinmarket.cfg"), []byte("[BLOCKCHAIN]\nnetwork = signet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(s float64) time.Time {
		return time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
	}
	store := journal.New(journal.Config{Path: filepath.Join(dir, "signet_attempts.jsonl")})
	for _, r := range []taker.Record{
		{ID: "aaaa0001", Began: at(0), Ended: at(90), Amount: 5_000_000, Wanted: 9, Makers: 9, MaxCost: 9000, Cost: 4000,
			Reason: protocol.ReasonFewMakers, Failed: taker.StepSign, Error: "8 makers did what they should, 9 are needed",
			Dropped: []taker.Dropped{{At: at(80), Nick: "J5ENesYLEgVVH8Ls", Step: taker.StepSign, Reason: protocol.ReasonTimeoutTx, Text: "no\x1b[31m answer"}},
			Steps:   []taker.StepTime{{Step: taker.StepChoose, Began: at(0), Took: 12 * time.Second}, {Step: taker.StepSign, Began: at(20), Took: 70 * time.Second}}},
		{ID: "bbbb0002", RetryOf: "aaaa0001", Began: at(90), Ended: at(101.5), Amount: 5_000_000, Wanted: 8, Makers: 8, Cost: 3600, TxID: strings.Repeat("ab", 32)},
		{ID: "bbcc0003", Began: at(200), Sweep: true, Wanted: 8},
	} {
		if err := store.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func jm(t *testing.T, dir string, args ...string) (code int, out, talk string) {
	t.Helper()
	var o, e bytes.Buffer
	code = (&app{term: &terminal{out: &o, err: &e}}).run(t.Context(), append([]string{"--datadir", dir}, args...))
	return code, o.String(), e.String()
}

// TestHistoryAndExplain: an attempt has one reason, with advice, the same in the
// table, in the story and in JSON.
func TestHistoryAndExplain(t *testing.T) {
	dir := tried(t)
	code, table, talk := jm(t, dir, "history")
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if code != 0 || len(lines) != 4 {
		t.Fatalf("exit status %d, %s%s", code, table, talk)
	}
	for i, want := range []string{"few-makers", "done, retry of aaaa0001", "interrupted"} {
		if !strings.HasSuffix(lines[i+1], want) {
			t.Errorf("%q, want %s", lines[i+1], want)
		}
	}
	if _, one, _ := jm(t, dir, "history", "-n", "1"); strings.Count(one, "\n") != 2 || !strings.Contains(one, "bbcc0003") {
		t.Errorf("the last: %s", one)
	}

	_, document, _ := jm(t, dir, "history", "--json")
	var all []attemptReport
	if err := json.Unmarshal([]byte(document), &all); err != nil || len(all) != 3 {
		t.Fatalf("%v in %s", err, document)
	}
	for _, r := range all {
		code, story, _ := jm(t, dir, "explain", r.ID)
		if code != 0 || r.Reason != "" && (r.Advice != advice[r.Reason] || !strings.Contains(story, r.Advice) || !strings.Contains(story, string(r.Reason))) {
			t.Errorf("exit status %d, %s; JSON says %s, %s", code, story, r.Reason, r.Advice)
		}
		_, document, _ := jm(t, dir, "explain", "--json", r.ID)
		var same attemptReport
		if err := json.Unmarshal([]byte(document), &same); err != nil || same.ID != r.ID || same.Reason != r.Reason || same.Advice != r.Advice {
			t.Errorf("%v in %s", err, document)
		}
	}

	_, story, _ := jm(t, dir, "explain", "aaaa")
	last := -1
	for _, want := range []string{"+0.0 s  choose", "+20.0 s  sign", "+80.0 s    J5ENesYLEgVVH8Ls left out: timeout-tx", "+90.0 s  over"} {
		i := strings.Index(story, want)
		if i <= last {
			t.Errorf("%q is not in its place:\n%s", want, story)
		}
		last = i
	}
	if strings.ContainsRune(story, '\x1b') {
		t.Error("T17: what a maker wrote reaches the terminal as it is")
	}
	if code, out, _ := jm(t, dir, "explain"); code != 0 || !strings.Contains(out, "attempt bbcc0003") {
		t.Errorf("the latest: exit status %d, %s", code, out)
	}
	if code, _, talk := jm(t, t.TempDir(), "explain"); code != exitUsage || !strings.Contains(talk, "no CoinJoin was tried") {
		t.Errorf("the latest of none: exit status %d, %s", code, talk)
	}
	for _, id := range []string{"bb", "cccc", ""} {
		if code, out, talk := jm(t, dir, "explain", id); code != exitUsage || out != "" || !strings.Contains(talk, "jm history") {
			t.Errorf("explain %q: exit status %d, %s%s", id, code, out, talk)
		}
	}
	if code, out, _ := jm(t, t.TempDir(), "history"); code != 0 || !strings.Contains(out, "no CoinJoin was tried") {
		t.Errorf("a new folder: exit status %d, %s", code, out)
	}
}
