package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/joinmarket-go/joinmarket/client/journal"
	"github.com/joinmarket-go/joinmarket/client/taker"
	"github.com/joinmarket-go/joinmarket/internal/durable"
	"github.com/joinmarket-go/joinmarket/protocol"
)

func at(n int) time.Time { return time.Date(2026, 1, 2, 3, 4, n, 5, time.UTC) }

func record(id string) taker.Record {
	return taker.Record{ID: id, Began: at(0), Mixdepth: 1, Amount: 250_000, Wanted: 9}
}

func over(r taker.Record) taker.Record {
	r.Ended, r.Reason, r.Failed, r.Error = at(30), protocol.ReasonFewMakers, taker.StepSign, "8 of 9"
	r.Dropped = []taker.Dropped{{At: at(20), Nick: "J5ENesYLEgVVH8Ls", Step: taker.StepSign, Reason: protocol.ReasonTimeoutTx}}
	r.Steps = []taker.StepTime{{Step: taker.StepSign, Began: at(1), Took: 29 * time.Second}}
	return r
}

func store(t *testing.T, limit int) (*journal.Store, string) {
	path := filepath.Join(t.TempDir(), "attempts.jsonl")
	return journal.New(journal.Config{Path: path, Limit: limit}), path
}

func write(t *testing.T, s *journal.Store, records ...taker.Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Write(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatWasWrittenIsRead: an attempt is what its last line says, and the end
// of an attempt is final.
func TestWhatWasWrittenIsRead(t *testing.T) {
	s, path := store(t, 0)
	if all, err := s.All(); err != nil || len(all) != 0 {
		t.Errorf("before the first: %v, %v", all, err)
	}
	one, two := record("aa000001"), record("ab000002")
	write(t, s, one, two, over(one), one)
	all, err := s.All()
	if err != nil || !reflect.DeepEqual(all, []taker.Record{over(one), two}) {
		t.Errorf("%+v, %v", all, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("W4: rights %v, %v", info.Mode(), err)
	}
	if got, err := s.Find("ab"); err != nil || got.ID != two.ID {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{"", "a", "b", "aa0000010"} {
		if got, err := s.Find(id); !errors.Is(err, journal.ErrUnknown) {
			t.Errorf("%q: %+v, %v", id, got, err)
		}
	}
}

// TestSpoilers: who did not sign, or spent a coin that was signed for, is known
// for as long as one likes; who failed before there was a transaction is not one.
func TestSpoilers(t *testing.T) {
	s, _ := store(t, 0)
	one, two := over(record("aa000001")), over(record("ab000002"))
	two.Dropped = []taker.Dropped{
		{At: at(20), Nick: "J5ENesYLEgVVH8Ls", Step: taker.StepSign, Reason: protocol.ReasonBadCoins},
		{At: at(21), Nick: "J561YhaSF6trHuTS", Step: taker.StepCollect, Reason: protocol.ReasonTimeoutAuth},
		{At: at(22), Nick: "J5511111111111BB", Step: taker.StepSign, Reason: protocol.ReasonTooManySigs},
	}
	write(t, s, one, two)
	for since, want := range map[int]string{19: "[J5ENesYLEgVVH8Ls J5511111111111BB]", 20: "[J5511111111111BB]", 22: "[]"} {
		if nicks, err := s.Spoilers(at(since)); err != nil || fmt.Sprint(nicks) != want {
			t.Errorf("since %d: %v, %v, want %s", since, nicks, err, want)
		}
	}
}

// TestCutOff: after a write that was cut off anywhere, everything before is
// there and what follows is too.
func TestCutOff(t *testing.T) {
	s, path := store(t, 0)
	one, two := over(record("aa000001")), over(record("ab000002"))
	write(t, s, one, two)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := strings.IndexByte(string(whole), '\n') + 1
	for cut := end; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		three := record("ac000003")
		write(t, s, three)
		all, err := s.All()
		want := []taker.Record{one, three}
		if cut == len(whole)-1 { // only the end of the line is missing
			want = []taker.Record{one, two, three}
		}
		if err != nil || !reflect.DeepEqual(all, want) {
			t.Fatalf("cut at %d: %+v, %v", cut, all, err)
		}
	}
}

// TestFileIsBounded: the newest attempts stay.
func TestFileIsBounded(t *testing.T) {
	const limit = 10_000
	s, path := store(t, limit)
	last := ""
	for i := range 200 {
		last = fmt.Sprintf("%08x", i)
		write(t, s, record(last), over(record(last)))
		if info, err := os.Stat(path); err != nil || info.Size() > limit {
			t.Fatalf("%d bytes, %v", info.Size(), err)
		}
	}
	all, err := s.All()
	if err != nil || len(all) < 5 || all[len(all)-1].ID != last {
		t.Fatalf("%d attempts, %v", len(all), err)
	}
	for i, r := range all {
		if want := fmt.Sprintf("%08x", 200-len(all)+i); r.ID != want || r.Ended.IsZero() {
			t.Errorf("attempt %d is %+v, want %s", i, r, want)
		}
	}
}

// TestHugeAttempt: what strangers can make long is left out.
func TestHugeAttempt(t *testing.T) {
	s, _ := store(t, 0)
	r := over(record("aa000001"))
	for range 1000 {
		r.Dropped = append(r.Dropped, taker.Dropped{At: at(1), Text: strings.Repeat("x", 200)})
	}
	write(t, s, r)
	if got, err := s.Find(r.ID); err != nil || len(got.Dropped) != 0 || got.Reason != r.Reason {
		t.Errorf("%d makers, %v", len(got.Dropped), err)
	}
}

// TestFullDisk: what was not written is an error.
func TestFullDisk(t *testing.T) {
	full := errors.New("no space")
	s := journal.New(journal.Config{Path: filepath.Join(t.TempDir(), "j"), Files: fullDisk{durable.OS, full}})
	if err := s.Write(record("aa000001")); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type fullDisk struct {
	durable.System
	err error
}

func (d fullDisk) SyncDir(string) error { return d.err }

// FuzzAll: no file makes the reader fail, and what it reads it can write.
func FuzzAll(f *testing.F) {
	f.Add([]byte("{\"id\":\"aa\"}\n{\"id\":\"aa\",\"ended\":\"2026-01-02T03:04:05Z\"}\n{\"id\"\n\n\x00\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, path := store(t, 0)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := s.All()
		if err != nil && len(data) < 100_000 {
			t.Fatal(err)
		}
		again, _ := store(t, 0)
		for _, r := range all {
			if again.Write(r) != nil {
				return // times that have no text
			}
		}
		if got, err := again.All(); err != nil || len(got) != len(all) {
			t.Errorf("%d of %d, %v", len(got), len(all), err)
		}
	})
}
